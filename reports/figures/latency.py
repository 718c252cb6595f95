"""How long decisions took over a day, from the percentiles that each second kept.

What is recorded of a second is how many decisions there were and their p50, p95 and p99. Here
each second counts by its decisions, and between its percentiles they are taken to lie evenly:
half of them from 0 to p50, and so on. How slow the slowest one in a hundred of a second was is not
recorded; it counts as the second's p99. Were all seconds alike, the day's percentiles would be
theirs exactly; else they are as near as what was kept allows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

MILLION = 1_000_000
PERCENTS = (50, 95, 99)
# Upper bounds of the bars of the distribution, in microseconds; above the last is a bar too.
BOUNDS_US = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)

Group = tuple[int, int, int, int]  # p50, p95, p99 in microseconds, decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A day's latency. Percentiles are None when nothing was decided.

    `shares` are the decisions up to each of BOUNDS_US, and above, in millionths of all.
    """

    decisions: int
    p50_us: int | None
    p95_us: int | None
    p99_us: int | None
    shares: tuple[int, ...]


def day_latency(groups: Iterable[Group]) -> Latency:
    """Return the latency of all groups of seconds together."""
    known = [group for group in groups if group[3] > 0]
    decisions = sum(group[3] for group in known)
    if not decisions:
        return Latency(decisions=0, p50_us=None, p95_us=None, p99_us=None, shares=())
    p50, p95, p99 = (_percentile(known, decisions, percent) for percent in PERCENTS)
    upto = [_faster(known, bound) // decisions for bound in BOUNDS_US] + [MILLION]
    shares = [upto[0], *(high - low for low, high in pairwise(upto))]
    return Latency(decisions=decisions, p50_us=p50, p95_us=p95, p99_us=p99, shares=tuple(shares))


def _percentile(groups: Sequence[Group], decisions: int, percent: int) -> int:
    """Return the least whole number of microseconds that so many decisions took at most."""
    wanted = decisions * percent * (MILLION // 100)
    low, high = 0, max(group[2] for group in groups)
    while low < high:
        middle = (low + high) // 2
        if _faster(groups, middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def _faster(groups: Iterable[Group], bound_us: int) -> int:
    """Return how many decisions took at most so long, in millionths of one."""
    return sum(number * _part(p50, p95, p99, bound_us) for p50, p95, p99, number in groups)


def _part(p50_us: int, p95_us: int, p99_us: int, bound_us: int) -> int:
    """Return the part of a second's decisions that took at most so long, in millionths.

    Rounded down, so that a percentile is never told too low by rounding.
    """
    if bound_us >= p99_us:
        return MILLION
    if bound_us >= p95_us:
        return 950_000 + 40_000 * (bound_us - p95_us) // (p99_us - p95_us)
    if bound_us >= p50_us:
        return 500_000 + 450_000 * (bound_us - p50_us) // (p95_us - p50_us)
    return 500_000 * bound_us // p50_us
