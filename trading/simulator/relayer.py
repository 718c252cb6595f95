"""The relayer's door: batches of deposit wallets, signed by their owners, paid for by the venue.

Source: polymarket.md section 9 and polymarket-client 0.14.0. Its key is, on this venue, the API key
of the CLOB: RELAYER_API_KEY is the `apiKey` that POST /auth/api-key answers, and
RELAYER_API_KEY_ADDRESS the address that logged in with it. At the venue the key comes from the
settings page. Texts of refusals that are not on record are marked as ours.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeAlias

import msgspec

from trading.simulator import answers, payloads
from trading.simulator.answers import Refusal
from trading.simulator.batches import Batch, Call, Executor
from trading.simulator.keys import ApiKey, KeyRing
from trading.simulator.relaying import RelayQueue
from trading.simulator.requests import Request
from trading.simulator.signatures import batch_is_signed, read_address

WALLET, WALLET_CREATE = "WALLET", "WALLET-CREATE"
CALLS_MAX = 50
METADATA_LENGTH_MAX = 500
DATA_LENGTH_MAX = 20_000  # hex digits of one call
BAD_TYPE = "unsupported transaction type"  # ours
BAD_SUBMISSION = "invalid request body"  # ours
NOT_YOURS = "from is not the address of the API key"  # ours
BAD_FACTORY = "to is not the deposit wallet factory"  # ours
BAD_WALLET = "depositWallet is not the wallet of from"  # ours
BAD_DEADLINE = "batch deadline has passed"  # ours
NOT_DEPLOYED = "deposit wallet is not deployed"  # ours
UNKNOWN = "transaction not found"  # ours
PARAMS = "/v1/account/transactions/params"
TRANSACTION = re.compile(r"/v1/account/transactions/([0-9a-f-]{1,64})")

_Address = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z")]
_Number = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,17})\Z")]
_Hex = Annotated[str, msgspec.Meta(pattern=r"^0x([0-9a-fA-F]{2})*\Z", max_length=DATA_LENGTH_MAX)]
Value: TypeAlias = Any
Handler: TypeAlias = Callable[[Request, int], Value | Refusal]


class CallBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call; `value` is POL in wei."""

    target: _Address
    value: _Number
    data: _Hex


class WalletBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a deposit wallet is to do."""

    depositWallet: _Address  # noqa: N815 - the venue's spelling
    deadline: _Number  # seconds
    calls: Annotated[list[CallBody], msgspec.Meta(min_length=1, max_length=CALLS_MAX)]


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of POST /submit; the last three are needed for WALLET."""

    type: str
    from_: _Address = msgspec.field(name="from")
    to: _Address
    metadata: Annotated[str, msgspec.Meta(max_length=METADATA_LENGTH_MAX)] = ""
    nonce: _Number = ""
    signature: _Hex = ""
    depositWalletParams: WalletBody | None = None  # noqa: N815


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayerSettings:
    """What batches are signed for."""

    chain_id: int
    factory: str


