"""CRITICAL alerts as criteria ask: when they fired, how long they lasted, and whether they stopped.

An alert is its account's and has no feed: each one counts, on whatever feed the engine ran.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from alerts.models import Alert, AlertMove, Watch
from alerts.rules.readings import FIGURES
from alerts.selectors.counts import JUDGE

ALERTS_MAX = 5_000
STOP_TRADING = "stop_trading"
Ranges = Mapping[str, Sequence[Sequence[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalSpell:
    """One CRITICAL alert as it was at a moment. `resolved_at` is None while it lasted.

    `stopped_us` is how long the slowest of its stops took, None without complete evidence of one;
    `stops` says whether its rule stops trading inside the engine at all.
    """

    number: int
    rule_id: str
    fired_at: datetime
    last_fired_at: datetime
    resolved_at: datetime | None
    stops: bool
    stopped_us: int | None


def critical_spells(
    account: str, since: datetime, until: datetime, *, ids: Ranges | None = None
) -> tuple[CriticalSpell, ...]:
    """Return the CRITICAL alerts that fired or lasted within a time, oldest first."""
    rows = _rows(account, since, until, ids).filter(level=Alert.Level.CRITICAL)
    wanted = rows.select_related("rule_revision").order_by("fired_at", "id")
    return tuple(_spell(row, until) for row in wanted[:ALERTS_MAX])


def alerts_with_gaps(account: str, since: datetime, until: datetime) -> int:
    """Return of how many alerts a transition is missing: numbers that are not 1 to the last."""
    rows = _rows(account, since, until, None).values("pk")
    moves = AlertMove.objects.filter(alert__in=rows).order_by().values("alert")
    counted = moves.annotate(number=Count("pk"), last=Max("sequence"))
    without = _rows(account, since, until, None).filter(moves=None).count()
    with_gaps: int = sum(row["number"] != row["last"] for row in counted)
    return with_gaps + without


def judged_at() -> datetime | None:
    """Return when the rules were last judged, None when they never were."""
    return Watch.objects.filter(name=JUDGE).values_list("beat_at", flat=True).first()


def _rows(
    account: str, since: datetime, until: datetime, ids: Ranges | None
) -> QuerySet[Alert, Alert]:
    lasted = Q(resolved_at=None) | Q(resolved_at__gte=since)
    rows = Alert.objects.filter(lasted, account=account, fired_at__lte=until)
    if ids is None:
        return rows
    known = Q(pk__in=[])
    for first, last in ids.get(Alert._meta.label, ()):
        known |= Q(pk__gte=first, pk__lte=last)
    return rows.filter(known)


def _spell(row: Alert, until: datetime) -> CriticalSpell:
    assert row.fired_at is not None
    over = row.resolved_at is not None and row.resolved_at <= until
    last = row.last_fired_at or row.fired_at
    values = row.rule_revision.values
    return CriticalSpell(
        number=row.pk,
        rule_id=row.rule_id,
        fired_at=row.fired_at,
        last_fired_at=max(row.fired_at, min(last, until)),
        resolved_at=row.resolved_at if over else None,
        stops=_stops(values),
        stopped_us=_stopped_us(row.evidence),
    )


def _stops(values: Mapping[str, Any]) -> bool:
    """Return whether the engine itself judges a rule that stops trading: it alone can measure."""
    actions = {action.get("type") for action in values.get("actions", ())}
    metric = values.get("query", {}).get("metric")
    return STOP_TRADING in actions and metric in FIGURES


def _stopped_us(evidence: Mapping[str, Any]) -> int | None:
    stops = evidence.get("stops") or ([evidence["stop"]] if evidence.get("stop") else [])
    slowest = None
    for stop in stops:
        us = stop.get("stopped_us")
        if stop.get("complete") is not True or type(us) is not int:
            return None
        slowest = us if slowest is None else max(slowest, us)
    return slowest
