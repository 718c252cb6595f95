"""Drill the circuit breaker."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from checks.management.base import FAILED, PortalCommand, shell_name
from checks.services.drills import drill_breaker
from polyarb_site.clock import SystemClock


class Command(PortalCommand):
    """Trips the breaker of an engine of its own: nothing that runs is touched."""

    help = "Trip the circuit breaker with the bounds in force, and show what was seen."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to drill."""
        parser.add_argument("what", choices=["breaker"])
        parser.add_argument("--account", default=settings.ACCOUNT)

    def handle(self, *args: Any, **options: Any) -> None:
        """Drill, and fail when something was not as expected."""
        del args
        row = drill_breaker(
            options["account"], by=None, by_name=shell_name(), at=SystemClock().now()
        )
        for line in row.evidence["lines"]:
            mark = "ok  " if line["ok"] else "NOT "
            self.stdout.write(f"{mark} {line['what']}: {line['seen']}")
        if not row.passed:
            raise CommandError(f"drill {row.pk} failed: {row.reason}", returncode=FAILED)
        self.stdout.write(f"drill {row.pk} passed with {row.evidence['profile']}: {row.reason}")
