"""The second evaluator: all rules over what is in the database, in one process at a time.

It judges what the engine within its process cannot see (that it is silent, say), keeps the alerts,
stops trading where the engine itself did not, and has people told. A round takes the samples that
are new since the last one, so that a short spell is not missed between two rounds; one that starts
reads the last window of samples first and then knows what the one before it knew.
"""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alerts.models import Alert, RuleRevision
from alerts.rules.evaluate import Judgement, RuleWatch
from alerts.rules.metrics import METRICS, Source, Value
from alerts.rules.readings import EngineReadings, nothing_measured
from alerts.rules.rule import Rule
from alerts.selectors.portal import PortalReadings
from alerts.selectors.rules import RuleSet, rules_in_force, rules_stamp
from alerts.services.judging import Subject, apply_judgement, end_alert
from polyarb_site.clock import Clock
from trading.selectors.watched import Watched, samples_after, watched
from trading.services import HaltFailed, halt

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOOK_BACK = timedelta(seconds=60)  # beyond the longest window
STARTING = timedelta(seconds=15)  # after the mandate asked for it an engine is on its way


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did."""

    judged: int
    raised: int
    fired: tuple[Alert, ...] = ()


@dataclass(slots=True)
class _Watching:
    """A rule that is judged, as it was when its watch began."""

    revision: RuleRevision
    rule: Rule
    watch: RuleWatch
    last: Judgement | None = None
    spell: Judgement | None = None  # raised by a sample of this round, and maybe over again
    raised: Judgement | None = None  # by this round


@dataclass(slots=True)
class Judge:
    """Judges the rules of one account, round by round. Needs one database connection."""

    account: str
    clock: Clock
    since: datetime  # when somebody began to watch without a gap
    judged_until: datetime  # the last round of whoever judged before; what was seen then is told
    _rules: RuleSet | None = None
    _place: tuple[int, str] | None = None
    _watched: dict[str, _Watching] = field(default_factory=dict)
    _readings: EngineReadings = field(default_factory=EngineReadings)
    _read_until: datetime | None = None
    _portal: PortalReadings | None = None

    def round(self) -> Round:
        """Judge every rule once. Raises DatabaseError when the database does not answer."""
        now = self.clock.now()
        seen = watched(self.account)
        if seen is None:
            return Round(judged=0, raised=0)
        self._follow(seen, now)
        self._take_samples(seen, now)
        if self._portal is None:
            self._portal = PortalReadings(self.account, self.since)
        portal = self._portal.take(seen, now)
        for one in self._watched.values():
            if METRICS[one.rule.metric].source is Source.PORTAL:
                one.watch.take(portal.get(one.rule.metric), _ns(now))
        fired = [alert for one in self._watched.values() if (alert := self._judge(one, now))]
        raised = [one for one in self._watched.values() if one.raised is not None]
        self._stop(seen, raised)
        self._end_others(now)
        return Round(judged=len(self._watched), raised=len(raised), fired=tuple(fired))

    # Which rules

    def _follow(self, seen: Watched, now: datetime) -> None:
        """Begin watches anew where rules, phase or mode changed; all others go on."""
        place = (seen.phase, seen.mode)
        if self._rules is None or self._rules.stamp != rules_stamp():
            self._rules = rules_in_force()
            for rule_id, problem in self._rules.broken.items():
                logger.error("rule %s cannot be judged: %s", rule_id, problem)
        elif place == self._place:
            return
        before = self._watched if place == self._place else {}
        self._place, self._watched = place, {}
        for rule_id, (revision, rule) in self._rules.items():
            if not rule.applies(*place):
                continue
            old = before.get(rule_id)
            if old is not None and old.rule == rule:
                self._watched[rule_id] = old
                continue
            began = max(now - _memory(rule), self.since)
            watch = RuleWatch(rule, phase=seen.phase, began_ns=_ns(began))
            self._watched[rule_id] = _Watching(revision, rule, watch)
            self._read_until = min(self._read_until or began, began)

    # What was measured

    def _take_samples(self, seen: Watched, now: datetime) -> None:
        engine = [
            one
            for one in self._watched.values()
            if METRICS[one.rule.metric].source is Source.ENGINE
        ]
        for row in samples_after(self.account, self._read_until or self.since, now):
            self._read_until = row.at
            at_ns = _ns(row.at)
            values = self._readings.take(row.figures, at_ns)
            _feed(engine, values, at_ns)
            if row.at > self.judged_until:
                _keep_spells(engine, at_ns)
        if not seen.running and (not seen.wanted or _is_starting(seen, now)):
            _feed(engine, nothing_measured(), _ns(now))

    # What follows

    def _judge(self, one: _Watching, now: datetime) -> Alert | None:
        one.last = one.watch.judge(_ns(now))
        subject = Subject(account=self.account, revision=one.revision, rule=one.rule)
        spell, one.spell = one.spell, None
        one.raised = one.last if one.last.raises else spell
        fired = None
        if spell is not None and not one.last.raises:
            fired = apply_judgement(subject, spell, now)
        return apply_judgement(subject, one.last, now) or fired

    def _stop(self, seen: Watched, raised: list[_Watching]) -> None:
        """Stop trading for the gravest that says so, unless somebody has done it already."""
        resumed_ns = _ns(seen.changed_at) if seen.changed_at is not None else 0
        stopping = [one for one in raised if one.rule.stops_trading and _counts(one, resumed_ns)]
        if not stopping or seen.halted or not seen.wanted:
            return
        # What the silence of the engine explains is not the cause.
        explained = {name for one in stopping for name in one.rule.inhibits}
        cause = next((one for one in stopping if one.rule.rule_id not in explained), stopping[0])
        assert cause.raised is not None
        try:
            halt(
                self.account,
                by=None,
                by_name="alert rules",
                code=cause.rule.rule_id,
                reason=cause.raised.reason,
                at=self.clock.now(),
            )
        except HaltFailed:
            logger.exception("%s could not stop trading", cause.rule.rule_id)

    def _end_others(self, now: datetime) -> None:
        """Resolve the open alerts of rules that are not judged here any more."""
        rows = Alert.objects.filter(account=self.account).exclude(state=Alert.State.RESOLVED)
        for alert in rows.exclude(rule_id__in=list(self._watched))[:100]:
            end_alert(alert, "the rule is off, or not for this phase and mode", now)


def _is_starting(seen: Watched, now: datetime) -> bool:
    """Return whether the engine was asked for so lately that it need not be there yet."""
    return seen.changed_at is not None and now - seen.changed_at < STARTING


def _feed(watched: list[_Watching], values: dict[str, Value], at_ns: int) -> None:
    """Hand values to the watches that want them."""
    for one in watched:
        one.watch.take(values.get(one.rule.metric), at_ns)


def _keep_spells(watched: list[_Watching], at_ns: int) -> None:
    """Judge at the moment of a sample: what it raises may be over before the round is."""
    for one in watched:
        judgement = one.watch.judge(at_ns)
        if judgement.raises:
            one.spell = judgement


def _counts(one: _Watching, resumed_ns: int) -> bool:
    """Return whether what was raised stops trading: a spell that ended before somebody resumed
    does not, what goes on does.
    """
    if one.last is not None and one.last.raises:
        return True
    return one.raised is not None and one.raised.due_ns > resumed_ns


def _memory(rule: Rule) -> timedelta:
    return timedelta(milliseconds=rule.window_ms) + LOOK_BACK


def _ns(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000
