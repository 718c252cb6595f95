"""Facts: what happened, as rows to be kept. Each has an id made from content, so that writing one
twice changes nothing. Times are nanoseconds of UTC; amounts as in units.py.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class LegQuote:
    """One leg of an opportunity at the moment it was judged."""

    token_id: str
    ask_micro: int  # best ask
    size_micro: int  # size at the best ask
    venue_ms: int  # the venue instant of this token's book


@dataclass(frozen=True, slots=True, kw_only=True)
class OpportunitySeen:
    """A gap in local state and what became of it. Refusal is empty when it was submitted.

    `gap_micro` is one dollar (or what the set pays) less the best asks, per set, before fees;
    `edge_micro` the same after fees at the best asks. `size_micro`, `cost_micro`, `net_micro` are
    of the walk, 0 if none was made. `raised` marks a paper size raised to the venue's smallest
    set. The same gap seen again unchanged is counted by OpportunityRepeated instead of being told
    again.
    """

    opportunity_id: str
    condition_id: str
    strategy: str
    seen_ns: int
    stage: str
    refusal: str
    reason: str
    legs: tuple[LegQuote, ...]
    gap_micro: int
    edge_micro: int | None  # None: the fee is unknown, so the edge is
    size_micro: int
    cost_micro: int
    fee_micro: int
    net_micro: int
    set_id: str = ""
    raised: bool = False
    ladder: tuple[tuple[tuple[int, int], ...], ...] = ()  # best asks per leg, at most 5 levels


@dataclass(frozen=True, slots=True, kw_only=True)
class OpportunityRepeated:
    """An opportunity stood unchanged for `frames` frames in all; told when it ends."""

    opportunity_id: str
    frames: int
    last_seen_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPlanned:
    """One leg of a set as planned: buy `size_micro` at no worse than `limit_micro`."""

    token_id: str
    condition_id: str
    order_id: str
    limit_micro: int
    size_micro: int
    cost_micro: int
    fee_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOpened:
    """A set that risk allowed, with its legs."""

    set_id: str
    opportunity_id: str
    condition_id: str
    strategy: str
    opened_ns: int
    size_micro: int
    cost_micro: int
    payout_micro: int  # what one set pays
    expected_net_micro: int
    paper: bool
    raised: bool
    legs: tuple[LegPlanned, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMoved:
    """One move of a set; `sequence` counts the moves of this set from 1."""

    set_id: str
    sequence: int
    state_from: str
    state_to: str
    at_ns: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMoved:
    """One move of an order; `sequence` counts the moves of this order from 1."""

    order_id: str
    set_id: str
    token_id: str
    side: str
    limit_micro: int
    size_micro: int
    matched_micro: int
    sequence: int
    state_from: str
    state_to: str
    at_ns: int
    reason: str
    order_hash: str = ""
    purpose: str = "ENTRY"  # ENTRY, COMPLETE or UNWIND


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRecorded:
    """A fill, each time that its settlement moved."""

    trade_id: str
    order_id: str
    set_id: str
    condition_id: str
    token_id: str
    side: str
    price_micro: int
    size_micro: int
    fee_micro: int
    state: str
    at_ns: int
    paper: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One line of a ledger entry: positive is a debit, negative a credit, in micro dollars.

    `quantity_micro` counts shares on YES and NO, positive in, negative out, 0 elsewhere.
    """

    account: str
    amount_micro: int
    token_id: str = ""
    quantity_micro: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBooked:
    """One double entry: the amounts of its postings sum to zero."""

    entry_id: str
    kind: str
    set_id: str
    at_ns: int
    postings: tuple[Posting, ...]
    realised_micro: int  # profit realised by this entry; 0 unless merged, redeemed or sold
    paper: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSample:
    """The engine's own figures at one second. Counters run from the session's start."""

    at_ns: int
    markets: int
    books_fresh: int
    books_stale: int
    feed_connected: bool
    frames: int
    gaps_seen: int
    gaps_confirmed: int
    gaps_allowed: int
    sets_submitted: int
    sets_completed: int
    sets_failed: int
    realised_micro: int  # in this session
    realised_today_micro: int
    exposure_micro: int  # cost of everything held or pending
    worst_case_micro: int  # what is lost if every open leg resolves against us
    cash_micro: int | None  # None: not known
    breaker: str
    halted: bool
    halt_code: str
    # Of this session's orders; journals of an older version do not have them.
    orders_submitted: int = 0
    orders_filled: int = 0
    orders_refused: int = 0
    settlements_failed: int = 0
    legs_exposed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineNoted:
    """An event of the engine worth reading: halt, resume, resync, breaker, feed, market."""

    note_id: str
    at_ns: int
    level: str  # INFO, WARNING or CRITICAL
    code: str
    text: str
    condition_id: str = ""


Fact: TypeAlias = (
    OpportunitySeen
    | OpportunityRepeated
    | SetOpened
    | SetMoved
    | OrderMoved
    | TradeRecorded
    | LedgerBooked
    | MetricSample
    | EngineNoted
)
