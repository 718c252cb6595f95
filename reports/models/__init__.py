"""The tables of reports: days, backups, and drills of restoring them."""

from reports.models.backups import BackupRun, RestoreDrill
from reports.models.daily import DailyReport

__all__ = ["BackupRun", "DailyReport", "RestoreDrill"]
