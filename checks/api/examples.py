"""One answer of each kind, held against its description by a test."""

from typing import Any

SHA = "b1946ac92492d2347c6235b4d2611184a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d11"
JUDGED: dict[str, Any] = {
    "verdict": "PASS",
    "value": "8.125 days",
    "value_micro": 8_125_000,
    "reason": "8.125 days, needed ≥ 7 days over 7 days",
    "window_from": "2026-03-13T15:00:00Z",
    "window_to": "2026-03-20T15:00:00Z",
    "sample": 9,
    "restarted": None,
    "rows": {"trading.EngineSession": [[1, 9]]},
    "judged_at": "2026-03-20T15:00:00Z",
    "verdict_id": 4711,
}
CRITERION: dict[str, Any] = {
    "id": "NO_CRASH",
    "kind": "SUCCESS",
    "text": "7 days without a crash",
    "metric": "days_without_crash",
    "unit": "days",
    "bound": "≥ 7 days",
    "window": "7",
    "sample_min": 1,
    "coverage_percent": 90,
    "restarts_on": ["all"],
    "distance": "met",
    **JUDGED,
}
PHASE: dict[str, Any] = {
    "number": 0,
    "name": "Shadow Production",
    "state": "present",
    "mode": "SHADOW",
    "profile": "live_shadow_atomic_v1",
    "trade_size_micro": 1_000_000,
    "trade_size": "1",
    "trade_size_max_micro": 1_000_000,
    "trade_size_max": "1",
    "planned": "7-14 days",
    "days_min": 7,
    "days_max": 14,
    "since": "2026-03-12T12:00:00Z",
    "days_micro": 8_125_000,
    "goals": ["Run the whole engine on the real feed without money, day and night."],
    "entry_checks": [],
    "criteria": {"success": [CRITERION], "kill": [], "exit": [], "entry": []},
}
EVALUATION: dict[str, Any] = {
    "id": 144,
    "scope": "ALL",
    "at": "2026-03-20T15:00:00Z",
    "age_ms": 1_200,
    "old": False,
    "counts": {"SUCCESS": {"PASS": 6, "FAIL": 0, "UNKNOWN": 0}},
    "sha256": SHA,
    "config_sha256": SHA,
    "criteria_sha256": SHA,
    "software": "0.1.0+1f2e3d4c5b6a7980",
    "by": "jobs",
    "took_ms": 640,
}
LADDER: dict[str, Any] = {
    "account": "main",
    "as_of": "2026-03-20T15:00:01Z",
    "phase": 0,
    "name": "Shadow Production",
    "venue": "polymarket",
    "since": "2026-03-12T12:00:00Z",
    "sentence": "To ask for Micro-Live: a backup younger than 24 h.",
    "missing": ["a backup younger than 24 h"],
    "evaluation": EVALUATION,
    "phases": [PHASE],
}
JUDGEMENT: dict[str, Any] = {
    **EVALUATION,
    "account": "main",
    "phase": 0,
    "venue": "polymarket",
    "phase_since": "2026-03-12T12:00:00Z",
    "verdicts": [
        {
            "kind": "SUCCESS",
            "id": "NO_CRASH",
            "text": "7 days without a crash",
            "bound": "≥ 7 days",
            "sample_min": 1,
            **JUDGED,
        }
    ],
}
