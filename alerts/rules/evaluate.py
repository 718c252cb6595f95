"""One rule over time: values go in, a verdict comes out. Costs the same whatever was before.

A watch keeps no list of values: for a condition that has to hold it keeps since when it does, for
an aggregate at most BUCKETS_MAX sums. Nanoseconds in here are those of one clock that never goes
back, and what comes late or twice is left out.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from alerts.rules.judging import bound_text, fits, is_bad, judged_text, whole
from alerts.rules.metrics import METRICS, NOTHING, Kind, Nothing, Ratio, Value
from alerts.rules.rule import Aggregate, Counting, Rule
from trading.engine.units import MICRO

MS_NS = 1_000_000
BUCKETS_MAX = 300  # of a window; it is at most a 300th too long


class Verdict(StrEnum):
    """What a rule says now."""

    QUIET = "QUIET"
    PENDING = "PENDING"  # bad, and its window is not over
    FIRING = "FIRING"
    UNKNOWN = "UNKNOWN"  # not measured for too long; raises as if it fired


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with what it stands on. `since_ns` is when the present spell of it began.

    `due_ns` is the moment from which on the rule fires: the end of the window.
    """

    verdict: Verdict
    value: str
    bound: str
    since_ns: int
    due_ns: int
    reason: str

    @property
    def raises(self) -> bool:
        """Whether an alert has to be there."""
        return self.verdict in (Verdict.FIRING, Verdict.UNKNOWN)


@dataclass(slots=True)
class _Bucket:
    """What came within one part of the window."""

    number: int
    count: int = 0
    total: int = 0
    lowest: int | None = None
    highest: int | None = None
    rise: int = 0
    whole_rise: int = 0


