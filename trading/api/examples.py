"""One true answer of each endpoint, as OpenAPI and the page /api/docs/ show it.

Each is checked against the description of its endpoint by a test, so that none can grow old.
"""

from typing import Any

CONDITION = "0x3f1c6a3e9a5f0f8f4c9a1a1f1f0e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
YES = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
SESSION = "main-7"
SET = f"{SESSION}-s3"

TRADE: dict[str, Any] = {
    "id": 41,
    "trade_id": f"{SET}-o0-t1",
    "order_id": f"{SET}-o0",
    "set_id": SET,
    "session": SESSION,
    "condition_id": CONDITION,
    "token_id": YES,
    "side": "BUY",
    "price_micro": 480_000,
    "price": "0.48",
    "size_micro": 5_000_000,
    "size": "5",
    "fee_micro": 31_200,
    "fee": "0.0312",
    "state": "CONFIRMED",
    "paper": True,
    "matched_at": "2026-10-01T12:00:00.250Z",
    "moved_at": "2026-10-01T12:00:02Z",
}
SET_ROW: dict[str, Any] = {
    "id": 3,
    "set_id": SET,
    "opportunity_id": f"{SESSION}-p12",
    "session": SESSION,
    "condition_id": CONDITION,
    "strategy": "PAIR",
    "state": "MERGED",
    "reason": "",
    "opened_at": "2026-10-01T12:00:00.240Z",
    "moved_at": "2026-10-01T12:00:04Z",
    "size_micro": 5_000_000,
    "size": "5",
    "cost_micro": 4_862_400,
    "cost": "4.8624",
    "payout_micro": 1_000_000,
    "payout": "1",
    "expected_net_micro": 137_600,
    "expected_net": "0.1376",
    "realised_micro": 137_600,
    "realised": "0.1376",
    "paper": True,
    "raised": True,
    "legs": [
        {
            "token_id": YES,
            "order_id": f"{SET}-o0",
            "limit_micro": 480_000,
            "size_micro": 5_000_000,
            "cost_micro": 2_431_200,
            "fee_micro": 31_200,
        }
    ],
}
OPPORTUNITY: dict[str, Any] = {
    "id": 12,
    "opportunity_id": f"{SESSION}-p12",
    "set_id": "",
    "session": SESSION,
    "condition_id": CONDITION,
    "strategy": "PAIR",
    "seen_at": "2026-10-01T12:00:00.240Z",
    "last_seen_at": "2026-10-01T12:00:00.910Z",
    "frames": 4,
    "stage": "CONFIRMED",
    "refusal": "BELOW_MIN_PROFIT",
    "reason": "net 0.0030 of the cost, 0.01 is needed",
    "gap_micro": 20_000,
    "gap": "0.02",
    "edge_micro": 3_000,
    "edge": "0.003",
    "size_micro": 5_000_000,
    "size": "5",
    "cost_micro": 4_985_000,
    "cost": "4.985",
    "fee_micro": 85_000,
    "fee": "0.085",
    "net_micro": 15_000,
    "net": "0.015",
    "raised": False,
    "legs": [
        {
            "token_id": YES,
            "ask_micro": 480_000,
            "size_micro": 120_000_000,
            "venue_ms": 1_790_856_000_240,
        }
    ],
    "ladder": [[[480_000, 120_000_000], [490_000, 40_000_000]]],
}
EVENT: dict[str, Any] = {
    "id": 9,
    "note_id": f"{SESSION}-n2",
    "session": SESSION,
    "at": "2026-10-01T12:00:00Z",
    "level": "CRITICAL",
    "code": "HALTED",
    "text": "trading is halted: asked by alice",
    "condition_id": "",
}
SHA256 = "9f2c4d1b7e6a5f3c8b0d9e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d"
APPLIED: dict[str, Any] = {"name": "live_shadow_atomic_v1", "revision": 2, "sha256": SHA256}
REVISION: dict[str, Any] = {
    **APPLIED,
    "author": "alice",
    "reason": "tighter slippage",
    "source": "portal",
    "created_at": "2026-10-01T11:58:00Z",
    "applied": True,
}
PROFILES: dict[str, Any] = {"items": [REVISION]}
PROFILE: dict[str, Any] = {
    **REVISION,
    "values": {"DRY_RUN": "true", "TRADE_SIZE": "1"},
    "base_values": {"DRY_RUN": "true", "TRADE_SIZE": "1"},
}
APPLY: dict[str, Any] = {
    "applied": False,
    "profile": APPLIED,
    "changes": [{"field": "MAX_SLIPPAGE", "unit": "ratio", "before": "0.02", "after": "0.015"}],
    "risks": [],
    "mandate_revision": 14,
}
MANDATE: dict[str, Any] = {
    "account": "main",
    "phase": 0,
    "phase_name": "Shadow Production",
    "mode": "SHADOW",
    "feed": "recorded",
    "desired": "RUN",
    "halted": False,
    "halt_code": "",
    "halt_reason": "",
    "halted_by": "",
    "halted_at": None,
    "profile": APPLIED,
    "mandate_revision": 15,
    "changed_at": "2026-10-01T12:00:00Z",
}
HALT: dict[str, Any] = {
    "halted": True,
    "already_halted": False,
    "kill_file_written": True,
    "recorded": True,
    "message": "trading is halted",
    "ignored": "",
}
CONFIG_CHANGE: dict[str, Any] = {
    "sequence": 40,
    "at": "2026-10-01T12:00:00Z",
    "actor": "alice",
    "action": "profile.apply",
    "target": "mandate:main",
    "reason": "tighter slippage",
    "request_id": "6f1e2d3c4b5a69788796a5b4",
    "before": {"revision": 14},
    "after": {"revision": 15},
    "sha256": SHA256,
}
NOW = "2026-10-01T12:00:05Z"
STATUS: dict[str, Any] = {
    "account": "main",
    "as_of": NOW,
    "label": "SHADOW",
    "mode": "SHADOW",
    "phase": {"number": 0, "name": "Shadow Production", "reason": None, "as_of": NOW},
    "profile": {**APPLIED, "reason": None, "as_of": NOW},
    "engine": {
        "state": "TRADING",
        "since": "2026-10-01T11:00:00Z",
        "reason": "",
        "heartbeat_age_ms": 400,
        "session": SESSION,
        "token": 7,
        "standby": None,
        "desired": "RUN",
        "as_of": NOW,
    },
    "feed": {
        "name": "polymarket",
        "connected": True,
        "age_ms": 120,
        "reason": None,
        "as_of": NOW,
    },
    "decision": {"p50_us": 9, "p99_us": 110, "reason": None, "as_of": NOW},
    "money": {
        "realised_today_micro": 137_600,
        "realised_today": "0.1376",
        "realised_phase_micro": 1_250_000,
        "realised_phase": "1.25",
        "exposure_micro": 0,
        "exposure": "0",
        "worst_case_micro": 0,
        "worst_case": "0",
        "limit_micro": 1_000_000,
        "limit": "1",
        "position_limit_micro": 10_000_000,
        "position_limit": "10",
        "paper": True,
        "reason": None,
        "as_of": NOW,
        "exposure_as_of": NOW,
    },
    "funnel": {
        "seen": 64,
        "confirmed": 6,
        "allowed": 2,
        "submitted": 2,
        "completed": 2,
        "commonest_refusal": "LEGS_NOT_SAME_INSTANT",
        "reason": None,
        "as_of": NOW,
    },
    "breaker": {"state": "CLOSED", "reason": None, "as_of": NOW},
    "halted": {
        "halted": False,
        "code": None,
        "reason": None,
        "since": None,
        "by": None,
        "by_file": False,
        "as_of": NOW,
    },
    "alerts": {
        "critical": None,
        "warning": None,
        "info": None,
        "reason": "alerts are not configured yet",
        "as_of": NOW,
    },
}
