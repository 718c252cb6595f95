"""One answer of each kind, held against its description by a test."""

from typing import Any

RUN_ROW: dict[str, Any] = {
    "id": 41,
    "account": "main",
    "phase": 1,
    "venue": "polymarket",
    "category": None,
    "state": "FINISHED",
    "decision": "NO_GO",
    "sentence": "No-go: 1 critical check did not pass (security.dedicated_wallet).",
    "counts": {
        "P0": {"PASS": 21, "FAIL": 1, "UNKNOWN": 0},
        "P1": {"PASS": 8, "FAIL": 0, "UNKNOWN": 0},
        "P2": {"PASS": 2, "FAIL": 0, "UNKNOWN": 0},
        "P3": {"PASS": 0, "FAIL": 0, "UNKNOWN": 0},
    },
    "planned": 32,
    "profile": "live_safe_atomic_v1 r3",
    "profile_sha256": "b1946ac92492d2347c6235b4d2611184a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d11",
    "config_sha256": "591785b794601e212b260e25925636fd03a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d",
    "software": "0.1.0+6f3d58f1d955bda6",
    "sha256": "d2611184a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d11b1946ac92492d2347c6235b4",
    "started_at": "2026-10-01T12:00:00+00:00",
    "finished_at": "2026-10-01T12:00:03.412000+00:00",
    "valid_until": None,
    "by": "otto",
}
RUNNING: dict[str, Any] = {
    **RUN_ROW,
    **dict.fromkeys(
        ("decision", "profile", "profile_sha256", "config_sha256", "sha256", "finished_at")
    ),
    "state": "RUNNING",
    "sentence": "",
    "counts": {},
    "planned": 0,
}
RUN: dict[str, Any] = {
    **RUN_ROW,
    "results": [
        {
            "id": "security.dedicated_wallet",
            "category": "security",
            "priority": "P0",
            "status": "FAIL",
            "title": "The wallet is used for nothing else",
            "reason": "nobody has stated that the wallet is used for nothing else",
            "needed": "an attestation that is in force",
            "evidence": {},
            "remedy": "State it: manage.py attest DEDICATED_WALLET --note, "
            "or on the page Attestations.",
            "runbook": "before-anything-else",
            "took_ms": 4,
        }
    ],
}
CHECK: dict[str, Any] = {
    "id": "system.dry_run",
    "category": "system",
    "title": "DRY_RUN fits the phase",
    "needed": "true in phase 0, false in phases 1 to 3",
    "remedy": "Apply the profile of the phase: page Profiles.",
    "runbook": "before-anything-else",
    "priorities": {"phase_0": "P0", "phase_1": "P0", "phase_2": "P0", "phase_3": "P0"},
    "time_ms_max": 3_000,
}
ATTESTATION: dict[str, Any] = {
    "kind": "DEDICATED_WALLET",
    "title": "The wallet is used for nothing else",
    "in_force": True,
    "id": 3,
    "note": "made on 1 October for PolyArb alone",
    "by": "otto",
    "at": "2026-10-01T12:00:00+00:00",
    "expires_at": "2026-12-30T12:00:00+00:00",
    "revoked_at": None,
    "revoked_by": None,
}
