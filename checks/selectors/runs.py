"""Check runs as doors show them, and whether one is a Go that still counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checks.models import CheckRun
from checks.selectors.bindings import run_sha256
from checks.selectors.targets import target_of
from polyarb_site.software import software
from trading.services.refusals import NotFound

ID_MAX = 2**63 - 1
VALID_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest run that decided something, and why it is no Go that counts, empty when it is."""

    run: CheckRun | None
    problem: str

    @property
    def valid(self) -> bool:
        """Whether it is a Go that counts now."""
        return self.run is not None and not self.problem


def newest_run(account: str, phase: int, *, venue: str | None = None) -> CheckRun | None:
    """Return the newest run of the whole catalogue for a phase, whatever became of it."""
    rows = CheckRun.objects.filter(account=account, phase=phase, category="")
    if venue is not None:
        rows = rows.filter(venue=venue)
    return rows.order_by("-id").first()


def find_run(number: int) -> CheckRun:
    """Return a run by its number, or raise NotFound."""
    run = CheckRun.objects.filter(pk=number).first() if number <= ID_MAX else None
    if run is None:
        raise NotFound("NO_RUN", f"there is no check run {number}", "GET /api/checks/runs/")
    return run


def valid_go(account: str, phase: int, venue: str, now: datetime) -> CheckRun | None:
    """Return the newest finished run when it is a Go that counts now, else None."""
    found = standing(account, phase, venue, now)
    return found.run if found.valid else None


def standing(account: str, phase: int, venue: str, now: datetime) -> Standing:
    """Return the newest finished run of the whole catalogue, and whether it counts now.

    A later No-go takes an earlier Go back. Raises ServiceRefused for an account, phase or venue
    that is not there.
    """
    target = target_of(account, phase=phase, venue=venue)
    rows = CheckRun.objects.filter(
        account=account, phase=phase, venue=venue, category="", state=CheckRun.State.FINISHED
    )
    run = rows.order_by("-id").first()
    if run is None:
        return Standing(run=None, problem="the checks were not run for this phase and venue")
    if run.decision != CheckRun.Decision.GO:
        return Standing(run=run, problem="the newest run is no Go")
    if run.finished_at is None or run.finished_at > now:
        return Standing(run=run, problem="the run is from the future: a clock was wrong")
    if now - run.started_at >= VALID_FOR:
        return Standing(run=run, problem="the run is older than 24 hours")
    if run.sha256 != run_sha256(run):
        return Standing(run=run, problem="the run is not as it was when it was finished")
    if target.problem:
        return Standing(run=run, problem=target.problem)
    changed = [
        word
        for word, then, present in (
            ("the profile", run.profile_sha256, target.profile_sha256),
            ("the configuration", run.config_sha256, target.config_sha256),
            ("the software", run.software, software()),
        )
        if not then or then != present
    ]
    problem = f"changed since the run: {', '.join(changed)}" if changed else ""
    return Standing(run=run, problem=problem)


def run_row(run: CheckRun) -> dict[str, Any]:
    """Return a run without its results, as JSON."""
    go = run.decision == CheckRun.Decision.GO
    return {
        "id": run.pk,
        "account": run.account,
        "phase": run.phase,
        "venue": run.venue,
        "category": run.category or None,
        "state": run.state,
        "decision": run.decision or None,
        "sentence": run.sentence or run.problem,
        "counts": run.counts,
        "planned": run.planned,
        "profile": run.profile or None,
        "profile_sha256": run.profile_sha256 or None,
        "config_sha256": run.config_sha256 or None,
        "software": run.software,
        "sha256": run.sha256 or None,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "valid_until": (run.started_at + VALID_FOR).isoformat() if go else None,
        "by": run.by_name,
    }


def run_dict(run: CheckRun) -> dict[str, Any]:
    """Return a run with all its results, as JSON: what `go_no_go --json` prints."""
    results = [
        {
            "id": row.check_id,
            "category": row.category,
            "priority": row.priority,
            "status": row.status,
            "title": row.title,
            "reason": row.reason,
            "needed": row.needed,
            "evidence": row.evidence,
            "remedy": row.remedy,
            "runbook": row.runbook,
            "took_ms": row.took_ms,
        }
        for row in run.results.order_by("order")
    ]
    return {**run_row(run), "results": results}
