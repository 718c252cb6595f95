"""The alerts of a time of one account, as plain values: what fired, and what was open at its end.

It depends on the time asked for and on the facts, never on now.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from alerts.models import Alert, Delivery

LINES_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """One alert. `resolved_at` is None when it was open at the end of the period."""

    number: int
    rule_id: str
    level: str
    count: int
    fired_at: datetime
    resolved_at: datetime | None
    acked_by: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodAlerts:
    """Alerts of a period, oldest first. Counts are of all, `lines` of at most LINES_MAX."""

    fired: int  # that began to fire in it
    open: dict[str, int]  # at its end, by level
    lines: tuple[AlertLine, ...]
    deliveries: dict[str, int]  # messages about alerts that were queued in it, by state


def period_alerts(account: str, since: datetime, until: datetime) -> PeriodAlerts:
    """Return the alerts of an account that fired or were open in a period."""
    rows = Alert.objects.filter(account=account, fired_at__lt=until)
    still_open = Q(resolved_at=None) | Q(resolved_at__gte=until)
    began = Q(fired_at__gte=since) | Q(last_fired_at__gte=since, last_fired_at__lt=until)
    opened = rows.filter(still_open).order_by().values_list("level").annotate(total=Count("pk"))
    shown = rows.filter(began | still_open | Q(resolved_at__gte=since)).order_by("fired_at", "id")
    sent = Delivery.objects.filter(
        kind__in=(Delivery.Kind.FIRING, Delivery.Kind.ESCALATED, Delivery.Kind.RESOLVED),
        payload__account=account,
        created_at__gte=since,
        created_at__lt=until,
    )
    states = sent.order_by().values_list("state").annotate(total=Count("pk"))
    return PeriodAlerts(
        fired=rows.filter(began).count(),
        open=dict(sorted(opened)),
        lines=tuple(_line(row, until) for row in shown[:LINES_MAX]),
        deliveries=dict(sorted(states)),
    )


def _line(row: Alert, until: datetime) -> AlertLine:
    assert row.fired_at is not None
    ended = row.resolved_at
    return AlertLine(
        number=row.pk,
        rule_id=row.rule_id,
        level=row.level,
        count=row.count,
        fired_at=row.fired_at,
        resolved_at=ended if ended is not None and ended < until else None,
        acked_by=row.acked_by,
        value=row.value,
        reason=row.reason,
    )
