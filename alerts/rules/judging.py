"""Whether one value is bad, and how values and bounds are said. No time in here."""

import operator
from collections.abc import Callable
from typing import Any

from alerts.rules.metrics import METRICS, NOTHING, Kind, Metric, Nothing, Ratio, Value
from alerts.rules.rule import Bound, Comparison
from trading.engine.units import MICRO, text_from_micro

_TRUTH: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
}
ORDERED = (Comparison.BELOW, Comparison.AT_MOST, Comparison.ABOVE, Comparison.AT_LEAST)


def fits(metric: Metric, value: object) -> bool:
    """Return whether a value is one that the metric can have, None for what is not known."""
    if value is None or value is NOTHING:
        return True
    if metric.kind is Kind.BOOL:
        return isinstance(value, bool)
    if metric.kind is Kind.TEXT:
        return isinstance(value, str)
    if metric.kind is Kind.RATIO:
        return isinstance(value, Ratio) and value.whole >= 0
    return isinstance(value, int) and not isinstance(value, bool)


def is_bad(value: bool | int | str, comparison: Comparison, bound: Bound) -> bool:
    """Return whether the value stands to the bound as the comparison says.

    Words are compared without regard to case: "open" is OPEN. A rise is bad for the bound true when
    there was any.
    """
    if bound is True and type(value) is int:
        value = value > 0
    if isinstance(value, str) and isinstance(bound, str):
        value, bound = value.upper(), bound.upper()
    return _TRUTH[comparison](value, bound)


def value_text(metric: Metric, value: Value) -> str:
    """Return a value with its unit as a person reads it; of counters and ratios the total."""
    if value is None:
        return "not known"
    if isinstance(value, Nothing):
        return str(value.value)
    if isinstance(value, Ratio):
        return f"{value.part} of {value.whole}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    number = str(value) if metric.kind is Kind.COUNTER else text_from_micro(value)
    return number_text(metric, number)


def judged_text(metric: Metric, judged: bool | int | str | Nothing | None) -> str:
    """Return what was compared as a person reads it: here rises are in millionths too."""
    if type(judged) is int:
        return number_text(metric, text_from_micro(judged))
    return value_text(metric, judged)


def bound_text(metric_name: str, comparison: Comparison, bound: Bound) -> str:
    """Return a rule's condition as a person reads it: "latency_p95 >= 500 ms"."""
    metric = METRICS[metric_name]
    return f"{metric_name} {comparison.value} {judged_text(metric, bound)}"


def number_text(metric: Metric, number: str) -> str:
    """Return a number with its unit."""
    if metric.unit == "$":
        return f"-${number[1:]}" if number[:1] == "-" else f"${number}"
    if metric.kind is Kind.RATIO or not metric.unit:
        return number
    return f"{number} {metric.unit}"


def whole(count: int) -> int:
    """Return a count in millionths, as it is compared with a bound."""
    return count * MICRO