class RuleWatch:
    """One rule for one account. `began_ns`: from when on its metric is expected."""

    def __init__(self, rule: Rule, *, phase: int, began_ns: int) -> None:
        self.rule = rule
        self._metric = METRICS[rule.metric]
        self._bound = rule.bound_in(phase)
        self._bound_text = bound_text(rule.metric, rule.comparison, self._bound)
        self._window_ns = rule.window_ms * MS_NS
        self._bucket_ns = max(MS_NS, -(-self._window_ns // BUCKETS_MAX))
        self._buckets: deque[_Bucket] = deque()
        self._began_ns = began_ns
        self._known_ns = began_ns  # when a value was last known
        self._taken_ns = -1
        self._before: Ratio | None = None  # the counter's last total
        self._judged: bool | int | str | Nothing | None = None
        self._bad_since_ns: int | None = None
        self._wrong = ""

    def take(self, value: Value, at_ns: int) -> None:
        """Take one value of the rule's metric. One that is not newer than the last is left out."""
        if at_ns <= self._taken_ns:
            return
        self._taken_ns = at_ns
        if not fits(self._metric, value):
            # Kept as not known, and said: a wrong type must neither fire nor look like good.
            self._wrong = f"a {type(value).__name__} instead of a {self._metric.kind.lower()}"
            return
        if value is None:
            return
        self._wrong = ""
        self._known_ns = at_ns
        rose = self._rise(value)
        if self.rule.counting is Counting.AGGREGATED:
            self._add(value, rose, at_ns)
            return
        self._judged = whole(rose.part) if rose is not None else _plain(value)
        self._mark(self._bad(self._judged), at_ns)

    def judge(self, now_ns: int) -> Judgement:
        """Return what the rule says at this moment."""
        if self.rule.counting is Counting.AGGREGATED:
            self._judged = self._aggregated(now_ns)
            covered = self._covered(now_ns)
            self._mark(self._bad(self._judged) and covered, now_ns)
        unknown_at_ns = self._known_ns + self.rule.missing_ms * MS_NS
        if now_ns > unknown_at_ns:
            return self._unknown(unknown_at_ns, now_ns)
        since_ns = self._bad_since_ns
        if since_ns is None:
            return self._say(Verdict.QUIET, self._known_ns, self._known_ns)
        held = self.rule.counting is Counting.HELD_FOR
        due_ns = since_ns + self._window_ns if held else since_ns
        verdict = Verdict.FIRING if now_ns >= due_ns else Verdict.PENDING
        return self._say(verdict, since_ns, due_ns)

    def _unknown(self, since_ns: int, now_ns: int) -> Judgement:
        age_s = (now_ns - self._known_ns) // (1_000 * MS_NS)
        why = self._wrong or f"no value for {age_s} s"
        return Judgement(
            verdict=Verdict.UNKNOWN,
            value="not known",
            bound=self._bound_text,
            since_ns=since_ns,
            due_ns=since_ns,
            reason=f"{self.rule.metric} is not known: {why}",
        )

    def _say(self, verdict: Verdict, since_ns: int, due_ns: int) -> Judgement:
        value = judged_text(self._metric, self._judged)
        how = self.rule.aggregate.lower() if self.rule.aggregate is not None else ""
        seconds = self.rule.window_ms // 1_000
        over = f" ({how} over {seconds} s)" if how else ""
        rose = self._metric.kind is Kind.COUNTER and isinstance(self._judged, int)
        reason = f"{self.rule.metric} {'rose by' if rose else 'is'} {value}{over}"
        if verdict is Verdict.PENDING:
            reason = f"{reason}, and fires after {seconds} s: {self._bound_text}"
        elif verdict is Verdict.FIRING:
            held = f" for {seconds} s" if self.rule.counting is Counting.HELD_FOR else ""
            reason = f"{reason}{held}: {self._bound_text}"
        return Judgement(
            verdict=verdict,
            value=value,
            bound=self._bound_text,
            since_ns=since_ns,
            due_ns=due_ns,
            reason=reason,
        )

    def _mark(self, bad: bool, at_ns: int) -> None:
        if not bad:
            self._bad_since_ns = None
        elif self._bad_since_ns is None:
            self._bad_since_ns = at_ns

    def _bad(self, judged: bool | int | str | Nothing | None) -> bool:
        if judged is None or isinstance(judged, Nothing):
            return False
        return is_bad(judged, self.rule.comparison, self._bound)

    def _rise(self, value: Value) -> Ratio | None:
        """Return by how much a counter rose; None for what is no counter.

        The first total only says from where it is counted. A lower one means that it began anew.
        """
        if self._metric.kind not in (Kind.COUNTER, Kind.RATIO):
            return None
        if isinstance(value, Ratio):
            new = value
        elif isinstance(value, int):
            new = Ratio(value, 0)
        else:
            return None
        old, self._before = self._before, new
        if old is None:
            return Ratio(0, 0)
        if new.part < old.part or new.whole < old.whole:
            return new
        return Ratio(new.part - old.part, new.whole - old.whole)

    # The window of an aggregate

    def _add(self, value: Value, rose: Ratio | None, at_ns: int) -> None:
        number = at_ns // self._bucket_ns
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number))
        bucket = self._buckets[-1]
        if rose is not None:
            bucket.rise += rose.part
            bucket.whole_rise += rose.whole
        elif isinstance(value, int):
            bucket.count += 1
            bucket.total += value
            bucket.lowest = value if bucket.lowest is None else min(bucket.lowest, value)
            bucket.highest = value if bucket.highest is None else max(bucket.highest, value)
        self._forget(at_ns)

    def _forget(self, now_ns: int) -> None:
        oldest = (now_ns - self._window_ns) // self._bucket_ns
        while self._buckets and self._buckets[0].number < oldest:
            self._buckets.popleft()

    def _aggregated(self, now_ns: int) -> int | Nothing | None:
        self._forget(now_ns)
        buckets = self._buckets
        match self.rule.aggregate:
            case Aggregate.RISE:
                return whole(sum(bucket.rise for bucket in buckets))
            case Aggregate.QUOTIENT:
                of = sum(bucket.whole_rise for bucket in buckets)
                return sum(bucket.rise for bucket in buckets) * MICRO // of if of else NOTHING
            case Aggregate.MEAN:
                count = sum(bucket.count for bucket in buckets)
                return sum(bucket.total for bucket in buckets) // count if count else NOTHING
            case Aggregate.MIN:
                return min((b.lowest for b in buckets if b.lowest is not None), default=NOTHING)
            case _:
                return max((b.highest for b in buckets if b.highest is not None), default=NOTHING)

    def _covered(self, now_ns: int) -> bool:
        """Return whether the window is full. What is only counted may be too much before that."""
        if self.rule.aggregate in (Aggregate.RISE, Aggregate.QUOTIENT):
            return True
        return now_ns - self._began_ns >= self._window_ns


def _plain(value: Value) -> bool | int | str | Nothing | None:
    """Return a value that is compared as it is; a ratio never is, the parser sees to it."""
    return NOTHING if isinstance(value, Ratio) else value
