"""What goes over the signer's socket: four bytes of length, then one msgpack map.

Each request carries a number that its answer repeats. Lengths, counts and types are checked before
anything else is done; a request that cannot be read is answered with why, and costs nobody else
anything. No message of the decoder repeats a value of a request.
"""

from typing import TypeAlias

import msgspec

from trading.signer.terms import Code, DaySpend, Policy, Refused
from trading.signing.calls import Call, Transaction
from trading.signing.orders import SigningDomain, UnsignedOrder

VERSION = 1
FRAME_BYTES_MAX = 128 * 1024
LENGTH_BYTES = 4
ITEMS_MAX = 100  # of a list, before the policy says how many it may be
DATA_BYTES_MAX = 8 * 1024  # of one call


class _Message(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    """The number by which an answer finds its request."""

    id: int


class HelloRequest(_Message, frozen=True, kw_only=True, tag="hello"):
    """Who are you, and what do you sign?"""


class LoginRequest(_Message, frozen=True, kw_only=True, tag="sign_login"):
    """Sign a login for API keys."""

    timestamp_s: int
    nonce: int


class OrdersRequest(_Message, frozen=True, kw_only=True, tag="sign_orders"):
    """Sign these orders, all or none."""

    domain: SigningDomain
    orders: list[UnsignedOrder]


class TransactionRequest(_Message, frozen=True, kw_only=True, tag="sign_transaction"):
    """Sign a transaction of a plain wallet."""

    transaction: Transaction


class WalletBatchRequest(_Message, frozen=True, kw_only=True, tag="sign_wallet_batch"):
    """Sign calls of a deposit wallet for the relayer."""

    chain_id: int
    nonce: int
    deadline_s: int
    calls: list[Call]


class HelloAnswer(_Message, frozen=True, kw_only=True, tag="hello"):
    """Who signs, on what terms, and what was spent of the day's bound."""

    version: int
    address: str
    policy: Policy
    spend: DaySpend


class LoginAnswer(_Message, frozen=True, kw_only=True, tag="login"):
    """The signature of a login, and whose it is."""

    address: str
    signature: str


class OrderSignature(msgspec.Struct, frozen=True, kw_only=True):
    """One order's id, and its signature as the venue takes it."""

    order_hash: str
    signature: str


class OrdersAnswer(_Message, frozen=True, kw_only=True, tag="orders"):
    """In the order of the request."""

    signed: tuple[OrderSignature, ...]


class TransactionAnswer(_Message, frozen=True, kw_only=True, tag="transaction"):
    """What a node takes, and under which hash it will be found."""

    raw: bytes
    transaction_hash: str


class WalletBatchAnswer(_Message, frozen=True, kw_only=True, tag="wallet_batch"):
    """The plain 65 bytes, in hex."""

    signature: str


class RefusedAnswer(_Message, frozen=True, kw_only=True, tag="refused"):
    """Nothing was signed."""

    code: Code
    reason: str


Request: TypeAlias = (
    HelloRequest | LoginRequest | OrdersRequest | TransactionRequest | WalletBatchRequest
)
Answer: TypeAlias = (
    HelloAnswer | LoginAnswer | OrdersAnswer | TransactionAnswer | WalletBatchAnswer | RefusedAnswer
)


class _Envelope(msgspec.Struct):
    """As much of a request as is needed to answer one that cannot be read."""

    id: int = 0
    type: str = ""


_REQUEST_TYPES = (
    HelloRequest,
    LoginRequest,
    OrdersRequest,
    TransactionRequest,
    WalletBatchRequest,
)
_NAMES = frozenset(str(one.__struct_config__.tag) for one in _REQUEST_TYPES)
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_envelopes = msgspec.msgpack.Decoder(_Envelope)
_encoder = msgspec.msgpack.Encoder()


def frame(message: Request | Answer) -> bytes:
    """Return a message with its length before it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def read_request(body: bytes) -> Request | RefusedAnswer:
    """Read a request, or say why it cannot be read."""
    try:
        request = _requests.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unreadable(body, error)
    calls = _calls(request)
    listed = request.orders if isinstance(request, OrdersRequest) else calls
    if len(listed) > ITEMS_MAX:
        return _refused(request.id, Code.BATCH_TOO_LONG, f"a list has more than {ITEMS_MAX}")
    if any(len(call.data) > DATA_BYTES_MAX for call in calls):
        return _refused(request.id, Code.TOO_LARGE, f"a call has more than {DATA_BYTES_MAX} bytes")
    return request


def read_answer(body: bytes) -> Answer:
    """Read an answer; raises msgspec.DecodeError for what is none."""
    return _answers.decode(body)


def too_large(length: int) -> RefusedAnswer:
    """Return the answer to a frame that is not even read."""
    return _refused(0, Code.TOO_LARGE, f"{length} bytes are more than {FRAME_BYTES_MAX}")


def refusal(request_id: int, refused: Refused) -> RefusedAnswer:
    """Return a refusal as an answer."""
    return _refused(request_id, refused.code, refused.reason)


def _calls(request: Request) -> list[Call]:
    if isinstance(request, WalletBatchRequest):
        return request.calls
    return [request.transaction.call] if isinstance(request, TransactionRequest) else []


def _unreadable(body: bytes, error: Exception) -> RefusedAnswer:
    try:
        envelope = _envelopes.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _refused(0, Code.MALFORMED, "it is no msgpack map with a number and a type")
    if envelope.type not in _NAMES:
        return _refused(envelope.id, Code.UNKNOWN_REQUEST, f"one of {', '.join(sorted(_NAMES))}")
    # The decoder says which field is wrong and what belongs there, behind a dash.
    place = str(error).rpartition(" - at ")[2][:80]
    return _refused(envelope.id, Code.MALFORMED, f"it does not fit its type at {place}")


def _refused(request_id: int, code: Code, reason: str) -> RefusedAnswer:
    return RefusedAnswer(id=request_id, code=code, reason=reason)
