"""The steps of a rollback. Each looks at what is there, does what is missing, and says how it went.

A look returns Done, Failed or Waiting, and is taken again while it waits, until its bound is over.
It may be taken by another process than the one before: what was done is seen and not done again.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.db import transaction

from alerts.services.notices import tell_notice
from checks.models import Rollback
from checks.selectors.rollbacks import PAGE, sentence, step_dict
from polyarb_site import formats
from polyarb_site.clock import Clock
from reports.services.backups import take_incident_backup
from trading.selectors import closing
from trading.services import ServiceRefused, halt
from trading.services.changes import find_mandate
from trading.services.incidents import open_incident
from trading.services.live import set_dry_run, step_down

logger = logging.getLogger(__name__)

HALT_CODE = "ROLLBACK"
INCIDENT_KIND = "ROLLBACK"
VERIFIED = "VERIFIED"
MERGE_MAX = timedelta(minutes=5)  # for whole sets: nothing can be lost by them
CLOSE_MAX = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Done:
    """The step is done."""

    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The step cannot be done, or what it was to bring about is not so."""

    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet: look again. When the bound is over it has failed with this detail."""

    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


Seen: TypeAlias = Done | Failed | Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a look is given."""

    rollback: Rollback
    now: datetime
    waited: timedelta  # since the step first began
    clock: Clock
    should_stop: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a step is done, and how long it may take."""

    do: Callable[[Scene], Seen]
    bound: timedelta


def stop_new_orders(scene: Scene) -> Seen:
    """HALT: both locks are closed, the kill file and the mandate."""
    row = scene.rollback
    if said := closing.halted_by_both(row.account):
        return Done(said)
    result = halt(
        row.account,
        by=None,
        by_name=row.by_name,
        code=HALT_CODE,
        reason=row.reason,
        at=scene.now,
    )
    return Done(result.message) if result.recorded else Waiting(result.message)


def cancel_orders(scene: Scene) -> Seen:
    """CANCEL: the engine has cancelled at its halt; no live order is left in the database."""
    row = scene.rollback
    engine = closing.engine_seen(row.account, scene.now)
    count, shown = closing.open_orders(row.account, row.venue)
    facts = {"engine": engine.text, "open_orders": count, "orders": shown}
    if engine.alive and not engine.halted:
        return Waiting(f"{engine.text} and has not said that it is halted", facts)
    if not count:
        return Done(f"no order is open; {engine.text}", facts)
    left = f"{count} {'order' if count == 1 else 'orders'} may still be open"
    if engine.alive:
        return Waiting(f"{left}; {engine.text}", facts)
    heartbeats = "the venue cancels by itself once its heartbeats stop; nobody is there to confirm"
    return Waiting(f"{left}; {engine.text}: {heartbeats}", facts)


def close_sets(scene: Scene) -> Seen:
    """CLOSE: every half-filled set is completed or sold back, and lost no more than it may."""
    row = scene.rollback
    limits = closing.limits_of(find_mandate(row.account))
    count, half, shown = closing.open_sets(row.account, row.venue)
    ended = closing.sets_ended_since(row.account, row.venue, row.started_at)
    facts = {
        "open_sets": count,
        "half_filled": half,
        "left": shown,
        "ended": ended,
        "loss_bound_micro": limits.leg_loss_max_micro,
    }
    legs_end = closing.legs_end_after(limits)
    waiting = scene.waited < (legs_end if half else legs_end + MERGE_MAX)
    if count and waiting:
        lacking = f"{half} of {count} open sets lack a leg" if half else f"{count} sets are merging"
        return Waiting(lacking, facts)
    if half:
        names = ", ".join(f"{one['set_id']} ({one['state']})" for one in shown)
        return Failed(f"{half} of {count} open sets still lack a leg: {names}", facts)
    if count:
        return Failed(f"{count} whole sets are not merged yet; nothing can be lost by them", facts)
    beyond = [one for one in ended if _beyond(one, limits.leg_loss_max_micro)]
    if beyond:
        names = ", ".join(str(one["set_id"]) for one in beyond)
        bound = formats.money(limits.leg_loss_max_micro)
        return Failed(f"beyond the loss bound of {bound}, or not known: {names}", facts)
    return Done(f"no set is open; {len(ended)} ended since the halt, within the bound", facts)


def _beyond(one: Mapping[str, Any], bound_micro: int) -> bool:
    """Say whether a set that ended lost more than it may; what is not known counts as more."""
    realised = one["realised_micro"]
    if realised is None:
        return bool(one["state"] != "ABANDONED")
    return bool(realised < -bound_micro)


def set_paper(scene: Scene) -> Seen:
    """DRY_RUN: nothing but paper may start, and the engine's session has ended."""
    row = scene.rollback
    set_dry_run(row.account, by=None, by_name=row.by_name, reason=sentence(row), at=scene.now)
    engine = closing.engine_seen(row.account, scene.now)
    facts = {"engine": engine.text}
    if engine.alive:
        return Waiting(f"{engine.text}: it was asked to end", facts)
    return Done(f"DRY_RUN is set; {engine.text}", facts)


