"""The database is whole, the workers work, and what runs is what was locked."""

from typing import Any

from django.conf import settings

from alerts.services.workers import worker_signs
from checks.catalogue.base import (
    Category,
    Check,
    Priority,
    Scene,
    Seen,
    everywhere,
    failed,
    passed,
    unknown,
)
from polyarb_site.database_state import integrity_problems, unapplied_migrations
from polyarb_site.locked import lock_problems
from polyarb_site.software import VERSION, software, source_sha256

LONG_MS = 6_500
INTEGRITY_MS = 5_000
LOCK_FILE = "requirements.lock"


def database(scene: Scene) -> Seen:
    """Compare the migrations with the tables, and have the database look at itself."""
    missing = unapplied_migrations()
    if missing:
        return failed(
            f"{len(missing)} migrations are not applied, first {missing[0]}",
            remedy="Run manage.py migrate.",
            missing=missing[:20],
        )
    looked = integrity_problems(ms_max=INTEGRITY_MS, clock=scene.clock)
    seen: dict[str, Any] = {"database": looked.vendor, "looked_at": looked.looked_at}
    if looked.problems:
        return failed(looked.problems[0], problems=looked.problems[:20], **seen)
    if not looked.finished:
        return unknown(
            f"the database did not finish looking at itself within {INTEGRITY_MS:,} ms", **seen
        )
    return passed(f"all migrations are applied; {looked.looked_at} found nothing wrong", **seen)


def workers(scene: Scene) -> Seen:
    """Look for signs of life of both clusters and of the scheduler."""
    signs = worker_signs(scene.account, scene.now, clock=scene.clock)
    problems = [f"{sign.name}: {sign.said}" for sign in signs if not sign.alive]
    seen: dict[str, Any] = {
        "signs": [{"name": s.name, "alive": s.alive, "said": s.said} for s in signs]
    }
    if problems:
        return failed("; ".join(problems), **seen)
    return passed("; ".join(f"{sign.name}: {sign.said}" for sign in signs), **seen)


def as_locked(_scene: Scene) -> Seen:
    """Compare what is installed with the lock, and the source on the disk with what was loaded."""
    problems, compared = lock_problems(settings.BASE_DIR / LOCK_FILE)
    on_disk = f"{VERSION}+{source_sha256(settings.BASE_DIR)[:16]}"
    if on_disk != software():
        problems.insert(0, f"{on_disk} lies on the disk, and {software()} runs: restart it")
    seen: dict[str, Any] = {"software": software(), "packages": compared}
    if problems:
        return failed("; ".join(problems[:3]), problems=problems[:30], **seen)
    return passed(f"{software()}, and {compared} packages as {LOCK_FILE} names them", **seen)


CHECKS: tuple[Check, ...] = (
    Check(
        id="system.database",
        category=Category.SYSTEM,
        title="All migrations are applied and the database is whole",
        needed="no migration is missing, and the database finds nothing wrong with itself",
        remedy="Stop trading and restore the newest verified backup: manage.py restore_state.",
        runbook="the-database",
        priorities=everywhere(Priority.P0),
        look=database,
        time_ms_max=LONG_MS,
    ),
    Check(
        id="system.workers",
        category=Category.SYSTEM,
        title="Workers and scheduler are alive",
        needed="a sign of both clusters within 45 s, no schedule more than 120 s late",
        remedy="Start what is missing: make run, or the services jobs and engine.",
        runbook="workers",
        priorities=everywhere(Priority.P0),
        look=workers,
    ),
    Check(
        id="system.as_locked",
        category=Category.SYSTEM,
        title="Software and dependencies are as locked",
        needed="every package in the version of requirements.lock, and the source that runs",
        remedy="Run make install, and start the portal again.",
        runbook="software",
        priorities=everywhere(Priority.P1),
        look=as_locked,
        time_ms_max=LONG_MS,
    ),
)
