"""Reports that are made by themselves: each morning, at each stop, and late when something failed.

A report that is missing is an alert: the job that finds it missing makes it, and then fails, by
which the rule JOB_FAILED is raised. A failed one is retried each minute and fails the job each
time; a stuck or silent jobs cluster has rules of its own.
"""

from datetime import UTC, date, datetime, time, timedelta

from polyarb_site.clock import Clock
from reports.models import DailyReport
from reports.services.daily import make_report, make_stop_report
from reports.services.telling import tell
from trading.selectors.pages import first_started_at
from trading.selectors.stops import stops_since
from trading.selectors.watched import accounts

BY = "daily report"
DAYS_BACK = 7
DAYS_PER_CALL = 3  # each takes some seconds, and a job has a minute
STOPS_BACK = timedelta(hours=24)
LATE_AFTER = timedelta(minutes=35)  # after midnight: half an hour after it is due
DAY = timedelta(days=1)


class ReportLateError(Exception):
    """A report was not there when it had to be. It is now; what was wrong still has to be seen."""


def make_missing(clock: Clock, *, days_max: int = DAYS_PER_CALL) -> list[DailyReport]:
    """Make the reports of the last days that are over and have none, the newest day first."""
    now = clock.now()
    made: list[DailyReport] = []
    for account in accounts():
        for day in _missing_days(account, now):
            if len(made) == days_max:
                return made
            report = make_report(account, day, by_name=BY, clock=clock)
            if day == _yesterday(now):
                tell(report, now)
            made.append(report)
    return made


def make_stops(clock: Clock) -> list[DailyReport]:
    """Make the report of each run that has ended within a day and has none."""
    now = clock.now()
    made = []
    for account in accounts():
        known = set(
            DailyReport.objects.filter(account=account, kind=DailyReport.Kind.STOP).values_list(
                "session_key", flat=True
            )
        )
        for stop in stops_since(account, now - STOPS_BACK, now):
            if stop.key not in known:
                report = make_stop_report(stop, by_name="stop report", clock=clock)
                tell(report, now)
                made.append(report)
    return made


def refuse_late(clock: Clock) -> None:
    """Make what is late, and raise ReportLateError for it."""
    now = clock.now()
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    if now < midnight + LATE_AFTER:
        return
    day = _yesterday(now)
    late = [one for one in accounts() if day in _missing_days(one, now)]
    if late:
        make_missing(clock, days_max=len(late))
        raise ReportLateError(f"the report of {day} was late for {', '.join(late)}; it is made now")


def _yesterday(now: datetime) -> date:
    return now.astimezone(UTC).date() - DAY


def _missing_days(account: str, now: datetime) -> list[date]:
    first = first_started_at(account)
    if first is None:
        return []
    days = [_yesterday(now) - DAY * back for back in range(DAYS_BACK)]
    rows = DailyReport.objects.filter(account=account, kind=DailyReport.Kind.DAILY, day__in=days)
    whole = {
        day
        for day, created_at in rows.values_list("day", "created_at")
        if created_at.astimezone(UTC).date() > day
    }
    return [day for day in days if day >= first.astimezone(UTC).date() and day not in whole]
