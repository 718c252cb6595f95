"""The one way in which a rollback and its steps move: compared, set, audited and told at once."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from checks.models import Rollback, RollbackStep
from polyarb_site.audit.recorder import record
from polyarb_site.live.send import publish
from trading.services.changes import kept

State = RollbackStep.State
DETAIL_LENGTH_MAX = 1_000


def rollback_target(row: Rollback) -> str:
    """Return how the audit names a rollback."""
    return f"rollback:{row.pk}"


def begin(step: RollbackStep, *, at: datetime) -> bool:
    """Say that a step is being done; return False when another process was faster.

    One that a killed process has begun is begun again: its time counts from the first.
    """
    rows = RollbackStep.objects.filter(pk=step.pk, state=step.state, attempts=step.attempts)
    started_at = step.started_at or at
    with transaction.atomic():
        updated = rows.update(
            state=State.RUNNING, attempts=step.attempts + 1, started_at=started_at
        )
        if updated == 1:
            _push(step.rollback, at, step=step.name, state=State.RUNNING)
    step.refresh_from_db()
    return updated == 1


def end(
    step: RollbackStep,
    state: RollbackStep.State,
    detail: str,
    facts: dict[str, Any],
    *,
    at: datetime,
) -> bool:
    """Say what came of a step; return False when another process has done so, or does it now."""
    rows = RollbackStep.objects.filter(pk=step.pk, state=State.RUNNING, attempts=step.attempts)
    with transaction.atomic():
        updated = rows.update(
            state=state, finished_at=at, detail=kept(detail, DETAIL_LENGTH_MAX), facts=facts
        )
        step.refresh_from_db()
        if updated == 1:
            row = step.rollback
            record(
                "rollback.step",
                actor=None,
                actor_name=row.by_name,
                target=rollback_target(row),
                reason=kept(detail, 500),
                after={"step": step.name, "state": step.state, "attempts": step.attempts},
                at=at,
            )
            _push(row, at, step=step.name, state=step.state)
    return updated == 1


def finish(row: Rollback, *, at: datetime) -> Rollback:
    """End a rollback all of whose steps have ended; harmless when it has."""
    failed = list(row.steps.filter(state=State.FAILED).values_list("name", flat=True))
    state = Rollback.State.FINISHED_WITH_FAILURES if failed else Rollback.State.FINISHED
    with transaction.atomic():
        rows = Rollback.objects.filter(pk=row.pk, state=Rollback.State.RUNNING)
        updated = rows.update(state=state, finished_at=at)
        row.refresh_from_db()
        if updated == 1:
            said = f"failed: {', '.join(failed)}" if failed else "every step was done"
            tell(row, "rollback.finish", by=None, by_name=row.by_name, reason=said, at=at)
    return row


def tell(
    row: Rollback, action: str, *, by: User | None, by_name: str, reason: str, at: datetime
) -> None:
    """Tell open pages and the audit, in the transaction of the change."""
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=rollback_target(row),
        reason=reason,
        after={
            "account": row.account,
            "phase_from": row.phase_from,
            "phase_to": row.phase_to,
            "cause": row.cause,
            "state": row.state,
        },
        at=at,
    )
    _push(row, at, state=row.state)


def _push(row: Rollback, at: datetime, **more: str) -> None:
    told = {"account": row.account, "what": "rollback", "rollback": row.pk, **more}
    publish("state", told, at=at)
