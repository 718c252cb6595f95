"""Show the newest reconciliation of an account."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import FAILED, REFUSED, PortalCommand
from trading.models import ReconciliationRun
from trading.selectors import report
from trading.selectors.reconciliations import NEVER, newest_run, reconciliation_state
from trading.services.changes import find_mandate


class Command(PortalCommand):
    """Shows what came of the newest comparison. Exit status 0 for a match, 1 otherwise, 2 for none.

    The engine makes them, at its start and every minute: it alone has the keys to ask the venue.
    """

    help = "Show whether ledger, venue and chain agree. 0: match, 1: no match, 2: not known."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account and the form."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show it, and exit with what it means."""
        del args
        account = find_mandate(options["account"]).account
        state = reconciliation_state(account, SystemClock().now())
        run = newest_run(account)
        if options["json"]:
            known = {"differences": run.differences, "assets": run.assets} if run else {}
            self.stdout.write(json.dumps({"account": account, **state, **known}, indent=2))
        elif run is not None:
            for text in _lines(run, state):
                self.stdout.write(text)
        if run is None:
            raise CommandError(
                f"{NEVER}\n  start an engine that trades with money, then ask again",
                returncode=FAILED,
            )
        if run.verdict != ReconciliationRun.Verdict.MATCH:
            raise CommandError(
                f"{run.verdict}: trading needs a match\n  the differences say what to do",
                returncode=REFUSED,
            )


def _lines(run: ReconciliationRun, state: dict[str, Any]) -> list[str]:
    block = f", block {run.block_number}" if run.block_number is not None else ""
    told = f"{run.order_count} open orders, {run.trade_count} trades"
    lines = [f"{run.verdict}  {report.age(state['age_ms'])} ago{block}, {told}"]
    for one in run.differences:
        lines += [f"  {one['code']} {one['subject']}", f"    {one['text']}"]
        lines.append(f"    what to do: {one['remedy']}")
    if state["incident"] is not None:
        lines.append(f"incident {state['incident']} is open: resolve it, then resume")
    return lines
