"""Whether a gap is real, whether its market is one we trade, and whether it is worth it.

A market's two books are one book seen from two sides, so a gap in local state is first of all a
sign of a stale or torn snapshot: it is believed only when both books are from the same venue
instant. The legs of a neg-risk event are different markets without a common instant: there the gap
is believed when every leg was read anew after the gap was first seen and the gap still stands.
"""

from dataclasses import dataclass

from trading.engine.book import Book
from trading.engine.codes import MarketState, Refusal, Stage, Strategy
from trading.engine.facts import LegQuote
from trading.engine.limits import Limits
from trading.engine.market import LEGS_MAX, TICKS_MICRO
from trading.engine.outcome import Refused
from trading.engine.strategy.neg_risk import decide_neg_risk
from trading.engine.strategy.pair import decide_pair_buy
from trading.engine.units import MICRO
from trading.engine.walk import Bounds, LegBook, Walk, touch_edge
from trading.engine.watch import EventWatch, Watch, leg_book

LADDER_LEVELS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one gap before risk was asked: either `walk` or `refused` is None."""

    strategy: Strategy
    stage: Stage
    refused: Refused | None
    gap_micro: int
    edge_micro: int | None
    legs: tuple[LegQuote, ...]
    ladder: tuple[tuple[tuple[int, int], ...], ...]
    walk: Walk | None = None


def bounds_for(limits: Limits, *, payout_micro: int, paper: bool) -> Bounds:
    """Return the bounds of a walk; only paper may be raised to the venue's smallest set."""
    return Bounds(
        payout_micro=payout_micro,
        cost_max_micro=limits.trade_size_micro,
        min_profit_ratio_micro=limits.min_profit_ratio_micro,
        slippage_max_ratio_micro=limits.slippage_max_ratio_micro,
        slippage_allowance_ratio_micro=limits.slippage_allowance_ratio_micro,
        gas_per_set_micro=limits.gas_per_set_micro,
        raise_to_minimum=limits.raise_to_minimum and paper,
    )


def judge_pair(watch: Watch, limits: Limits, *, paper: bool, now_ns: int) -> Verdict:
    """Judge the gap between the two books of one market."""
    yes, no = watch.books
    gap_micro = MICRO - yes.best_ask - no.best_ask
    edge_micro = touch_edge([(yes.best_ask, watch.spec.fee), (no.best_ask, watch.spec.fee)], MICRO)
    refused: Refused | None = None
    stage = Stage.SEEN
    walk: Walk | None = None
    if yes.venue_ms != no.venue_ms:
        apart_ms = abs(yes.venue_ms - no.venue_ms)
        refused = Refused(
            Refusal.LEGS_NOT_SAME_INSTANT,
            f"the two books are {apart_ms} ms apart at the venue; both must be of one instant",
        )
    elif watch.stale:
        refused = Refused(Refusal.BOOK_STALE, "the books were silent for too long")
    else:
        stage = Stage.CONFIRMED
        refused = market_refusal(watch, limits, now_ns)
        if refused is None and not limits.pair_enabled:
            refused = Refused(Refusal.STRATEGY_DISABLED, "the profile does not enable pairs")
        if refused is None:
            outcome = _walk_pair(watch, bounds_for(limits, payout_micro=MICRO, paper=paper))
            if isinstance(outcome, Refused):
                refused = outcome
            else:
                walk = outcome
    return Verdict(
        strategy=Strategy.PAIR,
        stage=stage,
        refused=refused,
        gap_micro=gap_micro,
        edge_micro=edge_micro,
        legs=(_quote(yes), _quote(no)),
        ladder=(_ladder(yes), _ladder(no)),
        walk=walk,
    )


def _walk_pair(watch: Watch, bounds: Bounds) -> Walk | Refused:
    legs = [leg_book(watch, 0), leg_book(watch, 1)]
    yes, no = legs
    if yes is None or no is None:
        return Refused(Refusal.UNKNOWN_FEE, "the market's fee schedule is unknown")
    taken = _taken(watch.books, (yes, no), MICRO)
    return taken if taken is not None else decide_pair_buy(yes, no, bounds)


def _taken(books: tuple[Book, ...], legs: tuple[LegBook, ...], payout_micro: int) -> Refused | None:
    """Refuse a gap of which our own paper fills already took the liquidity."""
    if not any(book.taken for book in books):
        return None
    if any(not leg.asks for leg in legs) or sum(leg.asks[0][0] for leg in legs) >= payout_micro:
        return Refused(Refusal.ALREADY_TAKEN, "our own paper fills took this liquidity already")
    return None


