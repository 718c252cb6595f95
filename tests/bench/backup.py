"""`python -m tests.bench backup [--megabytes 1000]`: a backup of a large database, and who waits.

A portal's SQLite database is filled, a writer commits small transactions at the engine's pace with
the engine's pragmas, and each commit is timed: first alone, then while `manage.py backup_state`
takes a backup and proves it. What is told is how long a commit took from asking for the write lock.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from polyarb_site.environment import SQLITE_OPTIONS
from tests.bench import ROOT

ROWS_AT_ONCE = 2_000
PAYLOAD_BYTES = 900
EVERY_S = 0.02
ROWS_PER_WRITE = 5
ALONE_S = 20.0


class Writer(threading.Thread):
    """Commits a few rows every 20 ms and keeps how long each commit took, in milliseconds."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.halt = threading.Event()
        self.samples: list[float] = []

    def run(self) -> None:
        """Write until told to stop."""
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=30)) as connection:
            connection.executescript(str(SQLITE_OPTIONS["init_command"]))
            while not self.halt.is_set():
                began = time.perf_counter()
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(INSERT, [row(0)] * ROWS_PER_WRITE)
                connection.execute("COMMIT")
                self.samples.append((time.perf_counter() - began) * 1000)
                time.sleep(EVERY_S)

    def take(self) -> list[float]:
        """Return the samples so far and begin anew."""
        taken, self.samples = self.samples, []
        return taken


INSERT = "INSERT INTO live_outboxmessage (topic, payload, created_at) VALUES (?, ?, ?)"


def row(seed: int) -> tuple[str, str, str]:
    """Return a row of about a kilobyte that compresses as facts do, to about a third."""
    numbers = [(seed * 7_919 + index * 104_729) % 1_000_003 for index in range(90)]
    payload = json.dumps({"n": numbers})[:PAYLOAD_BYTES]
    return "facts", json.dumps({"p": payload}), "2026-03-02 12:00:00"


def fill(path: Path, megabytes: int) -> int:
    """Fill the database up to a size; return how many bytes it has."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        seed = 0
        while path.stat().st_size < megabytes * 1_000_000:
            connection.execute("BEGIN")
            connection.executemany(INSERT, (row(seed + n) for n in range(ROWS_AT_ONCE)))
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            seed += ROWS_AT_ONCE
    return path.stat().st_size


def told(samples: list[float]) -> dict[str, float]:
    """Return median, p99 and worst."""
    ordered = sorted(samples)
    return {
        "commits": len(ordered),
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[len(ordered) * 99 // 100], 2),
        "max_ms": round(ordered[-1], 2),
    }


def main(words: list[str]) -> int:
    """Measure, print, and leave nothing behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench backup", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1_000)
    chosen = parser.parse_args(words)
    place = Path(tempfile.mkdtemp(prefix="pa-bench-"))
    environment = {**os.environ, "POLYARB_DATA_DIR": str(place), "DATABASE_URL": ""}

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    try:
        manage("migrate", "-v0")
        size = fill(place / "portal.sqlite3", chosen.megabytes)
        writer = Writer(place / "portal.sqlite3")
        writer.start()
        time.sleep(ALONE_S)
        alone = writer.take()
        began = time.perf_counter()
        backup = json.loads(manage("backup_state", "--json"))
        wall = time.perf_counter() - began
        during = writer.take()
        writer.halt.set()
        writer.join()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    figures = {
        "database_bytes": size,
        "backup_bytes": backup["bytes"],
        "verified": backup["verified"],
        "seconds": backup["seconds"],
        "seconds_with_start": round(wall, 1),
        "load": round(os.getloadavg()[0], 1),
        "alone": told(alone),
        "during": told(during),
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 0 if backup["verified"] else 1
