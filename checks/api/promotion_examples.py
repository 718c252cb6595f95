"""One answer of each kind, held against its description by a test."""

from typing import Any

_SHA = "b1946ac92492d2347c6235b4d2611184a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d11"
ROW: dict[str, Any] = {
    "id": 3,
    "account": "main",
    "phase_from": 0,
    "phase": 1,
    "phase_name": "Micro-Live",
    "renewal": False,
    "venue": "polymarket",
    "state": "REQUESTED",
    "state_name": "Requested",
    "end_reason": "",
    "profile": "live_safe_atomic_v1 r1",
    "reason": "eight quiet days",
    "requested_by": "otto",
    "requested_at": "2026-03-02T12:00:00Z",
    "expires_at": "2026-03-03T12:00:00Z",
    "approved_at": None,
    "ended_at": None,
}
PROMOTION: dict[str, Any] = {
    **ROW,
    "sentence": "To Micro-Live on polymarket: 1 of 2 approvals.",
    "in_force": False,
    "binding_sha256": _SHA,
    "bound": [
        {
            "what": "profile",
            "name": "live_safe_atomic_v1 r1",
            "short": _SHA[:12],
            "sha256": _SHA,
        }
    ],
    "approvers_needed": 2,
    "approvals_missing": 1,
    "approvals": [
        {
            "by": "anna",
            "answer": "YES",
            "comment": "read the criteria and the limits",
            "proof": "password",
            "at": "2026-03-02T12:10:00Z",
            "counts": True,
        }
    ],
    "voids": ["another version of the software"],
    "changes": [{"field": "TRADE_SIZE", "unit": "dollars", "before": "1", "after": "2"}],
    "risks": [
        {
            "code": "SWITCH_TO_LIVE",
            "text": "each set can cost up to $2 of real money instead of paper",
        }
    ],
}
APPROVERS: dict[str, Any] = {
    "account": "main",
    "needed": 2,
    "usual": 2,
    "lowered": False,
    "able": ["anna", "bert"],
    "sentence": "2 different people have to approve",
    "changed_by": "",
    "changed_at": None,
    "reason": "",
}
START: dict[str, Any] = {
    "account": "main",
    "phase": 1,
    "phase_name": "Micro-Live",
    "venue": "polymarket",
    "profile": "live_safe_atomic_v1 r1",
    "promotion": 3,
    "restart": False,
    "approvers": ["anna", "bert"],
    "limits": [{"name": "TRADE_SIZE", "value": "2"}],
    "risks": ["each set can cost up to $2 of real money instead of paper"],
    "check_run": 41,
    "backup": "20260302_1215",
}
