"""End a halt."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import PortalCommand, shell_name
from trading.services import resume
from trading.services.mandates import start_command


class Command(PortalCommand):
    """Resumes: the mandate's halt and the kill file end together."""

    help = "End a halt. The reason says what has changed since; it is kept in the audit."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take why, which has to be said."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Resume."""
        del args
        mandate = resume(
            options["account"],
            by=None,
            by_name=shell_name(),
            reason=options["reason"],
            at=SystemClock().now(),
        )
        if mandate.desired == mandate.Desired.RUN:
            self.stdout.write("trading is resumed")
        else:
            self.stdout.write(f"no longer halted; nothing runs. To start: {start_command(mandate)}")
