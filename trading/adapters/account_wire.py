"""What the venue says of our account: its JSON becomes the types of trading/execution/messages.py.

Parsing only: no socket, no clock. Prices, sizes and dollars are decimal strings on the wire and
whole millionths from here on; sizes are decimal shares, in REST rows as in messages (polymarket.md
section 5.4), and no message is read in another way because its number looks large. What is not as
promised raises WireError with the name of the field. Nothing is guessed, nothing is left out.

Sources: polymarket.md sections 4, 5.4 to 5.6 and 8, and the recorded messages in tests/wire.
"""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from trading.adapters.account_fields import (
    ID,
    SECONDS_END,
    SECONDS_MIN,
    WireError,
    amount_micro,
    base_units,
    decoded,
    each,
    optional_id,
    price_micro,
    read_id,
    seconds,
    sentence,
)
from trading.engine.codes import Side, TradeState
from trading.execution.messages import (
    CancelResult,
    MakerPart,
    OpenOrder,
    OrderChange,
    OrderNews,
    PlacedLeg,
    VenueBalance,
    VenueTrade,
)
from trading.signing.headers import ApiCredentials

PLACED_STATUSES = frozenset({"live", "matched", "delayed", "unmatched", ""})
TRADE_PREFIX, ORDER_PREFIX = "TRADE_STATUS_", "ORDER_STATUS_"
NOT_BROADCASTED = "MATCHED_NOT_BROADCASTED"  # matched, and not yet on its way to the chain
_KINDS = dict.fromkeys(OrderChange, "order") | {"TRADE": "trade"}

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """One page of rows, and the cursor of the next."""

    rows: tuple[Row, ...]
    next_cursor: str


class _Placed(msgspec.Struct):
    success: bool
    errorMsg: str  # noqa: N815 - the venue's spelling, as in the fields below
    orderID: str  # noqa: N815
    status: str
    makingAmount: str = ""  # noqa: N815
    takingAmount: str = ""  # noqa: N815
    tradeIDs: list[str] | None = None  # noqa: N815


class _Order(msgspec.Struct):
    id: str
    status: str
    asset_id: str
    side: Side
    original_size: str
    size_matched: str
    price: str
    associate_trades: list[str] | None


class _OrderNews(msgspec.Struct):
    id: str
    type: OrderChange
    status: str
    asset_id: str
    side: Side
    original_size: str
    size_matched: str
    price: str


class _Maker(msgspec.Struct):
    order_id: str
    asset_id: str
    matched_amount: str
    price: str
    side: Side | None = None


class _Trade(msgspec.Struct):
    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: Side
    size: str
    price: str
    status: str
    maker_orders: list[_Maker]
    match_time: str | int | None = None
    matchtime: str | int | None = None
    transaction_hash: str = ""


class _OrderPage(msgspec.Struct):
    data: list[_Order]
    next_cursor: str


class _TradePage(msgspec.Struct):
    data: list[_Trade]
    next_cursor: str


class _Canceled(msgspec.Struct):
    canceled: list[str] | None
    not_canceled: dict[str, str] | None


class _Balance(msgspec.Struct):
    balance: str
    allowances: dict[str, str]


class _Heartbeat(msgspec.Struct):
    heartbeat_id: str


class _ClosedOnly(msgspec.Struct):
    closed_only: bool


class _Key(msgspec.Struct):
    apiKey: str  # noqa: N815
    secret: str
    passphrase: str


class _Head(msgspec.Struct):
    event_type: str = ""
    type: str = ""


# Answers of REST


def placed_legs(body: bytes) -> tuple[PlacedLeg, ...]:
    """Read the answer to POST /orders, or to POST /order as its only leg. Raises WireError."""
    if body.lstrip()[:1] == b"[":
        return each("", decoded(body, list[_Placed]), _placed_leg)
    return (_placed_leg(decoded(body, _Placed)),)


