"""How far a criterion is from its bound, in words."""

from fractions import Fraction

from checks.criteria.definitions import Comparison, Criterion, Kind, Unit, amount_text
from checks.models import CriterionVerdict
from trading.engine.units import MICRO

MORE_DAYS = {
    "days_without_crash": "without a crash",
    "days_without_critical": "without a CRITICAL alert",
    "days_in_phase": "in the phase",
    "days_covered": "of shadow",
}


def distance_text(one: Criterion, row: CriterionVerdict) -> str | None:
    """Return how far the condition of a criterion is from holding; None when that says nothing.

    Of a rollback criterion that is how much room is left.
    """
    if row.value_micro is None or one.comparison is Comparison.WITHIN or one.unit is Unit.TRUTH:
        return None
    value, bound = Fraction(row.value_micro, MICRO), one.bounds[0]
    below = one.comparison in (Comparison.BELOW, Comparison.AT_MOST)
    left = value - bound if below else bound - value
    if one.comparison is Comparison.EQUAL:
        left = abs(left)
    met = row.verdict == ("FAIL" if one.kind is Kind.KILL else "PASS")
    if met or left < 0:
        return "met" if met else None
    text = amount_text(left, one.unit)
    return f"{text} away" if one.kind is Kind.KILL else f"{text} to go"


def missing_text(one: Criterion, row: CriterionVerdict | None) -> str:
    """Return what is missing for a criterion that does not pass, as a part of a sentence."""
    following = MORE_DAYS.get(one.metric)
    if following is not None and row is not None and row.value_micro is not None:
        left_micro = one.bounds[0] * MICRO - row.value_micro
        if left_micro > 0:
            return f"{_more(left_micro)} {following}"
    if one.metric == "trades" and row is not None and row.value_micro is not None:
        more = one.bounds[0] + 1 - row.value_micro // MICRO
        if more > 0:
            return f"{int(more)} more trades"
    if one.metric == "critical_open":
        return "no open CRITICAL alert"
    return f"{one.text[:1].lower()}{one.text[1:]}"


def _more(micro: Fraction) -> str:
    """Return days rounded up, below one day hours rounded up."""
    if micro > MICRO:
        return f"{-(-micro // MICRO)} more days"
    hours = -(-micro * 24 // MICRO)
    return "1 more hour" if hours == 1 else f"{hours} more hours"
