"""Numbers as people read them: unit, sign, thousands separators. Integers in, text out, no float.

Money is in micro dollars, sizes in micro shares, ratios in millionths. What is not known is None
and becomes an en dash; the reason stands beside it, never in place of it a zero.
"""

from datetime import UTC, datetime, timedelta

MICRO = 1_000_000
MINUS = "−"  # as wide as the plus sign, so that columns of signed numbers line up
MISSING = "–"
TEXT_CENT = 10_000  # micro dollars in a cent


def money(micro: int | None, *, sign: bool = False) -> str:
    """Return dollars to the cent: "$1,234.50", "−$0.03", with `sign` also "+$1.20".

    Less than half a cent keeps the digits that say something ("$0.0034"): a profit that is there
    must not look like none.
    """
    if micro is None:
        return MISSING
    decimals = 2
    while micro and decimals < 6 and _rounded(abs(micro), decimals) == 0:
        decimals += 2
    return f"{_sign(micro, plus=sign)}${_decimal(abs(micro), decimals)}"


def money_exact(micro: int | None, *, sign: bool = False) -> str:
    """Return dollars to the millionth: "$1,234.500000"."""
    if micro is None:
        return MISSING
    return f"{_sign(micro, plus=sign)}${_decimal(abs(micro), 6)}"


def price(micro: int | None) -> str:
    """Return a price per share in cents with the decimals that it needs: "48.0¢", "48.25¢"."""
    if micro is None:
        return MISSING
    decimals = 1
    while decimals < 4 and (abs(micro) * 10**decimals) % TEXT_CENT:
        decimals += 1
    return f"{_sign(micro)}{_decimal(abs(micro) * 100, decimals)}¢"


def shares(micro: int | None) -> str:
    """Return a number of shares with its unit: "5 shares", "12.35 shares"."""
    if micro is None:
        return MISSING
    decimals = 0
    while decimals < 2 and (abs(micro) * 10**decimals) % MICRO:
        decimals += 1
    text = _decimal(abs(micro), decimals)
    return f"{_sign(micro)}{text} {'share' if text == '1' else 'shares'}"


def shares_exact(micro: int | None) -> str:
    """Return a number of shares to the millionth."""
    return MISSING if micro is None else f"{_sign(micro)}{_decimal(abs(micro), 6)} shares"


def percent(ratio_micro: int | None, *, sign: bool = False, decimals: int = 2) -> str:
    """Return a ratio in percent: 12_500 is "1.25 %"."""
    if ratio_micro is None:
        return MISSING
    return f"{_sign(ratio_micro, plus=sign)}{_decimal(abs(ratio_micro) * 100, decimals)} %"


def ratio(part: int | None, whole: int | None) -> int | None:
    """Return part / whole in millionths, rounded down; None when there is no whole."""
    if part is None or not whole:
        return None
    return part * MICRO // whole


def count(number: int | None) -> str:
    """Return a count with thousands separators: "12,480"."""
    return MISSING if number is None else f"{_sign(number)}{abs(number):,}"


def plural(number: int | None, one: str, many: str = "") -> str:
    """Return a count with its noun: "1 gap", "12,480 gaps"."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def micros(us: int | None) -> str:
    """Return a short time measured in microseconds: "84 µs", "1.2 ms", "3.4 s"."""
    if us is None:
        return MISSING
    if us < 1_000:
        return f"{us} µs"
    if us < 1_000_000:
        return f"{_tenths(us, 1_000)} ms"
    return f"{_tenths(us, 1_000_000)} s"


def millis(ms: int | None) -> str:
    """Return a time measured in milliseconds, as exactly as it was: "0 ms", "340 ms", "1.2 s"."""
    if ms is None:
        return MISSING
    return f"{ms} ms" if ms < 1_000 else age(ms)


def age(ms: int | None) -> str:
    """Return how old: "0.4 s", "14 s", "12 min", "3 h 12 min", "2 d 4 h". Rounded down."""
    if ms is None:
        return MISSING
    ms = max(0, ms)
    if ms < 10_000:
        return f"{ms // 1_000}.{ms % 1_000 // 100} s"
    seconds = ms // 1_000
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def utc(moment: datetime | None, *, milliseconds: bool = False) -> str:
    """Return a moment in UTC, as the hover shows it: "2026-03-02 12:00:00 UTC"."""
    if moment is None:
        return MISSING
    text = moment.astimezone(UTC).isoformat(
        sep=" ", timespec="milliseconds" if milliseconds else "seconds"
    )
    return f"{text.partition('+')[0]} UTC"


def moment_of(text: object) -> datetime | None:
    """Return the moment in an ISO text of ours, None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def ms_between(earlier: datetime, later: datetime) -> int:
    """Return the whole milliseconds from one moment to another."""
    return (later - earlier) // timedelta(milliseconds=1)


def _sign(number: int, *, plus: bool = False) -> str:
    if number < 0:
        return MINUS
    return "+" if plus and number > 0 else ""


def _rounded(micro: int, decimals: int) -> int:
    """Return the amount in units of 10^-decimals, half away from zero. `micro` is not negative."""
    unit: int = 10 ** (6 - decimals)
    return (micro + unit // 2) // unit


def _decimal(micro: int, decimals: int) -> str:
    units = _rounded(micro, decimals)
    whole, fraction = divmod(units, 10**decimals)
    return f"{whole:,}.{fraction:0{decimals}d}" if decimals else f"{whole:,}"


def _tenths(number: int, unit: int) -> str:
    """Return number / unit with one decimal below ten units and none above, rounded down."""
    whole, rest = divmod(number, unit)
    return f"{whole}.{rest * 10 // unit}" if whole < 10 else f"{whole:,}"
