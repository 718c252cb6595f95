"""What mutes now, what will, and what did."""

from datetime import datetime

from django.db.models import Q

from alerts.models import Silence
from alerts.rules.muting import Mute

SHOWN_MAX = 100


def mute_of(row: Silence) -> Mute:
    """Return a silence as it is judged."""
    return Mute(
        number=row.pk,
        window=row.kind == Silence.Kind.MAINTENANCE,
        reason=row.reason,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        account=row.account,
        rule_ids=frozenset(row.rule_ids),
        levels=frozenset(row.levels),
        weekdays=frozenset(row.weekdays),
        from_minute=row.from_minute,
        minutes=row.minutes,
    )


def is_muting(row: Silence, now: datetime) -> bool:
    """Return whether it mutes at this moment; `now` is in UTC."""
    return row.ended_at is None and mute_of(row).is_on(now)


def present_silences(now: datetime) -> list[Silence]:
    """Return what has not ended, what ends first on top."""
    rows = Silence.objects.filter(ended_at=None, ends_at__gt=now)
    return list(rows.order_by("ends_at", "id")[:SHOWN_MAX])


def past_silences(now: datetime) -> list[Silence]:
    """Return what has ended, newest first."""
    rows = Silence.objects.filter(Q(ended_at__isnull=False) | Q(ends_at__lte=now))
    return list(rows.order_by("-id")[:SHOWN_MAX])
