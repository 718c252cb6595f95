"""One alert as a card or as a page: words for what is stored, and what can be done about it."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from alerts.admin.base import Button, lacks
from alerts.models import Alert, AlertMove
from alerts.rules.rule import Level
from alerts.selectors.firing import done_so_far, is_open, still_bad
from polyarb_site import formats

RUNBOOK = "/admin/runbook/"
LEVELS = {
    "CRITICAL": ("critical", "error", "bad"),
    "WARNING": ("warning", "warning", "warn"),
    "INFO": ("info", "info", "quiet"),
}
STATES = {
    "PENDING": ("building up", "hourglass_top", "quiet"),
    "FIRING": ("firing", "notifications_active", "bad"),
    "ACKED": ("acknowledged", "person_check", "warn"),
    "RESOLVED": ("resolved", "check_circle", "good"),
}
_MOVES = {
    "PENDING": ("began to be bad", "hourglass_top", "quiet"),
    "FIRING": ("fires", "notifications_active", "bad"),
    "ACKED": ("acknowledged", "person_check", "warn"),
    "RESOLVED": ("resolved", "check_circle", "good"),
}
STILL_BAD = "its condition still holds; once that has ended it resolves by itself"


def card(request: HttpRequest, alert: Alert) -> dict[str, Any]:
    """Return what a template shows of one alert."""
    values = alert.rule_revision.values
    level, icon, tone = LEVELS[alert.level]
    state, state_icon, state_tone = STATES[alert.state]
    stops = alert.level == Level.CRITICAL or {"type": "stop_trading"} in values.get("actions", [])
    return {
        "row": alert,
        "level": level,
        "icon": icon,
        "tone": tone,
        "state": state,
        "state_icon": state_icon,
        "state_tone": state_tone,
        "name": values.get("name") or alert.rule_id,
        "description": values.get("description") or "",
        "advice": values.get("message") or "",
        "since": alert.fired_at or alert.opened_at,
        "lasted": _lasted(alert),
        "again": formats.plural(alert.count, "time") if alert.count > 1 else "",
        "done": done_so_far(alert, stops_trading=stops),
        "url": reverse("alerts:alert", args=[alert.pk]),
        "rule_url": reverse("alerts:rule", args=[alert.rule_id]),
        "runbook": f"{RUNBOOK}#rule-{alert.rule_id.lower()}",
        "open": is_open(alert),
        "buttons": _buttons(request, alert),
    }


def _lasted(alert: Alert) -> str:
    if alert.resolved_at is None:
        return ""
    return formats.age(formats.ms_between(alert.fired_at or alert.opened_at, alert.resolved_at))


def _buttons(request: HttpRequest, alert: Alert) -> list[Button]:
    """Return what can be done with an alert in its state."""
    acknowledge = lacks(request, "alerts.acknowledge_alert")
    resolve = lacks(request, "alerts.resolve_alert")
    found = []
    if alert.state == Alert.State.FIRING:
        found.append(Button(name="ack", label="Acknowledge", icon="person_check",
                            why_not=acknowledge))  # fmt: skip
    elif alert.state == Alert.State.ACKED:
        found.append(Button(name="unack", label="Give back", icon="undo", why_not=acknowledge))
    if is_open(alert):
        why = resolve or (STILL_BAD if still_bad(alert) else "")
        found.append(Button(name="resolve", label="Resolve", icon="check", why_not=why))
        silence = lacks(request, "alerts.manage_silence")
        found.append(
            Button(name="silence", label="Silence", icon="notifications_paused", why_not=silence)
        )
    else:
        found.append(Button(name="resolve", label="Note", icon="edit_note", why_not=resolve))
    return found


def line(move: AlertMove) -> dict[str, Any]:
    """Return what the timeline shows of one move."""
    alert = move.alert
    comment = move.state_from == move.state_to
    said, icon, tone = _MOVES[move.state_to]
    if comment:
        said, icon, tone = "comment", "chat", ""
    elif move.state_from == "ACKED" and move.state_to == "FIRING":
        said, icon, tone = "given back", "undo", "bad"
    level, level_icon, level_tone = LEVELS[alert.level]
    return {
        "row": move,
        "said": said,
        "icon": icon,
        "tone": level_tone if tone == "bad" else tone,
        "level": level,
        "level_icon": level_icon,
        "level_tone": level_tone,
        "rule": alert.rule_id,
        "name": alert.rule_revision.values.get("name") or alert.rule_id,
        "url": reverse("alerts:alert", args=[alert.pk]),
    }
