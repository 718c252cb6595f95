"""What people do with alerts: acknowledge, take that back, resolve with a note, comment."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from alerts.models import Alert
from alerts.rules.states import State
from alerts.services.moves import alert_facts, alert_target, find_alert, move, note_move
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from trading.services.changes import actor_text, kept
from trading.services.refusals import Invalid, ServiceRefused, require

TEXT_MAX = 500
ACKNOWLEDGE = "alerts.acknowledge_alert"
RESOLVE = "alerts.resolve_alert"


def acknowledge(
    alert: Alert,
    *,
    by: User | None,
    comment: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Alert:
    """Say that somebody has this alert. It stays until its condition has ended.

    Raises ServiceRefused for one that does not fire, Invalid without a comment, NotPermitted.
    """
    require(by, ACKNOWLEDGE)
    said = _text(comment, "acknowledging an alert", "say who looks at it and what is known")
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    with transaction.atomic():
        seen = _locked(alert)
        _refuse_unless(seen, State.FIRING, "it does not fire")
        values = {"acked_by": who, "acked_at": now, "ack_comment": said}
        row = move(seen, State.ACKED, values, by=by, by_name=who, comment=said, at=now)
        _record("alert.acknowledge", seen, row, by=by, by_name=who, reason=said, at=now)
    return row


def unacknowledge(
    alert: Alert,
    *,
    by: User | None,
    comment: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Alert:
    """Give an alert back: it fires again, and its escalation clock starts anew.

    Raises ServiceRefused for one that nobody has, Invalid without a comment, NotPermitted.
    """
    require(by, ACKNOWLEDGE)
    said = _text(comment, "giving an alert back", "say why nobody has it any more")
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    with transaction.atomic():
        seen = _locked(alert)
        _refuse_unless(seen, State.ACKED, "nobody has acknowledged it")
        values = {"acked_by": "", "acked_at": None, "ack_comment": ""}
        row = move(
            seen,
            State.FIRING,
            values,
            by=by,
            by_name=who,
            comment=said,
            at=now,
            what="alert.unacked",
        )
        _record("alert.unacknowledge", seen, row, by=by, by_name=who, reason=said, at=now)
    return row


def resolve(
    alert: Alert,
    *,
    by: User | None,
    note: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Alert:
    """Close an alert whose condition has ended, or say of a resolved one what it was.

    Raises ServiceRefused while the condition holds or is not known, Invalid without a note,
    NotPermitted.
    """
    require(by, RESOLVE)
    said = _text(note, "resolving an alert", "say what it was and what was done")
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    with transaction.atomic():
        seen = _locked(alert)
        if seen.state == State.RESOLVED:
            Alert.objects.filter(pk=seen.pk).update(resolve_note=said)
            row = find_alert(seen.pk)
            state = State.RESOLVED
            note_move(row, state, by=by, by_name=who, comment=said, at=now, what="alert.comment")
        else:
            if seen.quiet_since is None:
                raise ServiceRefused(
                    "STILL_BAD",
                    f"its condition holds: {seen.reason}" if seen.reason else "its condition holds",
                    "put it right first; acknowledge it meanwhile",
                )
            values = {"resolved_at": now, "resolve_note": said}
            row = move(seen, State.RESOLVED, values, by=by, by_name=who, comment=said, at=now)
        _record("alert.resolve", seen, row, by=by, by_name=who, reason=said, at=now)
    return row


def comment(
    alert: Alert,
    *,
    by: User | None,
    text: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Alert:
    """Add a line to an alert's history. Raises Invalid without a text, NotPermitted."""
    require(by, ACKNOWLEDGE)
    said = _text(text, "a comment", "write one")
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    with transaction.atomic():
        seen = _locked(alert)
        state = State(seen.state)
        note_move(seen, state, by=by, by_name=who, comment=said, at=now, what="alert.comment")
        _record("alert.comment", seen, seen, by=by, by_name=who, reason=said, at=now)
    return seen


def _locked(alert: Alert) -> Alert:
    """Return the alert as it is now; nobody else moves it before the commit."""
    Alert.objects.select_for_update().filter(pk=alert.pk).first()
    return find_alert(alert.pk)


def _refuse_unless(seen: Alert, state: State, why: str) -> None:
    if seen.state != state.value:
        raise ServiceRefused(
            f"NOT_{state.value}",
            f"alert {seen.pk} is {seen.get_state_display().lower()}: {why}",
            "reload and look again",
        )


def _text(text: str, what: str, remedy: str) -> str:
    if not text.strip():
        raise Invalid("COMMENT_MISSING", f"{what} needs a comment", remedy)
    return kept(text.strip(), TEXT_MAX)


def _record(
    action: str,
    before: Alert,
    after: Alert,
    *,
    by: User | None,
    by_name: str,
    reason: str,
    at: datetime,
) -> None:
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=alert_target(after),
        reason=reason,
        before=alert_facts(before),
        after=alert_facts(after),
        at=at,
    )
