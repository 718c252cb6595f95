"""The taker fee, in exact integers.

The venue charges shares * rate * (price * (1 - price)) ** exponent in pUSD, on top of a BUY and out
of the proceeds of a SELL, per fill at the fill's own price, with five decimals. Which way it rounds
is not established (polymarket.md section 6), so there are two answers: what it charges when it
rounds down, and a ceiling for decisions made before the trade.
"""

from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, divide_down, divide_up

FEE_STEP_MICRO = 10  # five decimals of a dollar
RATE_MICRO_MAX = MICRO  # above this a fee would exceed what it is charged on
EXPONENT_MAX = 8
PICO = MICRO * MICRO

_DENOMINATORS = tuple(MICRO ** (1 + 2 * exponent) for exponent in range(EXPONENT_MAX + 1))


def is_known(schedule: FeeSchedule) -> bool:
    """Say whether a schedule is one that a fee can be computed from."""
    return 0 <= schedule.exponent <= EXPONENT_MAX and 0 <= schedule.rate_micro <= RATE_MICRO_MAX


def fee_charged(schedule: FeeSchedule, price_micro: int, size_micro: int) -> int:
    """Return the fee of one fill in micro dollars, rounded down to five decimals.

    A fee below 0.00001 dollars is not charged. Raises ValueError on a schedule, price or size out
    of range. Source: polymarket.md section 6.
    """
    numerator, denominator = fee_fraction(schedule, price_micro, size_micro)
    return divide_down(numerator, denominator * FEE_STEP_MICRO) * FEE_STEP_MICRO


def fee_ceiling(schedule: FeeSchedule, price_micro: int, size_micro: int) -> int:
    """Return the most that one fill can cost in fees: micro dollars, rounded up to five decimals.

    Raises ValueError on a schedule, price or size out of range.
    """
    numerator, denominator = fee_fraction(schedule, price_micro, size_micro)
    return divide_up(numerator, denominator * FEE_STEP_MICRO) * FEE_STEP_MICRO


def fee_pico_per_share_down(schedule: FeeSchedule, price_micro: int) -> int:
    """Return the fee of one share in pico dollars (10 ** -12), rounded down.

    Far finer than anything that is ever charged: it bounds a fee from below, it never states one.
    Raises ValueError on a schedule or price out of range.
    """
    numerator, denominator = fee_fraction(schedule, price_micro, PICO)
    return divide_down(numerator, denominator)


def fee_fraction(schedule: FeeSchedule, price_micro: int, size_micro: int) -> tuple[int, int]:
    """Return the unrounded fee in micro dollars as numerator and denominator (a power of MICRO).

    Raises ValueError on a schedule, price or size out of range.
    """
    if not 0 <= schedule.exponent <= EXPONENT_MAX:
        raise ValueError(f"the fee exponent must be 0 to {EXPONENT_MAX}: {schedule.exponent}")
    if not 0 <= schedule.rate_micro <= RATE_MICRO_MAX:
        raise ValueError(f"the fee rate must be 0 to {RATE_MICRO_MAX}: {schedule.rate_micro}")
    # The ends are no prices that anybody trades at, but 1 stands for the ask of an empty side.
    if not 0 <= price_micro <= MICRO:
        raise ValueError(f"a price lies between 0 and {MICRO}: {price_micro}")
    if size_micro < 0:
        raise ValueError(f"a size must not be negative: {size_micro}")
    spread = price_micro * (MICRO - price_micro)
    numerator = size_micro * schedule.rate_micro * spread**schedule.exponent
    return numerator, _DENOMINATORS[schedule.exponent]
