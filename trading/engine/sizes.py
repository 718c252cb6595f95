"""Which sizes of a set the books and the venue allow, what each is worth, and the best of them.

A set is one share of every leg, so all legs are walked together, at equal share counts. Three
things make that harder than adding up levels, and all three are the venue's (polymarket.md sections
4 and 6):

- each level has its own fee;
- an order carries one limit price, the worst that it touches, and a share count at which limit
  times count is whole cents; a deeper level changes the limit and with it the counts allowed;
- each leg needs the market's smallest size and one dollar.

So the sizes are cut into stretches in which no leg changes its level. Within one the limits are
fixed and the value is a straight line, but for each amount's rounding against us. The line is
therefore a bound: sizes are tried from its better end until it says that no better one can follow.
Of all sizes that the venue takes and the bounds allow, the best net wins, and of equal ones the
smallest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import lcm
from typing import NamedTuple

from trading.engine.amounts import (
    BUY_NOTIONAL_MIN_MICRO,
    ceil_to_grid,
    floor_to_grid,
    is_on_tick,
    size_grid_micro,
)
from trading.engine.fees import PICO, fee_ceiling, fee_pico_per_share_down
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, cost_up, divide_down, divide_up, proceeds_down

# Sizes tried in one stretch. Where the line is so flat that more would be needed, what is missed is
# less than the rounding of one size: at most 12 micro dollars a leg.
TRIES_MAX = 128

_LINE_SCALE = PICO * MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class LegBook:
    """What walking needs of one leg: its asks, best first, as (price_micro, size_micro)."""

    token_id: str
    asks: tuple[tuple[int, int], ...]
    fee: FeeSchedule
    tick_micro: int
    min_order_size_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a walk may do. Ratios are millionths, amounts micro dollars."""

    payout_micro: int  # what one set pays
    cost_max_micro: int  # the most that one set attempt may cost, all legs and fees together
    min_profit_ratio_micro: int  # net divided by cost
    slippage_max_ratio_micro: int  # worst level touched against the best one, per leg
    slippage_allowance_ratio_micro: int  # taken off the net, as a share of the cost
    gas_per_set_micro: int  # of one attempt, whatever its size
    raise_to_minimum: bool  # raise to the venue's smallest set, even above cost_max_micro


class _Part(NamedTuple):
    """One leg within a stretch: the level that it stands in."""

    leg: LegBook
    level: int  # how many levels lie before this one
    start_micro: int  # shares in the levels before
    price_micro: int
    unit_pico: int  # price and fee of one share, the fee rounded down: never above the truth


class Stretch(NamedTuple):
    """Sizes above `low_micro` up to `high_micro`, in which every leg keeps its level."""

    low_micro: int
    high_micro: int
    parts: tuple[_Part, ...]
    floor_atto: int  # cost and fees of low_micro sets, never above the truth: 10 ** -18 dollars
    unit_pico: int  # of one set more


class Priced(NamedTuple):
    """One size and its exact value."""

    size_micro: int
    cost_micro: int  # legs and fees
    net_micro: int  # payout less cost, gas and slippage allowance, rounded against us

    def reaches(self, ratio_micro: int) -> bool:
        """Say whether net divided by cost is at least so many millionths."""
        return self.net_micro * MICRO >= ratio_micro * self.cost_micro


class _Line(NamedTuple):
    """Value over size within a stretch, without any rounding: never below the truth.

    Micro dollars times PICO * MICRO, so that nothing has to be divided.
    """

    low_micro: int
    net_at_low: int
    net_slope: int
    cost_at_low: int  # times the profit ratio that is asked for
    cost_slope: int

    def net_at(self, size_micro: int) -> int:
        """Return what the line says about one size."""
        return self.net_at_low + self.net_slope * (size_micro - self.low_micro)


def find_smallest(legs: Sequence[LegBook]) -> tuple[Stretch, int] | None:
    """Return the smallest size that the venue takes and its stretch, or None without such depth."""
    for stretch in _stretches(legs):
        sizes = _venue_sizes(stretch)
        if sizes is not None:
            return stretch, sizes[0]
    return None


