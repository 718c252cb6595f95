"""What was realised in a time, how far below its best it fell, and how much of the edge was kept.

Amounts are micro dollars. A win is a set that ended with more than nothing: the rate of wins is
wins by sets that ended, and can be neither more than all nor made better by orders.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

STEPS_MAX = 96  # bars that an eye can still tell apart


@dataclass(slots=True, kw_only=True)
class Curve:
    """The realised sum at the end of each of equal parts of a time, and its extremes.

    The peak starts at zero, so that a loss at the beginning is a drawdown too. Extremes are of
    every single move and not of the parts, which hide what came back within them.
    """

    points: list[int] = field(default_factory=list)
    total_micro: int = 0
    peak_micro: int = 0
    low_micro: int = 0
    drawdown_micro: int = 0  # the deepest, as a positive amount
    drawdown_at: datetime | None = None


def realised_curve(
    moves: Iterable[tuple[datetime, int]], since: datetime, until: datetime, parts: int
) -> Curve:
    """Return the curve of moves, which come in the order of their times.

    Raises ValueError for a time or a number without sense.
    """
    if parts < 1 or until <= since:
        raise ValueError("ask for at least one part of a time that is not empty")
    curve, sums = Curve(), [0] * parts
    span = (until - since) // timedelta(microseconds=1)
    for at, micro in moves:
        offset = (at - since) // timedelta(microseconds=1)
        sums[min(max(offset * parts // span, 0), parts - 1)] += micro
        curve.total_micro += micro
        curve.peak_micro = max(curve.peak_micro, curve.total_micro)
        curve.low_micro = min(curve.low_micro, curve.total_micro)
        below_micro = curve.peak_micro - curve.total_micro
        if below_micro > curve.drawdown_micro:
            curve.drawdown_micro, curve.drawdown_at = below_micro, at
    total = 0
    for micro in sums:
        total += micro
        curve.points.append(total)
    return curve


@dataclass(slots=True, kw_only=True)
class Edges:
    """What sets were expected to bring and what they brought.

    `steps` are (sets, expected, kept) of equal runs of sets in the order of their ends, so that a
    chart of fifty thousand sets is as readable as one of fifty. A set whose result is not known
    counts as closed, and neither as won nor in any amount.
    """

    closed: int = 0
    won: int = 0
    lost: int = 0
    even: int = 0
    unknown: int = 0
    expected_micro: int = 0
    kept_micro: int = 0
    steps: list[tuple[int, int, int]] = field(default_factory=list)


def edge_kept(results: Iterable[tuple[int, int | None]], count: int) -> Edges:
    """Return the sums over (expected, realised) of `count` sets."""
    edges = Edges()
    size = max(1, -(-count // STEPS_MAX))
    sets = expected = kept = 0
    for expected_micro, realised_micro in results:
        edges.closed += 1
        if realised_micro is None:
            edges.unknown += 1
            continue
        edges.won += realised_micro > 0
        edges.lost += realised_micro < 0
        edges.even += realised_micro == 0
        edges.expected_micro += expected_micro
        edges.kept_micro += realised_micro
        sets, expected, kept = sets + 1, expected + expected_micro, kept + realised_micro
        if sets == size:
            edges.steps.append((sets, expected, kept))
            sets = expected = kept = 0
    if sets:
        edges.steps.append((sets, expected, kept))
    return edges
