"""Numbers of JSON that must become exact millionths.

The venue sends ticks, sizes and rates as JSON numbers (`0.0025`). They are decoded to Decimal from
their digits, so no binary fraction ever comes near them.
"""

from decimal import Decimal

from trading.engine.units import UnitError, unsigned_micro_from_text

MAGNITUDE_MAX = 20  # digits before or zeros after the point: more is an attack on formatting


def micro_from_number(number: Decimal, field: str) -> int:
    """Return the millionths in a JSON number that must not be negative; raises ValueError."""
    if not number.is_finite() or abs(number.adjusted()) > MAGNITUDE_MAX:
        raise ValueError(f"{field}: {number:.6e} is out of any range")
    try:
        return unsigned_micro_from_text(format(number, "f"))
    except UnitError as error:
        raise ValueError(f"{field}: {error}") from error


def whole_from_number(number: Decimal, field: str, *, highest: int) -> int:
    """Return a whole number between 0 and `highest`; raises ValueError."""
    if not number.is_finite() or not 0 <= number <= highest or number != int(number):
        raise ValueError(f"{field}: {number:.6e} is not a whole number from 0 to {highest}")
    return int(number)
