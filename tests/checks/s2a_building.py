"""Checks, scenes and runs that tests make."""

from checks.catalogue.base import ALL_PHASES, Category, Check, Priority, Scene, Seen, Status
from polyarb_site.clock import SystemClock
from tests.conftest import NOON


def check(
    check_id="security.one",
    look=None,
    *,
    priority=Priority.P0,
    category=Category.SECURITY,
    phases=ALL_PHASES,
    time_ms_max=3_000,
):
    """Return a check that passes, or looks as told."""
    return Check(
        id=check_id,
        category=category,
        title=f"The title of {check_id}",
        needed="something",
        remedy="Put it right.",
        runbook="before-anything-else",
        priorities=dict.fromkeys(phases, priority),
        look=look or says(Status.PASS),
        time_ms_max=time_ms_max,
    )


def says(status, reason="it is so", **evidence):
    """Return a look that always says this."""
    return lambda _scene: Seen(status=status, reason=reason, evidence=evidence)


def scene(*, phase=0, venue="recorded", account="main", now=NOON, clock=None):
    return Scene(account=account, phase=phase, venue=venue, now=now, clock=clock or SystemClock())


def wallet_line(line_id, seen, status="ok"):
    return {
        "id": line_id,
        "title": line_id.title(),
        "seen": seen,
        "needed": "something else",
        "why": "because",
        "next_step": "" if status == "ok" else f"put {line_id} right",
        "status": status,
    }
