"""Report a security incident."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import PortalCommand, shell_name
from trading.models import Incident
from trading.services.security import report_security


class Command(PortalCommand):
    """Halts and opens the incident. Those of other kinds are opened by what finds them."""

    help = "Halt trading and open a security incident. It is closed with a note in the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is wrong."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument(
            "--kind", choices=[Incident.Kind.SECURITY.value], default=Incident.Kind.SECURITY.value
        )
        parser.add_argument("--title", required=True, help="what is wrong, in a sentence")
        parser.add_argument("--details", default="", help="what is known of it; never a secret")

    def handle(self, *args: Any, **options: Any) -> None:
        """Halt and open it."""
        del args
        row = report_security(
            options["account"],
            title=options["title"],
            details=options["details"],
            by=None,
            by_name=shell_name(),
            at=SystemClock().now(),
        )
        self.stdout.write(f"trading is halted, and incident {row.pk} is open: {row.title}")