def back_up(scene: Scene) -> Seen:
    """BACKUP: one of kind INCIDENT, proven by restoring it, and pinned."""
    row = scene.rollback
    try:
        backup = take_incident_backup(
            f"rollback {row.pk} of account {row.account}",
            since=row.started_at,
            by_name=row.by_name,
            should_stop=scene.should_stop,
        )
    except ServiceRefused as refused:
        if refused.code == "BACKUP_RUNNING":
            return Waiting(refused.message)
        raise
    facts = {"backup": backup.name, "state": backup.state, "pinned": backup.pinned}
    if backup.state != VERIFIED:
        if scene.should_stop():
            return Waiting("this process was asked to end")
        return Failed(f"{backup.name} is {backup.state}: {backup.problem}", facts)
    return Done(f"{backup.name} was restored, compared, and is kept", facts)


def report(scene: Scene) -> Seen:
    """INCIDENT: opened with the evidence, once."""
    row = scene.rollback
    with transaction.atomic():
        locked = Rollback.objects.select_for_update().get(pk=row.pk)
        if locked.incident_id is not None:
            return Done(f"incident {locked.incident_id} is open", {"incident": locked.incident_id})
        said = sentence(row)
        incident = open_incident(
            row.account,
            INCIDENT_KIND,
            title=said,
            evidence={
                "rollback": row.pk,
                "cause": row.cause,
                "reason": row.reason,
                "phase_from": row.phase_from,
                "phase_to": row.phase_to,
                "verdicts": row.evidence.get("verdicts", []),
                "steps": [step_dict(step) for step in row.steps.order_by("order")],
            },
            by=None,
            by_name=row.by_name,
            at=scene.now,
            since=row.started_at,
        )
        Rollback.objects.filter(pk=row.pk).update(incident=incident)
    return Done(f"incident {incident.pk} is open", {"incident": incident.pk})


def go_down(scene: Scene) -> Seen:
    """PHASE: the lower one, with the grant taken back."""
    row = scene.rollback
    phase = find_mandate(row.account).phase
    if phase > row.phase_to:
        step_down(
            row.account,
            to=row.phase_to,
            by=None,
            by_name=row.by_name,
            reason=sentence(row),
            at=scene.now,
        )
        phase = row.phase_to
    return Done(f"{row.account} is in phase {phase}", {"phase": phase})


def tell_people(scene: Scene) -> Seen:
    """ALERT: every channel that takes a CRITICAL is told."""
    row = scene.rollback
    failed = list(row.steps.filter(state="FAILED").values_list("name", flat=True))
    said = [
        f"{one['title']}: {one['value'] or 'not known'} ({one['bound']})"
        for one in row.evidence.get("verdicts", [])
    ]
    said.append(f"failed steps: {', '.join(failed)}" if failed else "every step was done")
    told = tell_notice(
        row.account,
        key=f"rollback:{row.pk}",
        name="ROLLBACK",
        level="CRITICAL",
        text=sentence(row),
        detail="; ".join(said),
        page=PAGE.format(row.pk),
        at=scene.now,
    )
    if not told:
        return Failed("nobody was told: no channel takes a CRITICAL", {"channels": 0})
    return Done(f"queued for {told} {'channel' if told == 1 else 'channels'}", {"channels": told})


LOOKS: Mapping[str, Look] = {
    "HALT": Look(do=stop_new_orders, bound=timedelta(seconds=30)),
    "CANCEL": Look(do=cancel_orders, bound=timedelta(seconds=60)),
    "CLOSE": Look(do=close_sets, bound=CLOSE_MAX),
    "DRY_RUN": Look(do=set_paper, bound=timedelta(seconds=90)),
    "BACKUP": Look(do=back_up, bound=timedelta(minutes=30)),
    "INCIDENT": Look(do=report, bound=timedelta(seconds=30)),
    "PHASE": Look(do=go_down, bound=timedelta(seconds=30)),
    "ALERT": Look(do=tell_people, bound=timedelta(seconds=30)),
}
