"""A storm of alerts: 200 rules over a minute of samples, 50 of them flapping; who hears of what.

A process of its own with a database of its own (alert_storm_worker.py) takes every sample into the
watches of the rules, judges all of them once a second, writes the alerts, has people told over two
webhook channels and sends it; then the flapping ends. Time is invented: a second of the storm takes
as long as its work. What must not grow with the flaps is counted half-way and at the end.
"""

import json
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from tests.bench import ROOT, Report, Settings
from tests.helpers.installation import Installation

SECONDS = 60
SAMPLES_PER_FRAME = 3  # the usual settings: 600,000 samples, 10,000 a second
SAMPLES_PER_S, SECONDS_MIN = 10_000, 12
KEYS = (
    *("storm_rules", "storm_flapping", "storm_samples", "storm_flaps"),
    *("storm_take_ns", "storm_sample_ns", "storm_samples_per_s", "storm_judge_us"),
    *("storm_round_ms_p50", "storm_round_ms_p99", "storm_round_ms_max", "storm_write_ms_p50"),
    *("storm_tell_ms_p50", "storm_tell_ms_p99"),
    *("storm_buckets_max", "storm_alert_rows", "storm_move_rows", "storm_moves_half"),
    *("storm_outbox_rows", "storm_delivery_rows", "storm_waiting_max"),
    *("storm_memory_before_mb", "storm_memory_after_mb"),
    *("storm_alerts", "storm_firings", "storm_told", "storm_grouped", "storm_suppressed"),
    *("storm_muted", "storm_messages", "storm_received"),
)


def measure(samples_per_s: int, seconds: int) -> dict[str, float]:
    """Let the storm rage in a process of its own, and return its figures."""
    with tempfile.TemporaryDirectory(prefix="pas-") as folder:
        one = Installation(Path(folder) / "data", f"storm_{uuid.uuid4().hex[:12]}")
        try:
            one.manage("migrate", "-v0", seconds=300)
            done = subprocess.run(  # noqa: PLW1510 - its status is looked at below
                [
                    *(sys.executable, "-m", "tests.bench.alert_storm_worker"),
                    *(str(samples_per_s), str(seconds)),
                ],
                cwd=ROOT,
                env={**one.environment, "POLYARB_LOG_LEVEL": "ERROR"},
                capture_output=True,
                text=True,
                timeout=3_600,
            )
            if done.returncode:
                raise RuntimeError(f"the storm did not end well: {done.stderr[-2_000:]}")
            figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
            return figures
        finally:
            one.end()


def run(settings: Settings) -> Report:
    """Measure; a bound that was broken is a problem."""
    report = Report()
    samples = settings.frames * SAMPLES_PER_FRAME
    seconds = min(SECONDS, max(SECONDS_MIN, samples // SAMPLES_PER_S))
    figures = measure(samples // seconds, seconds)
    report.values |= {key: figures[key] for key in KEYS}
    report.problems += problems(figures)
    return report


def problems(figures: dict[str, float]) -> list[str]:
    """Return which bounds were broken."""
    rules, flapping = figures["storm_rules"], figures["storm_flapping"]
    bounds = (
        ("storm_buckets_max", figures["buckets_limit"], "sums in one watch"),
        ("storm_alert_rows", rules, "alerts: more than one for each rule"),
        ("storm_move_rows", 6 * flapping, "moves: they grow with the flaps"),
        ("storm_delivery_rows", 8 * flapping, "messages: they grow with the flaps"),
        ("left_waiting", 0, "messages that nobody sends"),
    )
    found = [
        f"{figures[key]:,} {what} (at most {most:,})"
        for key, most, what in bounds
        if figures[key] > most
    ]
    if figures["storm_messages"] != figures["storm_received"]:
        found.append("the channels did not receive each message once")
    return found
