"""Resolve an alert."""

from typing import Any

from django.core.management.base import CommandParser

from alerts.management.base import AlertsCommand, line
from alerts.selectors.state import told_alert
from alerts.services.moves import find_alert
from alerts.services.states import resolve
from polyarb_site.clock import SystemClock
from polyarb_site.commands import shell_name


class Command(AlertsCommand):
    """Closes an alert whose condition has ended, or notes of a resolved one what it was."""

    help = "Resolve an alert whose condition has ended, with a note. It does not resume trading."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the alert and what is to be noted."""
        parser.add_argument("id", type=int, help="its number, as `manage.py alerts` shows it")
        parser.add_argument("--note", required=True, help="what it was and what was done")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        del args
        row = resolve(
            find_alert(options["id"]),
            by=None,
            by_name=shell_name(),
            note=options["note"],
            at=SystemClock().now(),
        )
        self.stdout.write(line(told_alert(row.pk)))
