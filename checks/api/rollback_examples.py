"""What an answer about rollbacks and drills looks like."""

from typing import Any

_AT = "2026-10-01T12:00:00Z"
VERDICT: dict[str, Any] = {
    "criterion": "daily_loss",
    "title": "Daily loss",
    "verdict": "FAIL",
    "value": "5.20",
    "bound": "at most $5",
    "reason": "realised -5.20 today",
    "sample": 12,
    "evaluation": 810,
    "window_from": "2026-10-01T00:00:00Z",
    "window_to": _AT,
}
STEP: dict[str, Any] = {
    "name": "HALT",
    "title": "Stop new orders",
    "state": "DONE",
    "attempts": 1,
    "started_at": _AT,
    "finished_at": _AT,
    "took_ms": 3,
    "detail": "trading is halted: ROLLBACK by kill criteria at 12:00:00 UTC",
    "remedy": "",
    "facts": {},
}
ROLLBACK: dict[str, Any] = {
    "id": 7,
    "account": "main",
    "phase_from": 1,
    "phase_to": 0,
    "venue": "polymarket",
    "cause": "KILL_CRITERION",
    "reason": "Daily loss: 5.20 (at most $5)",
    "state": "RUNNING",
    "started_at": _AT,
    "finished_at": None,
    "took_ms": None,
    "by": "kill criteria",
    "incident": None,
    "verdicts": [VERDICT],
    "steps": [STEP],
}
DRILL: dict[str, Any] = {
    "id": 3,
    "account": "main",
    "kind": "BREAKER",
    "at": _AT,
    "passed": True,
    "reason": "all 27 steps were as expected: it opened, refused, probed and closed",
    "config_sha256": "0" * 64,
    "software": "0.1.0+0123456789abcdef",
    "evidence": {
        "lines": [
            {"what": "after 3 failed in a row", "expected": "OPEN", "seen": "OPEN", "ok": True}
        ]
    },
    "by": "otto",
}
