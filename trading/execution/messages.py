"""What the venue says of our account, read and typed: prices, sizes and dollars in millionths.

Adapters make these out of JSON; nothing in here knows how they travelled. Hashes and token ids are
texts as the venue writes them. Sources: polymarket.md sections 4, 5.4 to 5.6 and 8.
"""

from dataclasses import dataclass
from enum import StrEnum

from trading.engine.codes import Side, TradeState


class OrderChange(StrEnum):
    """What the user channel says happened to an order."""

    PLACEMENT = "PLACEMENT"
    UPDATE = "UPDATE"
    CANCELLATION = "CANCELLATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLeg:
    """The venue's answer to one order of a batch, in the order in which they were sent.

    `making_micro` is what the order gave at once and `taking_micro` what it got: dollars and shares
    for a BUY, the reverse for a SELL; 0 when nothing matched. A leg can carry an error although
    `success` is true.
    """

    success: bool
    error: str
    order_hash: str
    status: str  # "live", "matched", "delayed", "unmatched" or empty
    making_micro: int
    taking_micro: int
    trade_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """An order that the venue still has, from GET /data/order and /data/orders."""

    order_hash: str
    status: str  # without its prefix: "LIVE", "MATCHED" ...
    token_id: str
    side: Side
    price_micro: int
    size_micro: int
    matched_micro: int
    trade_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerPart:
    """One maker's part of a trade. It may be on the other token of the market (mint, merge)."""

    order_hash: str
    token_id: str
    side: Side
    price_micro: int  # of its own token
    size_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTrade:
    """One trade of ours with all its parts, from the user channel or from GET /data/trades.

    `price_micro` is the taker's head price; what each part really cost follows from the parts.
    """

    trade_id: str
    state: TradeState
    taker_order_hash: str
    condition_id: str
    token_id: str  # the taker's
    side: Side  # the taker's
    size_micro: int
    price_micro: int
    makers: tuple[MakerPart, ...]
    matched_s: int
    transaction_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNews:
    """A message of the user channel about one order. Statuses that are not known stay as text."""

    order_hash: str
    change: OrderChange
    status: str
    token_id: str
    side: Side
    price_micro: int
    size_micro: int
    matched_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResult:
    """What became of a wish to cancel: hashes, and the venue's reason for each that stays."""

    cancelled: tuple[str, ...]
    not_cancelled: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBalance:
    """The venue's view of one balance, and what it lets each spender take (base units)."""

    balance_micro: int
    allowances: tuple[tuple[str, int], ...]  # (spender, amount), amounts up to 2**256 - 1
