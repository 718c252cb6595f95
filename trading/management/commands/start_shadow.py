"""Start the engine on paper."""

from typing import Any

from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import shell_name
from trading.management.starting import StartCommand
from trading.selectors.runs import last_token
from trading.services import base_config, start_shadow
from trading.services.mandates import (
    FEED_OPTIONS,
    SHADOW_PROFILE,
    checked_feed_options,
    paper_profile,
)


class Command(StartCommand):
    """Checks, shows what will run, starts it, and shows a line every few seconds until it stops."""

    help = (
        "Start the engine in shadow: real or recorded market data, fills on paper. Ctrl-C only "
        "stops watching, the engine goes on; stop it with stop_engine."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to run."""
        self.add_start_arguments(parser, profile=SHADOW_PROFILE)
        parser.add_argument("--feed", default="recorded", choices=sorted(FEED_OPTIONS))
        parser.add_argument("--recording", default="", help="a file of recorded frames")
        parser.add_argument("--speed", default="", help="how many times faster than real time")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, then follow the run."""
        del args
        account, feed = options["account"], options["feed"]
        given = {name: options[name] for name in ("recording", "speed") if options[name]}
        base_config()  # refuses a damaged config.yaml before anything starts
        profile = paper_profile(options["profile"])
        feed_options = checked_feed_options(feed, given, anywhere=True)
        self.announce(f"shadow of {account}", profile, feed=feed, options=feed_options)
        clock = SystemClock()
        before = last_token(account)
        start_shadow(
            account,
            profile_name=profile.name,
            feed=feed,
            feed_options=feed_options,
            by=None,
            by_name=shell_name(),
            reason=options["reason"],
            at=clock.now(),
        )
        self.watch(account, before, clock=clock, detach=options["detach"])
