"""Show where an account is."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.management import report
from trading.management.base import PortalCommand
from trading.selectors import live_state
from trading.services.changes import find_mandate


class Command(PortalCommand):
    """Shows phase, engine, money and halt, the same as every page's header."""

    help = "Show phase, engine, money and halt of an account."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account and the form."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--json", action="store_true", help="for programs, as /api/status")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show it."""
        del args
        find_mandate(options["account"])  # refuses an account that does not exist
        state = live_state(options["account"], SystemClock().now())
        if options["json"]:
            self.stdout.write(json.dumps(state, indent=2))
            return
        for text in report.page(state):
            self.stdout.write(text)
