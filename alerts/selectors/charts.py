"""The recorded samples of a rule's metric as points of a chart, with the bound that makes it bad.

Where many samples share a point the worst one is drawn: what made a rule fire must be seen.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from alerts.rules.judging import bound_text, is_bad
from alerts.rules.metrics import METRICS, Kind, Metric, Nothing, Ratio, Source, Value
from alerts.rules.readings import EngineReadings
from alerts.rules.rule import Aggregate, Comparison, Rule
from polyarb_site import formats
from trading.engine.units import MICRO
from trading.selectors.watched import phase_of, samples_between

POINTS = 180
HOUR = timedelta(hours=1)
_LOW_IS_BAD = (Comparison.BELOW, Comparison.AT_MOST)
NO_SAMPLES = "the engine recorded no figures in this time"


def charts(
    rules: Mapping[str, Rule], account: str, now: datetime, *, span: timedelta = HOUR
) -> dict[str, dict[str, Any]]:
    """Return one chart for each rule. The samples are read once for all of them."""
    since, phase = now - span, phase_of(account)
    drawn = {name: _Drawing(rule, since, span, phase) for name, rule in rules.items()}
    engine = [one for one in drawn.values() if one.metric.source is Source.ENGINE]
    if engine:
        for at, values in readings(account, since, now):
            for one in engine:
                one.take(at, values[one.metric.name])
    return {name: one.chart(now) for name, one in drawn.items()}


def readings(
    account: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, dict[str, Value]]]:
    """Return the values of the engine's metrics, sample by sample, oldest first."""
    reading = EngineReadings()
    for at, figures in samples_between(account, since, until):
        yield at, reading.take(figures, int(at.timestamp() * 10**9))


@dataclass(slots=True)
class _Drawing:
    """Collects the points of one chart."""

    rule: Rule
    since: datetime
    span: timedelta
    phase: int
    points: dict[int, int] = field(default_factory=dict)  # by number of the point
    before: Ratio | None = None
    told: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def metric(self) -> Metric:
        return METRICS[self.rule.metric]

    def take(self, at: datetime, value: Value) -> None:
        """Take one sample."""
        number = min(POINTS - 1, (at - self.since) * POINTS // self.span)
        if value is None or isinstance(value, Nothing):
            return
        if self.metric.kind in (Kind.COUNTER, Kind.RATIO):
            self._rise(number, value)
            return
        shown = _as_number(self.metric, value)
        if shown is None:
            return
        if self.rule.aggregate is Aggregate.MEAN:
            self.told[number].append((shown, 1))
        else:
            self._worst(number, shown)

    def _rise(self, number: int, value: Value) -> None:
        if isinstance(value, Ratio):
            new = value
        elif isinstance(value, int):
            new = Ratio(value, 0)
        else:
            return
        old, self.before = self.before or new, new
        begun = new.part < old.part or new.whole < old.whole
        rose = new if begun else Ratio(new.part - old.part, new.whole - old.whole)
        self.told[number].append((rose.part, rose.whole))

    def _worst(self, number: int, value: int) -> None:
        kept = self.points.get(number)
        low, bound = self.rule.comparison in _LOW_IS_BAD, self.rule.bound_in(self.phase)
        if kept is None:
            self.points[number] = value
        elif isinstance(bound, bool | str):
            wanted = _as_number(self.metric, bound)
            bad = value == wanted if self.rule.comparison is Comparison.EQUAL else value != wanted
            self.points[number] = value if bad else kept
        else:
            self.points[number] = min(kept, value) if low else max(kept, value)

    def _windows(self) -> None:
        """Make of what was told what the rule looks at: sum, quotient or mean over its window."""
        width = self.span / POINTS
        reach = max(1, -(-timedelta(milliseconds=self.rule.window_ms) // width))
        for number in range(POINTS):
            told = [one for n in range(max(0, number - reach + 1), number + 1)
                    for one in self.told.get(n, ())]  # fmt: skip
            if not told or (number not in self.told and self.metric.kind is not Kind.COUNTER):
                continue
            part, whole = sum(one[0] for one in told), sum(one[1] for one in told)
            if self.metric.kind is Kind.COUNTER:
                self.points[number] = part * MICRO
            elif whole:
                unit = MICRO if self.metric.kind is Kind.RATIO else 1
                self.points[number] = part * unit // whole

    def chart(self, now: datetime) -> dict[str, Any]:
        """Return the chart as plain JSON: points [epoch s, millionths or None], bound and words."""
        if self.told:
            self._windows()
        metric, bound = self.metric, self.rule.bound_in(self.phase)
        start, width = self.since.timestamp(), self.span.total_seconds() / POINTS
        points = [
            [int(start + (number + 1) * width), self.points.get(number)] for number in range(POINTS)
        ]
        return {
            "points": points if self.points else [],
            "bound": _as_number(metric, bound),
            "equal": self.rule.comparison is Comparison.EQUAL,
            "low_is_bad": self.rule.comparison in _LOW_IS_BAD,
            "bound_text": bound_text(self.rule.metric, self.rule.comparison, bound),
            "metric": metric.name,
            "unit": metric.unit,
            "words": _words(metric),
            "reason": "" if self.points else _why_empty(metric),
            "sentence": self._sentence(bound),
            "until": int(now.timestamp()),
        }

    def _sentence(self, bound: Any) -> str:
        known = list(self.points.values())
        if not known or isinstance(bound, str | bool):
            return ""
        bad = sum(is_bad(value, self.rule.comparison, bound) for value in known)
        share = formats.percent(bad * MICRO // len(known), decimals=0)
        return f"bad in {share} of the time shown" if bad else "never bad in the time shown"


def _why_empty(metric: Metric) -> str:
    if metric.source is Source.PORTAL:
        return "this metric is judged by the portal from the database and not recorded each second"
    return NO_SAMPLES


def _words(metric: Metric) -> list[str]:
    """Return what the numbers of a metric that is none mean, from zero on."""
    if metric.kind is Kind.BOOL:
        return ["false", "true"]
    return list(metric.values) if metric.kind is Kind.TEXT else []


def _as_number(metric: Metric, value: object) -> int | None:
    """Return a value as a height: of words the place in their list, in millionths like the rest."""
    if isinstance(value, bool):
        return MICRO * value
    if isinstance(value, str):
        words = [word.upper() for word in metric.values]
        return words.index(value.upper()) * MICRO if value.upper() in words else None
    if isinstance(value, int):
        return value
    return None
