"""What the header and the dashboard show of the gates: the last go/no-go, and the next step."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from checks.models import CheckRun, Evaluation, Promotion

VALID_FOR = timedelta(hours=24)
OPEN_STATES = (Promotion.State.REQUESTED, Promotion.State.APPROVED)
ASKED = ("SUCCESS", "EXIT", "ENTRY")  # kinds of criteria that the next step needs


def gates_part(account: str, now: datetime) -> dict[str, Any]:
    """Return the part "gates" of the live state. Two queries: it is read each second."""
    runs = CheckRun.objects.filter(account=account, category="", state=CheckRun.State.FINISHED)
    run = runs.order_by("-id").values("phase", "decision", "sentence", "finished_at").first()
    return {
        "go_no_go": _decision(run, now),
        "step": _step(account),
        "reason": None if run else "no check has run yet",
        "as_of": now.isoformat(),
    }


def _decision(run: Mapping[str, Any] | None, now: datetime) -> dict[str, Any] | None:
    if run is None:
        return None
    at = run["finished_at"]
    return {
        "decision": run["decision"],
        "phase": run["phase"],
        "sentence": run["sentence"],
        "at": at.isoformat() if at is not None else None,
        "valid": at is not None and at <= now < at + VALID_FOR,
    }


def _step(account: str) -> dict[str, Any] | None:
    """Return how many criteria the next step lacks, and the state of a promotion that is open."""
    waiting = Promotion.objects.filter(account=OuterRef("account"), state__in=OPEN_STATES)
    rows = Evaluation.objects.filter(account=account, scope="ALL").order_by("-id")
    rows = rows.annotate(waiting=Subquery(waiting.values("state")[:1]))
    row = rows.values("phase", "counts", "at", "waiting").first()
    if row is None:
        return None
    counts = [row["counts"].get(kind, {}) for kind in ASKED]
    asked = sum(sum(one.values()) for one in counts)
    return {
        "phase": row["phase"],
        "asked": asked,
        "missing": asked - sum(one.get("PASS", 0) for one in counts),
        "promotion": row["waiting"],
        "at": row["at"].isoformat(),
    }
