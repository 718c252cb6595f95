"""From the facts of a criterion to its value: one function for each metric, and what it needs.

Each function takes facts that it does not trust. What is missing, no whole number, negative, or
more than the whole that it is a part of raises Unusable, and the verdict is Unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from checks.criteria.definitions import Criterion, Unit, holds
from checks.criteria.facts import Facts
from checks.criteria.formulas import (
    daily_returns,
    days_in_a_row,
    percentile,
    sharpe_micro,
)
from trading.engine.units import MICRO

STOP_US_MAX = 1_000_000  # a stop takes less than a second
DAY_US = 86_400_000_000
JUDGED_AGE_MAX = timedelta(minutes=5)


class Unusable(ValueError):  # noqa: N818 - said to a person
    """Why these facts give no value, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. `counts_bad`: what it counts happened, whatever else is not known, so that a
    value on the bad side is believed however little of the window was seen.
    """

    unit: Unit
    value: Callable[[Criterion, Facts], Fraction]
    counts_bad: bool = False
    needs_limit: bool = False
    needs_attestation: bool = False


def whole(values: Mapping[str, Any], name: str, *, least: int | None = 0) -> int:
    """Return a whole number of the facts. Raises Unusable; `least` None allows negative ones."""
    value = values.get(name)
    if value is None:
        raise Unusable(f"{name} is not known")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unusable(f"{name} is no whole number")
    if least is not None and value < least:
        raise Unusable(f"{name} is {value}, which cannot be")
    return value


def share(values: Mapping[str, Any], part: str, total: str) -> Fraction:
    """Return a part of a whole. Raises Unusable, also for a whole of nothing."""
    some, all_of_it = whole(values, part), whole(values, total)
    if all_of_it == 0:
        raise Unusable(f"{total} is 0: there is nothing to take a part of")
    if some > all_of_it:
        raise Unusable(f"{part} is more than {total}, which cannot be")
    return Fraction(some, all_of_it)


def moment(values: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time of the facts, None for none. Raises Unusable for what is no time."""
    text = values.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise Unusable(f"{name} is no time") from error
    if found.tzinfo is None:
        raise Unusable(f"{name} has no zone")
    return found


def _pairs(values: Mapping[str, Any], name: str) -> list[tuple[int, int]]:
    """Return the last two numbers of each row of a list. Raises Unusable."""
    rows = values.get(name)
    if not isinstance(rows, list | tuple):
        raise Unusable(f"{name} is not known")
    found = []
    for row in rows:
        if not isinstance(row, list | tuple) or len(row) < 2:
            raise Unusable(f"{name} holds a row that is none")
        one, other = row[-2:]
        if type(one) is not int or type(other) is not int:
            raise Unusable(f"{name} holds what is no whole number")
        found.append((one, other))
    return found


def _dollars(name: str, *, least: int | None = None) -> Callable[[Criterion, Facts], Fraction]:
    def value(_criterion: Criterion, facts: Facts) -> Fraction:
        return Fraction(whole(facts.values, name, least=least), MICRO)

    return value


def _number(name: str) -> Callable[[Criterion, Facts], Fraction]:
    def value(_criterion: Criterion, facts: Facts) -> Fraction:
        return Fraction(whole(facts.values, name))

    return value


def _share(part: str, total: str) -> Callable[[Criterion, Facts], Fraction]:
    def value(_criterion: Criterion, facts: Facts) -> Fraction:
        return share(facts.values, part, total)

    return value


