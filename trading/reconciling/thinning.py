"""Reconciliations thinned with age: what did not agree is kept for good, agreement for a week."""

from datetime import datetime, timedelta

from trading.models import ReconciliationRun

MATCHES_KEPT = timedelta(days=7)
ROWS_PER_RUN = 10_000


def thin_reconciliations(now: datetime) -> int:
    """Remove runs that agreed and are older than a week; return how many, at most 10,000 a call."""
    old = ReconciliationRun.objects.filter(
        verdict=ReconciliationRun.Verdict.MATCH, at__lt=now - MATCHES_KEPT
    ).order_by("id")
    ids = list(old.values_list("id", flat=True)[:ROWS_PER_RUN])
    if not ids:
        return 0
    # By range, because a list of that many ids is more than a statement may hold.
    return old.filter(id__lte=ids[-1]).order_by().delete()[0]
