"""Run the checks and say go or no-go."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from checks.catalogue.base import Category
from checks.management.base import FAILED, REFUSED, PortalCommand, shell_name
from checks.management.table import table
from checks.models import CheckRun
from checks.selectors.runs import run_dict
from checks.services.runs import run_checks
from trading.services import ServiceRefused

PHASES = (0, 1, 2, 3)


class Command(PortalCommand):
    """Ends with 0 for GO, with 1 for NO-GO, with 2 when the run itself failed.

    With a category nothing is decided: 0 says that all of its checks passed.
    """

    help = "Run the checks. 0: GO (also with warnings), 1: NO-GO, 2: the run itself failed."
    requires_system_checks = []  # Django's own take longer than all of ours

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is asked about, and the form."""
        parser.add_argument(
            "--phase", type=int, choices=PHASES, help="to trade in; without it the present one"
        )
        parser.add_argument("--venue", help="polymarket or simulator; without it the account's")
        parser.add_argument(
            "--category", choices=[one.value for one in Category], default="", help="only this one"
        )
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, show, and end with the status of the decision."""
        del args
        try:
            run = run_checks(
                options["account"],
                phase=options["phase"],
                venue=options["venue"],
                category=options["category"],
                by_name=shell_name(),
            )
        except ServiceRefused as refused:
            raise CommandError(
                f"{refused.message}\n  {refused.remedy}", returncode=FAILED
            ) from refused
        told = run_dict(run)
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2))
        else:
            for line in table(told, colours=self._colours()):
                self.stdout.write(line)
        if run.state != CheckRun.State.FINISHED:
            raise CommandError(f"the run itself failed: {run.problem}", returncode=FAILED)
        if not _good(told):
            raise CommandError(run.sentence, returncode=REFUSED)

    def _colours(self) -> bool:
        """Return whether to paint: on a terminal, unless NO_COLOR or --no-color says no."""
        return bool(self.style.SUCCESS("x") != "x" and self.stdout.isatty())


def _good(told: dict[str, Any]) -> bool:
    if told["category"] is None:
        return bool(told["decision"] == CheckRun.Decision.GO)
    return bool(told["results"]) and all(row["status"] == "PASS" for row in told["results"])
