"""Acknowledge an alert."""

from typing import Any

from django.core.management.base import CommandParser

from alerts.management.base import AlertsCommand, line
from alerts.selectors.state import told_alert
from alerts.services.moves import find_alert
from alerts.services.states import acknowledge
from polyarb_site.clock import SystemClock
from polyarb_site.commands import shell_name


class Command(AlertsCommand):
    """Says that somebody has it. It stays until its condition has ended."""

    help = "Acknowledge an alert that fires: say who looks at it and what is known."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the alert and what is to be said."""
        parser.add_argument("id", type=int, help="its number, as `manage.py alerts` shows it")
        parser.add_argument("--comment", required=True, help="who looks at it, and what is known")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        del args
        row = acknowledge(
            find_alert(options["id"]),
            by=None,
            by_name=shell_name(),
            comment=options["comment"],
            at=SystemClock().now(),
        )
        self.stdout.write(line(told_alert(row.pk)))
