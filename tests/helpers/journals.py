"""Journals for tests."""

import time
from pathlib import Path

from polyarb_site.clock import SystemClock
from trading.journal import FRAME, JournalLimits, JournalWriter

KEY = "main-7"
QUICK = JournalLimits(write_every_ms=5, disk_free_bytes_min=1)


def a_writer(directory: Path, **options) -> JournalWriter:
    options.setdefault("limits", QUICK)
    options.setdefault("clock", SystemClock())
    writer = JournalWriter(directory, KEY, **options)
    writer.start()
    return writer


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


def a_journal(directory: Path, chunks=((b"one", b"two"), (b"three",), (b"four", b"five", b""))):
    """Write a closed journal with the given bodies, one chunk each, and return its segment."""
    writer = a_writer(directory, limits=JournalLimits(write_every_ms=60_000, disk_free_bytes_min=1))
    for bodies in chunks:
        for body in bodies:
            writer.append(FRAME, 1_000 + writer.next_sequence, body, connection=3)
        done = writer.next_sequence - 1
        writer._wake.set()
        until(lambda done=done: writer.written_sequence == done)
    writer.close(9_999)
    return directory / "000001.journal"
