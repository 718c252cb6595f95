"""Latest events: what the engine noted and what people did, in one list."""

from datetime import datetime
from typing import Any

from polyarb_site.audit.models import AuditEvent
from trading.selectors.pages import LATEST_ROWS, latest_notes, reason_told

_TONES = {"INFO": "", "WARNING": "warn", "CRITICAL": "bad"}
_ACTS = {
    "mandate.create": ("account set up", ""),
    "mandate.halt": ("halted", "bad"),
    "mandate.resume": ("resumed", "good"),
    "engine.start_shadow": ("shadow started", "good"),
    "engine.start_simulated": ("started with play money", "good"),
    "engine.stop": ("stop asked for", ""),
    "incident.open": ("incident opened", "bad"),
    "incident.resolve": ("incident resolved", "good"),
    "breaker.reset": ("breaker reset", "warn"),
    "profile.apply": ("profile applied", "warn"),
    "profile.rollback": ("profile rolled back", "warn"),
    "profile.save": ("profile saved", ""),
    "profile.import": ("profiles imported", ""),
}


def latest_events(account: str) -> list[dict[str, Any]]:
    """Return the newest events, newest first, at most twelve."""
    events = [
        {
            **note,
            "kind": "note",
            "who": "engine",
            "tone": _TONES.get(note["level"], ""),
            "level": note["level"].lower(),
        }
        for note in latest_notes(account)
    ]
    acts = AuditEvent.objects.filter(action__in=_ACTS)
    events += [_act(act) for act in acts.order_by("-sequence")[:LATEST_ROWS]]
    return sorted(events, key=_at, reverse=True)[:LATEST_ROWS]


def _act(act: AuditEvent) -> dict[str, Any]:
    title, tone = _ACTS[act.action]
    return {
        "kind": "audit",
        "pk": act.sequence,
        "at": act.at,
        "title": title,
        "text": reason_told(act.reason),
        "who": act.actor_name,
        "tone": tone,
        "level": "act",
    }


def _at(event: dict[str, Any]) -> datetime:
    at: datetime = event["at"]
    return at
