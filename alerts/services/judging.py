"""What a judgement makes of the alerts: opened, moved, counted, resolved. Written when it changes.

A condition has ended once it was quiet for QUIET_HOLD, whether it had fired or was only pending:
until then whatever comes again is the same spell, and what somebody acknowledged stays so. What
comes again within the cooldown of its rule is the same alert again, with a higher count.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from alerts.models import Alert, RuleRevision
from alerts.rules.evaluate import Judgement, Verdict
from alerts.rules.rule import Rule
from alerts.rules.states import State, next_state
from alerts.services.moves import find_alert, move, note_move, tell
from trading.services.changes import kept
from trading.services.refusals import ServiceRefused

BY_NAME = "alert rules"
QUIET_HOLD = timedelta(seconds=30)
REFRESH_AFTER = timedelta(seconds=5)  # how often the value of an alert that goes on is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Which rule, as it is in force, for which account."""

    account: str
    revision: RuleRevision
    rule: Rule


def apply_judgement(subject: Subject, judgement: Judgement, now: datetime) -> Alert | None:
    """Move the alert of a rule as a judgement says; return it when it began to fire.

    `now` is in UTC and that of the judgement. Whoever moved the alert meanwhile wins: the next
    judgement looks again.
    """
    seen = open_alert(subject)
    try:
        if judgement.verdict is Verdict.QUIET:
            if seen is not None:
                _quiet(seen, judgement, now)
            return None
        return _bad(subject, seen, judgement, now)
    except (ServiceRefused, IntegrityError):
        return None  # somebody else moved or opened it in this instant


def open_alert(subject: Subject) -> Alert | None:
    """Return the alert of a rule that has not ended."""
    rows = Alert.objects.filter(account=subject.account, rule_id=subject.rule.rule_id)
    return rows.exclude(state=Alert.State.RESOLVED).first()


def end_alert(alert: Alert, why: str, now: datetime) -> None:
    """Resolve an alert whose rule is not judged any more."""
    try:
        with transaction.atomic():
            values = {"resolved_at": now, "quiet_since": now}
            move(alert, State.RESOLVED, values, by=None, by_name=BY_NAME, comment=why, at=now)
    except ServiceRefused:
        return


def _quiet(seen: Alert, judgement: Judgement, now: datetime) -> None:
    state = State(seen.state)
    if seen.quiet_since is None:
        Alert.objects.filter(pk=seen.pk, quiet_since=None).update(quiet_since=now)
    elif now - seen.quiet_since >= QUIET_HOLD and next_state(state, judgement.verdict):
        early = "the condition ended before its window was over"
        _resolve(
            seen,
            early if state is State.PENDING else f"the condition ended: {judgement.reason}",
            now,
        )


def _resolve(seen: Alert, why: str, now: datetime) -> None:
    with transaction.atomic():
        values = {"resolved_at": now}
        move(seen, State.RESOLVED, values, by=None, by_name=BY_NAME, comment=why, at=now)


def _bad(subject: Subject, seen: Alert | None, judgement: Judgement, now: datetime) -> Alert | None:
    facts = _facts(subject, judgement, now)
    if seen is None:
        before = _within_cooldown(subject, now)
        target = next_state(State.RESOLVED if before else None, judgement.verdict)
        assert target is not None
        if target is State.PENDING and before is not None:
            before = None if not before.count else before
        return _open(subject, before, target, facts, judgement, now)
    state = State(seen.state)
    target = next_state(state, judgement.verdict)
    if target is not None:
        with transaction.atomic():
            fired = {**facts, **_fired(seen, now)}
            return move(
                seen,
                target,
                fired,
                by=None,
                by_name=BY_NAME,
                comment=judgement.reason,
                at=now,
            )
    return _go_on(seen, facts, judgement, now)


def _go_on(seen: Alert, facts: dict[str, Any], judgement: Judgement, now: datetime) -> Alert | None:
    """Take a judgement that moves nothing: it goes on, or it came again within its hold."""
    state = State(seen.state)
    again = seen.quiet_since is not None and judgement.raises
    if again:
        with transaction.atomic():
            values = {**facts, "count": seen.count + 1, "last_fired_at": now, "quiet_since": None}
            Alert.objects.filter(pk=seen.pk).update(**values)
            row = find_alert(seen.pk)
            tell(row, "alert.again", at=now)
        return row
    if state is State.PENDING and seen.quiet_since is not None:
        # A spell that never lasts for its window, over and over, is one row and no moves either.
        opened_at = _moment(judgement.since_ns, now)
        Alert.objects.filter(pk=seen.pk, state=state.value).update(
            **facts, quiet_since=None, opened_at=opened_at
        )
        return None
    if now - seen.last_seen_at >= REFRESH_AFTER or seen.unknown != facts["unknown"]:
        Alert.objects.filter(pk=seen.pk).update(**facts)
    return None


def _open(
    subject: Subject,
    before: Alert | None,
    target: State,
    facts: dict[str, Any],
    judgement: Judgement,
    now: datetime,
) -> Alert | None:
    fires = target is State.FIRING
    with transaction.atomic():
        if before is not None:
            values: dict[str, Any] = {**facts, "resolved_at": None, "quiet_since": None}
            values |= {"acked_by": "", "acked_at": None, "ack_comment": ""}
            values |= _fired(before, now) if fires else {}
            row = move(
                before,
                target,
                values,
                by=None,
                by_name=BY_NAME,
                comment=f"again: {judgement.reason}",
                at=now,
            )
        else:
            row = Alert.objects.create(
                account=subject.account,
                rule_id=subject.rule.rule_id,
                state=target.value,
                opened_at=_moment(judgement.since_ns, now),
                **facts,
                **(_fired(None, now) if fires else {}),
            )
            note_move(row, None, by=None, by_name=BY_NAME, comment=judgement.reason, at=now)
    return row if fires else None


def _within_cooldown(subject: Subject, now: datetime) -> Alert | None:
    """Return the rule's newest alert when it ended so recently that this is the same one."""
    rows = Alert.objects.filter(account=subject.account, rule_id=subject.rule.rule_id)
    newest = rows.order_by("-id").first()
    if newest is None or newest.resolved_at is None:
        return None
    cooldown = timedelta(milliseconds=subject.rule.cooldown_ms)
    return newest if now - newest.resolved_at < cooldown else None


def _facts(subject: Subject, judgement: Judgement, now: datetime) -> dict[str, Any]:
    return {
        "rule_revision": subject.revision,
        "level": subject.rule.level.value,
        "unknown": judgement.verdict is Verdict.UNKNOWN,
        "value": kept(judgement.value, 100),
        "bound": kept(judgement.bound, 150),
        "reason": kept(judgement.reason, 500),
        "last_seen_at": now,
    }


def _fired(seen: Alert | None, now: datetime) -> dict[str, Any]:
    first = seen.fired_at if seen is not None and seen.fired_at is not None else now
    count = (seen.count if seen is not None else 0) + 1
    return {"fired_at": first, "last_fired_at": now, "count": count, "quiet_since": None}


def _moment(ns: int, now: datetime) -> datetime:
    """Return when a condition turned bad, never in the future."""
    return min(now, datetime.fromtimestamp(ns // 1_000_000_000, tz=UTC)) if ns > 0 else now
