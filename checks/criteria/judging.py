"""Pass, Fail or Unknown: what the facts of a criterion come to, and why.

Unknown never passes. Of a kill criterion a pass means that its condition is not met. What is bad is
believed at once where it was counted, however little was seen: a crash is a crash. What is good is
believed only of a window that was seen.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from checks.criteria.definitions import (
    Criterion,
    Kind,
    Unit,
    Window,
    amount_text,
    bound_text,
    holds,
)
from checks.criteria.facts import Facts
from checks.criteria.metrics import METRICS, Unusable
from trading.engine.units import MICRO

AHEAD_MAX = timedelta(seconds=5)  # of two clocks that are both right
VALUE_MICRO_MAX = 2**63 - 1
TEXT_MAX = 500


class Result(StrEnum):
    """How a criterion came out."""

    PASS = "PASS"  # noqa: S105 - a word, no password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one criterion said of its facts. `value_micro` is rounded down, None for no value."""

    result: Result
    value: str
    value_micro: int | None
    bound: str
    reason: str
    window_from: datetime | None
    window_to: datetime
    sample: int
    sample_min: int


def judge(criterion: Criterion, facts: Facts) -> Judgement:
    """Return what the facts come to. Nothing in the facts makes it raise."""
    metric = METRICS[criterion.metric]
    value: Fraction | None = None
    why = facts.problem or _impossible(facts)
    if not why:
        try:
            value = metric.value(criterion, facts)
        except Unusable as unusable:
            why = str(unusable)
    if value is None:
        return _judged(criterion, facts, Result.UNKNOWN, None, why)
    met = holds(criterion, value)
    bad = met if criterion.kind is Kind.KILL else not met
    shown = f"{amount_text(value, criterion.unit)}, {_asked(criterion)}"
    if bad and (metric.counts_bad or _happened(criterion, facts)):
        return _judged(criterion, facts, Result.FAIL, value, shown)
    if too_little := _too_little(criterion, facts):
        return _judged(criterion, facts, Result.UNKNOWN, value, too_little)
    return _judged(criterion, facts, Result.FAIL if bad else Result.PASS, value, shown)


def _impossible(facts: Facts) -> str:
    """Return what makes the facts useless whatever the metric is, empty for nothing."""
    if facts.since is None:
        return "when the window began is not known"
    if facts.since > facts.now + AHEAD_MAX:
        return "the window begins in the future: a clock is wrong"
    if facts.newest_at is not None and facts.newest_at > facts.now + AHEAD_MAX:
        return "the newest row is of the future: a clock is wrong"
    for name, number in (("sample", facts.sample), ("covered_s", facts.covered_s)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            return f"{name} is no whole number of 0 or more"
    return ""


def _happened(criterion: Criterion, facts: Facts) -> bool:
    """Return whether the last event of a metric "days without" is known, and not just its lack."""
    names = {"days_without_crash": "last_crash_at", "days_without_critical": "last_critical_at"}
    name = names.get(criterion.metric)
    return name is not None and facts.values.get(name) is not None


def _too_little(criterion: Criterion, facts: Facts) -> str:
    """Return why nothing good can be said yet, empty when it can."""
    if facts.sample < criterion.sample_min:
        return f"too few to judge: {facts.sample} of at least {criterion.sample_min}"
    if criterion.fresh_minutes:
        limit = timedelta(minutes=criterion.fresh_minutes)
        if facts.newest_at is None:
            return "nothing was recorded"
        if facts.now - facts.newest_at > limit:
            old = (facts.now - facts.newest_at) // timedelta(minutes=1)
            most = criterion.fresh_minutes
            return f"the newest fact is {old} minutes old; {most} are the most"
    days = criterion.window_days
    if criterion.coverage_percent and days is not None:
        assert facts.since is not None
        begun = facts.now - facts.since
        if begun < timedelta(days=days):
            lasted = Fraction(begun // timedelta(seconds=864), 100)
            return f"the window of {days} days began {amount_text(lasted, Unit.DAYS)} ago"
        needed = days * 86_400 * criterion.coverage_percent
        if facts.covered_s * 100 < needed:
            seen = amount_text(Fraction(facts.covered_s // 864, 100), Unit.DAYS)
            return (
                f"the engine ran {seen} of the last {days}; "
                f"{criterion.coverage_percent} % have to be covered"
            )
    return ""


def _asked(criterion: Criterion) -> str:
    over = _window_text(criterion)
    if criterion.kind is Kind.KILL:
        return f"rolled back when {bound_text(criterion)}{over}"
    return f"needed {bound_text(criterion)}{over}"


def _window_text(criterion: Criterion) -> str:
    window = criterion.window
    if isinstance(window, Window):
        return {Window.PHASE: " in the phase", Window.EVER: " in all", Window.NOW: ""}[window]
    return f" over {window} {'day' if window == 1 else 'days'}"


def _judged(
    criterion: Criterion, facts: Facts, result: Result, value: Fraction | None, reason: str
) -> Judgement:
    micro = None if value is None else value.numerator * MICRO // value.denominator
    if micro is not None and abs(micro) > VALUE_MICRO_MAX:
        micro = None
    told = f"{reason}; {facts.restarted}" if facts.restarted else reason
    return Judgement(
        result=result,
        value="" if value is None else amount_text(value, criterion.unit)[:60],
        value_micro=micro,
        bound=bound_text(criterion),
        reason=told if len(told) <= TEXT_MAX else f"{told[: TEXT_MAX - 3]}...",
        window_from=facts.since,
        window_to=facts.now,
        sample=max(0, facts.sample) if isinstance(facts.sample, int) else 0,
        sample_min=criterion.sample_min,
    )
