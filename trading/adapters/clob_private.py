"""Private calls to the CLOB: log in, place and cancel orders, read what the account has.

One request per call, never a second one behind the caller's back: whoever sent an order decides
what its failure means. Every failure is a CallFailed of one of three kinds (failures.py). Each
request is signed over exactly the bytes that are sent; the path is signed without its query.

What is not documented and decided here: a call that would have to wait long for its place within
the limits is NOT_SENT, because an order that waits is an order at an old price; only a 429 holds
back the next calls of its kind, since the modes of the venue say too little about their end.
"""

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from polyarb_site.clock import Clock
from trading.adapters import account_wire
from trading.adapters.account_fields import WireError
from trading.adapters.account_wire import Page
from trading.adapters.failures import (
    VERSION_MISMATCH,
    CallFailed,
    FailureKind,
    refusal,
    refused,
    repeats,
    secrets_of,
    without,
)
from trading.adapters.http_reads import (
    NS_PER_MS,
    Endpoint,
    Gate,
    HttpAnswer,
    HttpClient,
    HttpError,
)
from trading.adapters.private_limits import PrivateSettings, endpoints
from trading.execution.messages import (
    CancelResult,
    OpenOrder,
    PlacedLeg,
    VenueBalance,
    VenueTrade,
)
from trading.signing.headers import ApiCredentials, login_headers, request_headers

NS_PER_S = 1_000_000_000
FIRST_PAGE, LAST_PAGE = (b64encode(number).decode() for number in (b"0", b"-1"))
PAGES_MAX = 1_000
CANCELS_MAX = 1_000  # hashes in one DELETE /orders
TOO_MANY_REQUESTS = 429
UNAUTHORISED = 401
KEY_UNKNOWN = "the venue does not know our API key"
LEG_TEXT_LENGTH_MAX = 300
_HASH = re.compile(r"0x[0-9a-fA-F]{1,64}")

