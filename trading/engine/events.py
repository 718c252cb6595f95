"""What the engine can be told. Frozen values, complete in themselves, in the order they happened.

Times: `venue_ms` is the venue's clock in milliseconds, `now_ns` (an argument of Engine.handle, not
a field) is ours in nanoseconds of UTC. Prices and sizes are millionths (see units.py).
"""

from dataclasses import dataclass
from typing import TypeAlias

from trading.engine.codes import MarketState, Side, TradeState, VenueMode
from trading.engine.limits import Limits
from trading.engine.market import MarketSpec

Levels: TypeAlias = tuple[tuple[int, int], ...]  # (price_micro, size_micro), any order


# The new total size at one price of one token: (token_id, is it an ask, price_micro, size_micro,
# best_bid_micro, best_ask_micro); size 0 removes the level. The best prices are the venue's own
# after the whole message: 0 and MICRO stand for an empty side, -1 says that the venue did not send
# it. A bare tuple, because tens of thousands of these are made in a second.
LevelChange: TypeAlias = tuple[str, bool, int, int, int, int]


@dataclass(frozen=True, slots=True)
class BookDelta:
    """Levels of one market that changed at one venue instant, usually of both of its tokens."""

    condition_id: str
    venue_ms: int
    changes: tuple[LevelChange, ...]


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The whole book of one token. It replaces what was known, and ends a resync."""

    condition_id: str
    token_id: str
    venue_ms: int
    bids: Levels
    asks: Levels
    tick_micro: int | None = None  # sent with newer snapshots only
    from_read: bool = False  # True: a control read of /books, not the stream


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketListed:
    """A market to watch, or new parameters of one that is watched."""

    spec: MarketSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketStatus:
    """A market closed or resolved; `winning_token_id` is known when resolved."""

    condition_id: str
    state: MarketState
    winning_token_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickSizeChanged:
    """The venue changed the tick of a market: prices near 0 or 1 get finer."""

    condition_id: str
    token_id: str
    venue_ms: int
    tick_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChanged:
    """A connection came up or was lost. Books of its tokens are worth nothing until a snapshot."""

    connected: bool
    token_ids: tuple[str, ...]  # empty: all
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSuspect:
    """Somebody outside found that our books cannot be trusted: a frame that could not be read, a
    control read that disagrees. Names tokens, or one market, or (neither) all books.
    """

    token_ids: tuple[str, ...]
    reason: str
    condition_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPrepared:
    """An order is signed, so its hash is known; nothing of it was sent yet."""

    order_id: str
    order_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAck:
    """The venue took an order. `matched_micro` is what it matched at once, in shares."""

    order_id: str
    order_hash: str
    resting: bool
    matched_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefused:
    """The venue, or our own side before sending (`local`), refused an order: nothing was bought."""

    order_id: str
    code: str
    text: str
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown:
    """Nobody knows whether the order arrived (time-out, 5xx). Resolved by its hash, never by
    time.
    """

    order_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderClosed:
    """An order left the book: cancelled, expired or killed. `matched_micro` is its final total."""

    order_id: str
    matched_micro: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeUpdate:
    """One fill of one order of ours, each time that its settlement moves. Keyed by both ids."""

    trade_id: str
    order_id: str
    token_id: str
    side: Side
    price_micro: int
    size_micro: int
    fee_micro: int
    state: TradeState
    paper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSent:
    """A merge or conversion was handed over: `reference` is its transaction hash or relayer id."""

    set_id: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReceipt:
    """A merge, conversion or redemption ended: `size_micro` sets became so many dollars.

    A redemption is of one condition of the set, `condition_id`, and its `size_micro` is how many
    winning shares were paid.
    """

    set_id: str
    ok: bool
    size_micro: int
    proceeds_micro: int
    gas_micro: int
    reference: str  # transaction hash, or a paper reference
    text: str = ""
    kind: str = "MERGE"  # MERGE, CONVERT or REDEEM
    condition_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceReport:
    """Spendable collateral as the venue sees it, in micro dollars."""

    cash_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CapitalChanged:
    """Money came in or, negative, went out from outside the engine. Once per `reference`."""

    amount_micro: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChanged:
    """Why live orders cannot be trusted to work now, or that they can (`problem` is empty).

    `problem` is one of codes.ACCESS_PROBLEMS. Paper needs no access and does not listen.
    """

    problem: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueModeChanged:
    """The venue restarts, is post-only, cancel-only, disabled, or open again."""

    mode: VenueMode
    text: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes. Sent every 100 ms or oftener; every deadline hangs on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltRequested:
    """Stop trading now. Never refused. Only a mandate can end it."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateChanged:
    """What the engine may do from now on: the only way limits, permission and resumption arrive."""

    revision: int
    may_trade: bool
    limits: Limits
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerReset:
    """A person closes the circuit breaker by hand."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRestored:
    """What an earlier session left, told before the first market event.

    Balances are the ledger's sums by account and token; `realised_today_micro` belongs to the
    UTC day `day`. Sets that were open carry on by their state; for paper, whose
    desk died with its process, an order without a recorded fill never filled. Live orders
    are told with the sets, and the venue is asked what became of them.
    """

    balances: tuple["RestoredBalance", ...]  # empty: nothing was ever booked
    day: str  # "2026-03-02"
    realised_today_micro: int
    open_sets: tuple["RestoredSet", ...] = ()
    capital_micro: int = 0  # paper only: what an empty ledger opens with
    capital_references: tuple[str, ...] = ()  # live only: what CapitalChanged has told before


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredBalance:
    """The sum of all postings of one account (and token, for YES and NO)."""

    account: str
    token_id: str
    amount_micro: int
    quantity_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredSet:
    """An open set: what was planned and what its legs hold."""

    set_id: str
    place_id: str  # condition id, or the neg-risk event's id
    strategy: str
    state: str
    sequence: int  # of its last move
    payout_micro: int  # what one set pays
    opened_ns: int
    expected_net_micro: int
    legs: tuple["RestoredLeg", ...]
    orders: tuple["RestoredOrder", ...] = ()  # live only: all of them, also those that are over
    tried: tuple[str, ...] = ()  # live only: COMPLETING, UNWINDING, as far as it was in them


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredLeg:
    """One leg of an open set: the size planned, and what was bought less what was sold."""

    token_id: str
    condition_id: str
    size_micro: int
    held_micro: int
    cost_micro: int  # of what is held, without fees
    fee_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredOrder:
    """One order of an open set. Without a hash it was never signed, so it was never sent."""

    order_id: str
    order_hash: str
    condition_id: str
    token_id: str
    side: Side
    limit_micro: int
    size_micro: int
    purpose: str  # ENTRY, COMPLETE or UNWIND
    state: str
    sequence: int  # of its last move
    matched_micro: int
    fills: tuple["RestoredFill", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredFill:
    """One fill of an order, booked already, and how far its settlement was."""

    trade_id: str
    price_micro: int
    size_micro: int
    fee_micro: int
    state: str


Event: TypeAlias = (
    BookDelta
    | BookSnapshot
    | MarketListed
    | MarketStatus
    | TickSizeChanged
    | FeedChanged
    | BookSuspect
    | OrderPrepared
    | OrderAck
    | OrderRefused
    | OrderUnknown
    | OrderClosed
    | TradeUpdate
    | MergeSent
    | ChainReceipt
    | BalanceReport
    | CapitalChanged
    | AccessChanged
    | VenueModeChanged
    | Tick
    | HaltRequested
    | MandateChanged
    | BreakerReset
    | StateRestored
)
