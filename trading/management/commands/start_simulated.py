"""Start the engine with play money."""

from typing import Any

from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import shell_name
from trading.management.starting import StartCommand
from trading.models import PLAY_FEED
from trading.selectors.runs import last_token
from trading.services import base_config, start_simulated
from trading.services.mandates import SIMULATED_PROFILE, play_profile


class Command(StartCommand):
    """Checks, shows what will run, starts it, and shows a line every few seconds until it stops."""

    help = (
        "Start the engine live on the local venue, with play money: orders are signed and sent, "
        "to this machine only. Ctrl-C only stops watching; stop the engine with stop_engine."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to run."""
        self.add_start_arguments(parser, profile=SIMULATED_PROFILE)

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, then follow the run."""
        del args
        account = options["account"]
        base_config()  # refuses a damaged config.yaml before anything starts
        profile = play_profile(options["profile"])
        self.announce(f"play money of {account}", profile, feed=PLAY_FEED, options={})
        clock = SystemClock()
        before = last_token(account)
        start_simulated(
            account,
            profile_name=profile.name,
            by=None,
            by_name=shell_name(),
            reason=options["reason"],
            at=clock.now(),
        )
        self.watch(account, before, clock=clock, detach=options["detach"])
