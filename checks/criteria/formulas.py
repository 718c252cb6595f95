"""The formulas behind the criteria, on whole numbers and exact fractions alone.

Amounts are micro dollars. Where a result cannot be a fraction (a root), it is rounded down to a
millionth, which is said there.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import isqrt

from trading.engine.units import MICRO

DAYS_PER_YEAR = 365  # the venue trades every day, so a year has no other number of trading days


def daily_returns(start_micro: int, days: Iterable[tuple[int, int]]) -> list[Fraction]:
    """Return each day's result by the capital in use when it began.

    `days` are (realised, paid in or taken out) in order; the capital in use is what was paid in
    plus what was realised before. What moves in or out on a day works from the next day on. Raises
    ValueError for a day that begins without capital: its return has no meaning.
    """
    capital, returns = start_micro, []
    for realised, moved in days:
        if capital <= 0:
            raise ValueError("a day began without capital")
        returns.append(Fraction(realised, capital))
        capital += realised + moved
    return returns


def sharpe_micro(returns: Sequence[Fraction]) -> int:
    """Return the Sharpe ratio of daily returns in millionths, rounded down.

    mean / deviation * sqrt(365), with the deviation of a sample (by n - 1) and a risk-free return
    of nothing, since collateral on the venue earns none. W. F. Sharpe, "The Sharpe Ratio", Journal
    of Portfolio Management 21 (1994), equations 3 to 6, made annual by the square root of time.
    Raises ValueError for fewer than two returns and for returns that are all equal: divided by a
    deviation of nothing the ratio is no number, however good or bad the days were.
    """
    number = len(returns)
    if number < 2:
        raise ValueError("fewer than two daily returns")
    mean = sum(returns, Fraction(0)) * Fraction(1, number)
    variance = sum(((one - mean) ** 2 for one in returns), Fraction(0)) * Fraction(1, number - 1)
    if variance == 0:
        raise ValueError("all daily returns are equal, so that they have no deviation")
    square = mean**2 * Fraction(DAYS_PER_YEAR * MICRO**2) * _inverse(variance)
    if mean >= 0:
        return isqrt(square.numerator // square.denominator)
    return -(isqrt(-(-square.numerator // square.denominator) - 1) + 1)


def deepest_fall(start_micro: int, moves: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Return (peak, bottom) of the deepest fall of equity, measured by its peak.

    `moves` are (realised, paid in or taken out) in order. Equity begins with the capital, so a loss
    at the beginning is a fall too. A deposit or withdrawal moves peak and equity alike: it is no
    result. Without a fall both are the same. Maximum drawdown as in Magdon-Ismail and Atiya,
    "Maximum Drawdown", Risk 17 (2004), in parts of the peak.
    """
    equity = peak = start_micro
    worst = (start_micro, start_micro)
    for realised, moved in moves:
        equity, peak = equity + realised + moved, peak + moved
        peak = max(peak, equity)
        # A fall from one peak against a fall from another, without dividing: a/b > c/d. Before
        # anything was paid in there is no peak to fall from.
        deeper = (peak - equity) * worst[0] > (worst[0] - worst[1]) * peak
        if peak > 0 and (worst[0] <= 0 or deeper):
            worst = (peak, equity)
    return worst


def percentile(counts: Iterable[tuple[int, int]], percent: int) -> int:
    """Return the nearest-rank percentile of (value, how often): the least value that so many are
    at most. Hyndman and Fan, "Sample Quantiles", The American Statistician 50 (1996), definition 1.

    Raises ValueError without values.
    """
    ordered = sorted(counts)
    total = sum(number for _, number in ordered)
    if total <= 0:
        raise ValueError("nothing was measured")
    rank = -(-total * percent // 100)
    reached = 0
    for value, number in ordered:
        reached += number
        if reached >= rank:
            return value
    raise ValueError("nothing was measured")


def slippage(price_micro: int, cost_micro: int, size_micro: int) -> Fraction:
    """Return how much dearer a share was bought than planned, in parts of the planned price.

    The planned price is the cost of the leg without fees by its size, from the books at the moment
    of the decision. Bought cheaper it is negative. Raises ValueError for a plan without a price.
    """
    if cost_micro <= 0 or size_micro <= 0:
        raise ValueError("the plan has no price")
    return Fraction(price_micro * size_micro, cost_micro * MICRO) - 1


def days_in_a_row(days: Sequence[tuple[int, int]], limit: Fraction) -> int:
    """Return on how many of the last days in a row the rate was below the limit.

    `days` are (part, whole), oldest first; a day without a whole says nothing and is passed over.
    """
    run = 0
    for part, whole in reversed(days):
        if whole == 0:
            continue
        if Fraction(part, whole) >= limit:
            break
        run += 1
    return run


def covered_seconds(spans: Iterable[tuple[int, int]]) -> int:
    """Return how many seconds lie in at least one of the spans (from, to)."""
    total, reached = 0, None
    for begin, end in sorted(spans):
        if reached is None or begin > reached:
            reached = begin
        if end > reached:
            total, reached = total + end - reached, end
    return total


def _inverse(number: Fraction) -> Fraction:
    return Fraction(number.denominator, number.numerator)
