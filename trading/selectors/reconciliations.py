"""What the newest reconciliation says, for the header, the API and the shell."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Subquery

from trading.models import Incident, ReconciliationRun
from trading.reconciling.verdicts import WARNINGS, Code

MILLISECOND = timedelta(milliseconds=1)
NEVER = "nothing was reconciled yet: it happens when an engine trades with (play) money"


def newest_run(account: str) -> ReconciliationRun | None:
    """Return the newest run of an account, None when there is none."""
    return ReconciliationRun.objects.filter(account=account).first()


def reconciliation_state(account: str, now: datetime) -> dict[str, Any]:
    """Return verdict, age and the open incident as JSON data. Never run is None, not MATCH."""
    incidents = Incident.objects.filter(
        account=account, kind=Incident.Kind.RECONCILIATION, state=Incident.State.OPEN
    )
    opened = Subquery(incidents.values("pk")[:1])  # a run comes before every incident
    run = ReconciliationRun.objects.filter(account=account).annotate(incident=opened).first()
    return {
        "verdict": run.verdict if run else None,
        "age_ms": max(0, (now - run.at) // MILLISECOND) if run else None,
        "block_number": run.block_number if run else None,
        "differences": len(run.differences) if run else None,
        "incident": run.incident if run else None,
        "reason": run_text(run) if run else NEVER,
        "as_of": (run.at if run else now).isoformat(),
    }


def run_text(run: ReconciliationRun) -> str | None:
    """Return the gravest difference of a run in a sentence, None when there is none."""
    return str(run.differences[0]["text"]) if run.differences else None


def unexplained_cash_micro(incident: Incident) -> int | None:
    """Return the dollars that the wallet has more than the books, when nothing else is wrong.

    None when there is any other difference, when the incident is closed, and when that is not
    known: then a deposit or withdrawal would not explain it.
    """
    last = incident.evidence.get("last", {})
    told = [one for one in last.get("differences", []) if one["code"] not in WARNINGS]
    if incident.state != Incident.State.OPEN or len(told) != 1:
        return None
    (one,) = told
    amount_micro: int | None = one["difference_micro"] if one["code"] == Code.CASH_DIFFERS else None
    return amount_micro
