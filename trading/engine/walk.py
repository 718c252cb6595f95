"""How many complete sets to buy, or why none: the answer to one gap.

Sizes and values come from sizes.py. Here is what is refused, with one code per cause, and what is
handed on: the legs with their limits, costs and fees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trading.engine.amounts import is_on_tick
from trading.engine.codes import Refusal
from trading.engine.fees import fee_ceiling, fee_fraction
from trading.engine.market import FeeSchedule
from trading.engine.outcome import Refused
from trading.engine.sizes import Bounds, LegBook, Priced, find_best, find_smallest, price_size
from trading.engine.units import MICRO, cost_up, divide_down, divide_up
from trading.engine.units import text_from_micro as text

__all__ = [
    "Bounds",
    "LegBook",
    "Walk",
    "WalkedLeg",
    "smallest_set_micro",
    "touch_edge",
    "walk_sets",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedLeg:
    """One leg to buy: so many shares at no worse than the limit, and what they cost."""

    token_id: str
    size_micro: int
    limit_micro: int  # the worst price touched
    cost_micro: int  # without fees, each level rounded up
    fee_micro: int  # each level rounded up
    fills: tuple[tuple[int, int], ...]  # (price_micro, size_micro) per level


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A set attempt that is worth it. Every leg has the same size."""

    size_micro: int
    legs: tuple[WalkedLeg, ...]
    cost_micro: int  # legs and fees
    fee_micro: int
    net_micro: int  # payout less cost, gas and slippage allowance, rounded against us
    raised: bool = False


def walk_sets(legs: Sequence[LegBook], bounds: Bounds) -> Walk | Refused:
    """Return the best set attempt within the bounds, or why there is none.

    Raises ValueError when there are no legs or one token stands twice: no set looks like that.
    """
    if not legs or len({leg.token_id for leg in legs}) != len(legs):
        raise ValueError("a set needs legs, each of another token")
    for leg in legs:
        if not leg.asks:
            return Refused(Refusal.NO_DEPTH, f"nobody offers token {leg.token_id}, all are needed")
        if not is_on_tick(leg.asks[0][0], leg.tick_micro):
            return Refused(
                Refusal.UNKNOWN_TICK,
                f"the best ask {text(leg.asks[0][0])} is not on the tick {text(leg.tick_micro)}",
            )
    within = _reachable(legs, bounds.slippage_max_ratio_micro)
    outcome = _choose(within, bounds)
    if isinstance(outcome, Walk) or all(
        len(leg.asks) == len(deeper.asks) for leg, deeper in zip(within, legs, strict=True)
    ):
        return outcome
    deeper_outcome = _choose(legs, bounds)
    if isinstance(deeper_outcome, Walk):
        return _slippage_refused(legs, deeper_outcome, bounds)
    # Without the bound there would be no set either. What it hid tells more than the lack of depth.
    return deeper_outcome if outcome.code is Refusal.NO_DEPTH else outcome


def smallest_set_micro(legs: Sequence[LegBook]) -> int | None:
    """Return the smallest size in micro shares that the venue would take, or None without depth.

    Every leg needs its market's smallest size, one dollar and whole cents at its limit price.
    """
    if not legs or any(not leg.asks for leg in legs):
        return None
    found = find_smallest(legs)
    return None if found is None else found[1]


