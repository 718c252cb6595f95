"""The venue's rules for amounts in an order, in exact integers.

An order carries two amounts: what its maker gives and what its maker gets. How many decimals each
may have hangs on the market's tick. Source: polymarket.md section 4 (py-clob-client-v2 1.2.1
order_builder). The official client computes with floats and loses a unit of price at some prices
(0.57 becomes 0.56 at tick 0.01 in a market order); here nothing is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, lcm
from typing import NamedTuple

from trading.engine.codes import Side
from trading.engine.units import DECIMALS, MICRO, divide_down, divide_up

SHARE_STEP_MICRO = 10_000  # sizes have two decimals
CENT_MICRO = 10_000  # dollars of a market BUY have two decimals
BUY_NOTIONAL_MIN_MICRO = MICRO  # a marketable BUY below one dollar is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class TickDecimals:
    """How many decimals the venue takes at one tick."""

    price: int
    size: int
    amount: int


DECIMALS_BY_TICK = {
    100_000: TickDecimals(price=1, size=2, amount=3),
    10_000: TickDecimals(price=2, size=2, amount=4),
    5_000: TickDecimals(price=3, size=2, amount=5),
    2_500: TickDecimals(price=4, size=2, amount=6),
    1_000: TickDecimals(price=3, size=2, amount=5),
    100: TickDecimals(price=4, size=2, amount=6),
}


class Amounts(NamedTuple):
    """The two amounts of an order. BUY gives dollars and gets shares, SELL the reverse."""

    maker_micro: int
    taker_micro: int


def tick_decimals(tick_micro: int) -> TickDecimals:
    """Return the decimals of a tick; raises ValueError on a tick that the venue does not use."""
    decimals = DECIMALS_BY_TICK.get(tick_micro)
    if decimals is None:
        raise ValueError(f"not a tick of the venue: {tick_micro}")
    return decimals


def is_on_tick(price_micro: int, tick_micro: int) -> bool:
    """Say whether the venue takes a price: a multiple of the tick, from tick to 1 - tick.

    Raises ValueError when the tick is not positive.
    """
    if tick_micro <= 0:
        raise ValueError(f"a tick must be positive: {tick_micro}")
    return tick_micro <= price_micro <= MICRO - tick_micro and price_micro % tick_micro == 0


def limit_amounts(side: Side, price_micro: int, size_micro: int, tick_micro: int) -> Amounts:
    """Return the amounts of a limit order.

    The price is rounded half-even to the tick's decimals, the size down to two. Their product has
    never more decimals than allowed, because the allowed ones are those of price and size together.
    Raises ValueError on an unknown tick or when nothing is left after rounding.
    """
    price_micro = _round_half_even(price_micro, _price_unit_micro(tick_micro))
    return _share_amounts(side, price_micro, size_micro)


def market_buy_amounts(price_micro: int, dollars_micro: int, tick_micro: int) -> Amounts:
    """Return the amounts of a market BUY for so many dollars at no worse than a price.

    Dollars are cut to cents and the price to the tick's decimals; the shares are the quotient, cut
    to the decimals allowed. The client rounds the quotient up at four more decimals first, which
    mends its floats and changes no exact quotient: a price has at most 9999 units, so what is cut
    off is never within 10 ** -4 of a whole one. Raises ValueError on an unknown tick or when
    nothing is left after rounding.
    """
    unit_micro = _price_unit_micro(tick_micro)
    price_micro = divide_down(price_micro, unit_micro) * unit_micro
    dollars_micro = divide_down(dollars_micro, CENT_MICRO) * CENT_MICRO
    _check_positive(price_micro, dollars_micro)
    share_unit_micro = 10 ** (DECIMALS - tick_decimals(tick_micro).amount)
    shares = divide_down(dollars_micro * MICRO, price_micro * share_unit_micro)
    return Amounts(dollars_micro, shares * share_unit_micro)


def market_sell_amounts(price_micro: int, size_micro: int, tick_micro: int) -> Amounts:
    """Return the amounts of a market SELL of so many shares at no worse than a price.

    Raises ValueError on an unknown tick or when nothing is left after rounding.
    """
    unit_micro = _price_unit_micro(tick_micro)
    price_micro = divide_down(price_micro, unit_micro) * unit_micro
    return _share_amounts(Side.SELL, price_micro, size_micro)


def size_grid_micro(prices_micro: Sequence[int], tick_micro: int) -> int:
    """Return the smallest step of size, in micro shares, that is whole cents at every price.

    The venue takes a market BUY in whole cents only, so an exact share count n needs n * price in
    whole cents. The step is a whole number of hundredths of a share: 1 share at tick 0.01 always
    works, 10 at tick 0.001, and often less does. Raises ValueError on a price off the tick.
    """
    hundredths = 1
    for price_micro in prices_micro:
        if not is_on_tick(price_micro, tick_micro):
            raise ValueError(f"the price {price_micro} is not on the tick {tick_micro}")
        hundredths = lcm(hundredths, MICRO // gcd(MICRO, price_micro))
    return hundredths * SHARE_STEP_MICRO


def floor_to_grid(size_micro: int, grid_micro: int) -> int:
    """Return the largest multiple of the grid that is not above the size."""
    return divide_down(size_micro, grid_micro) * grid_micro


def ceil_to_grid(size_micro: int, grid_micro: int) -> int:
    """Return the smallest multiple of the grid that is not below the size."""
    return divide_up(size_micro, grid_micro) * grid_micro


def _share_amounts(side: Side, price_micro: int, size_micro: int) -> Amounts:
    size_micro = floor_to_grid(size_micro, SHARE_STEP_MICRO)
    _check_positive(price_micro, size_micro)
    # Exact: a size of two decimals times a price of at most four has at most six.
    dollars_micro = divide_down(price_micro * size_micro, MICRO)
    if side is Side.BUY:
        return Amounts(dollars_micro, size_micro)
    return Amounts(size_micro, dollars_micro)


def _price_unit_micro(tick_micro: int) -> int:
    unit_micro: int = 10 ** (DECIMALS - tick_decimals(tick_micro).price)
    return unit_micro


def _round_half_even(value: int, unit: int) -> int:
    quotient, rest = divmod(value, unit)
    if 2 * rest > unit or (2 * rest == unit and quotient % 2 == 1):
        quotient += 1
    return quotient * unit


def _check_positive(price_micro: int, amount_micro: int) -> None:
    if not 0 < price_micro < MICRO:
        raise ValueError(f"no price is left after rounding: {price_micro}")
    if amount_micro <= 0:
        raise ValueError(f"no amount is left after rounding: {amount_micro}")
