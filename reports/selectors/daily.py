"""Reports that are kept: one by its day, and what lies around it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.models import OuterRef, QuerySet, Subquery

from reports.models import DailyReport
from trading.services.refusals import Invalid, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The report before and the one after, of the same account and kind; None at the ends."""

    before: DailyReport | None
    after: DailyReport | None


def find_daily(account: str, day: date, revision: int | None = None) -> DailyReport:
    """Return the newest report of a day, or that revision of it. Raises NotFound."""
    rows = DailyReport.objects.filter(account=account, kind=DailyReport.Kind.DAILY, day=day)
    if revision is not None:
        rows = rows.filter(revision=revision)
    report = rows.order_by("-revision").first()
    if report is None:
        raise NotFound(
            "NO_REPORT",
            f"there is no report of {day}" + (f" with revision {revision}" if revision else ""),
            f"make it: manage.py daily_report --date {day:%Y%m%d}",
        )
    return report


def day_of(text: str) -> date:
    """Return the day in 20260302 or 2026-03-02. Raises Invalid for any other text."""
    plain = text.replace("-", "") if len(text) == len("2026-03-02") else text
    try:
        if not (plain.isascii() and plain.isdecimal() and len(plain) == len("20260302")):
            raise ValueError(text)
        return datetime.strptime(plain, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise Invalid(
            "INVALID_DAY",
            "this is no day",
            "write a day of UTC as 20260302 or 2026-03-02",
            ("day is not valid",),
        ) from None


def newest_revisions() -> QuerySet[DailyReport]:
    """Return each report in its newest revision, newest day first, without figures and text."""
    newest = DailyReport.objects.filter(
        account=OuterRef("account"),
        kind=OuterRef("kind"),
        day=OuterRef("day"),
        session_key=OuterRef("session_key"),
    ).order_by("-revision")
    rows = DailyReport.objects.filter(pk=Subquery(newest.values("pk")[:1]))
    return rows.defer("figures", "markdown")


def around(report: DailyReport) -> Around:
    """Return the neighbours of a report."""
    rows = newest_revisions().filter(account=report.account, kind=report.kind)
    if report.kind == DailyReport.Kind.DAILY:
        before = rows.filter(day__lt=report.day).order_by("-day").first()
        after = rows.filter(day__gt=report.day).order_by("day").first()
    else:
        before = rows.filter(pk__lt=report.pk).order_by("-pk").first()
        after = rows.filter(pk__gt=report.pk).order_by("pk").first()
    return Around(before=before, after=after)
