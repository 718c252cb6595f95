"""Show what is wrong."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from alerts.management.base import AlertsCommand, as_text, table
from alerts.selectors.state import alert_state
from polyarb_site.clock import SystemClock
from polyarb_site.commands import FAILED, REFUSED

CALLING = ("CRITICAL", "WARNING")


class Command(AlertsCommand):
    """Shows what fires, the same as GET /api/alerts/state. Its status is for scripts."""

    help = (
        "Show what fires. Ends with 0 when nothing calls for anybody, with 1 when a CRITICAL or "
        "WARNING fires that nobody has acknowledged, with 2 when that is not known: the rules are "
        "not judged at present, or the database does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account, how much, and the form."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument(
            "--all", action="store_true", help="also each rule's newest alert that has ended"
        )
        parser.add_argument(
            "--json", action="store_true", help="for programs, as /api/alerts/state"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Show it."""
        del args
        state = alert_state(options["account"], SystemClock().now(), resolved=options["all"])
        if options["json"]:
            self.stdout.write(json.dumps(state, indent=2, default=as_text))
        elif state["alerts"]:
            self.stdout.write("\n".join(table(state["alerts"])))
        else:
            self.stdout.write("nothing fires")
        calling = [
            one for one in state["alerts"] if one["state"] == "FIRING" and one["level"] in CALLING
        ]
        if calling:
            raise CommandError(f"{len(calling)} not acknowledged", returncode=REFUSED)
        if state["counts"]["reason"]:
            raise CommandError(f"not known: {state['counts']['reason']}", returncode=FAILED)
