"""Yesterday's report, made again from what was restored: the same facts give the same report."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection

from reports.backups.faults import BackupFailed, Fault
from reports.backups.metadata import Metadata
from reports.services.daily import rebuild
from trading.selectors.runs import accounts

DAY = timedelta(days=1)


class Noting:
    """Notes the hashes of yesterday's reports before and after the copy.

    Facts of yesterday still come now and then, a late settlement or a thinned sample. When the two
    differ nobody knows what the report was at the moment of the copy: then it is not compared, and
    the metadata says so with an empty hash.
    """

    def __init__(self, taken_at: datetime) -> None:
        self._day = taken_at.astimezone(UTC).date() - DAY
        self._before = _hashes(self._day)

    def facts(self) -> dict[str, Any]:
        """Return what the metadata keeps. Asked in a thread of its own, after the copy."""
        try:
            after = _hashes(self._day)
        finally:
            connection.close()
        return {
            "report_day": self._day.isoformat(),
            "reports": {
                account: sha256 if sha256 == self._before.get(account, sha256) else ""
                for account, sha256 in after.items()
            },
        }


def refuse_changed_reports(
    told: Metadata, check: Callable[[], None], *, version: str, commit: str
) -> None:
    """Raise BackupFailed when a report comes out differently from the restored database.

    Only for a backup that this very program made: another one may write reports in other words.
    """
    if (told.version, told.commit) != (version, commit) or "report_day" not in told.facts:
        return
    day = date.fromisoformat(told.facts["report_day"])
    for account, noted in sorted(told.facts["reports"].items()):
        check()
        if noted and rebuild(account, day).sha256 != noted:
            text = f"the report of {account} of {day} comes out differently"
            raise BackupFailed(Fault.REPORT, text)


def _hashes(day: date) -> dict[str, str]:
    return {account: rebuild(account, day).sha256 for account in accounts()}
