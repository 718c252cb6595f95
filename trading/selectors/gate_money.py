"""What an engine earned and how its orders were filled, as criteria ask, of one kind of money."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from trading.engine.codes import Account, OrderState, Side, TradeState
from trading.models import ArbitrageSet, LedgerEntry, LedgerPosting, Order, Trade
from trading.selectors.gate_facts import whole_days
from trading.selectors.gate_scope import Rows, Scope, ranges, session_ids, span
from trading.selectors.period_money import CLOSED

SETTLED_AFTER = timedelta(seconds=60)  # what became of an order is known by then
FILLS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was realised, entry by entry in order, and the capital that it was realised with."""

    capital_micro: int  # paid in, and realised before, when the scope begins
    moves: tuple[tuple[datetime, int, int], ...]  # when, realised, paid in or taken out
    rows: Rows

    @property
    def realised_micro(self) -> int:
        """Return what was realised in all."""
        return sum(realised for _, realised, _ in self.moves)

    def days(self, days: list[date]) -> list[tuple[str, int, int]]:
        """Return (day, realised, paid in or taken out) of these days."""
        sums = {day: [0, 0] for day in days}
        for at, realised, moved in self.moves:
            day = at.astimezone(UTC).date()
            if day in sums:
                sums[day][0] += realised
                sums[day][1] += moved
        return [(day.isoformat(), sums[day][0], sums[day][1]) for day in days]

    def worst_loss_micro(self) -> int:
        """Return what the worst UTC day lost, 0 when none lost anything."""
        sums: dict[date, int] = {}
        for at, realised, _ in self.moves:
            day = at.astimezone(UTC).date()
            sums[day] = sums.get(day, 0) + realised
        return max(0, -min(sums.values(), default=0))


def results(scope: Scope) -> Results:
    """Return what was realised in a scope, with what was paid in or taken out."""
    entries = scope.known(
        LedgerEntry.objects.filter(
            session__in=session_ids(scope),
            paper=scope.paper,
            at__gte=scope.since,
            at__lte=scope.until,
        )
    )
    realised = [
        (at, pk, micro, 0)
        for pk, at, micro in entries.exclude(realised_micro=0)
        .order_by()
        .values_list("pk", "at", "realised_micro")
    ]
    moved = [
        (at, pk, 0, -micro)
        for pk, at, micro in _capital(scope)
        .filter(entry__at__gte=scope.since, entry__at__lte=scope.until)
        .values_list("entry_id", "entry__at", "amount_micro")
    ]
    ordered = sorted(realised + moved)
    ids = [pk for _, pk, _, _ in ordered]
    return Results(
        capital_micro=capital_micro(scope),
        moves=tuple((at, earned, paid) for at, _, earned, paid in ordered),
        rows=span(LedgerEntry, min(ids, default=None), max(ids, default=None)),
    )


def capital_micro(scope: Scope) -> int:
    """Return the capital in use when the scope begins: paid in, less taken out, and realised.

    An account's first booking may come with the first session: what is paid in before anything was
    ever realised counts as there from the beginning.
    """
    before = LedgerEntry.objects.filter(scope.booked(), at__lt=scope.since)
    realised = before.exclude(realised_micro=0).aggregate(total=Sum("realised_micro"))["total"]
    paid = _capital(scope).filter(entry__at__lt=scope.since).aggregate(total=Sum("amount_micro"))
    return (realised or 0) - (paid["total"] or 0)


def _capital(scope: Scope) -> QuerySet[LedgerPosting]:
    return LedgerPosting.objects.filter(
        scope.booked("entry__"), account=Account.CAPITAL, entry__kind="CAPITAL"
    ).order_by()


