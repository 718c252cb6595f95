"""What a phase is and what a criterion asks for, as values; config/phases.yaml is read into them.

Bounds are exact fractions in the natural unit: dollars, parts of one (95 % is 19/20), days,
minutes, milliseconds, counts. A criterion can be written down beside its verdict as plain data and
read back, so that the verdict can be computed again long after the file has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from trading.engine.units import MICRO, text_from_micro


class Kind(StrEnum):
    """What follows from a criterion. Of KILL a pass means that its condition is not met."""

    SUCCESS = "SUCCESS"
    KILL = "KILL"
    EXIT = "EXIT"
    ENTRY = "ENTRY"


class Comparison(StrEnum):
    """How the value has to stand to the bound for the condition to hold."""

    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"
    EQUAL = "equal"
    WITHIN = "within"  # of two bounds, both included


class Unit(StrEnum):
    """What a value is counted in."""

    DOLLARS = "dollars"
    PERCENT = "percent"
    RATIO = "ratio"
    COUNT = "count"
    DAYS = "days"
    MINUTES = "minutes"
    MILLISECONDS = "milliseconds"
    TRUTH = "truth"  # 1 for true, 0 for not


class Window(StrEnum):
    """Windows that are no number of days."""

    NOW = "now"
    PHASE = "phase"  # since the phase began
    EVER = "ever"  # since the first fact of this money on this venue


ALL_KEYS = "all"
SIGNS = {
    Comparison.ABOVE: ">",
    Comparison.AT_LEAST: "≥",
    Comparison.BELOW: "<",
    Comparison.AT_MOST: "≤",
    Comparison.EQUAL: "=",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One line of a phase: the condition under which it is met, and what evidence it needs."""

    id: str
    kind: Kind
    text: str
    metric: str
    window: Window | int  # a number of days, or one of Window
    comparison: Comparison
    bounds: tuple[Fraction, ...]  # one, or two for WITHIN
    unit: Unit
    sample_min: int  # with less than this nothing is said
    coverage_percent: int = 0  # of the window that the engine has to have run
    fresh_minutes: int = 0  # older than this, the newest fact says nothing of now; 0: any age
    limit: Fraction | None = None  # what a single fill or day is measured against
    attestation: str = ""  # whose statement is asked for
    restarts_on: tuple[str, ...] = ()  # keys of the profile whose change begins the window anew
    unknown_allowed: bool = False  # of a kill criterion: not to know it keeps nobody in the phase

    @property
    def window_days(self) -> int | None:
        """Return the days of the window, None when it is no number of days."""
        return None if isinstance(self.window, Window) else self.window


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseDefinition:
    """One phase of going live. `days_max` is None for a phase without a planned end."""

    number: int
    name: str
    mode: str  # SHADOW or LIVE, as sessions say
    profile: str
    trade_size_micro: int
    trade_size_max_micro: int
    days_min: int
    days_max: int | None
    goals: tuple[str, ...]
    success: tuple[Criterion, ...]
    kill: tuple[Criterion, ...]
    exit: tuple[Criterion, ...]
    entry: tuple[Criterion, ...]  # before the phase may begin
    entry_checks: tuple[str, ...]  # what the go/no-go looks at for the same purpose, in words

    @property
    def planned(self) -> str:
        """Return the planned duration: "7-14 days" or "open-ended"."""
        if self.days_max is None:
            return "open-ended"
        return f"{self.days_min}-{self.days_max} days"


def amount_text(amount: Fraction, unit: Unit) -> str:
    """Return an amount as people read it, to a millionth and rounded down: "-$1.5", "95 %"."""
    shown = amount * 100 if unit is Unit.PERCENT else amount
    micro = shown.numerator * MICRO // shown.denominator
    if unit is Unit.TRUTH:
        return "yes" if micro else "no"
    if unit is Unit.DOLLARS:
        sign = "-" if micro < 0 else ""
        return f"{sign}${text_from_micro(abs(micro))}"
    text = text_from_micro(micro)
    if unit is Unit.PERCENT:
        return f"{text} %"
    if unit is Unit.MILLISECONDS:
        return f"{text} ms"
    if unit in (Unit.DAYS, Unit.MINUTES):
        return f"{text} {unit.value[:-1] if micro == MICRO else unit.value}"
    return text


def bound_text(criterion: Criterion) -> str:
    """Return the condition as people read it: "> 95 %", "-$3 to $10", "yes"."""
    texts = [amount_text(bound, criterion.unit) for bound in criterion.bounds]
    if criterion.comparison is Comparison.WITHIN:
        return f"{texts[0]} to {texts[1]}"
    if criterion.unit is Unit.TRUTH:
        return texts[0]
    return f"{SIGNS[criterion.comparison]} {texts[0]}"


def holds(criterion: Criterion, value: Fraction) -> bool:
    """Return whether the condition of a criterion holds for a value."""
    first, last = criterion.bounds[0], criterion.bounds[-1]
    return {
        Comparison.ABOVE: value > first,
        Comparison.AT_LEAST: value >= first,
        Comparison.BELOW: value < first,
        Comparison.AT_MOST: value <= first,
        Comparison.EQUAL: value == first,
        Comparison.WITHIN: first <= value <= last,
    }[criterion.comparison]


def criterion_json(criterion: Criterion) -> dict[str, Any]:
    """Return a criterion as plain data, fractions as texts such as "19/20"."""
    return {
        "id": criterion.id,
        "kind": criterion.kind.value,
        "text": criterion.text,
        "metric": criterion.metric,
        "window": criterion.window.value
        if isinstance(criterion.window, Window)
        else criterion.window,
        "comparison": criterion.comparison.value,
        "bounds": [str(bound) for bound in criterion.bounds],
        "unit": criterion.unit.value,
        "sample_min": criterion.sample_min,
        "coverage_percent": criterion.coverage_percent,
        "fresh_minutes": criterion.fresh_minutes,
        "limit": None if criterion.limit is None else str(criterion.limit),
        "attestation": criterion.attestation,
        "restarts_on": list(criterion.restarts_on),
        "unknown_allowed": criterion.unknown_allowed,
    }


def criterion_of(data: Mapping[str, Any]) -> Criterion:
    """Return the criterion that was written down. Raises KeyError, TypeError or ValueError."""
    window, limit = data["window"], data["limit"]
    return Criterion(
        id=data["id"],
        kind=Kind(data["kind"]),
        text=data["text"],
        metric=data["metric"],
        window=window if isinstance(window, int) else Window(window),
        comparison=Comparison(data["comparison"]),
        bounds=tuple(Fraction(bound) for bound in data["bounds"]),
        unit=Unit(data["unit"]),
        sample_min=data["sample_min"],
        coverage_percent=data["coverage_percent"],
        fresh_minutes=data["fresh_minutes"],
        limit=None if limit is None else Fraction(limit),
        attestation=data["attestation"],
        restarts_on=tuple(data["restarts_on"]),
        unknown_allowed=data["unknown_allowed"],
    )


def phase_json(phase: PhaseDefinition) -> dict[str, Any]:
    """Return a phase as plain data: what its hash is made of."""
    return {
        "number": phase.number,
        "name": phase.name,
        "mode": phase.mode,
        "profile": phase.profile,
        "trade_size_micro": phase.trade_size_micro,
        "trade_size_max_micro": phase.trade_size_max_micro,
        "days_min": phase.days_min,
        "days_max": phase.days_max,
        "goals": list(phase.goals),
        "entry_checks": list(phase.entry_checks),
        **{
            name: [criterion_json(one) for one in getattr(phase, name)]
            for name in ("success", "kill", "exit", "entry")
        },
    }
