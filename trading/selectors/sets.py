"""Everything that happened to one set, from its gap to its last posting."""

import re
from dataclasses import dataclass
from datetime import datetime

from polyarb_site.formats import ms_between
from trading.engine.codes import SetState, TradeState
from trading.engine.units import cost_up
from trading.ledger.specs import SENT_AS
from trading.models import (
    ArbitrageSet,
    LedgerEntry,
    LedgerPosting,
    Market,
    Opportunity,
    Order,
    OrderMove,
    SetMove,
    Trade,
)
from trading.selectors.books import markets_by_token, outcome_of

_TRANSACTION = re.compile(r"in transaction (0x[0-9a-f]{64})")  # as the wallet words it
ROWS_MAX = 500  # of each kind; a set has a few dozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One moment of the life line. `after_ms` is the time since the point before, None at first."""

    state: str
    at: datetime
    after_ms: int | None
    since_start_ms: int
    reason: str
    stays: bool = False  # nothing but news of what goes on in the state before


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStory:
    """One order with its moves and its fills."""

    order: Order
    moves: tuple[Point, ...]
    trades: tuple[Trade, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegStory:
    """One leg as planned, and what came of it."""

    token_id: str
    outcome: str
    market: Market | None
    limit_micro: int
    size_micro: int
    cost_micro: int
    fee_micro: int
    bought_micro: int
    paid_micro: int  # for what was bought, without fees
    charged_micro: int
    orders: tuple[OrderStory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeStory:
    """How a set was handed over to be merged. What was not told is empty."""

    reference: str
    sent_at: datetime
    transaction_hash: str
    done_at: datetime | None
    took_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One posting; `credit_micro` is what a negative amount takes out."""

    account: str
    amount_micro: int
    credit_micro: int
    quantity_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryStory:
    """One double entry; `sum_micro` is 0 or the books are wrong."""

    entry: LedgerEntry
    postings: tuple[Line, ...]
    debit_micro: int
    credit_micro: int
    sum_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStory:
    """A set's whole record."""

    opportunity: Opportunity | None
    line: tuple[Point, ...]
    legs: tuple[LegStory, ...]
    merge: MergeStory | None  # None while it was not handed over, and on paper
    entries: tuple[EntryStory, ...]
    entries_sum_micro: int  # of what each entry is off by; 0 or the books are wrong


def set_story(row: ArbitrageSet) -> SetStory:
    """Return the record of a set. A fixed number of queries, however much happened."""
    gap = Opportunity.objects.filter(opportunity_id=row.opportunity_id).first()
    moves = list(SetMove.objects.filter(set_id=row.set_id).order_by("sequence")[:ROWS_MAX])
    entries = _entries(row.set_id)
    return SetStory(
        opportunity=gap,
        line=_line([(move.state_to, move.at, move.reason) for move in moves], row, gap),
        legs=_legs(row),
        merge=_merge(moves),
        entries=entries,
        entries_sum_micro=sum(abs(entry.sum_micro) for entry in entries),
    )


def order_story(order: Order) -> OrderStory:
    """Return the record of one order."""
    moves = OrderMove.objects.filter(order_id=order.order_id).order_by("sequence")[:ROWS_MAX]
    trades = Trade.objects.filter(order_id=order.order_id).order_by("id")[:ROWS_MAX]
    steps = [(move.state_to, move.at, move.reason) for move in moves]
    return OrderStory(order=order, moves=points(steps), trades=tuple(trades))


def settled_ms(trade: Trade) -> int | None:
    """Return how long after its match a fill was settled, None before."""
    if trade.state not in (TradeState.CONFIRMED, TradeState.FAILED):
        return None
    return ms_between(trade.matched_at, trade.moved_at)


def points(steps: list[tuple[str, datetime, str]]) -> tuple[Point, ...]:
    """Return moments with the milliseconds between them."""
    found: list[Point] = []
    for state, at, reason in steps:
        before = found[-1].at if found else None
        first = found[0].at if found else at
        found.append(
            Point(
                state=state,
                at=at,
                after_ms=ms_between(before, at) if before is not None else None,
                since_start_ms=ms_between(first, at),
                reason=reason,
                stays=bool(found) and found[-1].state == state,
            )
        )
    return tuple(found)


def _merge(moves: list[SetMove]) -> MergeStory | None:
    """Return the newest merge that was handed over, by what the moves of its set say."""
    sent = [move for move in moves if move.reason.startswith(SENT_AS)]
    if not sent:
        return None
    last = sent[-1]
    later = [move for move in moves if move.sequence > last.sequence]
    named = next((found for move in later if (found := _TRANSACTION.match(move.reason))), None)
    done = next((move for move in later if move.state_to != SetState.MERGING), None)
    return MergeStory(
        reference=last.reason.removeprefix(SENT_AS),
        sent_at=last.at,
        transaction_hash=named[1] if named else "",
        done_at=done.at if done else None,
        took_ms=ms_between(last.at, done.at) if done else None,
    )


def _line(
    steps: list[tuple[str, datetime, str]], row: ArbitrageSet, gap: Opportunity | None
) -> tuple[Point, ...]:
    start = gap.seen_at if gap is not None else row.opened_at
    # The gap was seen before the set was thought of; a set is born with its first move.
    if not steps or steps[0][0] != "SEEN":
        steps = [("SEEN", min(start, steps[0][1]) if steps else start, ""), *steps]
    return points(steps)


def _legs(row: ArbitrageSet) -> tuple[LegStory, ...]:
    stories = _orders(row.set_id)
    planned = [leg for leg in row.legs if isinstance(leg, dict)]
    tokens = [str(leg.get("token_id", "")) for leg in planned]
    tokens += [token for token in stories if token not in tokens]
    markets = markets_by_token(tokens)
    plans = {str(leg.get("token_id", "")): leg for leg in planned}
    legs = []
    for token in tokens:
        plan = plans.get(token, {})
        orders = stories.get(token, ())
        fills = [
            trade
            for story in orders
            for trade in story.trades
            if trade.side == "BUY" and trade.state != "FAILED"
        ]
        legs.append(
            LegStory(
                token_id=token,
                outcome=outcome_of(markets.get(token), token),
                market=markets.get(token),
                limit_micro=int(plan.get("limit_micro", 0)),
                size_micro=int(plan.get("size_micro", 0)),
                cost_micro=int(plan.get("cost_micro", 0)),
                fee_micro=int(plan.get("fee_micro", 0)),
                bought_micro=sum(trade.size_micro for trade in fills),
                paid_micro=sum(trade_cost_micro(trade) for trade in fills),
                charged_micro=sum(trade.fee_micro for trade in fills),
                orders=orders,
            )
        )
    return tuple(legs)


def trade_cost_micro(trade: Trade) -> int:
    """Return price times size of a fill, rounded up as when it is paid."""
    return cost_up(trade.price_micro, trade.size_micro)


def _orders(set_id: str) -> dict[str, tuple[OrderStory, ...]]:
    orders = list(Order.objects.filter(set_id=set_id).order_by("id")[:ROWS_MAX])
    ids = [order.order_id for order in orders]
    moves: dict[str, list[tuple[str, datetime, str]]] = {}
    for move in OrderMove.objects.filter(order_id__in=ids).order_by("order_id", "sequence"):
        moves.setdefault(move.order_id, []).append((move.state_to, move.at, move.reason))
    trades: dict[str, list[Trade]] = {}
    for trade in Trade.objects.filter(set_id=set_id).order_by("id")[:ROWS_MAX]:
        trades.setdefault(trade.order_id, []).append(trade)
    found: dict[str, list[OrderStory]] = {}
    for order in orders:
        found.setdefault(order.token_id, []).append(
            OrderStory(
                order=order,
                moves=points(moves.get(order.order_id, [])),
                trades=tuple(trades.get(order.order_id, [])),
            )
        )
    return {token: tuple(stories) for token, stories in found.items()}


def _entries(set_id: str) -> tuple[EntryStory, ...]:
    rows = LedgerEntry.objects.filter(set_id=set_id).order_by("id")
    found = []
    for entry in rows.prefetch_related("postings")[:ROWS_MAX]:
        lines = tuple(_posting(posting) for posting in entry.postings.all())
        debit_micro = sum(max(0, line.amount_micro) for line in lines)
        credit_micro = sum(line.credit_micro for line in lines)
        found.append(
            EntryStory(
                entry=entry,
                postings=lines,
                debit_micro=debit_micro,
                credit_micro=credit_micro,
                sum_micro=debit_micro - credit_micro,
            )
        )
    return tuple(found)


def _posting(posting: LedgerPosting) -> Line:
    return Line(
        account=posting.account,
        amount_micro=posting.amount_micro,
        credit_micro=max(0, -posting.amount_micro),
        quantity_micro=posting.quantity_micro,
    )
