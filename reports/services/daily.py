"""Making reports: of a UTC day, and of a run of the engine when it has ended.

A report is made from recorded facts alone. Made again from the same facts it is the same report,
byte for byte, and no second row; made again after the facts have changed it is the next revision.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.recorder import record
from polyarb_site.clock import Clock, SystemClock
from reports.files import write_files
from reports.models import DailyReport
from reports.render.html import page
from reports.render.markdown import markdown
from reports.render.report import document, summary
from reports.services.gathering import gather
from trading.selectors.periods import Period
from trading.selectors.stops import Stop
from trading.services.changes import actor_text, find_mandate
from trading.services.refusals import Invalid, require

PERMISSION = "reports.make_report"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
STOP_SPAN_MAX = DAY  # a longer run has daily reports of its earlier days


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A report as the facts make it now, not stored anywhere."""

    figures: dict[str, Any]
    markdown: str
    sha256: str


def make_report(
    account: str,
    day: date,
    *,
    by: User | None = None,
    by_name: str = "",
    at: datetime | None = None,
    clock: Clock | None = None,
) -> DailyReport:
    """Return the report of a UTC day, made from the facts and kept.

    Of a day that is not over it goes up to now. Raises Invalid for one that has not begun.
    """
    require(by, PERMISSION)
    clock = clock or SystemClock()
    now = at or clock.now()
    find_mandate(account)
    period = _day(account, day, now)
    return _make(
        period,
        kind=DailyReport.Kind.DAILY,
        session_key="",
        day=day,
        whole=period.until - period.since == DAY,
        who=(by, actor_text(by, by_name)),
        now=now,
        clock=clock,
    )


def make_stop_report(
    stop: Stop, *, by_name: str, at: datetime | None = None, clock: Clock | None = None
) -> DailyReport:
    """Return the report of a run that has ended; of a long one, of its last day."""
    clock = clock or SystemClock()
    until = stop.ended_at.replace(microsecond=0) + SECOND
    since = max(stop.began_at.replace(microsecond=0), until - STOP_SPAN_MAX)
    return _make(
        Period(account=stop.account, since=since, until=until),
        kind=DailyReport.Kind.STOP,
        session_key=stop.key,
        day=stop.ended_at.astimezone(UTC).date(),
        whole=True,
        who=(None, by_name),
        now=at or clock.now(),
        clock=clock,
    )


def rebuild(account: str, day: date) -> Rebuilt:
    """Return the report of a whole day as the facts make it now, without keeping it.

    Two databases with the same facts give the same Markdown: that is how a backup is proven.
    """
    start = datetime.combine(day, time(), UTC)
    period = Period(account=account, since=start, until=start + DAY)
    return _build(period, kind=DailyReport.Kind.DAILY, session_key="", whole=True)


def report_name(report: DailyReport) -> str:
    """Return how the files of a report are called, without their endings."""
    if report.kind == DailyReport.Kind.STOP:
        return f"{report.day:%Y%m%d}-stop-{report.session_key}"
    name = f"{report.day:%Y%m%d}"
    return name if report.account == settings.ACCOUNT else f"{name}-{report.account}"


def _day(account: str, day: date, now: datetime) -> Period:
    start = datetime.combine(day, time(), UTC)
    if start >= now:
        raise Invalid(
            "DAY_NOT_BEGUN",
            f"{day} has not begun in UTC",
            "ask for a day that is over, or for today",
            ("day has not begun",),
        )
    end = min(start + DAY, max(now.replace(microsecond=0), start + SECOND))
    return Period(account=account, since=start, until=end)


def _build(period: Period, *, kind: str, session_key: str, whole: bool) -> Rebuilt:
    figures = gather(period, kind=kind, session_key=session_key, whole=whole)
    text = markdown(document(figures))
    return Rebuilt(figures, text, hashlib.sha256(text.encode()).hexdigest())


def _make(
    period: Period,
    *,
    kind: str,
    session_key: str,
    day: date,
    whole: bool,
    who: tuple[User | None, str],
    now: datetime,
    clock: Clock,
) -> DailyReport:
    began_ns = clock.monotonic_ns()
    built = _build(period, kind=kind, session_key=session_key, whole=whole)
    took_ms = (clock.monotonic_ns() - began_ns) // 1_000_000
    with transaction.atomic():
        rows = DailyReport.objects.select_for_update().filter(
            account=period.account, kind=kind, day=day, session_key=session_key
        )
        last = rows.order_by("-revision").first()
        if last is not None and last.sha256 == built.sha256:
            report = last
        else:
            report = DailyReport.objects.create(
                account=period.account,
                kind=kind,
                day=day,
                session_key=session_key,
                revision=last.revision + 1 if last is not None else 1,
                figures=built.figures,
                summary=summary(built.figures),
                markdown=built.markdown,
                sha256=built.sha256,
                audit_sequence=built.figures["audit"]["sequence"],
                audit_sha256=built.figures["audit"]["sha256"],
                created_at=now,
                took_ms=took_ms,
                created_by=who[1],
            )
            _audit(report, who, now)
    _write(report)
    return report


def _audit(report: DailyReport, who: tuple[User | None, str], now: datetime) -> None:
    record(
        "report.make",
        actor=who[0],
        actor_name=who[1],
        target=f"report:{report.account}:{report_name(report)}",
        after={
            "kind": report.kind,
            "day": report.day.isoformat(),
            "revision": report.revision,
            "sha256": report.sha256,
        },
        at=now,
    )


def _write(report: DailyReport) -> None:
    """Write the files, after the row is kept: a file that fails does not lose the report."""
    html = page(document(report.figures))
    texts = {".md": report.markdown, ".html": html}
    write_files(settings.REPORTS_DIR / "daily", report_name(report), texts)