def _days(span: timedelta) -> Fraction:
    return Fraction(span // timedelta(microseconds=1), DAY_US)


def _days_since(name: str) -> Callable[[Criterion, Facts], Fraction]:
    """Return the metric "days without": since the last one, or since the window began."""

    def value(criterion: Criterion, facts: Facts) -> Fraction:
        last = moment(facts.values, name)
        if facts.since is None:
            raise Unusable("when the window began is not known")
        begin = facts.since if last is None else max(last, facts.since)
        if begin > facts.now:
            raise Unusable("the window begins in the future")
        days = _days(facts.now - begin)
        most = criterion.window_days
        return days if most is None or last is not None else min(days, Fraction(most))

    return value


def _days_in_phase(_criterion: Criterion, facts: Facts) -> Fraction:
    if facts.since is None:
        raise Unusable("when the phase began is not known")
    return _days(facts.now - facts.since)


def _days_covered(_criterion: Criterion, facts: Facts) -> Fraction:
    if facts.covered_s < 0:
        raise Unusable("covered_s is negative, which cannot be")
    return Fraction(facts.covered_s, 86_400)


def _reconnect_rate(_criterion: Criterion, facts: Facts) -> Fraction:
    """Return connections made again by attempts to make one."""
    made, failed = whole(facts.values, "reconnects"), whole(facts.values, "failures")
    if made + failed == 0:
        raise Unusable("no connection had to be made again")
    return Fraction(made, made + failed)


def _latency_p95(_criterion: Criterion, facts: Facts) -> Fraction:
    """Return what 95 % of the sampled seconds had at most as their own 95th percentile, in ms."""
    counts = _pairs(facts.values, "ms_counts")
    if any(ms < 0 or number < 0 for ms, number in counts):
        raise Unusable("ms_counts holds a negative number, which cannot be")
    try:
        return Fraction(percentile(counts, 95))
    except ValueError as error:
        raise Unusable(str(error)) from error


def _sharpe(_criterion: Criterion, facts: Facts) -> Fraction:
    days = _pairs(facts.values, "days")
    try:
        returns = daily_returns(whole(facts.values, "capital_micro", least=None), days)
        return Fraction(sharpe_micro(returns), MICRO)
    except Unusable:
        raise
    except ValueError as error:
        raise Unusable(str(error)) from error


def _drawdown(_criterion: Criterion, facts: Facts) -> Fraction:
    """Return the deepest fall of equity in parts of the peak that it fell from."""
    peak = whole(facts.values, "peak_micro", least=None)
    bottom = whole(facts.values, "bottom_micro", least=None)
    if peak <= 0:
        raise Unusable("there was no capital")
    if bottom > peak:
        raise Unusable("the bottom is above the peak, which cannot be")
    return Fraction(peak - bottom, peak)


def _monthly_return(_criterion: Criterion, facts: Facts) -> Fraction:
    """Return what thirty days brought, by the capital in use when they began."""
    capital = whole(facts.values, "capital_micro", least=None)
    if capital <= 0:
        raise Unusable("there was no capital when the window began")
    return Fraction(whole(facts.values, "realised_micro", least=None), capital)


def _days_below(criterion: Criterion, facts: Facts) -> Fraction:
    assert criterion.limit is not None
    days = _pairs(facts.values, "days")
    if any(part < 0 or part > total for part, total in days):
        raise Unusable("days holds a part of more than there was, which cannot be")
    return Fraction(days_in_a_row(days, criterion.limit))


def _replays(_criterion: Criterion, facts: Facts) -> Fraction:
    """Return on how many days a replay came to something else."""
    bad = whole(facts.values, "different") + whole(facts.values, "unreadable")
    missing = whole(facts.values, "missing")
    if not bad and missing:
        raise Unusable(f"{missing} days of the window have not been replayed")
    return Fraction(bad)


def _journal(_criterion: Criterion, facts: Facts) -> Fraction:
    """Return what is wrong with the journals: damage, and alerts with a move missing."""
    names = ("damaged", "unreadable", "alerts_with_gaps", "without_events")
    bad = sum(whole(facts.values, name) for name in names)
    unread = whole(facts.values, "unread")
    if not bad and unread:
        raise Unusable(f"{unread} journals of the window have not been read in full yet")
    return Fraction(bad)


def _risk_stops(_criterion: Criterion, facts: Facts) -> Fraction:
    """Return how many stops did not work: without evidence, or not within a second."""
    stops = facts.values.get("stops")
    if not isinstance(stops, list | tuple):
        raise Unusable("stops is not known")
    bad = whole(facts.values, "failed_drills")
    for row in stops:
        if not isinstance(row, list | tuple) or len(row) != 2:
            raise Unusable("stops holds a row that is none")
        us = row[1]
        if us is not None and (type(us) is not int or us < 0):
            raise Unusable("stops holds what is no whole number")
        bad += us is None or us >= STOP_US_MAX
    return Fraction(bad)


def _yes(name: str, otherwise: str) -> Callable[[Criterion, Facts], Fraction]:
    def value(_criterion: Criterion, facts: Facts) -> Fraction:
        found = facts.values.get(name)
        if found is None:
            raise Unusable(otherwise)
        if not isinstance(found, bool):
            raise Unusable(f"{name} is neither true nor false")
        return Fraction(int(found))

    return value


def _unresolved(criterion: Criterion, facts: Facts) -> Fraction:
    """Return how long the CRITICAL alert lasted that lasted longest, in minutes."""
    longest = Fraction(whole(facts.values, "longest_s"), 60)
    if not holds(criterion, longest):
        _watched(facts)
    return longest


def _open(_criterion: Criterion, facts: Facts) -> Fraction:
    number = whole(facts.values, "open")
    if not number:
        _watched(facts)
    return Fraction(number)


def _without_critical(criterion: Criterion, facts: Facts) -> Fraction:
    if moment(facts.values, "last_critical_at") is None:
        _watched(facts)
    return _days_since("last_critical_at")(criterion, facts)


def _watched(facts: Facts) -> None:
    """Raise Unusable when nobody judges the alert rules: then no alert says nothing."""
    judged = moment(facts.values, "judged_at")
    if judged is None or facts.now - judged > JUDGED_AGE_MAX:
        raise Unusable("the alert rules are not being judged, so that no alert means nothing")


def _slipped(criterion: Criterion, facts: Facts) -> Fraction:
    """Return how many fills slipped by more than the limit."""
    number, unplanned = whole(facts.values, "slipped"), whole(facts.values, "unplanned")
    if unplanned and not holds(criterion, Fraction(number)):
        raise Unusable(f"{unplanned} fills have no plan that they could be held against")
    return Fraction(number)


METRICS: Mapping[str, Metric] = {
    "days_without_crash": Metric(
        unit=Unit.DAYS, value=_days_since("last_crash_at"), counts_bad=False
    ),
    "days_without_critical": Metric(unit=Unit.DAYS, value=_without_critical),
    "days_in_phase": Metric(unit=Unit.DAYS, value=_days_in_phase),
    "days_covered": Metric(unit=Unit.DAYS, value=_days_covered),
    "crashes": Metric(unit=Unit.COUNT, value=_number("crashes"), counts_bad=True),
    "reconnect_rate": Metric(unit=Unit.PERCENT, value=_reconnect_rate),
    "feed_uptime": Metric(unit=Unit.PERCENT, value=_share("connected", "sampled")),
    "rpc_failure_rate": Metric(unit=Unit.PERCENT, value=_share("errors", "requests")),
    "latency_p95": Metric(unit=Unit.MILLISECONDS, value=_latency_p95),
    "journal_problems": Metric(unit=Unit.COUNT, value=_journal, counts_bad=True),
    "journal_losses": Metric(unit=Unit.COUNT, value=_number("losses"), counts_bad=True),
    "replay_differences": Metric(unit=Unit.COUNT, value=_replays, counts_bad=True),
    "breaker_drill": Metric(
        unit=Unit.TRUTH, value=_yes("passed", "no drill of the breaker since the window began")
    ),
    "risk_stops_failed": Metric(unit=Unit.COUNT, value=_risk_stops, counts_bad=True),
    "security_incidents": Metric(unit=Unit.COUNT, value=_number("incidents"), counts_bad=True),
    "critical_open": Metric(unit=Unit.COUNT, value=_open, counts_bad=True),
    "critical_unresolved": Metric(unit=Unit.MINUTES, value=_unresolved, counts_bad=True),
    "total_pnl": Metric(unit=Unit.DOLLARS, value=_dollars("realised_micro")),
    "daily_loss": Metric(
        unit=Unit.DOLLARS, value=_dollars("worst_loss_micro", least=0), counts_bad=True
    ),
    "trade_loss": Metric(
        unit=Unit.DOLLARS, value=_dollars("worst_loss_micro", least=0), counts_bad=True
    ),
    "trades": Metric(unit=Unit.COUNT, value=_number("trades")),
    "fill_rate": Metric(unit=Unit.PERCENT, value=_share("filled", "submitted")),
    "days_below_fill_rate": Metric(unit=Unit.DAYS, value=_days_below, needs_limit=True),
    "slippage_share": Metric(unit=Unit.PERCENT, value=_share("within", "fills"), needs_limit=True),
    "slipped_trades": Metric(unit=Unit.COUNT, value=_slipped, counts_bad=True, needs_limit=True),
    "sharpe": Metric(unit=Unit.RATIO, value=_sharpe),
    "drawdown": Metric(unit=Unit.PERCENT, value=_drawdown, counts_bad=True),
    "monthly_return": Metric(unit=Unit.PERCENT, value=_monthly_return),
    "criteria_missing": Metric(unit=Unit.COUNT, value=_number("missing"), counts_bad=True),
    "attestation": Metric(
        unit=Unit.TRUTH,
        value=_yes("valid", "nobody has stated it, or the statement has expired"),
        needs_attestation=True,
    ),
}
