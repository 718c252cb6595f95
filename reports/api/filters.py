"""What the lists of reports and backups can be narrowed to. `since` is included, `until` is not."""

import django_filters  # type: ignore[import-untyped] # no stubs exist

from polyarb_site.rest.filters import moment, one_of, word
from reports.api.shapes import BACKUP_KINDS, BACKUP_STATES, REPORT_KINDS
from reports.models import BackupRun, DailyReport

SINCE = "Only made from this time on. Without a zone it is UTC."
UNTIL = "Only made before this time. Without a zone it is UTC."


class ReportFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/reports/daily."""

    kind = one_of("kind", REPORT_KINDS, "Of a day, or of a run at its stop.")
    session = word("session_key", 80, "The session of a stop report.")
    since = moment("created_at", "gte", SINCE)
    until = moment("created_at", "lt", UNTIL)

    class Meta:
        model = DailyReport
        fields: tuple[str, ...] = ()


class BackupFilters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /api/backups."""

    kind = one_of("kind", BACKUP_KINDS, "Why it was taken.")
    state = one_of("state", BACKUP_STATES, "What became of it.")
    since = moment("started_at", "gte", "Only begun from this time on. Without a zone it is UTC.")
    until = moment("started_at", "lt", "Only begun before this time. Without a zone it is UTC.")

    class Meta:
        model = BackupRun
        fields: tuple[str, ...] = ()
