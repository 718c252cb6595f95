"""Follow the engine until it stops."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.management.starting import StartCommand
from trading.selectors.runs import last_token, open_session


class Command(StartCommand):
    """Shows a line every few seconds until the run has ended, then what it amounted to."""

    help = "Follow the run of the engine until it stops. Ctrl-C only stops watching."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose run, and after which session it began."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument(
            "--after", type=int, help="token of the last session before it; else the present one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Follow."""
        del args
        account, after = options["account"], options["after"]
        if after is None:
            session = open_session(account)
            after = session.token - 1 if session is not None else last_token(account)
        self.keep_watching(account, after, clock=SystemClock())