def touch_edge(asks: Sequence[tuple[int, FeeSchedule | None]], payout_micro: int) -> int | None:
    """Return the micro dollars that one set leaves at the best asks after fees, rounded down.

    Fees are taken unrounded: this is the edge of one set, not the bill of an order. None when a
    schedule is unknown, because then so is the edge.
    """
    numerator, denominator = payout_micro, 1
    for price_micro, schedule in asks:
        if schedule is None:
            return None
        fee, parts = fee_fraction(schedule, price_micro, MICRO)
        common = max(denominator, parts)  # both are powers of MICRO
        numerator *= common // denominator
        numerator -= price_micro * common + fee * (common // parts)
        denominator = common
    return divide_down(numerator, denominator)


def _reachable(legs: Sequence[LegBook], slippage_max_ratio_micro: int) -> tuple[LegBook, ...]:
    """Cut each leg's asks at its slippage bound."""
    reachable = []
    for leg in legs:
        best_micro = leg.asks[0][0]
        worst_micro = best_micro + divide_down(best_micro * slippage_max_ratio_micro, MICRO)
        asks = tuple(level for level in leg.asks if level[0] <= worst_micro)
        reachable.append(leg if len(asks) == len(leg.asks) else replace(leg, asks=asks))
    return tuple(reachable)


def _choose(legs: Sequence[LegBook], bounds: Bounds) -> Walk | Refused:
    found = find_smallest(legs)
    if found is None:
        offered_micro = min(sum(size for _, size in leg.asks) for leg in legs)
        needed_micro = max(leg.min_order_size_micro for leg in legs)
        return Refused(
            Refusal.NO_DEPTH,
            f"{text(offered_micro)} shares are within reach on every leg; the venue takes no such "
            f"set: it wants {text(needed_micro)} shares, 1 dollar and whole cents on each leg",
        )
    smallest = price_size(*found, bounds)
    if smallest.cost_micro > bounds.cost_max_micro:
        return _below_minimum(legs, smallest, bounds)
    # Without a set that is worth it, the best one that is not tells which bound is missed.
    best = find_best(legs, bounds, None) or find_best(legs, bounds, smallest) or smallest
    return _not_worth_it(best, bounds) or _walked(legs, best, raised=False)


def _below_minimum(legs: Sequence[LegBook], smallest: Priced, bounds: Bounds) -> Walk | Refused:
    """The smallest set costs more than allowed: refuse it, or raise when that was asked for."""
    refused = _not_worth_it(smallest, bounds)
    if refused is not None:
        return refused
    if bounds.raise_to_minimum:
        return _walked(legs, smallest, raised=True)
    return Refused(
        Refusal.BELOW_VENUE_MINIMUM,
        f"the venue's smallest set is {text(smallest.size_micro)} shares for "
        f"{text(smallest.cost_micro)} dollars; at most {text(bounds.cost_max_micro)} may be spent",
    )


def _not_worth_it(priced: Priced, bounds: Bounds) -> Refused | None:
    about = f"{text(priced.size_micro)} sets for {text(priced.cost_micro)} dollars"
    if priced.net_micro <= 0:
        return Refused(
            Refusal.EDGE_NOT_POSITIVE,
            f"{about} leave {text(priced.net_micro)} dollars; more than 0 is needed",
        )
    if not priced.reaches(bounds.min_profit_ratio_micro):
        ratio_micro = divide_down(priced.net_micro * MICRO, priced.cost_micro)
        return Refused(
            Refusal.BELOW_MIN_PROFIT,
            f"{about} leave {text(priced.net_micro)} dollars, a ratio of {text(ratio_micro)}; "
            f"{text(bounds.min_profit_ratio_micro)} is needed",
        )
    return None


def _slippage_refused(legs: Sequence[LegBook], walk: Walk, bounds: Bounds) -> Refused:
    pairs = zip(legs, walk.legs, strict=True)
    slipped_micro, leg, walked = max(
        (
            (divide_up(walked.limit_micro * MICRO, leg.asks[0][0]) - MICRO, leg, walked)
            for leg, walked in pairs
        ),
        key=lambda found: found[0],
    )
    return Refused(
        Refusal.SLIPPAGE_LIMIT,
        f"{text(walk.size_micro)} sets reach {text(walked.limit_micro)} from a best ask of "
        f"{text(leg.asks[0][0])}, a slippage of {text(slipped_micro)}; "
        f"{text(bounds.slippage_max_ratio_micro)} is allowed",
    )


def _walked(legs: Sequence[LegBook], priced: Priced, *, raised: bool) -> Walk:
    walked = tuple(_walked_leg(leg, priced.size_micro) for leg in legs)
    return Walk(
        size_micro=priced.size_micro,
        legs=walked,
        cost_micro=priced.cost_micro,
        fee_micro=sum(leg.fee_micro for leg in walked),
        net_micro=priced.net_micro,
        raised=raised,
    )


def _walked_leg(leg: LegBook, size_micro: int) -> WalkedLeg:
    fills: list[tuple[int, int]] = []
    left_micro = size_micro
    for price_micro, level_micro in leg.asks:
        if not left_micro:
            break
        taken_micro = min(level_micro, left_micro)
        fills.append((price_micro, taken_micro))
        left_micro -= taken_micro
    return WalkedLeg(
        token_id=leg.token_id,
        size_micro=size_micro,
        limit_micro=fills[-1][0],
        cost_micro=sum(cost_up(price, size) for price, size in fills),
        fee_micro=sum(fee_ceiling(leg.fee, price, size) for price, size in fills),
        fills=tuple(fills),
    )