class Relayer:
    """Answers the relayer's requests. Its queue goes on with `advance`."""

    def __init__(
        self, settings: RelayerSettings, executor: Executor, queue: RelayQueue, keys: KeyRing
    ) -> None:
        self._settings = settings
        self._executor = executor
        self._queue = queue
        self._keys = keys

    def advance(self, now_ms: int) -> None:
        """Let every step happen that is due by then."""
        self._queue.advance(now_ms)

    def door(self, request: Request) -> Handler | None:
        """Return what answers a request, None for one that is not the relayer's."""
        match request.method, request.path:
            case "GET", "/deployed":
                return self._deployed
            case "GET", path if path == PARAMS:
                return self._params
            case "GET", path if TRANSACTION.fullmatch(path):
                return self._transaction
            case "POST", "/submit":
                return self._submit
        return None

    def _key(self, request: Request) -> ApiKey | None:
        key = self._keys.find(request.headers.get("relayer_api_key", ""))
        said = read_address(request.headers.get("relayer_api_key_address", ""))
        return key if key is not None and key.address == said else None

    def _deployed(self, request: Request, _now_ms: int) -> Value | Refusal:
        """Say whether a wallet is there; the address is its own, or with type=WALLET its owner's.

        The client asks with either, and no answer can mistake one for the other.
        """
        address = read_address(request.asked("address"))
        if address is None:
            return answers.bad(f"{BAD_SUBMISSION}: address")
        wallets = {address, self._executor.wallet_of(address)}
        return {"deployed": any(self._executor.is_deployed(one) for one in wallets)}

    def _params(self, request: Request, _now_ms: int) -> Value | Refusal:
        if self._key(request) is None:
            return Refusal(http=401, text=answers.BAD_KEY)
        owner = read_address(request.asked("address"))
        if owner is None:
            return answers.bad(f"{BAD_SUBMISSION}: address")
        if request.asked("type") != WALLET:
            return answers.bad(BAD_TYPE)
        wallet = self._executor.wallet_of(owner)
        return {"address": owner, "nonce": str(self._executor.nonce(wallet))}

    def _transaction(self, request: Request, _now_ms: int) -> Value | Refusal:
        key = self._key(request)
        if key is None:
            return Refusal(http=401, text=answers.BAD_KEY)
        action = self._queue.find(request.path.rsplit("/", 1)[1])
        if action is None or action.owner != key.address:
            return Refusal(http=404, text=UNKNOWN)
        return {
            "transaction_id": action.transaction_id,
            "state": action.state,
            "transaction_hash": action.transaction_hash or None,
            "error_msg": action.error or None,
        }

    def _submit(self, request: Request, now_ms: int) -> Value | Refusal:
        key = self._key(request)
        if key is None:
            return Refusal(http=401, text=answers.BAD_KEY)
        refused = self._queue.count(key.address, now_ms)
        if refused is not None:
            return refused
        sent = payloads.read(Submission, request.body, BAD_SUBMISSION)
        if isinstance(sent, Refusal):
            return sent
        owner = read_address(sent.from_) or ""
        if owner != key.address:
            return answers.bad(NOT_YOURS)
        if read_address(sent.to) != self._settings.factory:
            return answers.bad(BAD_FACTORY)
        wallet = self._executor.wallet_of(owner)
        if sent.type == WALLET_CREATE:
            run: Callable[[], str] | Refusal = partial(self._executor.deploy, owner)
            run = self._queue.busy(wallet) or run
        elif sent.type == WALLET:
            run = self._checked(sent, owner, wallet, now_ms)
        else:
            run = answers.bad(BAD_TYPE)
        if isinstance(run, Refusal):
            return run
        action = self._queue.accept(owner, wallet, run, now_ms)
        return {"transactionID": action.transaction_id, "state": action.state}

    def _checked(
        self, sent: Submission, owner: str, wallet: str, now_ms: int
    ) -> Callable[[], str] | Refusal:
        """Return what executes a batch, or why it is not taken."""
        body = sent.depositWalletParams
        if body is None or not sent.nonce or not sent.signature:
            return answers.bad(f"{BAD_SUBMISSION}: a batch has nonce, signature and calls")
        if read_address(body.depositWallet) != wallet:
            return answers.bad(BAD_WALLET)
        batch = Batch(
            wallet=wallet,
            nonce=int(sent.nonce),
            deadline_s=int(body.deadline),
            calls=tuple(
                Call(
                    target=read_address(one.target) or "",
                    value_wei=int(one.value),
                    data=bytes.fromhex(one.data[2:]),
                )
                for one in body.calls
            ),
        )
        if not batch_is_signed(
            chain_id=self._settings.chain_id, owner=owner, batch=batch, signature=sent.signature
        ):
            return answers.bad(answers.BAD_SIGNATURE)
        if batch.deadline_s * 1_000 < now_ms:
            return answers.bad(BAD_DEADLINE)
        if not self._executor.is_deployed(wallet):
            return answers.bad(NOT_DEPLOYED)
        refused = self._queue.busy(wallet)
        if refused is not None:
            return refused
        known = self._executor.nonce(wallet)
        if batch.nonce != known:
            said = f"batch nonce {batch.nonce} does not match on-chain nonce {known}"
            return answers.bad(said)
        return partial(self._executor.execute, batch, bytes.fromhex(sent.signature[2:]))
