"""Sums over the facts: the funnel, and what was realised. Each is one query by an index."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.db.models.functions import Coalesce

from trading.engine.codes import SetState, Stage
from trading.models import (
    ArbitrageSet,
    EngineSession,
    LedgerEntry,
    Mandate,
    Money,
    Opportunity,
    money_of,
    rows_with,
    sessions_with,
)

# A later stage includes the earlier ones: what was submitted was also seen.
STAGES = (Stage.SEEN, Stage.CONFIRMED, Stage.ALLOWED, Stage.SUBMITTED)
COMPLETED = (SetState.MERGED.value, SetState.REDEEMED.value)
BUCKETS_MAX = 1_000


def day_start(now: datetime) -> datetime:
    """Return the start of the UTC day, which is the trading day. `now` is in UTC."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def money_now(account: str) -> Money:
    """Return what the newest session trades with; before the first, what the mandate asks for."""
    for model, newest in ((EngineSession, "-token"), (Mandate, "pk")):
        rows = model._default_manager.filter(account=account).order_by(newest)
        found = rows.values_list("mode", "feed").first()
        if found is not None:
            return money_of(*found)
    return Money.PAPER


def sessions_in(account: str, since: datetime) -> Q:
    """Return the condition on `session` for runs of the account that were not over before."""
    return Q(session__account=account) & (
        Q(session__ended_at=None) | Q(session__ended_at__gte=since)
    )


def ran_since(account: str, since: datetime) -> bool:
    """Return whether any engine of the account was alive since then."""
    return EngineSession.objects.filter(account=account, heartbeat_at__gte=since).exists()


def funnel(account: str, since: datetime, until: datetime, *, money: Money) -> dict[str, Any]:
    """Return how far the gaps of a time came, and why they came no further, as pages count them.

    Only what was seen while the account traded with this kind of money. `stages` counts seen,
    confirmed, allowed and submitted gaps, each including the later ones, and completed sets.
    `refusals` is by count, commonest first.
    """
    rows = (
        Opportunity.objects.filter(
            sessions_in(account, since) & sessions_with(money, to="session__"),
            seen_at__gte=since,
            seen_at__lt=until,
        )
        .order_by()
        .values_list("stage", "refusal")
        .annotate(total=Count("pk"))
    )
    counts = dict.fromkeys(STAGES, 0)
    refusals: dict[str, int] = {}
    for stage, refusal, total in rows:
        for earlier in STAGES[: STAGES.index(Stage(stage)) + 1]:
            counts[earlier] += total
        if refusal:
            refusals[refusal] = refusals.get(refusal, 0) + total
    ordered = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))
    completed = ArbitrageSet.objects.filter(
        sessions_in(account, since) & rows_with(money),
        state__in=COMPLETED,
        moved_at__gte=since,
        moved_at__lt=until,
    ).aggregate(total=Count("pk"))["total"]
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "stages": {**{s.value.lower(): counts[s] for s in STAGES}, "completed": completed},
        "refusals": [{"code": code, "count": count} for code, count in ordered],
        "commonest_refusal": ordered[0][0] if ordered else None,
    }


def realised_micro(account: str, since: datetime | None, *, money: Money) -> int:
    """Return what was realised since then, or ever, with one kind of money."""
    rows = LedgerEntry.objects.filter(rows_with(money), session__account=account)
    if since is not None:
        rows = rows.filter(sessions_in(account, since), at__gte=since)
    total: int = rows.aggregate(total=Coalesce(Sum("realised_micro"), 0))["total"]
    return total


def phase_start(account: str, phase: int) -> datetime | None:
    """Return the start of the first run in the present stay in a phase, None when there is none.

    A run in another phase ends a stay: what was earned before a rollback is not counted again.
    """
    runs = EngineSession.objects.filter(account=account)
    other = runs.exclude(phase=phase).order_by("-token").values_list("token", flat=True).first()
    stay = runs.filter(phase=phase, token__gt=other or 0)
    started: datetime | None = stay.aggregate(started=Min("started_at"))["started"]
    return started


def realised_curve(
    account: str, since: datetime, until: datetime, buckets: int, *, money: Money
) -> list[dict[str, Any]]:
    """Return what had been realised since `since`, at the end of each of `buckets` equal parts.

    Null where no engine had run yet. Raises ValueError for a time or a number without sense.
    """
    if not 1 <= buckets <= BUCKETS_MAX or until <= since:
        raise ValueError(f"ask for 1 to {BUCKETS_MAX} parts of a time that is not empty")
    step = (until - since) / buckets
    rows = LedgerEntry.objects.filter(
        sessions_in(account, since) & rows_with(money), at__gte=since, at__lt=until
    )
    sums = [0] * buckets
    moves = rows.exclude(realised_micro=0).order_by().values_list("at", "realised_micro")
    for at, micro in moves.iterator():
        sums[min(int((at - since) / step), buckets - 1)] += micro
    first = EngineSession.objects.filter(account=account).aggregate(at=Min("started_at"))["at"]
    return _cumulated(sums, since, step, first)


def _cumulated(
    sums: list[int], since: datetime, step: timedelta, first: datetime | None
) -> list[dict[str, Any]]:
    points = []
    total = 0
    for index, micro in enumerate(sums):
        total += micro
        end = since + step * (index + 1)
        known = first is not None and first < end
        points.append({"at": end.isoformat(), "realised_micro": total if known else None})
    return points