def judge_event(
    event: EventWatch, limits: Limits, *, index: int, paper: bool, now_ns: int
) -> Verdict:
    """Judge the gap over one token (0 YES, 1 NO) of every outcome of a neg-risk event."""
    books = tuple(watch.books[index] for watch in event.watches)
    payout_micro = event_payout(event, index)
    strategy = Strategy.NEG_RISK_NO if index else Strategy.NEG_RISK_YES
    edge_micro = touch_edge(
        [(watch.books[index].best_ask, watch.spec.fee) for watch in event.watches], payout_micro
    )
    stage = Stage.SEEN
    walk: Walk | None = None
    refused = _event_not_real(event, books)
    if refused is None:
        stage = Stage.CONFIRMED
        refused = _event_not_ours(event, limits, now_ns)
    if refused is None:
        legs = [leg_book(watch, index) for watch in event.watches]
        known = tuple(leg for leg in legs if leg is not None)
        bounds = bounds_for(limits, payout_micro=payout_micro, paper=paper)
        outcome = _taken(books, known, payout_micro) or decide_neg_risk(
            known,
            outcomes_total=event.legs_total,
            augmented=event.augmented,
            side="NO" if index else "YES",
            bounds=bounds,
        )
        if isinstance(outcome, Refused):
            refused = outcome
        else:
            walk = outcome
    return Verdict(
        strategy=strategy,
        stage=stage,
        refused=refused,
        gap_micro=payout_micro - sum(book.best_ask for book in books),
        edge_micro=edge_micro,
        legs=tuple(_quote(book) for book in books),
        ladder=tuple(_ladder(book) for book in books),
        walk=walk,
    )


def event_payout(event: EventWatch, index: int) -> int:
    """Return what one set pays in micro dollars: outcomes minus one for NO, one for YES."""
    return (event.legs_total - 1) * MICRO if index else MICRO


def _event_not_real(event: EventWatch, books: tuple[Book, ...]) -> Refused | None:
    if any(watch.stale for watch in event.watches):
        return Refused(Refusal.BOOK_STALE, "a leg's book was silent for too long")
    if any(book.invalid_reason for book in books):
        return Refused(Refusal.BOOK_RESYNCING, "a leg's book waits for its snapshot")
    if any(book.read_ns < event.gap_since_ns or not book.read_ns for book in books):
        return Refused(
            Refusal.LEGS_NOT_SAME_INSTANT, "not every leg was read anew since the gap appeared"
        )
    return None


def _event_not_ours(event: EventWatch, limits: Limits, now_ns: int) -> Refused | None:
    if not limits.neg_risk_enabled:
        return Refused(Refusal.STRATEGY_DISABLED, "the profile does not enable neg-risk sets")
    if event.augmented:
        return Refused(Refusal.NEG_RISK_AUGMENTED, "outcomes may still be added to this event")
    if len(event.watches) != event.legs_total or event.legs_total < 2:
        return Refused(
            Refusal.NEG_RISK_INCOMPLETE,
            f"{len(event.watches)} of {event.legs_total} outcomes are watched; all are needed",
        )
    if event.legs_total > LEGS_MAX:
        return Refused(
            Refusal.TOO_MANY_LEGS,
            f"{event.legs_total} legs; the venue takes at most {LEGS_MAX} orders in a batch",
        )
    for watch in event.watches:
        refused = market_refusal(watch, limits, now_ns)
        if refused is not None:
            return refused
    return None


def market_refusal(watch: Watch, limits: Limits, now_ns: int) -> Refused | None:
    """Say why this market is not traded at all, or None."""
    spec = watch.spec
    if watch.state is not MarketState.OPEN or not spec.accepting_orders:
        return Refused(Refusal.MARKET_CLOSED, "the market takes no orders")
    if spec.protocol != "v1":
        return Refused(
            Refusal.UNKNOWN_PROTOCOL, f"protocol {spec.protocol!r:.20}; only v1 markets are traded"
        )
    if spec.fee is None:
        return Refused(Refusal.UNKNOWN_FEE, "the market's fee schedule is unknown")
    if spec.tick_micro not in TICKS_MICRO:
        return Refused(Refusal.UNKNOWN_TICK, f"tick {spec.tick_micro} micro is not the venue's")
    if spec.end_ms is not None:
        left_ms = spec.end_ms - now_ns // 1_000_000
        if left_ms < limits.ending_guard_ms:
            return Refused(
                Refusal.MARKET_ENDING,
                f"{left_ms} ms to the market's end; {limits.ending_guard_ms} are needed",
            )
    if (spec.seconds_delay or spec.taker_delay_ms) and not limits.delayed_markets:
        return Refused(Refusal.MARKET_DELAYED, "the venue delays matching in this market")
    return None


def _quote(book: Book) -> LegQuote:
    return LegQuote(
        token_id=book.token_id,
        ask_micro=book.best_ask,
        size_micro=book.asks.get(book.best_ask, 0),
        venue_ms=book.venue_ms,
    )


def _ladder(book: Book) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(book.asks.items())[:LADDER_LEVELS])
