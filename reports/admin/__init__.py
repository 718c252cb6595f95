"""The admin's pages of reports, one module per subject."""

from reports.admin import backups, daily

__all__ = ["backups", "daily"]
