"""Money, sizes and prices as integers of millionths, and the only conversions to and from text.

One micro is a millionth of a dollar (pUSD), of a share, or of a price (dollars per share). A price
of 0.48 is 480_000, five shares are 5_000_000. Every division that money passes through names its
rounding. Text that is not a plain decimal is refused: the venue sends decimals as strings, and a
wrong guess about one of them is a wrong trade.
"""

from functools import lru_cache

MICRO = 1_000_000
DECIMALS = 6
TEXT_LENGTH_MAX = 40

_SCALE = (1_000_000, 100_000, 10_000, 1_000, 100, 10, 1)  # by the number of decimals


class UnitError(ValueError):
    """Text is not a decimal number that fits into whole millionths."""


def unsigned_micro_from_text(text: str) -> int:
    """Return the millionths in a decimal string such as "0.48", ".48" or "5".

    Raises UnitError on anything else, on more than six significant decimals, on signs and
    exponents: nothing is rounded here, because a silently rounded amount is a wrong amount.
    """
    if not isinstance(text, str) or len(text) > TEXT_LENGTH_MAX:
        raise UnitError(f"not a decimal number: {text!r:.60}")
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    # ASCII digits only: int() would also take underscores, spaces and digits of other scripts.
    if not (digits.isdecimal() and digits.isascii()):
        if text[:1] == "-":
            raise UnitError(f"must not be negative: {text!r:.60}")
        raise UnitError(f"not a decimal number: {text!r:.60}")
    decimals = len(fraction)
    if decimals <= DECIMALS:
        return int(digits) * _SCALE[decimals]
    if fraction[DECIMALS:].strip("0"):
        raise UnitError(f"more than {DECIMALS} decimals: {text!r:.60}")
    return int(whole + fraction[:DECIMALS])


def micro_from_text(text: str) -> int:
    """Return the millionths in a decimal string that may be negative, such as "-1.50".

    Raises UnitError as unsigned_micro_from_text does.
    """
    if isinstance(text, str) and text[:1] == "-" and text[1:2] != "-":
        return -unsigned_micro_from_text(text[1:])
    return unsigned_micro_from_text(text)


# A market has at most a thousand prices, and round sizes come again and again.
@lru_cache(maxsize=16_384)
def text_from_micro(micro: int) -> str:
    """Return the shortest exact decimal string: 480_000 is "0.48", -1_500_000 is "-1.5"."""
    sign = "-" if micro < 0 else ""
    whole, fraction = divmod(abs(micro), MICRO)
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:06d}".rstrip("0")


def divide_down(numerator: int, denominator: int) -> int:
    """Divide towards minus infinity: for what we receive."""
    if denominator <= 0:
        raise ValueError("the denominator must be positive")
    return numerator // denominator


def divide_up(numerator: int, denominator: int) -> int:
    """Divide towards plus infinity: for what we pay."""
    if denominator <= 0:
        raise ValueError("the denominator must be positive")
    return -(-numerator // denominator)


def cost_up(price_micro: int, size_micro: int) -> int:
    """Return price times size in micro dollars, rounded up: what we pay."""
    return divide_up(price_micro * size_micro, MICRO)


def proceeds_down(price_micro: int, size_micro: int) -> int:
    """Return price times size in micro dollars, rounded down: what we receive."""
    return divide_down(price_micro * size_micro, MICRO)
