"""What the jobs cluster does about gates: the watch of the kill criteria, and regular work."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django_q.tasks import async_task

from alerts.selectors.watches import beat_at, is_held
from checks.loops import GATES, GATES_JOBS, GateLoop
from checks.models import CheckRun
from checks.selectors.drills import drill_is_due
from checks.services import runs
from checks.services.drills import drill_breaker
from checks.services.evaluations import evaluate
from checks.services.promotions import sweep
from checks.services.thinning import thin_evaluations
from polyarb_site.clock import SystemClock
from polyarb_site.cluster import STOP
from trading.selectors.watched import accounts
from trading.services import ServiceRefused

logger = logging.getLogger(__name__)

SECONDS = 45.0  # of one task: below the cluster's time-out
JOBS_SILENT_AFTER = timedelta(seconds=15)
WATCH = "checks.tasks.watch"
BY_NAME = "jobs"


def watch() -> str:
    """Watch for a while, one process at a time, and see that somebody does after."""
    clock = SystemClock()
    now = clock.now()
    beat = beat_at(GATES_JOBS)
    # While a web process stands in we wait beside it for its next pause.
    if is_held(GATES, now) and beat is not None and now - beat < JOBS_SILENT_AFTER:
        return "somebody watches"
    result = GateLoop(clock, in_jobs=True).run(STOP, SECONDS)
    if not STOP.is_set():
        try:
            async_task(WATCH, group=WATCH)  # type: ignore[no-untyped-call]
        except (DatabaseError, InterfaceError) as error:
            # The minute's schedule sees that nobody is there.
            logger.warning("%s could not be handed on: %s", WATCH, error)
            connection.close()
    return result


def drill() -> str:
    """Drill the breaker when a week has passed, or profile or software are others than then."""
    now = SystemClock().now()
    if not drill_is_due(settings.ACCOUNT, now):
        return "not due"
    try:
        return str(drill_breaker(settings.ACCOUNT, by=None, by_name=BY_NAME, at=now))
    except ServiceRefused as refused:
        return f"{refused.code}: {refused.message}"


def evaluate_phases() -> str:
    """Judge all criteria of each account's phase."""
    made = [evaluate(account, by_name=BY_NAME) for account in accounts()]
    return f"{len(made)} evaluated"


def thin() -> str:
    """Remove old evaluations of rollback criteria that met nothing."""
    return f"{thin_evaluations(SystemClock().now())} removed"


def run_asked(number: int) -> str:
    """Carry out the check run that somebody asked for.

    The queue may bring it twice: the number is the key, and a run that is begun is left.
    """
    run = CheckRun.objects.filter(pk=number).first()
    if run is None:
        return "there is no such run"
    if not runs.carry_out(run):
        return f"{run}: {run.state}, not begun again"
    return f"{run}: {run.decision or run.state}"


def sweep_runs() -> str:
    """Mark the runs failed whose process has ended."""
    return ", ".join(map(str, runs.sweep())) or "nothing to do"


def sweep_promotions() -> str:
    """End the promotions that have expired or are void, so that lists and pages are told."""
    now = SystemClock().now()
    ended = [row for account in accounts() for row in sweep(account, now)]
    return ", ".join(f"{row}: {row.get_state_display().lower()}" for row in ended) or "none ended"