def closed_sets(scope: Scope) -> tuple[int, int, datetime | None, Rows]:
    """Return how many sets ended with a result, what the worst lost, and when the last ended."""
    rows = scope.known(
        ArbitrageSet.objects.filter(
            session__in=session_ids(scope),
            paper=scope.paper,
            state__in=CLOSED,
            moved_at__gte=scope.since,
            moved_at__lte=scope.until,
        )
    ).order_by()
    found = rows.aggregate(
        number=Count("pk"),
        worst=Min("realised_micro"),
        newest=Max("moved_at"),
        first=Min("pk"),
        last=Max("pk"),
    )
    loss = max(0, -(found["worst"] or 0))
    return found["number"], loss, found["newest"], span(ArbitrageSet, found["first"], found["last"])


def order_counts(scope: Scope) -> tuple[int, int, datetime | None, Rows]:
    """Return how many orders were submitted, how many of them filled at least in part, and when
    the newest was made. Orders of the last minute are left out: they are not over.
    """
    found = _orders(scope).aggregate(
        submitted=Count("pk"),
        filled=Count("pk", filter=Q(matched_micro__gt=0)),
        newest=Max("created_at"),
        first=Min("pk"),
        last=Max("pk"),
    )
    ids = span(Order, found["first"], found["last"])
    return found["submitted"], found["filled"], found["newest"], ids


def _orders(scope: Scope) -> QuerySet[Order]:
    return scope.known(
        Order.objects.filter(
            ~Q(state=OrderState.INTENT),
            session__in=session_ids(scope),
            created_at__gte=scope.since,
            created_at__lte=scope.until - SETTLED_AFTER,
        )
    ).order_by()


def order_days(scope: Scope) -> tuple[list[tuple[str, int, int]], Rows]:
    """Return (day, filled, submitted) of each whole UTC day of the scope, oldest first."""
    days = whole_days(scope.since, scope.until)
    if not days:
        return [], {}
    counts: dict[str, Count] = {}
    for number, day in enumerate(days):
        begin = datetime.combine(day, time(), UTC)
        made = Q(created_at__gte=begin, created_at__lt=begin + timedelta(days=1))
        counts[f"submitted_{number}"] = Count("pk", filter=made)
        counts[f"filled_{number}"] = Count("pk", filter=made & Q(matched_micro__gt=0))
    found = _orders(scope).aggregate(**counts, first=Min("pk"), last=Max("pk"))
    rows = [
        (day.isoformat(), found[f"filled_{number}"], found[f"submitted_{number}"])
        for number, day in enumerate(days)
    ]
    return rows, span(Order, found["first"], found["last"])


def fills(scope: Scope) -> Iterator[tuple[int, int, int, int, datetime]]:
    """Yield (id, price, planned cost, planned size, time) of each confirmed purchase of a set.

    A fill whose set or leg is not known has a plan of nothing.
    """
    trades = scope.known(
        Trade.objects.filter(
            session__in=session_ids(scope),
            paper=scope.paper,
            side=Side.BUY,
            state=TradeState.CONFIRMED,
            matched_at__gte=scope.since,
            moved_at__lte=scope.until,
        )
    ).order_by("id")
    rows = list(
        trades.values_list("pk", "set_id", "token_id", "price_micro", "matched_at")[:FILLS_MAX]
    )
    plans = _plans(scope, trades.values("set_id").order_by())
    for pk, set_id, token_id, price, at in rows:
        cost, size = plans.get((set_id, token_id), (0, 0))
        yield pk, price, cost, size, at


def fill_rows(ids: Sequence[int]) -> Rows:
    """Return the ranges of these fills."""
    return ranges(Trade, ids)


def _plans(scope: Scope, set_ids: QuerySet[Trade, Any]) -> dict[tuple[str, str], tuple[int, int]]:
    sets = ArbitrageSet.objects.filter(
        session__account=scope.account, set_id__in=set_ids
    ).order_by()
    found = {}
    for set_id, legs in sets.values_list("set_id", "legs"):
        for leg in legs:
            cost, size = leg.get("cost_micro"), leg.get("size_micro")
            if type(cost) is int and type(size) is int:
                found[set_id, leg.get("token_id", "")] = (cost, size)
    return found