def open_order(body: bytes) -> OpenOrder | None:
    """Read the answer to GET /data/order/ID. Raises WireError.

    None: the venue answered and has no such order open. It says so with nothing, null or "".
    """
    if body.strip() in (b"", b"null", b'""'):
        return None
    return _open_order(decoded(body, _Order))


def order_page(body: bytes) -> Page[OpenOrder]:
    """Read one page of GET /data/orders. Raises WireError; a page without cursor is none."""
    page = decoded(body, _OrderPage)
    rows = each("data", page.data, _open_order)
    return Page(rows=rows, next_cursor=read_id("next_cursor", page.next_cursor))


def trade_page(body: bytes) -> Page[VenueTrade]:
    """Read one page of GET /data/trades. Raises WireError; a page without cursor is none."""
    page = decoded(body, _TradePage)
    rows = each("data", page.data, _trade)
    return Page(rows=rows, next_cursor=read_id("next_cursor", page.next_cursor))


def cancel_result(body: bytes) -> CancelResult:
    """Read what became of a wish to cancel. Raises WireError."""
    answer = decoded(body, _Canceled)
    cancelled = tuple(read_id("canceled", one) for one in answer.canceled or ())
    staying = answer.not_canceled or {}
    if both := staying.keys() & set(cancelled):
        raise WireError("not_canceled", f"{min(both):.80} was cancelled too")
    reasons = tuple((read_id("not_canceled", one), sentence(why)) for one, why in staying.items())
    return CancelResult(cancelled=cancelled, not_cancelled=reasons)


def balance(body: bytes) -> VenueBalance:
    """Read a balance and the allowances; both are whole base units, as text. Raises WireError."""
    answer = decoded(body, _Balance)
    return VenueBalance(
        balance_micro=base_units("balance", answer.balance),
        allowances=tuple(
            (read_id("allowances", spender), base_units(f"allowances.{spender}", amount))
            for spender, amount in answer.allowances.items()
        ),
    )


def heartbeat_id(body: bytes) -> str:
    """Read the id to send with the next heartbeat. Raises WireError."""
    return read_id("heartbeat_id", decoded(body, _Heartbeat).heartbeat_id)


def closed_only(body: bytes) -> bool:
    """Read whether the account may only close positions. Raises WireError."""
    return decoded(body, _ClosedOnly).closed_only


def server_time_s(body: bytes) -> int:
    """Read the venue's clock, in whole seconds. Raises WireError."""
    time = decoded(body, int)
    if not SECONDS_MIN <= time < SECONDS_END:
        raise WireError("time", f"{time} are no seconds since 1970")
    return time


def credentials(body: bytes) -> ApiCredentials:
    """Read an API key. Raises WireError, which never quotes what was sent."""
    answer = decoded(body, _Key)
    parts = {"apiKey": answer.apiKey, "secret": answer.secret, "passphrase": answer.passphrase}
    for field, value in parts.items():
        if not ID.fullmatch(value):
            raise WireError(field, "is not a short text without spaces")
    try:
        urlsafe_b64decode(answer.secret)
    except (Base64Error, ValueError):
        raise WireError("secret", "is not base64") from None
    return ApiCredentials(api_key=answer.apiKey, secret=answer.secret, passphrase=answer.passphrase)


# Messages of the user channel


def user_news(frame: bytes) -> tuple[OrderNews | VenueTrade | WireError, ...]:
    """Read a frame of the user channel, in its order: one message, or an array of them.

    A message that cannot be read is its error, in its place: the others of the frame stay good.
    """
    try:
        if frame.lstrip()[:1] == b"[":
            parts = [bytes(raw) for raw in decoded(frame, list[msgspec.Raw])]
        else:
            parts = [frame]
    except WireError as error:
        return (error,)
    return tuple(_news(part) for part in parts)


