"""The relayer's answers, read: a nonce, what became of a submission, the state of a transaction.

A request that surely did not arrive is an error with `sent` False. Everything that may have arrived
and has no clear answer is `sent` True: a time-out, a server's error, an answer that is not JSON.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, TypeVar

import msgspec

from trading.adapters.feed import MonotonicClock
from trading.adapters.http_reads import (
    Endpoint,
    HttpAnswer,
    HttpClient,
    HttpError,
    HttpSettings,
    RateLimiter,
)
from trading.wallets.messages import Call

ANSWER_BYTES_MAX = 262_144
MINUTE_MS = 60_000
BUSY = re.compile(r"wallet busy.*active action|wallet has in-flight action", re.IGNORECASE)
NONCE_MISMATCH = re.compile(
    r"batch nonce\s+([0-9]{1,18})\s+does not match on-chain nonce\s+([0-9]{1,18})", re.IGNORECASE
)

Shape = TypeVar("Shape")


class RelayerError(Exception):
    """No clear answer. `sent` says that the request may have arrived all the same."""

    def __init__(self, message: str, *, permanent: bool, sent: bool) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayerKey:
    """An API key of the relayer and the address that it belongs to. Never shown."""

    key: str = field(repr=False)
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBatch:
    """Calls of a deposit wallet with its owner's signature."""

    owner: str
    factory: str
    wallet: str
    nonce: int
    deadline_s: int
    calls: tuple[Call, ...]
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The relayer has taken it, under this id."""

    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Not taken: another action of the wallet is under way, or we ask too often."""

    text: str
    retry_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceIs:
    """Not taken: the wallet's nonce is another one."""

    nonce: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Not taken, and would not be again."""

    text: str


Submission: TypeAlias = Submitted | Busy | NonceIs | Rejected


class State(StrEnum):
    """How far a transaction is. CONFIRMED, FAILED and INVALID are ends."""

    NEW = "STATE_NEW"
    EXECUTED = "STATE_EXECUTED"
    MINED = "STATE_MINED"
    CONFIRMED = "STATE_CONFIRMED"
    FAILED = "STATE_FAILED"
    INVALID = "STATE_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The state of a transaction; the hash is empty as long as it has none."""

    state: State
    transaction_hash: str
    problem: str


class _Nonce(msgspec.Struct):
    nonce: str


class _Submitted(msgspec.Struct):
    transactionID: str  # noqa: N815 - the venue's spelling


class _Transaction(msgspec.Struct):
    state: State
    transaction_hash: str | None = None
    error_msg: str | None = None


class _Refusal(msgspec.Struct):
    error: str = ""


class RelayerApi:
    """Requests to the relayer. Raises RelayerError for whatever is no clear answer."""

    def __init__(
        self,
        base_url: str,
        *,
        key: RelayerKey | None,
        submits_per_minute: int,
        clock: MonotonicClock,
        http: HttpSettings | None = None,
    ) -> None:
        self._http = HttpClient(base_url, http or HttpSettings(), clock)
        self._headers: Mapping[str, str] = (
            {"RELAYER_API_KEY": key.key, "RELAYER_API_KEY_ADDRESS": key.address} if key else {}
        )
        self._submit = _endpoint("POST", "/submit", submits_per_minute)
        self._read = _endpoint("GET", "relayer", 600)

    async def nonce(self, owner: str) -> int:
        """Return the nonce of the next batch of the owner's deposit wallet."""
        params = [("address", owner), ("type", "WALLET")]
        answer = await self._get("/v1/account/transactions/params", params, _Nonce)
        if not (answer.nonce.isascii() and answer.nonce.isdigit() and len(answer.nonce) <= 18):
            text = f"relayer: the nonce {answer.nonce!r:.40} is not a number"
            raise RelayerError(text, permanent=False, sent=False)
        return int(answer.nonce)

    async def progress(self, transaction_id: str) -> Progress:
        """Return how far a transaction is."""
        path = f"/v1/account/transactions/{transaction_id}"
        told = await self._get(path, [], _Transaction)
        return Progress(
            state=told.state,
            transaction_hash=told.transaction_hash or "",
            problem=(told.error_msg or "")[:200],
        )

    async def submit(self, batch: SignedBatch) -> Submission:
        """Hand in a batch."""
        body = {
            "type": "WALLET",
            "from": batch.owner,
            "to": batch.factory,
            "nonce": str(batch.nonce),
            "signature": batch.signature,
            "metadata": "",
            "depositWalletParams": {
                "depositWallet": batch.wallet,
                "deadline": str(batch.deadline_s),
                "calls": [
                    {"target": call.target, "value": str(call.value_wei), "data": call.data}
                    for call in batch.calls
                ],
            },
        }
        answer = await self._ask(self._submit, "/submit", body=msgspec.json.encode(body))
        if answer.status == 200:
            told = _decoded(answer, _Submitted, "POST /submit", sent=True)
            return Submitted(transaction_id=told.transactionID)
        text = _words(answer)
        if answer.status == 429:
            return Busy(text=text, retry_after_ms=answer.retry_after_ms)
        if answer.status >= 500 or answer.status == 408:
            message = f"POST /submit: HTTP {answer.status}: {text}"
            raise RelayerError(message, permanent=False, sent=True)
        if BUSY.search(text):
            return Busy(text=text, retry_after_ms=answer.retry_after_ms)
        if found := NONCE_MISMATCH.search(text):
            return NonceIs(nonce=int(found[2]), text=text)
        return Rejected(text=f"HTTP {answer.status}: {text}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _get(self, path: str, params: list[tuple[str, str]], shape: type[Shape]) -> Shape:
        answer = await self._ask(self._read, path, params=params)
        if answer.status != 200:
            message = f"GET {path}: HTTP {answer.status}: {_words(answer)}"
            permanent = answer.status < 500 and answer.status not in (408, 425, 429)
            raise RelayerError(message, permanent=permanent, sent=False)
        return _decoded(answer, shape, f"GET {path}", sent=False)

    async def _ask(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        params: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        try:
            return await self._http.ask(
                endpoint, path, params=params, body=body, headers=self._headers
            )
        except HttpError as error:
            message = f"{endpoint.method} {path}: {error.text}"
            raise RelayerError(message, permanent=False, sent=error.sent) from error


def _endpoint(method: str, name: str, per_minute: int) -> Endpoint:
    limiter = RateLimiter(requests=per_minute, window_ms=MINUTE_MS)
    return Endpoint(
        name=f"{method} {name}", method=method, limiter=limiter, body_bytes_max=ANSWER_BYTES_MAX
    )


def _decoded(answer: HttpAnswer, shape: type[Shape], what: str, *, sent: bool) -> Shape:
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"{what}: the answer is not what was expected ({error})"
        raise RelayerError(text[:300], permanent=False, sent=sent) from error


def _words(answer: HttpAnswer) -> str:
    try:
        text = msgspec.json.decode(answer.body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = ""
    return (text or repr(answer.body[:200].decode("utf-8", "replace")))[:200]
