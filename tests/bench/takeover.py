"""`python -m tests.bench.takeover`: how long an account is without an engine after a fault.

Real processes, the real cluster, a lease of the usual 4 s, recorded data. In each trial the process
that trades is killed, or frozen, and the time is taken until the next session trades: lease taken,
what was missing recovered, feed connected, first second judged. Runs for some minutes; writes
build/takeover.json. Not part of `make bench`, since it measures waiting and not work.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

from tests.bench import ROOT
from tests.helpers.installation import POSTGRES, Installation, wait_for


def trial(one: Installation, number: signal.Signals) -> tuple[float, float]:
    """Break the engine that trades; return seconds to the next lease and to the next trading."""
    pid, token, _ = one.wait_active(seconds=60)
    one.standby(seconds=60)
    time.sleep(1)
    began = time.monotonic()
    os.kill(pid, number)
    wait_for(lambda: one.lease()[2] > token, 60, "the next lease")
    leased = time.monotonic() - began
    one.wait_active(above=token, seconds=60)
    trading = time.monotonic() - began
    if number is signal.SIGSTOP:
        # Frozen inside a transaction it may have been killed for it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        wait_for(lambda: pid not in [p.pid for p in one.processes()], 30, "the thawed one's end")
    return leased, trading


def summary(seconds: list[float]) -> dict[str, float]:
    """Return the usual figures of some times."""
    ordered = sorted(seconds)
    return {
        "p50": round(statistics.median(ordered), 3),
        "p95": round(ordered[-(-len(ordered) * 95 // 100) - 1], 3),
        "max": round(ordered[-1], 3),
    }


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    trials = parser.parse_args().trials
    figures: dict[str, object] = {"database": "postgresql" if POSTGRES else "sqlite"}
    with tempfile.TemporaryDirectory() as folder:
        one = Installation(Path(folder) / "data", f"bench_{uuid.uuid4().hex[:12]}")
        try:
            one.manage("migrate", "-v0", seconds=300)
            one.manage("seed", seconds=300)
            one.manage("start_shadow", "--detach", "--speed", "200", seconds=300)
            one.cluster()
            for name, number in (("killed", signal.SIGKILL), ("frozen", signal.SIGSTOP)):
                times = [trial(one, number) for _ in range(trials)]
                figures[name] = {
                    "trials": trials,
                    "lease_s": summary([leased for leased, _ in times]),
                    "trading_s": summary([trading for _, trading in times]),
                }
                print(name, json.dumps(figures[name]), flush=True)
            one.stop_engine()
            wait_for(lambda: not one.lease()[0], 60, "the stop")
            one.assert_nothing_lost()
        finally:
            one.end()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "takeover.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