def _news(raw: bytes) -> OrderNews | VenueTrade | WireError:
    try:
        head = decoded(raw, _Head)
        # Recorded: an order's message without event_type. Its type is that of orders alone.
        kind = head.event_type or _KINDS.get(head.type, "")
        if kind == "order":
            return _order_news(decoded(raw, _OrderNews))
        if kind == "trade":
            return _trade(decoded(raw, _Trade))
        return WireError("event_type", f"{kind!r:.60} is neither order nor trade")
    except WireError as error:
        return error


# From rows to messages


def _placed_leg(row: _Placed) -> PlacedLeg:
    if row.status not in PLACED_STATUSES:
        raise WireError("status", f"{row.status!r:.60} is not one that the venue uses")
    return PlacedLeg(
        success=row.success,
        error=sentence(row.errorMsg),
        order_hash=optional_id("orderID", row.orderID),
        status=row.status,
        making_micro=amount_micro("makingAmount", row.makingAmount or "0"),
        taking_micro=amount_micro("takingAmount", row.takingAmount or "0"),
        trade_ids=tuple(read_id("tradeIDs", one) for one in row.tradeIDs or ()),
    )


def _open_order(row: _Order) -> OpenOrder:
    return OpenOrder(
        order_hash=read_id("id", row.id),
        status=sentence(row.status.removeprefix(ORDER_PREFIX)),
        token_id=read_id("asset_id", row.asset_id),
        side=row.side,
        price_micro=price_micro(row.price),
        size_micro=amount_micro("original_size", row.original_size),
        matched_micro=amount_micro("size_matched", row.size_matched),
        trade_ids=tuple(read_id("associate_trades", one) for one in row.associate_trades or ()),
    )


def _order_news(row: _OrderNews) -> OrderNews:
    return OrderNews(
        order_hash=read_id("id", row.id),
        change=row.type,
        status=sentence(row.status.removeprefix(ORDER_PREFIX)),
        token_id=read_id("asset_id", row.asset_id),
        side=row.side,
        price_micro=price_micro(row.price),
        size_micro=amount_micro("original_size", row.original_size),
        # Recorded: a killed FOK matched nothing and says so with an empty text.
        matched_micro=amount_micro("size_matched", row.size_matched or "0"),
    )


def _trade(row: _Trade) -> VenueTrade:
    time = row.match_time if row.match_time is not None else row.matchtime
    return VenueTrade(
        trade_id=read_id("id", row.id),
        state=_trade_state(row.status),
        taker_order_hash=read_id("taker_order_id", row.taker_order_id),
        condition_id=read_id("market", row.market),
        token_id=read_id("asset_id", row.asset_id),
        side=row.side,
        size_micro=amount_micro("size", row.size),
        price_micro=price_micro(row.price),
        makers=each("maker_orders", row.maker_orders, lambda maker: _maker(maker, row)),
        matched_s=seconds("match_time", time),
        transaction_hash=optional_id("transaction_hash", row.transaction_hash),
    )


def _maker(maker: _Maker, trade: _Trade) -> MakerPart:
    """Return one maker's part. Older messages leave its side out, and it follows from the match.

    On the taker's own token somebody bought and somebody sold; on the other token both did the
    same, and a set was minted or merged.
    """
    side = maker.side
    if side is None:
        other = Side.SELL if trade.side is Side.BUY else Side.BUY
        side = other if maker.asset_id == trade.asset_id else trade.side
    return MakerPart(
        order_hash=read_id("order_id", maker.order_id),
        token_id=read_id("asset_id", maker.asset_id),
        side=side,
        price_micro=price_micro(maker.price),
        size_micro=amount_micro("matched_amount", maker.matched_amount),
    )


def _trade_state(status: str) -> TradeState:
    word = status.removeprefix(TRADE_PREFIX)
    if word == NOT_BROADCASTED:
        return TradeState.MATCHED
    try:
        return TradeState(word)
    except ValueError:
        raise WireError("status", f"{status!r:.60} is no state of a trade") from None
