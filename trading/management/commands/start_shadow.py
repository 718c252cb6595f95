"""Start the engine on paper."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from polyarb_site.clock import SystemClock
from trading.management import report
from trading.management.base import PortalCommand, shell_name
from trading.management.watching import follow
from trading.selectors.runs import last_token
from trading.services import base_config, config_of, start_shadow
from trading.services.mandates import (
    FEED_OPTIONS,
    SHADOW_PROFILE,
    checked_feed_options,
    paper_profile,
)


class Command(PortalCommand):
    """Checks, shows what will run, starts it, and shows a line every few seconds until it stops."""

    help = (
        "Start the engine in shadow: real or recorded market data, fills on paper. Ctrl-C only "
        "stops watching, the engine goes on; stop it with stop_engine."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to run."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--profile", default=SHADOW_PROFILE)
        parser.add_argument("--feed", default="recorded", choices=sorted(FEED_OPTIONS))
        parser.add_argument("--recording", default="", help="a file of recorded frames")
        parser.add_argument("--speed", default="", help="how many times faster than real time")
        parser.add_argument("--reason", default="")
        parser.add_argument("--detach", action="store_true", help="do not wait for the stop")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, then follow the run."""
        del args
        account, feed = options["account"], options["feed"]
        given = {name: options[name] for name in ("recording", "speed") if options[name]}
        base_config()  # refuses a damaged config.yaml before anything starts
        profile = paper_profile(options["profile"])
        feed_options = checked_feed_options(feed, given, anywhere=True)
        self.stdout.write(f"shadow of {account} with {profile} ({profile.sha256[:12]})")
        for text in report.limits(config_of(profile).texts()):
            self.stdout.write(text)
        chosen = ", ".join(f"{name} {value}" for name, value in feed_options.items())
        self.stdout.write(f"feed {feed}{f' ({chosen})' if chosen else ''}")
        self.stdout.write(f"data directory {settings.DATA_DIR}")
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
        self.stdout.write("started")
        if options["detach"]:
            return
        try:
            follow(account, before, clock=clock, write=self.stdout.write)
        except KeyboardInterrupt:
            self.stdout.write("\nno longer watching; the engine goes on. To end it:")
            self.stdout.write("  manage.py stop_engine --reason '...'")
