"""Drills: what has to work when something goes wrong, tried with the bounds that are in force."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from checks.models import Drill
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from polyarb_site.software import software
from trading.services.breaker_drills import drilled_limits, profile_sha256, rehearse_breaker
from trading.services.changes import actor_text, find_mandate, kept
from trading.services.refusals import require

PERMISSION = "checks.run_drill"


def drill_breaker(
    account: str, *, by: User | None, by_name: str = "", at: datetime | None = None
) -> Drill:
    """Trip the circuit breaker of an engine with the bounds in force, and keep what was seen.

    It counts for this profile revision and this software alone. Raises ServiceRefused without the
    role, and while no profile is applied.
    """
    require(by, PERMISSION)
    mandate = find_mandate(account)
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    limits = drilled_limits(mandate)
    told = rehearse_breaker(limits)
    failed = told.failed
    reason = (
        f"{len(failed)} of {len(told.lines)} steps were not as expected, first: "
        f"{failed[0]['what']}, expected {failed[0]['expected']}, seen {failed[0]['seen']}"
        if failed
        else f"all {len(told.lines)} steps were as expected: it opened, refused, probed and closed"
    )
    with transaction.atomic():
        row = Drill.objects.create(
            account=account,
            kind=Drill.Kind.BREAKER,
            at=now,
            passed=not failed,
            reason=kept(reason, 500),
            config_sha256=profile_sha256(mandate),
            software=software(),
            evidence={
                "profile": str(mandate.profile),
                "phase": mandate.phase,
                "failures_in_a_row": limits.breaker_failures_max,
                "fail_ratio_micro": limits.breaker_fail_ratio_micro,
                "sample_min": limits.breaker_sample_min,
                "window": limits.breaker_window,
                "open_ms": limits.breaker_open_ms,
                "lines": told.lines,
            },
            by=by,
            by_name=who,
        )
        record(
            "drill.breaker",
            actor=by,
            actor_name=who,
            target=f"drill:{row.pk}",
            reason=kept(reason, 500),
            after={"account": account, "passed": row.passed, "profile": str(mandate.profile)},
            at=now,
        )
        publish("state", {"account": account, "what": "drill", "drill": row.pk}, at=now)
    return row
