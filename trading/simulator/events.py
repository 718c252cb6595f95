"""What happened at the venue, in order. Frozen values; times in ms of UTC, the rest in millionths.

The market channel is made of BookChanged, TradeChanged (when MATCHED) and TickChanged; the user
channel of OrderChanged and TradeChanged.
"""

from dataclasses import dataclass
from typing import TypeAlias

from trading.engine.codes import Side, TradeState
from trading.simulator.answers import OrderAnswer, Refusal
from trading.simulator.codes import MatchKind, OrderChange, OrderType

LevelChange: TypeAlias = tuple[bool, int, int]  # is it an ask, price_micro, the new size_micro


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChange:
    """What changed in one token's book at one instant, and its best prices after it.

    An empty bid side is 0, an empty ask side is MICRO.
    """

    token_id: str
    best_bid_micro: int
    best_ask_micro: int
    levels: tuple[LevelChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChanged:
    """Levels of one market that changed at one instant, of both tokens: they mirror each other."""

    at_ms: int
    condition_id: str
    order_id: str  # the order that caused the change
    tokens: tuple[TokenChange, TokenChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """An order was placed, matched in part or in full, or cancelled."""

    at_ms: int
    change: OrderChange
    status: str
    order_id: str
    account_id: str
    condition_id: str
    token_id: str
    side: Side
    order_type: OrderType
    price_micro: int
    size_micro: int
    matched_micro: int
    expiration_s: int
    created_ms: int
    trade_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One maker's part of a trade. Prices are those of each party's own token.

    Dollars are what that party pays (BUY) or gets before the fee (SELL); only the taker pays a fee.
    """

    kind: MatchKind
    size_micro: int
    maker_order_id: str
    maker_account_id: str
    maker_token_id: str
    maker_side: Side
    maker_price_micro: int
    maker_dollars_micro: int
    taker_price_micro: int
    taker_dollars_micro: int
    fee_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeChanged:
    """A trade was made (MATCHED) or its settlement moved. The id stays the same."""

    at_ms: int
    state: TradeState
    trade_id: str
    matched_ms: int
    condition_id: str
    token_id: str
    side: Side  # the taker's
    taker_order_id: str
    taker_account_id: str
    size_micro: int
    price_micro: int  # the taker's worst: its own token's price at the last maker
    fills: tuple[Fill, ...]
    transaction_hash: str  # empty until it is mined


@dataclass(frozen=True, slots=True, kw_only=True)
class TickChanged:
    """The tick of one token changed: both tokens of a market change together."""

    at_ms: int
    condition_id: str
    token_id: str
    old_tick_micro: int
    new_tick_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayEnded:
    """A delayed order was matched, rests now, or was refused after all."""

    at_ms: int
    order_id: str
    answer: OrderAnswer | Refusal


Event: TypeAlias = BookChanged | OrderChanged | TradeChanged | TickChanged | DelayEnded
