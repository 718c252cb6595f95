"""One true answer of each endpoint of alerts, as OpenAPI and the page /api/docs/ show it.

Each is checked against the description of its endpoint by a test, so that none can grow old.
"""

from typing import Any

NOW = "2026-10-01T12:00:05Z"
SHA256 = "9f2c4d1b7e6a5f3c8b0d9e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d"
STOP: dict[str, Any] = {
    "session": "main-7",
    "cause_at": "2026-10-01T11:58:10Z",
    "judged_at": "2026-10-01T11:58:10.200Z",
    "judging_us": 410,
    "last_order_at": None,
    "stopped_us": 200_410,
    "halted_already": False,
    "orders_followed": 2,
    "complete": True,
}
ALERT: dict[str, Any] = {
    "id": 12,
    "account": "main",
    "rule_id": "WS_DISCONNECTED",
    "name": "Market feed disconnected",
    "state": "ACKED",
    "severity": "CRITICAL",
    "level": "CRITICAL",
    "value": "false",
    "bound": "== false for 10 s",
    "reason": "ws_connected is false for 12 s",
    "unknown": False,
    "count": 2,
    "since": "2026-10-01T11:58:00Z",
    "fired_at": "2026-10-01T11:58:10Z",
    "last_fired_at": "2026-10-01T11:59:00Z",
    "last_seen_at": NOW,
    "quiet_since": None,
    "resolved_at": None,
    "acked_by": "otto",
    "acked_at": "2026-10-01T11:59:30Z",
    "ack_comment": "the venue is down; I watch",
    "resolve_note": "",
    "muted_by": "",
    "suppressed": 0,
    "notified_at": "2026-10-01T11:58:11Z",
    "notified_count": 2,
    "escalations": 0,
    "stop": STOP,
    "advice": "See whether the venue is down or only this host's network, then resume by hand.",
    "rule_revision": 1,
    "runbook": "/admin/runbook/#rule-ws_disconnected",
}
MOVE_OF_ALERT: dict[str, Any] = {
    "id": 31,
    "sequence": 2,
    "state_from": "FIRING",
    "state_to": "ACKED",
    "at": "2026-10-01T11:59:30Z",
    "by": "otto",
    "value": "false",
    "comment": "the venue is down; I watch",
}
MOVE: dict[str, Any] = {
    **MOVE_OF_ALERT,
    "alert": 12,
    "account": "main",
    "rule_id": "WS_DISCONNECTED",
    "level": "CRITICAL",
}
ALERT_ANSWER: dict[str, Any] = {**ALERT, "moves": [MOVE_OF_ALERT]}
COUNTS: dict[str, Any] = {
    "critical": 1,
    "warning": 0,
    "info": 0,
    "acked": 1,
    "reason": None,
    "as_of": NOW,
}
STATE: dict[str, Any] = {"alerts": [ALERT], "counts": COUNTS, "as_of": NOW}
REVISION: dict[str, Any] = {
    "revision": 1,
    "sha256": SHA256,
    "author": "seed (shell:otto)",
    "reason": "import of alerts.production.yaml",
    "source": "alerts.production.yaml",
    "created_at": "2026-10-01T11:00:00Z",
}
RULE: dict[str, Any] = {
    **REVISION,
    "rule_id": "WS_DISCONNECTED",
    "stops_trading": True,
    "runbook": "/admin/runbook/#rule-ws_disconnected",
    "values": {
        "id": "WS_DISCONNECTED",
        "name": "Market feed disconnected",
        "description": "The market WebSocket is down, so the books are old.",
        "enabled": True,
        "severity": "CRITICAL",
        "query": {
            "metric": "ws_connected",
            "operator": "==",
            "value": False,
            "window_seconds": 10,
            "counting": "HELD_FOR",
            "missing_seconds": 15,
        },
        "values_by_phase": {},
        "cooldown_seconds": 60,
        "phases": [0, 1, 2, 3],
        "modes": ["LIVE", "SHADOW"],
        "actions": [{"type": "stop_trading"}, {"type": "notify"}, {"type": "log"}],
        "channels": [],
        "inhibits": ["LATENCY_P95_HIGH"],
        "escalate_seconds": 600,
        "message": "See whether the venue is down, then resume by hand.",
    },
}
RULES: dict[str, Any] = {"items": [RULE], "broken": []}
RULE_ANSWER: dict[str, Any] = {**RULE, "history": [REVISION]}
DRY_RUN: dict[str, Any] = {
    "rule_id": "LATENCY_P95_HIGH",
    "since": "2026-09-30T12:00:05Z",
    "until": NOW,
    "count": 1,
    "spells": [
        {
            "fired_at": "2026-10-01T03:10:00Z",
            "ended_at": "2026-10-01T03:14:20Z",
            "value": "612 ms",
            "reason": "latency_p95 is 612 ms in the mean of 300 s",
            "unknown": False,
        }
    ],
    "samples": 82_000,
    "covered_seconds": 82_010,
    "reason": "",
}
SILENCE: dict[str, Any] = {
    "id": 3,
    "kind": "SILENCE",
    "state": "ACTIVE",
    "account": "",
    "rule_ids": ["LATENCY_P95_HIGH"],
    "levels": [],
    "reason": "the host is being replaced",
    "starts_at": "2026-10-01T12:00:00Z",
    "ends_at": "2026-10-01T18:00:00Z",
    "weekdays": [],
    "from_minute": 0,
    "minutes": 0,
    "created_by": "otto",
    "created_at": "2026-10-01T12:00:00Z",
    "ended_by": "",
    "ended_at": None,
}
CHANNEL: dict[str, Any] = {
    "id": 2,
    "name": "office",
    "kind": "APPRISE",
    "enabled": True,
    "level_min": "WARNING",
    "tier": 1,
    "tell_resolved": True,
    "shown": "ntfy (ntfy://...)",
    "created_by": "adam",
    "created_at": "2026-10-01T11:00:00Z",
    "changed_at": "2026-10-01T11:00:00Z",
    "tested_at": "2026-10-01T11:00:02Z",
    "delivered_at": "2026-10-01T11:58:11Z",
    "latency_ms": 640,
    "failing_since": None,
    "problem": "",
}
CHANNELS: dict[str, Any] = {"items": [CHANNEL]}
REMOVED: dict[str, Any] = {"removed": True, "name": "office"}
DELIVERY: dict[str, Any] = {
    "id": 50,
    "channel": "office",
    "kind": "TEST",
    "state": "WAITING",
    "level": "INFO",
    "title": "PolyArb: a test",
    "alert_ids": [],
    "created_at": "2026-10-01T12:00:00Z",
    "next_try_at": "2026-10-01T12:00:00Z",
    "expires_at": "2026-10-01T12:10:00Z",
    "tries": 0,
    "started_at": None,
    "sent_at": None,
    "latency_ms": None,
    "outcome": "",
    "repeated": False,
}
