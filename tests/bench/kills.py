"""`python -m tests.bench kills`: how long an account does not trade after a kill -9, and its books.

Real processes on the local venue and its chain, started as `make run` does it. Engine, signer and
venue are killed at named points of a set's life (tests/chaos/points.py); each time it is taken how
long it lasts until new sets can be opened, and until one is. After each kill everything is brought
to rest, and ledger, venue and chain have to agree to the last unit. Runs for a quarter of an hour;
writes build/kills.json. Not part of `make bench`, since it measures waiting and not work.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import traceback
import uuid
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

from tests.bench import ROOT


def arguments(words):
    parser = argparse.ArgumentParser(prog="python -m tests.bench kills", description=__doc__)
    parser.add_argument("--database", help="a postgres:// address; left out: SQLite")
    parser.add_argument("--only", action="append", help="PROCESS:POINT, may be said several times")
    parser.add_argument("--keep", type=Path, help="an empty directory where everything stays")
    return parser.parse_args(words)


def parts():
    """Load what has to know the database, which stands in the environment by now."""
    from tests.chaos.books import Books
    from tests.chaos.live import Live
    from tests.chaos.points import MATRIX, kill_at

    return SimpleNamespace(Books=Books, Live=Live, MATRIX=MATRIX, kill_at=kill_at)


def summary(seconds):
    """Return the usual figures of some times."""
    ordered = sorted(seconds)
    return {
        "kills": len(ordered),
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[-(-len(ordered) * 95 // 100) - 1], 2),
        "max": round(ordered[-1], 2),
    }


def kill_and_settle(use, live, books, process, point):
    """Kill once and bring everything to rest; return the outcome and what is wrong then."""
    began_s = time.time()
    outcome, wrong = None, ""
    try:
        outcome = use.kill_at(live, books, process, point)
        live.rest()
        verdict, differences = live.reconciled(began_s)
        books.check()
        wrong = "" if verdict == "MATCH" else f"{verdict} {differences}"
        live.resume()
    except AssertionError as error:
        wrong = "".join(traceback.format_exception(error)[-3:])
    return outcome, wrong + live.crashes()


def run(use, folder, matrix):
    """Kill at each point of a matrix; return the outcomes and the first thing that was wrong."""
    live = use.Live(folder / "data", f"kills_{uuid.uuid4().hex[:12]}")
    outcomes = []
    try:
        live.start_up()
        books = use.Books(live)
        for process, point in matrix:
            outcome, wrong = kill_and_settle(use, live, books, process, point)
            if outcome is not None:
                outcomes.append(outcome)
                sys.stdout.write(
                    f"{process:7} {point:24} trading after {outcome.trading_s:5.2f} s,"
                    f" next set after {outcome.next_set_s:5.2f} s\n"
                )
                sys.stdout.flush()
            if wrong:
                return outcomes, [f"{process} at {point}: {wrong}"]
        status = live.stop_up()
        books.check_everything_posted()
        return outcomes, [f"it ended with {status}"] if status else []
    finally:
        live.end()


def figures(outcomes, problems, load):
    """Return everything that is known of a run, as JSON knows it."""
    by_process = {}
    for outcome in outcomes:
        by_process.setdefault(outcome.process, []).append(outcome.trading_s)
    return {
        "database": "postgresql" if os.environ["DATABASE_URL"] else "sqlite",
        "load_average": [round(number, 1) for number in load],
        "trading_s": summary([one.trading_s for one in outcomes]) if outcomes else None,
        "next_set_s": summary([one.next_set_s for one in outcomes]) if outcomes else None,
        "trading_s_by_process": {name: summary(times) for name, times in by_process.items()},
        "problems": problems,
        "outcomes": [asdict(one) for one in outcomes],
    }


def main(words):
    """Measure, print, write; return the exit code."""
    chosen = arguments(words)
    os.environ["DATABASE_URL"] = chosen.database or ""
    use = parts()
    matrix = [tuple(one.split(":")) for one in chosen.only] if chosen.only else use.MATRIX
    with tempfile.TemporaryDirectory() as folder:
        outcomes, problems = run(use, chosen.keep or Path(folder), matrix)
    told = figures(outcomes, problems, os.getloadavg())
    out = ROOT / "build" / "kills.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(told, indent=1) + "\n")
    short = {name: value for name, value in told.items() if name != "outcomes"}
    sys.stdout.write(f"{json.dumps(short, indent=1)}\nwritten to {out.name}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
