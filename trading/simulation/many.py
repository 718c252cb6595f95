"""Many seeds over several processes, added up."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from trading.simulation.run import RunResult, run_seed

CHUNK = 4  # seeds handed to a process at a time


@dataclass(slots=True)
class Totals:
    """What all runs came to. `failed` are those in which something did not hold."""

    runs: int = 0
    orders: int = 0
    merges: int = 0
    kills: int = 0
    per_fault: Counter[str] = field(default_factory=Counter)
    failed: list[RunResult] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def add(self, result: RunResult) -> None:
        """Count one run."""
        self.runs += 1
        self.orders += result.orders
        self.merges += result.merges
        self.kills += result.kills
        self.per_fault.update(result.faults)
        self.digests.append(result.digest)
        if result.violation:
            self.failed.append(result)

    def digest(self) -> str:
        """Return one hash over the steps of all runs, in the order of their seeds."""
        return sha256("".join(self.digests).encode()).hexdigest()


def run_many(seeds: range, jobs: int, progress: Callable[[Totals], None] | None = None) -> Totals:
    """Run all seeds; the totals hang on the seeds alone, not on how many processes there are."""
    totals = Totals()
    for result in _results(seeds, jobs):
        totals.add(result)
        if progress is not None:
            progress(totals)
    return totals


def _results(seeds: range, jobs: int) -> Iterator[RunResult]:
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    # A fresh interpreter for each: nothing of the caller's is shared with a run.
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(run_seed, seeds, chunksize=CHUNK)
