"""Reports as rows, made from whatever facts there are, without files and audit records."""

from datetime import UTC, datetime, timedelta

from reports.models import DailyReport
from reports.render.report import summary
from reports.services.daily import rebuild
from tests.conftest import NOON

DAY = NOON.date()


def make_daily(day=DAY, *, account="main", **changes):
    built = rebuild(account, day)
    values = {
        "account": account,
        "day": day,
        "figures": built.figures,
        "summary": summary(built.figures),
        "markdown": built.markdown,
        "sha256": built.sha256,
        "created_at": datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1),
        "created_by": "test",
        **changes,
    }
    return DailyReport.objects.create(**values)
