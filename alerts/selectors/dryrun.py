"""What a rule would have done over what was recorded: the same evaluation, without any effect."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alerts.rules.evaluate import Judgement, RuleWatch, Verdict
from alerts.rules.metrics import METRICS, Kind, Source, Value
from alerts.rules.readings import FIGURES, EngineReadings
from alerts.rules.rule import Rule
from alerts.services.judging import QUIET_HOLD
from trading.selectors.watched import samples_between, watched

HOURS_MAX = 24  # so long there is a sample for each second
SPELLS_MAX = 200
POINTS_MAX = 480
GAP_MAX = timedelta(seconds=20)  # between samples; a longer one is a time without an engine
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Spell:
    """One time that the rule would have fired; `ended_at` None: it still would."""

    fired_at: datetime
    value: str
    reason: str
    unknown: bool
    ended_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class DryRun:
    """What came of it. `reason` says why nothing can be said, empty when something can.

    `points` are (moment, value) for a chart: a number in millionths, of a counter its total, of a
    truth 0 or 1; None where nothing was measured. At most POINTS_MAX, the worst of its neighbours.
    """

    since: datetime
    until: datetime
    spells: list[Spell] = field(default_factory=list)
    count: int = 0  # of spells, also those beyond SPELLS_MAX
    samples: int = 0
    covered_s: int = 0  # of the time asked for, with samples
    points: list[tuple[datetime, int | None]] = field(default_factory=list)
    reason: str = ""


def dry_run(rule: Rule, account: str, now: datetime, hours: int = 24) -> DryRun:
    """Return when a rule would have fired within the last hours, at most HOURS_MAX.

    It is judged in the phase and mode of now, whether it is for them or not, and at each sample. A
    time without samples says nothing: nobody knows whether an engine was to run.
    """
    since = now - timedelta(hours=min(max(hours, 1), HOURS_MAX))
    result = DryRun(since=since, until=now)
    seen = watched(account)
    if METRICS[rule.metric].source is not Source.ENGINE:
        result.reason = f"{rule.metric} is not recorded second by second, it is looked at live"
        return result
    run = _Run(rule, seen.phase if seen is not None else 0, result)
    wanted = FIGURES[rule.metric]
    for at, figures in samples_between(account, since, now, only=wanted):
        run.take(at, figures)
    run.end()
    if not result.samples:
        result.reason = "nothing was recorded in this time: no engine ran"
    return result


class _Run:
    """One rule over the samples, with the hold that a real alert has."""

    def __init__(self, rule: Rule, phase: int, result: DryRun) -> None:
        self._rule, self._phase, self._result = rule, phase, result
        self._readings = EngineReadings()
        self._watch: RuleWatch | None = None
        self._last: datetime | None = None
        self._spell: Spell | None = None
        self._quiet_since: datetime | None = None
        self._step = max(timedelta(seconds=1), (result.until - result.since) / POINTS_MAX)
        self._below = rule.comparison.value in ("<", "<=")

    def take(self, at: datetime, figures: dict[str, object]) -> None:
        """Judge one sample."""
        if self._last is None or at - self._last > GAP_MAX:
            self._end_spell(self._last)
            self._watch = RuleWatch(self._rule, phase=self._phase, began_ns=_ns(at))
            self._point(at, None)
        else:
            self._result.covered_s += int((at - self._last).total_seconds())
        assert self._watch is not None
        self._last = at
        self._result.samples += 1
        value = self._readings.take(figures, _ns(at)).get(self._rule.metric)
        self._watch.take(value, _ns(at))
        self._point(at, _height(self._rule, value))
        self._judge(self._watch.judge(_ns(at)), at)

    def end(self) -> None:
        """Nothing more was recorded."""
        if self._last is not None and self._result.until - self._last > GAP_MAX:
            self._end_spell(self._last)

    def _judge(self, judgement: Judgement, at: datetime) -> None:
        if judgement.raises:
            self._quiet_since = None
            if self._spell is None:
                self._begin(judgement, at)
        elif self._spell is not None:
            self._quiet_since = self._quiet_since or at
            if at - self._quiet_since >= QUIET_HOLD:
                self._end_spell(self._quiet_since)

    def _begin(self, judgement: Judgement, at: datetime) -> None:
        self._spell = Spell(
            fired_at=at,
            value=judgement.value,
            reason=judgement.reason,
            unknown=judgement.verdict is Verdict.UNKNOWN,
        )
        self._result.count += 1
        if len(self._result.spells) < SPELLS_MAX:
            self._result.spells.append(self._spell)

    def _end_spell(self, at: datetime | None) -> None:
        if self._spell is not None:
            self._spell.ended_at = at
        self._spell = self._quiet_since = None

    def _point(self, at: datetime, height: int | None) -> None:
        """Keep a point for the chart; of those close together the worst, and every gap."""
        points = self._result.points
        if (
            not points
            or height is None
            or points[-1][1] is None
            or at - points[-1][0] >= self._step
        ):
            points.append((at, height))
            return
        then, before = points[-1]
        worse = min if self._below else max
        points[-1] = (then, worse(before, height)) if before is not None else (at, height)


def _height(rule: Rule, value: Value) -> int | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple):
        return value[0]
    if isinstance(value, int):
        return value
    if isinstance(value, str) and METRICS[rule.metric].kind is Kind.TEXT:
        words = METRICS[rule.metric].values
        return words.index(value) if value in words else None
    return None


def _ns(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000
