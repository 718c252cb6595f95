"""Show where an account is, on the ladder of phases too."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from checks.management import ladder_report
from checks.selectors.ladder import ladder
from polyarb_site.clock import SystemClock
from polyarb_site.commands import PortalCommand
from trading.selectors import live_state
from trading.selectors.report import page
from trading.services import HaltFailed, Invalid, ServiceRefused
from trading.services.changes import find_mandate


class Command(PortalCommand):
    """Shows phase, engine, money and halt, the same as every page's header, and the ladder."""

    help = "Show phase, engine, money and halt of an account, and what the next phase asks for."
    refusals = (ServiceRefused,)
    failures = (HaltFailed,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account and the form."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--json", action="store_true", help="for programs, as /api/status")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show it."""
        del args
        now = SystemClock().now()
        find_mandate(options["account"])  # refuses an account that does not exist
        state = live_state(options["account"], now)
        rungs, problem = None, ""
        try:
            rungs = ladder(options["account"], now)
        except Invalid as refused:  # of phases.yaml; the engine is shown all the same
            problem = str(refused)
        if options["json"]:
            self.stdout.write(json.dumps({**state, "ladder": rungs}, indent=2))
            return
        below = ladder_report.lines(rungs) if rungs is not None else [problem]
        for text in (*page(state), "", *below):
            self.stdout.write(text)
