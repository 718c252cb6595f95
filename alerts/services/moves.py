"""The one way in which an alert moves: compared, set, noted and told, in one transaction."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from alerts.models import Alert, AlertMove
from alerts.rules.states import State, may_move
from alerts.selectors.counts import alert_counts
from alerts.selectors.firing import pushed
from polyarb_site.live.send import publish
from trading.services.changes import changed_meanwhile, kept
from trading.services.refusals import NotFound

ID_MAX = 2**63 - 1
_WORDS = {
    State.PENDING: "alert.pending",
    State.FIRING: "alert.firing",
    State.ACKED: "alert.acked",
    State.RESOLVED: "alert.resolved",
}


def find_alert(number: int) -> Alert:
    """Return an alert by its number, or raise NotFound."""
    row = None
    if 0 < number <= ID_MAX:
        row = Alert.objects.select_related("rule_revision").filter(pk=number).first()
    if row is None:
        raise NotFound(
            "NO_ALERT", "there is no alert of that number", "GET /api/alerts/state lists them"
        )
    return row


def alert_target(alert: Alert) -> str:
    """Return how the audit names an alert."""
    return f"alert:{alert.pk}"


def alert_facts(alert: Alert) -> dict[str, Any]:
    """Return an alert as the audit keeps it."""
    return {
        "account": alert.account,
        "rule": alert.rule_id,
        "level": alert.level,
        "state": alert.state,
        "count": alert.count,
        "acked_by": alert.acked_by,
        "ack_comment": alert.ack_comment,
        "resolve_note": alert.resolve_note,
    }


def move(
    seen: Alert,
    target: State,
    values: dict[str, Any],
    *,
    by: User | None,
    by_name: str,
    comment: str,
    at: datetime,
    what: str = "",
) -> Alert:
    """Move an alert that still is in the state in which it was seen, and return it as it is now.

    Is called within the transaction of the change that it is part of. Raises ServiceRefused when
    somebody was faster, and ValueError for a move that the table does not have.
    """
    before = State(seen.state)
    if not may_move(before, target):
        raise ValueError(f"an alert does not move from {before} to {target}")
    rows = Alert.objects.filter(pk=seen.pk, state=before.value)
    if rows.update(state=target.value, **values) != 1:
        raise changed_meanwhile()
    row = find_alert(seen.pk)
    note_move(row, before, by=by, by_name=by_name, comment=comment, at=at, what=what)
    return row


def note_move(
    row: Alert,
    before: State | None,
    *,
    by: User | None,
    by_name: str,
    comment: str,
    at: datetime,
    what: str = "",
) -> None:
    """Keep one line of an alert's history, and tell open pages. `before` None: it is new."""
    last = AlertMove.objects.filter(alert=row).order_by("-sequence").first()
    AlertMove.objects.create(
        alert=row,
        sequence=last.sequence + 1 if last else 1,
        state_from=before.value if before is not None else "",
        state_to=row.state,
        at=at,
        by=by,
        by_name=kept(by_name, 150),
        value=row.value,
        comment=kept(comment, 500),
    )
    tell(row, what or _WORDS[State(row.state)], at=at)


def tell(row: Alert, what: str, *, at: datetime) -> None:
    """Tell open pages what happened to an alert, and how many there are now."""
    counts = alert_counts(row.account, at)
    publish("alerts", {**pushed(row, what), "counts": counts}, at=at)
