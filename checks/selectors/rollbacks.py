"""Rollbacks as pages, the API, the shell and the guard of resuming see them."""

from datetime import datetime, timedelta
from typing import Any

from checks.models import CriterionVerdict, Rollback, RollbackStep
from trading.selectors import closing

MILLISECOND = timedelta(milliseconds=1)
PAGE = "/admin/rollbacks/{}/"
# Every step, in its order: its name, what it is for, and what a person does where it failed.
STEPS: dict[str, tuple[str, str]] = {
    "HALT": ("Stop new orders", "halt trading: manage.py emergency_stop"),
    "CANCEL": ("Cancel open orders", "look at the venue and cancel what is still open there"),
    "CLOSE": (
        "Complete or unwind half-filled sets",
        "look at each set that is left, and sell or complete it by hand",
    ),
    "DRY_RUN": ("Set DRY_RUN", "see that the engine's process has ended"),
    "BACKUP": ("Take a backup", "take one: manage.py backup_state"),
    "INCIDENT": ("Open an incident", "report what happened: the evidence is on this page"),
    "PHASE": ("Move to the lower phase", "roll back again: manage.py roll_back --reason '...'"),
    "ALERT": ("Tell people", "tell those who have to know; set up a channel that takes CRITICAL"),
}
# In phase 0 no money moves and no phase lies below: trading stops, and somebody has to look.
STEPS_OF_PHASE_0 = ("HALT", "INCIDENT", "ALERT")


def under_way(account: str) -> str:
    """Return what has to end before trading is resumed, empty for nothing."""
    row = running(account)
    return f"rollback {row.pk} is under way: {PAGE.format(row.pk)}" if row is not None else ""


def running(account: str) -> Rollback | None:
    """Return the rollback of an account that has not ended."""
    return Rollback.objects.filter(account=account, state=Rollback.State.RUNNING).first()


def unfinished() -> list[Rollback]:
    """Return all rollbacks that have not ended: at most one of an account."""
    return list(Rollback.objects.filter(state=Rollback.State.RUNNING).order_by("id"))


def sentence(row: Rollback) -> str:
    """Return in a sentence what a rollback is."""
    if row.phase_from == 0:
        return f"stopped in phase 0 because {row.reason}"
    return f"rolled back from phase {row.phase_from} to {row.phase_to} because {row.reason}"


def left_to_do(row: Rollback) -> list[dict[str, Any]]:
    """Return what people do after a rollback, in order, and what of it is done.

    What a step could not do comes first. `done` is None where no machine can see it.
    """
    failed = row.steps.filter(state=RollbackStep.State.FAILED).order_by("order")
    things: list[dict[str, Any]] = [
        {"text": f"{STEPS[step.name][1]} ({step.detail})", "done": None, "link": ""}
        for step in failed
    ]
    over = row.state != Rollback.State.RUNNING
    things.append({"text": "Wait until every step has ended", "done": over, "link": ""})
    things.append({"text": "Find out why it came to this", "done": None, "link": ""})
    incident = row.incident
    if incident is not None:
        link = f"/admin/trading/incident/{incident.pk}/change/"
        text = f"Resolve incident {incident.pk} with a note of what was found and done"
        things.append({"text": text, "done": incident.state == "RESOLVED", "link": link})
    resumed = over and not closing.halted_by_both(row.account)
    things.append({"text": "Resume trading", "done": resumed, "link": "/admin/resume/"})
    return things


def verdict_facts(verdict: CriterionVerdict) -> dict[str, Any]:
    """Return one verdict as a rollback keeps it."""
    definition = verdict.definition if isinstance(verdict.definition, dict) else {}
    said = definition.get("title") or definition.get("name") or verdict.criterion
    return {
        "criterion": verdict.criterion,
        "title": str(said),
        "verdict": verdict.verdict,
        "value": verdict.value,
        "bound": verdict.bound,
        "reason": verdict.reason,
        "sample": verdict.sample,
        "evaluation": verdict.evaluation_id,
        "window_from": verdict.window_from.isoformat() if verdict.window_from else None,
        "window_to": verdict.window_to.isoformat(),
    }


def step_dict(step: RollbackStep) -> dict[str, Any]:
    """Return one step as plain data."""
    took = step.finished_at - step.started_at if step.finished_at and step.started_at else None
    title, remedy = STEPS.get(step.name, (step.name, ""))
    return {
        "name": step.name,
        "title": title,
        "state": step.state,
        "attempts": step.attempts,
        "started_at": _text(step.started_at),
        "finished_at": _text(step.finished_at),
        "took_ms": took // MILLISECOND if took is not None else None,
        "detail": step.detail,
        "remedy": remedy if step.state == RollbackStep.State.FAILED else "",
        "facts": step.facts,
    }


def rollback_dict(row: Rollback) -> dict[str, Any]:
    """Return a rollback with its steps as plain JSON data."""
    took = row.finished_at - row.started_at if row.finished_at else None
    return {
        "id": row.pk,
        "account": row.account,
        "phase_from": row.phase_from,
        "phase_to": row.phase_to,
        "venue": row.venue,
        "cause": row.cause,
        "reason": row.reason,
        "state": row.state,
        "started_at": row.started_at.isoformat(),
        "finished_at": _text(row.finished_at),
        "took_ms": took // MILLISECOND if took is not None else None,
        "by": row.by_name,
        "incident": row.incident_id,
        "verdicts": row.evidence.get("verdicts", []),
        "steps": [step_dict(step) for step in row.steps.order_by("order")],
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
