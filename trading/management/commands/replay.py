"""`manage.py replay RECORDING`: recorded frames through the engine. Needs no database."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from polyarb_site.yaml_files import ConfigError, read_named, read_yaml
from trading.adapters.recording import RecordingError, load_markets, markets_path, read_frames
from trading.adapters.replay import Replay, ReplayResult
from trading.config.schema import ConfigProblems, parse, to_limits
from trading.config.venues import RecordingDefaults, VenuesError, venue_settings
from trading.engine.limits import Limits
from trading.engine.market import FeeSchedule
from trading.engine.paper import PaperSettings
from trading.engine.units import UnitError, text_from_micro, unsigned_micro_from_text

PROGRESS_EVERY = 2_000
EXIT_REFUSED = 1


class Command(BaseCommand):
    """Replays a recording in shadow mode and prints what was found."""

    help = "Run recorded market frames through the engine; the same file gives the same result."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "recording", type=Path, help="frames file: .jsonl, .jsonl.gz or .jsonl.zst"
        )
        parser.add_argument("--markets", type=Path, help="markets file; default: the one beside it")
        parser.add_argument("--profile", default="live_shadow_atomic_v1")
        parser.add_argument("--fee-rate", help="taker fee rate where the recording names none")
        parser.add_argument("--fee-exponent", type=int, choices=range(9), default=1)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Replay, or exit with 1 and the reason and remedy on stderr."""
        try:
            limits = _limits(options["profile"])
            result = self._replay(options, limits)
        except (ConfigError, ConfigProblems, RecordingError, UnitError, VenuesError) as error:
            raise CommandError(str(error), returncode=EXIT_REFUSED) from error
        if options["json"]:
            self.stdout.write(json.dumps({"profile": options["profile"], **asdict(result)}))
        else:
            self.stdout.write(_readable(options["profile"], result))

    def _replay(self, options: dict[str, Any], limits: Limits) -> ReplayResult:
        defaults = _defaults(options["fee_rate"], options["fee_exponent"])
        path: Path = options["recording"]
        markets = load_markets(options["markets"] or markets_path(path), defaults)
        run = Replay(markets, limits, PaperSettings())
        shown = self.stderr if sys.stderr.isatty() and not options["json"] else None
        for number, (raw, _) in enumerate(read_frames(path), start=1):
            run.frame(raw)
            if shown is not None and number % PROGRESS_EVERY == 0:
                shown.write(f"\r{number:,} frames", ending="")
                shown.flush()
        if shown is not None:
            shown.write("\r", ending="")
        return run.result()


def _limits(profile: str) -> Limits:
    base = read_yaml(settings.CONFIG_DIR / "config.yaml")
    values = read_named(settings.CONFIG_DIR / "profiles", profile)
    return to_limits(parse({**base, **values}, strict=True))


def _defaults(fee_rate: str | None, fee_exponent: int) -> RecordingDefaults:
    """Return what the recording does not carry: from config/venues.yaml, or the fee as told."""
    defaults = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml")).recordings
    if fee_rate is None:
        return defaults
    fee = FeeSchedule(rate_micro=unsigned_micro_from_text(fee_rate), exponent=fee_exponent)
    return replace(defaults, fee=fee)


def _readable(profile: str, result: ReplayResult) -> str:
    lines = [
        f"{result.frames:,} frames of {result.markets} markets under {profile}",
        f"  gaps seen        {result.gaps_seen:>8,}",
        f"    not one instant{result.gaps_stale:>8,}",
        f"    confirmed      {result.gaps_confirmed:>8,}",
        f"    after the fee  {result.gaps_positive_after_fees:>8,}",
        f"    allowed        {result.gaps_allowed:>8,}",
        f"  sets completed   {result.sets_completed:>8,}   failed {result.sets_failed:,}",
        f"  realised PnL     {text_from_micro(result.realised_pnl_micro):>8} dollars (paper)",
        "  why gaps were not taken, in frames:",
        *(f"    {code:<24}{count:>6,}" for code, count in result.refusals.items()),
        f"  hash {result.result_hash}",
    ]
    return "\n".join(lines)
