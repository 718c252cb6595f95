"""The Django app that keeps evidence: daily reports, and backups proven by restoring them."""

from django.apps import AppConfig

from polyarb_site import measured
from polyarb_site.live import parts


class ReportsConfig(AppConfig):
    """Reports: what a day was, and what survives the machine."""

    name = "reports"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let rules and pages below ask how old the newest backup is."""
        measured.register("backup_age", "reports.selectors.backups.backup_age")
        parts.register("backup", "reports.selectors.backups.backup_part")
