"""Measures the engine: `python -m tests.bench` runs everything and writes build/bench.json.

Each benchmark is a module with `run(settings) -> Report` and the names of its figures in KEYS.
Absolute figures move by half with what else the machine does; so candidates take turns in one run,
what counts is the ratio within a turn, and each figure is a median with its spread.
"""

import gc
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parents[2]

RECORDINGS = ROOT / "trading" / "recordings"

Value: TypeAlias = float | int | str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one run measures. `recording` has its markets beside it; None: no recording."""

    frames: int = 200_000
    markets: int = 500
    rounds: int = 7
    seed: int = 20_261_122
    recording: Path | None = None
    nautilus_frames: int = 40_000
    nautilus_python: Path = ROOT / "build" / "nautilus-venv" / "bin" / "python"
    build: Path = ROOT / "build"


@dataclass(slots=True)
class Report:
    """Figures by key, and for each measured one the lowest, the highest and how many rounds."""

    values: dict[str, Value] = field(default_factory=dict)
    spread: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)  # anything here fails the whole run
    remarks: list[str] = field(default_factory=list)

    def measure(self, key: str, samples: list[float]) -> float:
        """Keep the median of the rounds as the figure, and its spread beside it."""
        middle = statistics.median(samples)
        self.values[key] = rounded(middle)
        self.spread[key] = (rounded(min(samples)), rounded(max(samples)), len(samples))
        return middle


def bundled_recording() -> Path | None:
    """Return the recording that comes with the source."""
    return next(iter(sorted(RECORDINGS.glob("*.frames.jsonl.*"))), None)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def rounded(number: float) -> float:
    """Return three digits behind the point for small numbers and none for large ones."""
    return round(number, 3) if abs(number) < 1_000 else round(number)


@dataclass(frozen=True, slots=True)
class Span:
    """How long something took by the wall, and for how long of that this thread had a core.

    On a machine of our own the two are the same. Rates are by the wall. Ratios are by the core,
    because what else ran meanwhile says nothing about either candidate.
    """

    wall_ns: int
    core_ns: int

    def __sub__(self, other: "Span") -> "Span":
        return Span(self.wall_ns - other.wall_ns, self.core_ns - other.core_ns)

    def __add__(self, other: "Span") -> "Span":
        return Span(self.wall_ns + other.wall_ns, self.core_ns + other.core_ns)


def now() -> Span:
    """Return both clocks; the difference of two is a span."""
    return Span(time.perf_counter_ns(), time.thread_time_ns())


@contextmanager
def quiet_gc() -> Iterator[None]:
    """Keep the garbage collector out of a timed part, as the engine's process does."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Stay on one core where the system can do that; on others run wherever it puts us."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    cores = sorted(before)
    os.sched_setaffinity(0, {cores[core % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
