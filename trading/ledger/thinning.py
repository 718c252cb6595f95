"""Metric samples thinned with age: each second for a day, each minute for a month, then none."""

from datetime import datetime, timedelta

from django.db.models import Min
from django.db.models.functions import TruncMinute

from trading.models import MetricSample

SECONDS_KEPT = timedelta(hours=24)
MINUTES_KEPT = timedelta(days=30)
HOURS_PER_RUN = 48


def thin_samples(now: datetime) -> int:
    """Remove samples that are older than their resolution is kept; return how many.

    Works through at most 48 hours of samples a call, an hour per transaction, so that no call
    holds the database for long; what is left over is the next call's.
    """
    removed, _ = MetricSample.objects.filter(at__lt=now - MINUTES_KEPT).delete()
    end = (now - SECONDS_KEPT).replace(minute=0, second=0, microsecond=0)
    for _ in range(HOURS_PER_RUN):
        start = end - timedelta(hours=1)
        if start < now - MINUTES_KEPT:
            break
        removed += _thin(start, end)
        end = start
    return removed


def _thin(start: datetime, end: datetime) -> int:
    """Keep the first sample of each minute and session."""
    hour = MetricSample.objects.filter(at__gte=start, at__lt=end).order_by()
    kept = hour.annotate(minute=TruncMinute("at")).values("session_id", "minute")
    first = list(kept.annotate(first=Min("id")).values_list("first", flat=True))
    if not first:
        return 0
    return hour.exclude(id__in=first).delete()[0]
