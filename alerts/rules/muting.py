"""Who is told of an alert, and why nobody is: inhibited, muted, told already, acknowledged. Pure.

Only telling is decided here. Stopping is never muted: it happened before anybody is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.rules.rule import Action, Level, Rule
from alerts.rules.states import State

CAUSE_WAIT = timedelta(seconds=5)  # what is raised for a missing metric follows from something
OLD = timedelta(hours=24)  # what ended longer ago wakes nobody
GROUP_WAIT = timedelta(seconds=10)  # of what is not CRITICAL: told together with what follows
DAY_MINUTES = 1_440


class Answer(StrEnum):
    """What is to be done about telling of one alert now."""

    TELL = "TELL"
    TELL_ENDED = "TELL_ENDED"
    ESCALATE = "ESCALATE"
    TOLD = "TOLD"
    ACKED = "ACKED"
    COOLING = "COOLING"  # fired again, told already within the cooldown
    WAITING = "WAITING"  # whether something else turns out to be its cause
    INHIBITED = "INHIBITED"
    MAINTENANCE = "MAINTENANCE"
    SILENCED = "SILENCED"
    NOBODY = "NOBODY"  # its rule tells nobody, or no channel takes it
    OVER = "OVER"  # nothing is to be told any more


MUTED = (Answer.INHIBITED, Answer.MAINTENANCE, Answer.SILENCED, Answer.NOBODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An alert as it is now, as far as telling depends on it."""

    number: int
    account: str
    rule_id: str
    level: Level
    state: State
    unknown: bool
    count: int
    fired_at: datetime
    last_fired_at: datetime
    resolved_at: datetime | None
    told_count: int  # of `count` when it was told
    told_at: datetime | None
    told_since: datetime | None  # people believe that it fires; escalation counts from here
    escalations: int

    @property
    def ended(self) -> bool:
        """Whether its condition has ended."""
        return self.state is State.RESOLVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A silence or a maintenance window. Empty matchers match everything; times are in UTC."""

    number: int
    window: bool
    reason: str
    starts_at: datetime
    ends_at: datetime
    account: str = ""
    rule_ids: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    weekdays: frozenset[int] = frozenset()  # of a window: 0 is Monday
    from_minute: int = 0
    minutes: int = 0

    def covers(self, alert: Seen, now: datetime) -> bool:
        """Return whether it mutes this alert now."""
        return (
            self.account in ("", alert.account)
            and (not self.rule_ids or alert.rule_id in self.rule_ids)
            and (not self.levels or alert.level in self.levels)
            and self.is_on(now)
        )

    def is_on(self, now: datetime) -> bool:
        """Return whether it mutes anything now. The end itself is no part of it."""
        if not self.starts_at <= now < self.ends_at:
            return False
        if not self.window:
            return True
        minute = now.hour * 60 + now.minute
        today, yesterday = now.weekday(), (now.weekday() - 1) % 7
        since_today = minute - self.from_minute
        return (today in self.weekdays and 0 <= since_today < self.minutes) or (
            yesterday in self.weekdays and since_today + DAY_MINUTES < self.minutes
        )

    @property
    def text(self) -> str:
        """How people are told that it mutes."""
        kind = "maintenance window" if self.window else "silence"
        return f"{kind} {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, and why nobody is told, empty when somebody is."""

    answer: Answer
    muted_by: str = ""


