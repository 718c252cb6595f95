"""Invented fees, books and bounds. One way to make them, two sources of chance.

`pick(low, high)` returns a whole number: Hypothesis draws it where a failure should be shrunk, a
seeded generator where very many cases are wanted.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from trading.engine.fees import EXPONENT_MAX
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO
from trading.engine.walk import Bounds, LegBook

Pick: TypeAlias = Callable[[int, int], int]
RATES = (0, 30_000, 40_000, 50_000, 70_000, 72_000, 1, MICRO)
EXPONENTS = (1, 1, 1, 0, 2, 3, EXPONENT_MAX)
TICKS = (10_000, 10_000, 10_000, 100_000, 5_000, 1_000)


def one_of(pick: Pick, options: Sequence[Any]) -> Any:
    return options[pick(0, len(options) - 1)]


def schedule(pick: Pick) -> FeeSchedule:
    return FeeSchedule(rate_micro=one_of(pick, RATES), exponent=one_of(pick, EXPONENTS))


def fee_case(pick: Pick) -> tuple[FeeSchedule, int, int]:
    """Any schedule in range with a price and a size, one time in four exactly one share."""
    anything = FeeSchedule(rate_micro=pick(0, MICRO), exponent=pick(0, EXPONENT_MAX))
    size_micro = MICRO if pick(0, 3) == 0 else pick(0, 10 ** pick(0, 12))
    return anything, pick(0, MICRO), size_micro


def touch(pick: Pick) -> tuple[list[tuple[int, FeeSchedule]], int]:
    asks = [(pick(1, MICRO - 1), schedule(pick)) for _ in range(pick(1, 5))]
    return asks, pick(1, 14) * MICRO


def gap(pick: Pick, hundredths_max: int) -> tuple[list[LegBook], Bounds]:
    """Two legs, or three of a neg-risk event, that cost about what they pay."""
    tick_micro = one_of(pick, TICKS)
    count = one_of(pick, (2, 2, 3))
    payout_micro = one_of(pick, (MICRO, (count - 1) * MICRO))
    left_ticks = payout_micro // tick_micro - pick(-1, 12)
    shares = [pick(2, 8) for _ in range(count)]
    legs = []
    for index, share in enumerate(shares):
        price_ticks = max(1, left_ticks * share // sum(shares[index:]))
        left_ticks -= price_ticks
        legs.append(_leg(pick, f"token-{index}", price_ticks, tick_micro, hundredths_max))
    return legs, _bounds(pick, payout_micro)


def _leg(
    pick: Pick, token_id: str, price_ticks: int, tick_micro: int, hundredths_max: int
) -> LegBook:
    """A leg whose asks rise by a few ticks each, as far as there are prices."""
    ticks_max = MICRO // tick_micro - 1
    asks: list[tuple[int, int]] = []
    for _ in range(pick(1, 3)):
        hundredths = pick(one_of(pick, (1, hundredths_max // 2)), hundredths_max)
        if not asks or price_ticks <= ticks_max:
            asks.append((min(price_ticks, ticks_max) * tick_micro, hundredths * 10_000))
        price_ticks += pick(1, 4)
    return LegBook(
        token_id=token_id,
        asks=tuple(asks),
        fee=schedule(pick),
        tick_micro=tick_micro,
        min_order_size_micro=one_of(pick, (MICRO, 2_500_000, 5 * MICRO)),
    )


def _bounds(pick: Pick, payout_micro: int) -> Bounds:
    return Bounds(
        payout_micro=payout_micro,
        cost_max_micro=one_of(pick, (1, 2, 5, 10, 1_000)) * MICRO,
        min_profit_ratio_micro=one_of(pick, (0, 0, 10_000, 50_000)),
        slippage_max_ratio_micro=one_of(pick, (0, 20_000, 100_000, MICRO)),
        slippage_allowance_ratio_micro=one_of(pick, (0, 1_001)),
        gas_per_set_micro=one_of(pick, (0, 20_000)),
        raise_to_minimum=bool(pick(0, 1)),
    )