def find_best(legs: Sequence[LegBook], bounds: Bounds, best: Priced | None) -> Priced | None:
    """Return the size with the best net within cost_max.

    Without a `best` to start from, only a size with the profit ratio that is asked for counts, with
    one any size that beats it does.
    """
    ratio_micro = bounds.min_profit_ratio_micro if best is None else None
    rising: list[tuple[Stretch, _Line]] = []
    falling: list[tuple[Stretch, _Line]] = []
    for stretch in _stretches(legs):
        room_atto = bounds.cost_max_micro * PICO - stretch.floor_atto
        if room_atto < 0:
            break
        line = _line(stretch, bounds, ratio_micro or 0)
        # Deeper levels cost more, so a line that falls is followed by none that rises.
        if line.net_slope <= 0 and line.net_at_low < _needed(best):
            break
        last_micro = stretch.low_micro + divide_down(room_atto, stretch.unit_pico)
        paid = stretch._replace(high_micro=min(stretch.high_micro, last_micro))
        (rising if line.net_slope > 0 else falling).append((paid, line))
    # From the peak outwards, until what a stretch can reach at most is no longer enough.
    for stretch, line in reversed(rising):
        if line.net_at(stretch.high_micro) < _needed(best):
            break
        best = _scan(stretch, line, bounds, ratio_micro, best)
    for stretch, line in falling:
        if line.net_at_low < _needed(best):
            break
        best = _scan(stretch, line, bounds, ratio_micro, best)
    return best


def price_size(stretch: Stretch, size_micro: int, bounds: Bounds) -> Priced:
    """Return the exact value of one size within a stretch."""
    return _priced(stretch, _cost_before(stretch), size_micro, bounds)


def _stretches(legs: Sequence[LegBook]) -> Iterator[Stretch]:
    """Yield the stretches of sizes, smallest first, up to the depth of the shallowest leg."""
    parts = [_part(leg, 0, 0) for leg in legs]
    ends = [leg.asks[0][1] for leg in legs]
    low_micro = floor_atto = 0
    while True:
        high_micro = min(ends)
        unit_pico = sum(part.unit_pico for part in parts)
        yield Stretch(low_micro, high_micro, tuple(parts), floor_atto, unit_pico)
        floor_atto += unit_pico * (high_micro - low_micro)
        low_micro = high_micro
        for index, leg in enumerate(legs):
            if ends[index] == high_micro:
                level = parts[index].level + 1
                if level == len(leg.asks):
                    return
                parts[index] = _part(leg, level, high_micro)
                ends[index] += leg.asks[level][1]


def _part(leg: LegBook, level: int, start_micro: int) -> _Part:
    price_micro = leg.asks[level][0]
    unit_pico = price_micro * MICRO + fee_pico_per_share_down(leg.fee, price_micro)
    return _Part(leg, level, start_micro, price_micro, unit_pico)


def _cost_before(stretch: Stretch) -> int:
    """Return cost and fees of all levels before the ones that a stretch stands in."""
    return sum(
        cost_up(price_micro, size_micro) + fee_ceiling(part.leg.fee, price_micro, size_micro)
        for part in stretch.parts
        for price_micro, size_micro in part.leg.asks[: part.level]
    )


def _priced(stretch: Stretch, before_micro: int, size_micro: int, bounds: Bounds) -> Priced:
    cost_micro = before_micro
    for part in stretch.parts:
        taken_micro = size_micro - part.start_micro
        cost_micro += cost_up(part.price_micro, taken_micro)
        cost_micro += fee_ceiling(part.leg.fee, part.price_micro, taken_micro)
    net_micro = (
        proceeds_down(bounds.payout_micro, size_micro)
        - cost_micro
        - bounds.gas_per_set_micro
        - divide_up(cost_micro * bounds.slippage_allowance_ratio_micro, MICRO)
    )
    return Priced(size_micro, cost_micro, net_micro)


