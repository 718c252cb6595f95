"""What every command that starts the engine shows before and after."""

from collections.abc import Mapping

from django.conf import settings
from django.core.management.base import CommandParser

from polyarb_site.clock import Clock
from trading.management.base import PortalCommand
from trading.management.watching import follow
from trading.models import Profile
from trading.selectors import report
from trading.services import config_of


class StartCommand(PortalCommand):
    """Shows what will run, and a line every few seconds until it stops."""

    def add_start_arguments(self, parser: CommandParser, *, profile: str) -> None:
        """Take what all starts take; `profile` is the one that runs by default."""
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--profile", default=profile)
        parser.add_argument("--reason", default="")
        parser.add_argument("--detach", action="store_true", help="do not wait for the stop")

    def announce(
        self, what: str, profile: Profile, *, feed: str, options: Mapping[str, str]
    ) -> None:
        """Show what will run, with every value of its profile."""
        self.stdout.write(f"{what} with {profile} ({profile.sha256[:12]})")
        for text in report.limits(config_of(profile).texts()):
            self.stdout.write(text)
        chosen = ", ".join(f"{name} {value}" for name, value in options.items())
        self.stdout.write(f"feed {feed}{f' ({chosen})' if chosen else ''}")
        self.stdout.write(f"data directory {settings.DATA_DIR}")

    def watch(self, account: str, after_token: int, *, clock: Clock, detach: bool) -> None:
        """Say that it was started, and follow the run unless `detach`. Ctrl-C only stops that."""
        self.stdout.write("started")
        if not detach:
            self.keep_watching(account, after_token, clock=clock)

    def keep_watching(self, account: str, after_token: int, *, clock: Clock) -> None:
        """Follow the run to its end. Ctrl-C only stops that."""
        try:
            follow(account, after_token, clock=clock, write=self.stdout.write)
        except KeyboardInterrupt:
            self.stdout.write("\nno longer watching; the engine goes on. To end it:")
            self.stdout.write("  manage.py stop_engine --reason '...'")
