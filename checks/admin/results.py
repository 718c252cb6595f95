"""A check run in words: the line on top, what to fix first, the categories, and the differences."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from checks.admin.criteria import MARKS
from checks.models import Attestation, CheckResult, CheckRun
from checks.selectors.gate_part import VALID_FOR
from checks.selectors.run_history import (
    differences,
    recent_runs,
    run_before,
    sorted_results,
)
from polyarb_site import formats
from trading.selectors.phases import Phase

CATEGORIES = {
    "security": ("Security", "lock"),
    "system": ("System", "settings"),
    "data": ("Data", "database"),
    "operations": ("Operations", "lan"),
    "documents": ("Documents", "description"),
}
# Where the portal itself can put something right: words of a check's id, a button, its address.
FIXES = (
    (("dedicated_wallet", "contacts", "runbook_read", "emergency"), "State it", "#attest"),
    (("backup",), "Back up now", "admin:reports_backuprun_take"),
    (("second_copy",), "Open the backups", "admin:reports_backuprun_changelist"),
    (("breaker", "kill_switch"), "Open the mandate", "admin:trading_mandate_changelist"),
    (("message_test", "heartbeat"), "Open the channels", "alerts:channels"),
    (("alert_rules", "alerts_readable"), "Open the rules", "alerts:rules"),
    (("configuration", "profile_limits", "dry_run", "sizes_fit"), "Open the profiles",
     "admin:trading_profile_changelist"),
    (("allowances", "wallet", "key_signs", "may_trade"), "Open the wallet",
     "admin:trading_walletcheck_newest"),
    (("audit_chain",), "Open the audit", "admin:audit_auditevent_changelist"),
    (("reconciled",), "Open the reconciliations", "admin:trading_reconciliationrun_changelist"),
    (("replay",), "Open the replays", "admin:trading_replayrun_changelist"),
    (("incident",), "Open the incidents", "admin:trading_incident_changelist"),
    (("system.workers",), "Open the task queue", "admin:django_q_success_changelist"),
    (("defaults_off",), "Open the users", "admin:auth_user_changelist"),
)  # fmt: skip
STATEMENTS = {
    "DEDICATED_WALLET": "This wallet is used for nothing but this engine.",
    "RISK_PARAMETERS_REVIEWED": "I went through every risk value of the profile of this phase.",
    "RISK_MODEL_VALIDATED": "The model of what can be lost was compared with what was lost.",
    "EMERGENCY_PLAN": "I know how to stop, withdraw and restore, and where that is written.",
    "RUNBOOK_READ": "I have read the runbook of this version.",
    "CONTACTS_SET": "The people to call at night are in the runbook and answer.",
}
DAYS = ((7, "7 days"), (30, "30 days"), (90, "90 days"))


def run_line(run: CheckRun, now: datetime) -> dict[str, Any]:
    """Return the line on top: GO or NO-GO, why, and whether it still counts."""
    running = run.state == CheckRun.State.RUNNING
    if running:
        word, icon, tone = "Running", "progress_activity", "quiet"
    elif run.state == CheckRun.State.FAILED or not run.decision:
        word, icon, tone = "No decision", "help", "warn"
    elif run.decision == CheckRun.Decision.GO:
        word, icon, tone = "GO", "check_circle", "good"
    else:
        word, icon, tone = "NO-GO", "cancel", "bad"
    ended = run.finished_at
    old = ended is not None and now >= ended + VALID_FOR
    return {
        "row": run,
        "word": word,
        "icon": icon,
        "tone": "warn" if old and tone == "good" else tone,
        "sentence": run.sentence or run.problem,
        "phase_name": Phase(run.phase).label if run.phase in Phase.values else f"{run.phase}",
        "running": running,
        "old": old,
        "valid_until": ended + VALID_FOR if ended is not None else None,
        "took": formats.age(formats.ms_between(run.started_at, ended)) if ended else "",
        "url": reverse("checks:run", args=[run.pk]),
        "counts": counts_text(run.counts),
    }


def run_body(run: CheckRun) -> dict[str, Any]:
    """Return what a run saw: first what blocks, then everything by category."""
    results = [result_row(one) for one in sorted_results(run)]
    blocking = [one for one in results if one["priority"] == "P0" and one["status"] != "PASS"]
    high = [one for one in results if one["priority"] == "P1" and one["status"] != "PASS"]
    return {
        "results": results,
        "first": blocking,
        "high": high,
        "categories": _categories(results),
        "progress": _progress(run, len(results)),
    }


def result_row(row: CheckResult) -> dict[str, Any]:
    """Return what a template shows of one check."""
    said, icon, tone = MARKS[row.status]
    weighs = row.priority in ("P0", "P1")
    fix, url = ("", "") if row.status == "PASS" else _fix(row.check_id)
    return {
        "row": row,
        "key": row.check_id,
        "status": row.status,
        "priority": row.priority,
        "said": said,
        "icon": icon,
        "tone": tone if row.status == "PASS" or weighs else "warn",
        "took": formats.millis(row.took_ms),
        "fix": fix,
        "fix_url": url,
        "evidence": [(key, value) for key, value in row.evidence.items()][:12],
    }


def against(run: CheckRun) -> dict[str, Any] | None:
    """Return what differs from the run before, None for the first of its kind."""
    before = run_before(run)
    if before is None:
        return None
    found = differences(before, run)
    return {
        "before": before,
        "url": reverse("checks:run", args=[before.pk]),
        "worse": [one for one in found if not one.better],
        "better": [one for one in found if one.better],
        "same": not found,
    }


def history(account: str, now: datetime) -> list[dict[str, Any]]:
    """Return the newest runs, newest first."""
    return [
        {**line, "tone": "quiet" if line["old"] else line["tone"]}
        for line in (run_line(one, now) for one in recent_runs(account))
    ]


def statements(account: str, now: datetime) -> list[dict[str, Any]]:
    """Return every statement that can be made, with the one that is in force."""
    newest: dict[str, Attestation] = {}
    for row in Attestation.objects.filter(account=account).order_by("id"):
        newest[row.kind] = row
    return [_statement(kind, newest.get(kind.value), now) for kind in Attestation.Kind]


def counts_text(counts: dict[str, Any]) -> str:
    """Return how many of each priority passed: "P0 12 of 14, P1 5 of 5"."""
    told = []
    for priority, by_status in sorted(counts.items()):
        if isinstance(by_status, dict):
            total = sum(by_status.values())
            told.append(f"{priority} {by_status.get('PASS', 0)} of {total}")
    return ", ".join(told)


def _statement(kind: Any, row: Attestation | None, now: datetime) -> dict[str, Any]:
    valid = row is not None and row.revoked_at is None and row.expires_at > now
    if valid:
        said, icon, tone = "stated", "verified", "good"
    elif row is None:
        said, icon, tone = "nobody has stated it", "radio_button_unchecked", "quiet"
    elif row.revoked_at is not None:
        said, icon, tone = "taken back", "undo", "warn"
    else:
        said, icon, tone = "expired", "timer_off", "warn"
    return {
        "kind": kind.value,
        "label": kind.label,
        "text": STATEMENTS[kind.value],
        "row": row,
        "valid": valid,
        "said": said,
        "icon": icon,
        "tone": tone,
    }


def _categories(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for name in dict.fromkeys(one["row"].category for one in results):
        rows = [one for one in results if one["row"].category == name]
        bad = [one for one in rows if one["status"] != "PASS"]
        label, icon = CATEGORIES.get(name, (name.capitalize(), "checklist"))
        grave = any(one["priority"] == "P0" for one in bad)
        found.append(
            {
                "name": name,
                "label": label,
                "icon": icon,
                "rows": rows,
                "said": f"{len(rows) - len(bad)} of {len(rows)} pass",
                "tone": "bad" if grave else "warn" if bad else "good",
                "mark": "cancel" if grave else "error" if bad else "check_circle",
            }
        )
    return found


def _progress(run: CheckRun, did: int) -> dict[str, Any]:
    permille = min(1000, did * 1000 // run.planned) if run.planned else 0
    return {
        "did": did,
        "planned": run.planned,
        "width": f"{permille // 10}.{permille % 10}",
        "percent": permille // 10,
    }


def _fix(check_id: str) -> tuple[str, str]:
    """Return the button with which the portal can put a check right, and its address."""
    for words, label, place in FIXES:
        if any(word in check_id for word in words):
            return label, place if place.startswith("#") else reverse(place)
    return "", ""
