"""Make the report of a day."""

import json
from argparse import ArgumentTypeError
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from polyarb_site import commands
from polyarb_site.clock import SystemClock
from polyarb_site.commands import FAILED, shell_name
from reports.models import DailyReport
from reports.selectors.daily import day_of
from reports.services.daily import make_report
from trading.services import Invalid, ServiceRefused


class Command(commands.PortalCommand):
    """Makes the report of a UTC day, keeps it, and shows its Markdown.

    Asked again while the facts are the same it shows the same report, byte for byte.
    """

    help = "Make and show the report of a UTC day, by default yesterday's."
    refusals = (ServiceRefused,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the day, the account and the form."""
        parser.add_argument("--date", type=_day, help="YYYYMMDD in UTC; by default yesterday")
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--json", action="store_true", help="the figures, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and show it."""
        del args
        clock = SystemClock()
        day = options["date"] or clock.now().date() - timedelta(days=1)
        try:
            report = make_report(options["account"], day, by_name=shell_name(), clock=clock)
        except OSError as error:
            raise CommandError(
                f"the report is kept in the database, its files are not written\n  {error}",
                returncode=FAILED,
            ) from error
        self.stdout.write(_json(report) if options["json"] else report.markdown, ending="")


def _json(report: DailyReport) -> str:
    told = {
        "day": report.day.isoformat(),
        "account": report.account,
        "revision": report.revision,
        "sha256": report.sha256,
        "created_at": report.created_at.isoformat(),
        "took_ms": report.took_ms,
        "figures": report.figures,
    }
    return f"{json.dumps(told, indent=2)}\n"


def _day(text: str) -> date:
    try:
        return day_of(text)
    except Invalid as error:
        raise ArgumentTypeError(error.remedy) from error
