"""`python -m tests.bench.alert_stop`: from the cause of a stop to the last order that leaves.

The real engine with its signer on the real local venue, the alert rules inside its process, and
gaps all the time, so that orders are always on their way. A rule fires, the engine stops itself,
and a person's service resumes with a reason; over and over. In turns everything is well
(`alone`: no web, no jobs), Redis is dead (`redis`), SQLite is locked (`locked`), PostgreSQL is
killed (`stopped`) or frozen (`frozen`) around the moment at which the rule fires. Measured inside
the engine, at the socket of the orders, and at the venue. Writes build/alert_stop.json and ends
with 1 when an order that opens a set left after a stop, or when evidence is missing.

Not part of `make bench`, since it measures waiting and not work. Parts that were run by themselves
(`python -m tests.bench.alert_stop_trials MODE CAUSE TRIALS SEED`) are summed up with --parts.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench import ROOT
from tests.bench.alert_stop_trials import CAUSES, MODES

PERCENTS = (50, 99, 100)


def spread(samples: list[float]) -> dict[str, float]:
    """Return p50, p99 and the highest by the nearest rank, in milliseconds."""
    ordered = sorted(samples)
    return {
        f"p{percent}": round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 3)
        for percent in PERCENTS
        if ordered
    }


def summed_up(found: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of one part."""
    trials = found["trials"]

    def of(name: str) -> list[float]:
        return [one[name] for one in trials if one[name] is not None]

    return {
        "trials": len(trials),
        "stopped_ms": spread(of("stopped_ms")),
        "evidence_ms": spread(of("evidence_ms")),
        "world_ms": spread(of("world_ms")),
        "orders_before": sum(of("left")),
        "orders_after": sum(of("left_after")),
        "arrived_after": sum(of("arrived_after")),
        "arrived_late_ms": max([0.0, *of("arrived_late_ms")]),
        "orders_kept": found["orders_kept"],
        "evidence": len(of("evidence_ms")),
        "evidence_complete": sum(one["evidence_complete"] for one in trials),
        "mandates_halted": sum(one["mandate"] == one["rule"] for one in trials),
        "shifts_ended": len(found["shifts_ended"]),
    }


def problems(name: str, found: dict[str, Any]) -> list[str]:
    """Return what must not be."""
    figures = summed_up(found)
    said = [found["problem"][:500]] if found["problem"] else []
    if figures["orders_after"]:
        said.append(f"{figures['orders_after']} batches left after the stop")
    if figures["evidence"] < figures["trials"]:
        said.append(f"{figures['trials'] - figures['evidence']} stops have no evidence")
    if figures["mandates_halted"] < figures["trials"]:
        said.append(f"{figures['trials'] - figures['mandates_halted']} mandates not halted for it")
    if figures["trials"] and figures["stopped_ms"]["p99"] >= 1_000:
        said.append("the p99 is not below a second")
    return [f"{name}: {one}" for one in said]


def part(mode: str, cause: str, trials: int, seed: int) -> dict[str, Any]:
    """Run the trials of one mode in a process of its own."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.bench.alert_stop_trials"),
            *(mode, cause, str(trials), str(seed)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def parts(chosen: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Run what was asked for, or read what was run before."""
    if chosen.parts:
        return {path.stem: json.loads(path.read_text()) for path in chosen.parts}
    return {
        f"{mode}-{chosen.cause}": part(mode, chosen.cause, chosen.trials, chosen.seed)
        for mode in chosen.modes or MODES
    }


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modes", nargs="*", choices=[[], *MODES], help="default: all")
    parser.add_argument("--cause", choices=list(CAUSES), default="gap")
    parser.add_argument("--trials", type=int, default=200, help="of each mode")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", type=Path, nargs="*", help="files to sum up instead")
    chosen = parser.parse_args()
    load = round(os.getloadavg()[0], 1)
    found = parts(chosen)
    wrong = [text for name, one in found.items() for text in problems(name, one)]
    everything = [trial for one in found.values() for trial in one["trials"]]
    said = {
        "load_before_and_after": [load, round(os.getloadavg()[0], 1)],
        **{name: summed_up(one) for name, one in found.items()},
        "all_trials": len(everything),
        "all_stopped_ms": spread([one["stopped_ms"] for one in everything]),
        "problems": wrong,
    }
    sys.stdout.write(json.dumps(said, indent=1) + "\n")
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "alert_stop.json").write_text(json.dumps(said, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
