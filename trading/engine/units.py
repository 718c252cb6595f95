"""Money, sizes and prices as integers of millionths, and the only conversions to and from text.

One micro is a millionth of a dollar (pUSD), of a share, or of a price (dollars per share). A price
of 0.48 is 480_000, five shares are 5_000_000. Every division that money passes through names its
rounding. Text that is not a plain decimal is refused: the venue sends decimals as strings, and a
wrong guess about one of them is a wrong trade.
"""

import re

MICRO = 1_000_000
DECIMALS = 6
TEXT_LENGTH_MAX = 40

# ASCII digits only: int() would also take underscores, spaces and the digits of other scripts.
_DECIMAL = re.compile(r"(-?)([0-9]*)(?:\.([0-9]*))?", re.ASCII)


class UnitError(ValueError):
    """Text is not a decimal number that fits into whole millionths."""


def micro_from_text(text: str) -> int:
    """Return the millionths in a decimal string such as "0.48", ".48", "5" or "-1.50".

    Raises UnitError on anything else, on more than six significant decimals, and on exponents:
    nothing is rounded here, because a silently rounded amount is a wrong amount.
    """
    if not isinstance(text, str) or not text or len(text) > TEXT_LENGTH_MAX:
        raise UnitError(f"not a decimal number: {text!r:.60}")
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise UnitError(f"not a decimal number: {text!r:.60}")
    sign, whole, fraction = match.groups()
    fraction = fraction or ""
    if not whole and not fraction:
        raise UnitError(f"not a decimal number: {text!r:.60}")
    significant = fraction.rstrip("0")
    if len(significant) > DECIMALS:
        raise UnitError(f"more than {DECIMALS} decimals: {text!r:.60}")
    micro = int(whole or "0") * MICRO + int(significant.ljust(DECIMALS, "0"))
    return -micro if sign else micro


def unsigned_micro_from_text(text: str) -> int:
    """Return the millionths in a decimal string that must not be negative; raises UnitError."""
    micro = micro_from_text(text)
    if micro < 0 or text[0] == "-":
        raise UnitError(f"must not be negative: {text!r:.60}")
    return micro


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
