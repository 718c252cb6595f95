"""Halt trading now."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import PortalCommand, shell_name
from trading.services import halt


class Command(PortalCommand):
    """Halts by the kill file first, so that it works with the database down."""

    help = "Halt trading now: no new orders, open ones are cancelled. Needs no database."
    # A check that fails must not keep anybody from halting.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take why; nobody has to say."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """Halt."""
        del args
        result = halt(
            options["account"],
            by=None,
            by_name=shell_name(),
            code="EMERGENCY_STOP",
            reason=options["reason"] or "emergency stop from the command line",
            at=SystemClock().now(),
        )
        self.stdout.write(result.message)
        if not result.recorded:
            self.stderr.write("say it again when the database is back, so that it is recorded")
