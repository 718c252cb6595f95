"""`manage.py simulate --seeds N`: engine, venue and chain under one clock, with everything that can
go wrong. Needs no database.
"""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand

from polyarb_site.clock import SystemClock
from trading.simulation.many import Totals, run_many
from trading.simulation.run import RunResult

SEEDS_MAX = 1_000_000
JOBS_MAX = 64
EXIT_VIOLATED = 1
SHOWN_MAX = 5  # failed runs whose last steps are printed


class Command(BaseCommand):
    """Runs seeds and says whether everything held that has to hold."""

    help = "Simulate runs from seeds, with faults and crashes; the same seed is the same run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--seeds", type=_count(SEEDS_MAX), required=True, help="how many runs")
        parser.add_argument("--start", type=int, default=1, help="the first seed")
        parser.add_argument("--jobs", type=_count(JOBS_MAX), default=1, help="processes at once")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run; exits with 1 when something did not hold, with 2 on a usage error."""
        clock = SystemClock()
        began_ns = clock.monotonic_ns()
        seeds = range(options["start"], options["start"] + options["seeds"])
        shown = self.stderr if sys.stderr.isatty() else None

        def progress(totals: Totals) -> None:
            if shown is not None:
                bad = f", {len(totals.failed)} violations" if totals.failed else ""
                shown.write(f"\r{totals.runs:,} runs, {totals.orders:,} orders{bad}", ending="")
                shown.flush()

        totals = run_many(seeds, options["jobs"], progress)
        if shown is not None:
            shown.write("\r", ending="")
        seconds = (clock.monotonic_ns() - began_ns) / 1e9
        if options["json"]:
            self.stdout.write(json.dumps(_figures(totals, seconds)))
        else:
            self.stdout.write(_readable(totals, seconds))
        for result in totals.failed[:SHOWN_MAX]:
            self.stderr.write(_failure(result))
        if totals.failed:
            sys.exit(EXIT_VIOLATED)


def _count(limit: int) -> Any:
    def read(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= limit:
            raise ArgumentTypeError(f"{text} is not a whole number from 1 to {limit}")
        return int(text)

    return read


def _figures(totals: Totals, seconds: float) -> dict[str, Any]:
    return {
        "runs": totals.runs,
        "orders": totals.orders,
        "faults": sum(totals.per_fault.values()),
        "fault_types": len(totals.per_fault),
        "violations": len(totals.failed),
        "seconds": round(seconds, 3),
        "merges": totals.merges,
        "kills": totals.kills,
        "per_fault": dict(sorted(totals.per_fault.items())),
        "failed_seeds": [result.seed for result in totals.failed],
        "hash": totals.digest(),
    }


def _readable(totals: Totals, seconds: float) -> str:
    faults = sum(totals.per_fault.values())
    lines = [
        f"{totals.runs:,} runs in {seconds:,.1f} s",
        f"  orders      {totals.orders:>10,}   merges {totals.merges:,}",
        f"  faults      {faults:>10,}   of {len(totals.per_fault)} kinds",
        f"  processes killed {totals.kills:>5,}",
        f"  violations  {len(totals.failed):>10,}",
        *(f"    {kind:<28}{count:>8,}" for kind, count in sorted(totals.per_fault.items())),
        f"  hash {totals.digest()}",
    ]
    return "\n".join(lines)


def _failure(result: RunResult) -> str:
    steps = "\n".join(f"  {step[:200]}" for step in result.steps)
    return (
        f"seed {result.seed}: {result.violation}\n{steps}\n"
        f"reproduce it with: manage.py simulate --seeds 1 --start {result.seed}"
    )
