"""What is kept of evaluations for how long.

Rollback criteria are judged every few seconds, all criteria every ten minutes. What somebody asked
for or is bound to, rollback criteria that were met, and the first of each hour are kept for good;
the rest for two hours and for two weeks.
"""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Window
from django.db.models.functions import RowNumber, TruncHour

from checks.models import CriterionVerdict, Evaluation, Promotion, Rollback

KEPT = {"KILL": timedelta(hours=2), "ALL": timedelta(days=14)}
ROWS_MAX = 5_000  # of one call


def thin_evaluations(now: datetime) -> int:
    """Remove old evaluations that nothing speaks for; return how many, at most 10,000 a call."""
    failed = CriterionVerdict.objects.filter(evaluation=OuterRef("pk"), verdict="FAIL")
    old = {scope: _unbound(scope, now - kept) for scope, kept in KEPT.items()}
    removed = 0
    for rows in (old["KILL"].exclude(Exists(failed)), old["ALL"]):
        ids = list(_after_the_first_of_each_hour(rows)[:ROWS_MAX])
        with transaction.atomic():
            for first in range(0, len(ids), 500):
                Evaluation.objects.filter(pk__in=ids[first : first + 500]).delete()
        removed += len(ids)
    return removed


def _unbound(scope: str, before: datetime) -> QuerySet[Evaluation]:
    bound = Promotion.objects.filter(evaluation=OuterRef("pk"))
    cause = Rollback.objects.filter(verdicts__evaluation=OuterRef("pk"))
    rows = Evaluation.objects.filter(scope=scope, at__lt=before, by=None)
    return rows.exclude(Exists(bound)).exclude(Exists(cause))


def _after_the_first_of_each_hour(rows: QuerySet[Evaluation]) -> QuerySet[Evaluation, int]:
    """Return the ids of all but the first of each hour, account, phase and venue, oldest first."""
    hour = TruncHour("at", tzinfo=UTC)
    place = Window(
        RowNumber(),
        partition_by=[F("account"), F("phase"), F("venue"), hour],
        order_by="id",
    )
    later = rows.annotate(place=place).filter(place__gt=1)
    return later.order_by("id").values_list("pk", flat=True)
