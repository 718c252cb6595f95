"""What is due of backups and drills, and what is wrong with them, as the regular job asks."""

import time
from datetime import datetime, timedelta

from polyarb_site.clock import SystemClock
from reports.backups import plan
from reports.models import BackupRun
from reports.selectors.backups import (
    kept_rows,
    last_drill,
    newest_backup,
    newest_verified,
)
from reports.services import places
from reports.services.keeping import prune_backups
from reports.services.second import copy_failed
from trading.selectors.incidents import newest_incident_at

INCIDENT_WITHIN = timedelta(days=1)  # a later backup would show a state of long after


def due(now: datetime | None = None) -> list[tuple[str, tuple[str, ...]]]:
    """Return the tasks that are due, by name, with their arguments."""
    at = now or SystemClock().now()
    wanted: list[tuple[str, tuple[str, ...]]] = []
    if _incident_is_new(at):
        wanted.append(("backup", (BackupRun.Kind.INCIDENT.value,)))
    elif plan.is_due(kept_rows(), at):
        wanted.append(("backup", (BackupRun.Kind.DAILY.value,)))
    drilled = last_drill()
    has_one = newest_verified() is not None
    if has_one and plan.is_drill_due(drilled.at if drilled else None, at):
        wanted.append(("drill", ()))
    return wanted


def problems() -> list[str]:
    """Return what people have to look at, empty when all is well."""
    found = []
    newest, drilled = newest_backup(), last_drill()
    if newest is not None and newest.state == BackupRun.State.FAILED:
        found.append(f"the newest backup {newest.name} failed: {newest.problem}")
    if newest is not None and copy_failed(newest):
        found.append(f"the copy of {newest.name} {newest.second_target}")
    if drilled is not None and not drilled.passed:
        found.append(f"the newest drill failed: {drilled.problem}")
    return found


def prune(*, by_name: str) -> list[str]:
    """Prune while nobody else works on backups."""
    with places.alone(wait_s=0, pause=time.sleep):
        return prune_backups(by_name=by_name)


def _incident_is_new(now: datetime) -> bool:
    """Return whether an incident was opened since the last backup of one."""
    opened = newest_incident_at()
    if opened is None or now - opened > INCIDENT_WITHIN:
        return False
    taken = BackupRun.objects.filter(kind=BackupRun.Kind.INCIDENT)
    if taken.filter(started_at__gt=now - plan.AGAIN_AFTER, started_at__lte=now).exists():
        return False  # one that failed is tried again in an hour
    return not taken.filter(started_at__gte=opened, state=BackupRun.State.VERIFIED).exists()
