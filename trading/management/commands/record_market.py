"""Record live market data, for `manage.py replay` and as a feed to play."""

import asyncio
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from polyarb_site.clock import SystemClock
from trading.adapters.feed import FeedError
from trading.adapters.recorder import SUFFIX, Recorder
from trading.adapters.recording import RecordingError
from trading.feeds import feed_factory
from trading.management.base import FAILED, REFUSED, PortalCommand
from trading.models import Mandate
from trading.recording_feeds import record

LIVE_FEEDS = ("polymarket", "simulator")
MS_NS = 1_000_000


class Command(PortalCommand):
    """Records a live feed until the time is over or Ctrl-C."""

    help = "Record live market data. 0: recorded, 1: refused, 2: the feed failed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how long, where to, and what."""
        parser.add_argument("--seconds", type=int, help="how long; default: until Ctrl-C")
        parser.add_argument("--out", type=Path, help=f"a new file, NAME{SUFFIX}")
        parser.add_argument(
            "--feed", choices=LIVE_FEEDS, help="default: what the account's engine is told to use"
        )
        parser.add_argument("--account", default=settings.ACCOUNT)

    def handle(self, *args: Any, **options: Any) -> None:
        """Record, and say what there is."""
        del args
        seconds = options["seconds"]
        if seconds is not None and seconds < 1:
            raise CommandError(
                f"--seconds {seconds}: give at least 1, or leave it out and press Ctrl-C",
                returncode=REFUSED,
            )
        clock = SystemClock()
        name = options["feed"] or _configured(options["account"])
        folder = settings.DATA_DIR / "recordings"
        out = options["out"] or folder / f"{name}-{clock.now():%Y%m%d-%H%M%S}{SUFFIX}"
        try:
            recorder = Recorder(out, now_ms=lambda: clock.now_ns() // MS_NS)
            recorder.open()
        except RecordingError as error:
            raise CommandError(f"--out: {error}", returncode=REFUSED) from error
        self.stdout.write(f"recording {name} into {recorder.partial}")
        self.stdout.flush()
        failure = None
        try:
            asyncio.run(record(feed_factory(clock)(name, {}), recorder, seconds))
        except (FeedError, ValueError, OSError) as error:
            failure = error
        self._end(recorder, failure)

    def _end(self, recorder: Recorder, failure: Exception | None) -> None:
        try:
            kept = recorder.finish()
        except RecordingError as error:
            recorder.abandon()
            raise CommandError(
                f"{error}\n  {recorder.partial.name} is good up to its last block",
                returncode=FAILED,
            ) from error
        if kept:
            for line in _lines(recorder):
                self.stdout.write(line)
        if failure is not None:
            rest = "what came before is kept" if kept else "nothing came before"
            raise CommandError(f"the feed failed: {failure}\n  {rest}", returncode=FAILED)
        if not kept:
            raise CommandError(
                "no frame came\n  see that the venue answers, or give it more --seconds",
                returncode=FAILED,
            )


def _configured(account: str) -> str:
    """Return the feed that the account's engine is told to use. Raises CommandError."""
    row = Mandate.objects.filter(account=account).values_list("feed", flat=True).first()
    if row in LIVE_FEEDS:
        return str(row)
    raise CommandError(
        f"the engine of account {account} is told to use the feed {row or 'of nobody'}, which is"
        f" not live\n  say which one to record: --feed {' or --feed '.join(LIVE_FEEDS)}",
        returncode=REFUSED,
    )


def _lines(recorder: Recorder) -> list[str]:
    left_out = ", ".join(f"{count:,} {why}" for why, count in sorted(recorder.left_out.items()))
    size = f"{recorder.raw_bytes:,} bytes packed into {recorder.written_bytes:,}"
    return [
        f"{recorder.frames:,} frames of {recorder.markets} markets, {size}",
        f"  left out: {left_out or 'nothing'}; connections lost: {recorder.disconnects}",
        f"  replay it: manage.py replay {recorder.path}",
    ]