class Causes:
    """Which raised alert keeps which other from being told.

    Of rules that inhibit each other, also in a ring, the one that was raised first is told.
    """

    def __init__(self, raised: Iterable[Seen], rules: Mapping[int, Rule]) -> None:
        self._rules = rules  # by the number of the alert
        raised = sorted(raised, key=lambda alert: alert.number)
        self._causes = [alert for alert in raised if rules[alert.number].inhibits]
        self._follows = {
            cause.number: {
                alert.number
                for alert in raised
                if alert.account == cause.account and alert.rule_id in rules[cause.number].inhibits
            }
            for cause in self._causes
        }

    def of(self, alert: Seen) -> str:
        """Return the rule whose alert explains this one, empty when none does."""
        for cause in self._causes:
            if cause.account != alert.account or cause.number == alert.number:
                continue
            if alert.rule_id not in self._rules[cause.number].inhibits:
                continue
            in_ring = cause.number in self._after(alert.number)
            if not in_ring or cause.number < alert.number:
                return cause.rule_id
        return ""

    def _after(self, number: int) -> set[int]:
        """Return everything that follows from an alert, in any number of steps."""
        found: set[int] = set()
        ahead = [number]
        while ahead:
            for follower in self._follows.get(ahead.pop(), ()):
                if follower not in found:
                    found.add(follower)
                    ahead.append(follower)
        return found


def decide(
    alert: Seen,
    rule: Rule,
    *,
    cause: str,
    mutes: Sequence[Mute],
    takers: int,
    escalation_steps: int,
    now: datetime,
) -> Decision:
    """Return what is to be told of an alert, in the order of the pipeline.

    `cause` is the rule that it follows from, `takers` how many channels take it at once, and
    `escalation_steps` how many times it can be passed on.
    """
    if alert.ended and _is_over(alert, now):
        return Decision(answer=Answer.OVER)
    if Action.NOTIFY not in rule.actions:
        return Decision(answer=Answer.NOBODY, muted_by="its rule tells nobody")
    # That something told of has ended is worth hearing, whatever else is going on.
    if cause and not (alert.ended and alert.told_at is not None):
        return Decision(answer=Answer.INHIBITED, muted_by=f"inhibited by {cause}")
    for window in (True, False):
        for mute in mutes:
            if mute.window is window and mute.covers(alert, now):
                answer = Answer.MAINTENANCE if window else Answer.SILENCED
                return Decision(answer=answer, muted_by=mute.text)
    if not takers:
        return Decision(answer=Answer.NOBODY, muted_by=f"no channel takes {alert.level.value}")
    return Decision(answer=_answer(alert, rule, escalation_steps, now))


def _is_over(alert: Seen, now: datetime) -> bool:
    """Return whether nothing is to be told of what has ended: it was, or it is too long ago.

    Who heard that it ended, and not of the short firing after that, knows what is true.
    """
    told = alert.told_at is not None and alert.told_since is None
    return told or now - _ended_at(alert) > OLD


def _ended_at(alert: Seen) -> datetime:
    return alert.resolved_at or alert.last_fired_at


def _answer(alert: Seen, rule: Rule, escalation_steps: int, now: datetime) -> Answer:
    cooldown = timedelta(milliseconds=rule.cooldown_ms)
    if alert.ended and alert.told_at is not None:
        return Answer.TELL_ENDED
    if alert.state is State.ACKED:
        return Answer.ACKED
    if _escalates(alert, rule, escalation_steps, now):
        return Answer.ESCALATE
    if alert.told_at is not None and alert.count <= alert.told_count:
        return Answer.TOLD
    if alert.told_at is not None and now - alert.told_at < cooldown:
        return Answer.COOLING
    if alert.unknown and not alert.ended and now - alert.last_fired_at < CAUSE_WAIT:
        return Answer.WAITING
    return Answer.TELL


def _escalates(alert: Seen, rule: Rule, steps: int, now: datetime) -> bool:
    if alert.level is not Level.CRITICAL or alert.state is not State.FIRING:
        return False
    if not rule.escalate_ms or alert.told_since is None or alert.escalations >= steps:
        return False
    return now - alert.told_since >= timedelta(milliseconds=rule.escalate_ms)


def tell_from(alert: Seen, rule: Rule) -> datetime:
    """Return the moment from which an alert waits for others to be told together with it."""
    if alert.told_at is None:
        return alert.fired_at
    return alert.told_at + timedelta(milliseconds=rule.cooldown_ms)