Shape = TypeVar("Shape")
# Takes (timestamp in seconds, nonce) and returns the signature of the login, 0x and hex digits.
SignLogin = Callable[[int, int], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostAnswer:
    """The legs in the order in which they were posted. Times are of the monotonic clock."""

    legs: tuple[PlacedLeg, ...]
    sent_ns: int  # when the request began to leave
    answered_ns: int


class ClobPrivate:
    """The private side of the CLOB, for one wallet. `address` is that of the key that signs."""

    def __init__(
        self,
        base_url: str,
        settings: PrivateSettings,
        clock: Clock,
        *,
        address: str,
        credentials: ApiCredentials | None = None,
    ) -> None:
        self.key_lost = False  # the venue said 401: until the next login nothing is sent any more
        self._http = HttpClient(base_url, settings.http, clock)
        self._settings = settings
        self._clock = clock
        self._address = address
        self._credentials = credentials
        self._ends = endpoints(settings)

    # Who we are

    async def login(self, sign_login: SignLogin, nonce: int = 0) -> ApiCredentials:
        """Create the API key of a nonce, or get it again, and use it from now on.

        Raises CallFailed. A key that exists already cannot be created: 400, then it is derived.
        """
        timestamp_s = self._now_s()
        signature = await sign_login(timestamp_s, nonce)
        headers = login_headers(
            address=self._address, signature=signature, timestamp_s=timestamp_s, nonce=nonce
        )
        try:
            made = await self._log_in("create", "/auth/api-key", headers)
        except CallFailed as failure:
            if failure.status != 400:
                raise
            made = await self._log_in("derive", "/auth/derive-api-key", headers)
        self._credentials, self.key_lost = made, False
        return made

    async def _log_in(self, name: str, path: str, headers: dict[str, str]) -> ApiCredentials:
        end = self._ends[name]
        secrets = (headers["POLY_SIGNATURE"],)
        answer = await self._ask(end, path, headers=headers, secrets=secrets)
        try:
            return account_wire.credentials(answer.body)
        except WireError as error:
            # Whatever came may hold the secret in a place where nobody expects it: no quoting.
            text = f"unreadable API key: {error.field}"
            raise CallFailed(end.name, FailureKind.UNKNOWN, text, status=200) from None

    # Orders

    async def post_orders(self, body: bytes, gate: Gate | None = None) -> PostAnswer:
        """Post orders: a JSON array to /orders, one object to /order. Raises CallFailed.

        The bytes go out as they are, if the gate lets them: else NOT_SENT with its words. An answer
        about another number of orders is UNKNOWN.
        """
        batch = body[:1] == b"["
        count = len(msgspec.json.decode(body, type=list[msgspec.Raw])) if batch else 1
        end = self._ends["batch" if batch else "order"]
        path = "/orders" if batch else "/order"
        answer = await self._signed(end, path, body=body, gate=gate)
        answered_ns = self._clock.monotonic_ns()
        legs = self._read(end, answer, account_wire.placed_legs)
        if len(legs) != count:
            raise self._unknown(end, f"{len(legs)} answers to {count} orders")
        return PostAnswer(
            legs=tuple(
                replace(leg, error=self._hidden(leg.error)[:LEG_TEXT_LENGTH_MAX]) for leg in legs
            ),
            sent_ns=answer.sent_ns,
            answered_ns=answered_ns,
        )

    async def cancel(self, hashes: tuple[str, ...]) -> CancelResult:
        """Cancel up to a thousand orders. Raises CallFailed, also when one is not answered for."""
        if not 1 <= len(hashes) <= CANCELS_MAX:
            raise ValueError(f"{len(hashes)} orders to cancel: 1 to {CANCELS_MAX} at once")
        end = self._ends["cancel"]
        body = msgspec.json.encode(hashes)
        answer = await self._signed(end, "/orders", body=body)
        result = self._read(end, answer, account_wire.cancel_result)
        told = {*result.cancelled, *(one for one, _ in result.not_cancelled)}
        if told != set(hashes):
            raise self._unknown(end, f"an answer about {len(told)} orders, not about those asked")
        return result

    async def cancel_all(self) -> CancelResult:
        """Cancel every open order of this key. Raises CallFailed."""
        end = self._ends["cancel_all"]
        answer = await self._signed(end, "/cancel-all")
        return self._read(end, answer, account_wire.cancel_result)

    async def order(self, order_hash: str) -> OpenOrder | None:
        """Read one order. None: not open, which says nothing about whether it ever was.

        Raises CallFailed.
        """
        if not _HASH.fullmatch(order_hash):
            raise ValueError(f"{order_hash!r:.80} is no order hash")
        end = self._ends["one_order"]
        answer = await self._signed(end, f"/data/order/{order_hash}")
        found = self._read(end, answer, account_wire.open_order)
        if found is not None and found.order_hash.lower() != order_hash.lower():
            raise self._unknown(end, "the answer is about another order")
        return found

    async def open_orders(self) -> tuple[OpenOrder, ...]:
        """Read all open orders, every page of them. Raises CallFailed: never a part of them."""
        rows = await self._pages("open_orders", "/data/orders", [], account_wire.order_page)
        return tuple({row.order_hash: row for row in rows}.values())

    async def trades(
        self, after_s: int | None = None, trade_id: str | None = None
    ) -> tuple[VenueTrade, ...]:
        """Read our trades, every page of them; of one that comes twice the later row counts.

        `after_s`: matched after that second, which itself is left out. Raises CallFailed: never a
        part of them.
        """
        params = [("id", trade_id)] if trade_id is not None else []
        params += [("after", str(after_s))] if after_s is not None else []
        rows = await self._pages("trades", "/data/trades", params, account_wire.trade_page)
        return tuple({row.trade_id: row for row in rows}.values())

    # The account

    async def balance(self, token_id: str | None, signature_type: int) -> VenueBalance:
        """Read the venue's view of a token's balance, of the collateral's for None.

        Raises CallFailed.
        """
        end = self._ends["balance"]
        params = _asset(token_id, signature_type)
        answer = await self._signed(end, "/balance-allowance", params=params)
        return self._read(end, answer, account_wire.balance)

    async def refresh_balance(self, token_id: str | None, signature_type: int) -> None:
        """Let the venue look at the chain again. Raises CallFailed."""
        params = _asset(token_id, signature_type)
        await self._signed(self._ends["update"], "/balance-allowance/update", params=params)

    async def heartbeat(self, last_id: str) -> str:
        """Send the last id, empty at first, and return the next one. Raises CallFailed.

        The first that is accepted arms it: without another within 10 s all orders are cancelled. A
        wrong id is refused, and the failure carries the expected one.
        """
        end = self._ends["heartbeat"]
        body = msgspec.json.encode({"heartbeat_id": last_id})
        answer = await self._signed(end, "/v1/heartbeats", body=body)
        return self._read(end, answer, account_wire.heartbeat_id)

    async def closed_only(self) -> bool:
        """Return whether this account may only close positions. Raises CallFailed."""
        end = self._ends["closed_only"]
        answer = await self._signed(end, "/auth/ban-status/closed-only")
        return self._read(end, answer, account_wire.closed_only)

    async def server_time_s(self) -> int:
        """Return the venue's clock in whole seconds. Raises CallFailed."""
        end = self._ends["time"]
        return self._read(end, await self._ask(end, "/time"), account_wire.server_time_s)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    # One call

    async def _signed(
        self,
        end: Endpoint,
        path: str,
        *,
        params: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        gate: Gate | None = None,
    ) -> HttpAnswer:
        """Sign a request, ask, and return the answer of status 200. Raises CallFailed."""
        credentials = self._credentials
        if credentials is None:
            raise RuntimeError("log in before any private call")
        if self.key_lost:
            raise CallFailed(end.name, FailureKind.NOT_SENT, KEY_UNKNOWN)
        headers = request_headers(
            credentials=credentials,
            address=self._address,
            timestamp_s=self._now_s(),
            method=end.method,
            path=path,
            body=body or b"",
        )
        secrets = (headers["POLY_SIGNATURE"], *self._secrets())
        try:
            return await self._ask(
                end, path, params=params, body=body, headers=headers, secrets=secrets, gate=gate
            )
        except CallFailed as failure:
            # An answer to the key before this one says nothing about this one.
            if failure.status == UNAUTHORISED and credentials is self._credentials:
                self.key_lost = True
            raise

    async def _ask(
        self,
        end: Endpoint,
        path: str,
        *,
        params: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        gate: Gate | None = None,
    ) -> HttpAnswer:
        wait_ns = end.limiter.wait_ns(self._clock.monotonic_ns())
        if wait_ns > self._settings.wait_ms_max * NS_PER_MS:
            wait_ms = -(-wait_ns // NS_PER_MS)
            text = f"its next place within the rate limit is {wait_ms} ms away"
            raise CallFailed(end.name, FailureKind.NOT_SENT, text, retry_after_ms=wait_ms)
        try:
            answer = await self._http.ask(
                end, path, params=params, body=body, headers=headers, gate=gate
            )
        except HttpError as error:
            kind = FailureKind.UNKNOWN if error.sent else FailureKind.NOT_SENT
            text = without(secrets, error.text)
        else:
            if answer.status == 200:
                return answer
            failure = refused(end.name, answer.status, answer.body, answer.retry_after_ms, secrets)
            if answer.status == TOO_MANY_REQUESTS and failure.retry_after_ms:
                until_ns = self._clock.monotonic_ns() + failure.retry_after_ms * NS_PER_MS
                end.limiter.block(until_ns)
            raise failure
        # Outside the handler, so that nothing of the request hangs on to the failure.
        raise CallFailed(end.name, kind, text)

    def _read(self, end: Endpoint, answer: HttpAnswer, read: Callable[[bytes], Shape]) -> Shape:
        """Read an answer of status 200. What cannot be read may have been done: UNKNOWN."""
        try:
            return read(answer.body)
        except WireError as error:
            problem = f"unreadable: {error}"
        if self._credentials is not None and repeats(self._credentials, answer.body):
            problem = "unreadable, and it repeats our credentials"  # maybe cut in the quote
        said = refusal(answer.body)
        if said is not None and VERSION_MISMATCH in said.text:
            text = self._hidden(said.text)
            raise CallFailed(end.name, FailureKind.REFUSED, text, status=200)
        raise self._unknown(end, said.text if said is not None else problem)

    def _unknown(self, end: Endpoint, text: str) -> CallFailed:
        return CallFailed(end.name, FailureKind.UNKNOWN, self._hidden(text), status=200)

    async def _pages(
        self,
        name: str,
        path: str,
        params: list[tuple[str, str]],
        read: Callable[[bytes], Page[Shape]],
    ) -> list[Shape]:
        """Read every page, or raise CallFailed: a list that may lack rows is worse than none."""
        end = self._ends[name]
        rows: list[Shape] = []
        seen: set[str] = set()
        cursor = FIRST_PAGE
        while cursor != LAST_PAGE:
            if cursor in seen:
                raise self._unknown(end, f"next_cursor: {cursor!r:.60} came twice")
            if len(seen) >= PAGES_MAX:
                raise self._unknown(end, f"more than {PAGES_MAX} pages")
            seen.add(cursor)
            answer = await self._signed(end, path, params=[*params, ("next_cursor", cursor)])
            page = self._read(end, answer, read)
            rows += page.rows
            cursor = page.next_cursor
        return rows

    def _hidden(self, text: str) -> str:
        return without(self._secrets(), text) if text else text

    def _secrets(self) -> tuple[str, ...]:
        return secrets_of(self._credentials) if self._credentials is not None else ()

    def _now_s(self) -> int:
        return self._clock.now_ns() // NS_PER_S


def _asset(token_id: str | None, signature_type: int) -> list[tuple[str, str]]:
    """Return the query for a token's balance, for the collateral's without a token."""
    kind = [("signature_type", str(signature_type))]
    if token_id is None:
        return [("asset_type", "COLLATERAL"), *kind]
    return [("asset_type", "CONDITIONAL"), ("token_id", token_id), *kind]