def _venue_sizes(stretch: Stretch) -> tuple[int, int, int] | None:
    """Return the smallest and largest size in a stretch that the venue takes, and their step."""
    parts = stretch.parts
    cheapest_micro = min(part.price_micro for part in parts)
    first_micro = max(
        stretch.low_micro + 1,
        divide_up(BUY_NOTIONAL_MIN_MICRO * MICRO, cheapest_micro),
        *(part.leg.min_order_size_micro for part in parts),
    )
    if first_micro > stretch.high_micro:
        return None
    if any(not is_on_tick(part.price_micro, part.leg.tick_micro) for part in parts):
        return None
    grid_micro = lcm(*(size_grid_micro((part.price_micro,), part.leg.tick_micro) for part in parts))
    first_micro = ceil_to_grid(first_micro, grid_micro)
    last_micro = floor_to_grid(stretch.high_micro, grid_micro)
    return (first_micro, last_micro, grid_micro) if first_micro <= last_micro else None


def _line(stretch: Stretch, bounds: Bounds, ratio_micro: int) -> _Line:
    with_allowance = MICRO + bounds.slippage_allowance_ratio_micro
    return _Line(
        low_micro=stretch.low_micro,
        net_at_low=bounds.payout_micro * stretch.low_micro * PICO
        - stretch.floor_atto * with_allowance
        - bounds.gas_per_set_micro * _LINE_SCALE,
        net_slope=bounds.payout_micro * PICO - stretch.unit_pico * with_allowance,
        cost_at_low=stretch.floor_atto * ratio_micro,
        cost_slope=stretch.unit_pico * ratio_micro,
    )


def _scan(
    stretch: Stretch, line: _Line, bounds: Bounds, ratio_micro: int | None, best: Priced | None
) -> Priced | None:
    """Return the better of `best` and the best size in one stretch."""
    first_micro, last_micro = stretch.low_micro, stretch.high_micro
    if ratio_micro is not None:
        first_micro, last_micro = _with_ratio(line, first_micro, last_micro)
    sizes = _venue_sizes(stretch) if first_micro <= last_micro else None
    if sizes is None:
        return best
    venue_first_micro, venue_last_micro, grid_micro = sizes
    first_micro = max(ceil_to_grid(first_micro, grid_micro), venue_first_micro)
    last_micro = min(floor_to_grid(last_micro, grid_micro), venue_last_micro)
    if line.net_slope > 0:
        tries = range(last_micro, first_micro - 1, -grid_micro)
    else:
        tries = range(first_micro, last_micro + 1, grid_micro)
    before_micro = _cost_before(stretch)
    for size_micro in islice(tries, TRIES_MAX):
        if line.net_at(size_micro) < _needed(best):
            break
        priced = _priced(stretch, before_micro, size_micro, bounds)
        if priced.cost_micro > bounds.cost_max_micro:
            continue
        if ratio_micro is None or priced.reaches(ratio_micro):
            best = _better(priced, best)
    return best


def _with_ratio(line: _Line, first_micro: int, last_micro: int) -> tuple[int, int]:
    """Narrow sizes to those at which the line reaches the profit ratio."""
    above = line.net_at_low - line.cost_at_low
    slope = line.net_slope - line.cost_slope
    if slope < 0:
        last_micro = min(last_micro, line.low_micro + divide_down(above, -slope))
    elif slope > 0:
        first_micro = max(first_micro, line.low_micro + divide_up(-above, slope))
    elif above < 0:
        last_micro = first_micro - 1
    return first_micro, last_micro


def _needed(best: Priced | None) -> int:
    """Return, in the scale of a line, what a size has to reach to matter."""
    return (1 if best is None else best.net_micro) * _LINE_SCALE


def _better(priced: Priced, best: Priced | None) -> Priced | None:
    """The larger net wins, the smaller size of equal ones, and nothing is not worth a set."""
    if best is None:
        return priced if priced.net_micro > 0 else None
    if priced.net_micro == best.net_micro:
        return priced if priced.size_micro < best.size_micro else best
    return priced if priced.net_micro > best.net_micro else best
