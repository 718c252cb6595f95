"""Drills, and which of them counts: made on the profile in force, by the software that runs."""

from datetime import datetime, timedelta
from typing import Any

from checks.models import Drill
from polyarb_site.software import software
from trading.services import ServiceRefused
from trading.services.breaker_drills import profile_sha256
from trading.services.changes import find_mandate

EVERY = timedelta(days=7)


def newest_drill(account: str, kind: str = Drill.Kind.BREAKER) -> Drill | None:
    """Return the newest drill of the profile in force and of this software, None without one."""
    try:
        sha256 = profile_sha256(find_mandate(account))
    except ServiceRefused:
        return None
    rows = Drill.objects.filter(
        account=account, kind=kind, config_sha256=sha256, software=software()
    )
    return rows.order_by("-id").first()


def drill_is_due(account: str, now: datetime) -> bool:
    """Return whether a week has passed since the newest drill that counts.

    Nothing is due while no profile is applied.
    """
    if find_mandate(account).profile is None:
        return False
    newest = newest_drill(account)
    return newest is None or now - newest.at >= EVERY


def drill_dict(drill: Drill) -> dict[str, Any]:
    """Return a drill as plain JSON data."""
    return {
        "id": drill.pk,
        "account": drill.account,
        "kind": drill.kind,
        "at": drill.at.isoformat(),
        "passed": drill.passed,
        "reason": drill.reason,
        "config_sha256": drill.config_sha256,
        "software": drill.software,
        "evidence": drill.evidence,
        "by": drill.by_name,
    }
