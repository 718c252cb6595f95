"""End the engine in order."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import FAILED, PortalCommand, shell_name
from trading.management.watching import wait_for_end
from trading.services import stop_engine


class Command(PortalCommand):
    """Asks the engine to stop and waits until it has, or says why it has not."""

    help = "Stop the engine: it finishes or sells back what it holds. Halting is emergency_stop."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take why, and for how long to wait."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--reason", default="")
        parser.add_argument("--wait", type=int, default=60, help="seconds to wait; 0: do not wait")

    def handle(self, *args: Any, **options: Any) -> None:
        """Stop and wait."""
        del args
        clock = SystemClock()
        stop_engine(
            options["account"],
            by=None,
            by_name=shell_name(),
            reason=options["reason"],
            at=clock.now(),
        )
        self.stdout.write("asked to stop")
        if options["wait"] <= 0:
            return
        still = wait_for_end(options["account"], seconds=options["wait"], clock=clock)
        if still:
            raise CommandError(
                f"{still}\n  it was asked to stop and will; to stop trading at once: "
                "manage.py emergency_stop",
                returncode=FAILED,
            )
        self.stdout.write("stopped")
