"""Drills: the newest backup that counts is restored once more, and how long that took is kept."""

import time

from django.conf import settings
from django.db import transaction

from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from reports.backups.faults import BackupFailed
from reports.backups.members import identities_of
from reports.models import BackupRun, RestoreDrill
from reports.selectors.backups import newest_verified
from reports.services import places
from reports.services.backups import Asked, Making
from reports.services.states import backup_target
from trading.services.changes import kept
from trading.services.refusals import ServiceRefused


def drill_restore(
    *, by_name: str, wait_s: float = 0, should_stop: Asked = lambda: False
) -> RestoreDrill:
    """Restore the newest verified backup into a scratch place, compare, and keep how it went.

    A backup that turns out to be bad fails as in any verification. Raises ServiceRefused without a
    verified backup.
    """
    with places.alone(wait_s=wait_s, pause=time.sleep):
        backup = newest_verified()
        if backup is None:
            raise ServiceRefused(
                "NO_VERIFIED_BACKUP",
                "there is no verified backup to restore",
                "take one: manage.py backup_state",
            )
        clock = SystemClock()
        began_ns, problem = clock.monotonic_ns(), ""
        try:
            identities = tuple(identities_of(settings.BACKUP_IDENTITY_FILE))
            row = Making(None, by_name, "drill", should_stop).verify(backup, identities)
            problem = row.problem if row.state != BackupRun.State.VERIFIED else ""
        except BackupFailed as failure:
            problem = str(failure)
        took_ms = (clock.monotonic_ns() - began_ns) // 1_000_000
        return _keep(backup, took_ms, kept(problem, 500), by_name)


def _keep(backup: BackupRun, took_ms: int, problem: str, by_name: str) -> RestoreDrill:
    now = SystemClock().now()
    with transaction.atomic():
        drill = RestoreDrill.objects.create(
            backup=backup, at=now, took_ms=took_ms, passed=not problem, problem=problem
        )
        record(
            "backup.drill",
            actor=None,
            actor_name=by_name,
            target=backup_target(backup.name),
            after={"passed": drill.passed, "took_ms": took_ms, "problem": problem},
            at=now,
        )
    return drill
