"""One answer of each kind, held against its description by a test."""

ROW = {
    "id": 12,
    "account": "main",
    "kind": "DAILY",
    "day": "2026-03-02",
    "session": "",
    "revision": 1,
    "sentences": [
        "PolyArb ran for 23 h 57 min in phase 0, Shadow Production, with atomic r3 (shadow).",
        "It realised +$3.38 on paper; of 39 sets that ended 35 won (89.7 %).",
        "Nothing was out of bounds.",
    ],
    "anomalies": [],
    "money": [
        {
            "money": "PAPER",
            "realised_micro": 3_380_000,
            "realised": "3.38",
            "drawdown_micro": 90_000,
            "drawdown": "0.09",
            "sets_closed": 39,
            "win_rate_micro": 897_435,
        }
    ],
    "sha256": "b1946ac92492d2347c6235b4d2611184a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d11",
    "audit_sequence": 4711,
    "audit_sha256": "591785b794601e212b260e25925636fd03a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d",
    "created_at": "2026-03-03T00:05:01Z",
    "created_by": "daily report",
    "took_ms": 640,
}
REPORT = {
    **ROW,
    "figures": {"version": 1, "kind": "DAILY", "account": "main", "money": []},
    "markdown": "# Daily report of 2026-03-02\n",
}

BACKUP = {
    "id": 31,
    "name": "20260302_0105",
    "kind": "DAILY",
    "state": "VERIFIED",
    "verified": True,
    "pinned": False,
    "pinned_reason": "",
    "size_bytes": 8_412_003,
    "sha256": "b1946ac92492d2347c6235b4d2611184a1e3aa7e0f0e2d6f1c6c3d2c6f0a9d11",
    "encrypted": False,
    "second_target": "",
    "started_at": "2026-03-02T01:05:00Z",
    "finished_at": "2026-03-02T01:05:02Z",
    "verified_at": "2026-03-02T01:05:06Z",
    "taking_ms": 2_104,
    "verifying_ms": 3_950,
    "problem": "",
    "created_by": "jobs",
}
