"""Alerts as plain data, the same for REST and for a terminal: what fires, what there was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Case, IntegerField, Max, QuerySet, Value, When

from alerts.models import Alert, AlertMove
from alerts.rules.rule import LEVELS
from alerts.rules.states import OPEN, State
from alerts.selectors.counts import alert_counts

RUNBOOK = "/admin/runbook/"
MOVES_MAX = 200
# Each is in the answer under its own name.
PLAIN = (
    *("id", "account", "rule_id", "state", "level", "value", "bound", "reason", "unknown", "count"),
    *("fired_at", "last_fired_at", "last_seen_at", "quiet_since", "resolved_at"),
    *("acked_by", "acked_at", "ack_comment", "resolve_note", "muted_by", "suppressed"),
    *("notified_at", "notified_count", "escalations"),
)
COLUMNS = (*PLAIN, "opened_at", "evidence", "rule_revision__revision", "rule_revision__values")
STOP_FACTS = (
    *("session", "cause_at", "judged_at", "judging_us", "last_order_at", "stopped_us"),
    *("halted_already", "orders_followed", "complete"),
)
MOVE_COLUMNS = ("id", "sequence", "state_from", "state_to", "at", "by_name", "value", "comment")


def runbook_path(rule_id: str) -> str:
    """Return where the portal shows the runbook's section of a rule."""
    return f"{RUNBOOK}#rule-{rule_id.lower()}"


def alert_state(account: str, now: datetime, *, resolved: bool = False) -> dict[str, Any]:
    """Return every alert that has not ended, gravest first, with the counts of the header.

    With `resolved` also each rule's newest alert that has ended.
    """
    rows = [told(values) for values in _open(account).values(*COLUMNS)]
    if resolved:
        rows += [told(values) for values in _ended(account).values(*COLUMNS)]
    return {
        "alerts": rows,
        "counts": alert_counts(account, now),
        "as_of": now.isoformat(),
    }


def told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alert as it is answered; `values` holds COLUMNS."""
    rule = values["rule_revision__values"]
    return {
        **{name: values[name] for name in PLAIN},
        "name": rule.get("name") or values["rule_id"],
        "severity": values["level"],
        "since": values["opened_at"],
        "stop": _stop(values["evidence"]),
        "advice": rule.get("message") or "",
        "rule_revision": values["rule_revision__revision"],
        "runbook": runbook_path(values["rule_id"]),
    }


def told_alert(number: int) -> dict[str, Any]:
    """Return one alert that is there, with its newest moves."""
    values = Alert.objects.filter(pk=number).values(*COLUMNS).get()
    moves = AlertMove.objects.filter(alert=number).order_by("-sequence").values(*MOVE_COLUMNS)
    return {**told(values), "moves": [told_move(one) for one in moves[:MOVES_MAX]]}


def told_move(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a move as it is answered; a comment moves nothing, its two states are the same."""
    plain = {name: value for name, value in values.items() if name != "by_name"}
    return {**plain, "by": values["by_name"]}


def _open(account: str) -> QuerySet[Alert]:
    ranks = [When(level=level, then=Value(rank)) for rank, level in enumerate(LEVELS)]
    order = (State.FIRING, State.ACKED, State.PENDING)
    states = [When(state=state, then=Value(rank)) for rank, state in enumerate(order)]
    return Alert.objects.filter(account=account, state__in=OPEN).order_by(
        Case(*ranks, output_field=IntegerField()),
        Case(*states, output_field=IntegerField()),
        "-id",
    )


def _ended(account: str) -> QuerySet[Alert]:
    """Return the newest alert of each rule that has none open."""
    rows = Alert.objects.filter(account=account)
    newest = rows.order_by().values("rule_id").annotate(last=Max("id")).values("last")
    return rows.filter(pk__in=newest, state=Alert.State.RESOLVED).order_by("-id")


def _stop(evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how trading was stopped by this alert, None when it was not or not by the engine."""
    stop = evidence.get("stop")
    if not isinstance(stop, dict):
        return None
    return {name: stop.get(name) for name in STOP_FACTS}
