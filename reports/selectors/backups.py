"""Backups as pages, rules and the header see them."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from reports.backups import metadata
from reports.backups.faults import BackupFailed
from reports.backups.plan import Kept
from reports.models import BackupRun, RestoreDrill
from trading.engine.units import MICRO

HOUR = timedelta(hours=1)
NEVER = "no backup was verified yet"


def kept_rows() -> list[Kept]:
    """Return the backups that still have files, or are being made, for the plan."""
    rows = BackupRun.objects.exclude(state=BackupRun.State.PRUNED).order_by("started_at")
    return [
        Kept(
            name=row.name,
            state=row.state,
            started_at=row.started_at,
            pinned=row.pinned,
            files=True,
        )
        for row in rows.only("name", "state", "started_at", "pinned")
    ]


def newest_verified() -> BackupRun | None:
    """Return the newest backup that counts, by when it was taken."""
    return _verified().first()


def verified_sha256(name: str) -> str | None:
    """Return the hash of a backup that was verified, also after its files were removed with age.

    None for one that is not known, was never verified, or failed when it was looked at again.
    """
    states = (BackupRun.State.VERIFIED, BackupRun.State.PRUNED)
    rows = BackupRun.objects.filter(name=name, state__in=states).exclude(verified_at=None)
    return rows.values_list("sha256", flat=True).first()


def first_verified_at() -> datetime | None:
    """Return when the first backup was verified that is still known."""
    rows = BackupRun.objects.exclude(verified_at=None).order_by("verified_at")
    return rows.values_list("verified_at", flat=True).first()


def newest_backup() -> BackupRun | None:
    """Return the newest backup that was tried, whatever became of it."""
    rows = BackupRun.objects.exclude(state=BackupRun.State.PRUNED)
    return rows.order_by("-started_at", "-id").first()


def last_drill() -> RestoreDrill | None:
    """Return the newest drill."""
    return RestoreDrill.objects.select_related("backup").order_by("-at", "-id").first()


def backup_age(now: datetime) -> int | None:
    """Return the age of the newest verified backup in millionths of an hour, None without one.

    The age is that of what is in it, not of its verification.
    """
    newest = _verified().values_list("started_at", flat=True).first()
    return None if newest is None else max(0, (now - newest) * MICRO // HOUR)


def backup_part(account: str, now: datetime) -> dict[str, Any]:
    """Return what the live state says of backups; they are of the whole portal."""
    del account
    newest, tried = newest_verified(), newest_backup()
    failed = tried if tried is not None and tried.state == BackupRun.State.FAILED else None
    return {
        "name": newest.name if newest else None,
        "at": newest.started_at.isoformat() if newest else None,
        "failed": failed.name if failed else None,
        "reason": None if newest else (f"{NEVER}: {failed.problem}" if failed else NEVER),
        "as_of": now.isoformat(),
    }


def _verified() -> QuerySet[BackupRun]:
    rows = BackupRun.objects.filter(state=BackupRun.State.VERIFIED)
    return rows.order_by("-started_at", "-id")


def files_problem(backup: BackupRun) -> str:
    """Return why the files of a verified backup are not those that were verified, else nothing.

    Its description is read, which names the hash of everything else in it, and the sizes are
    compared. Reading every byte is for `manage.py verify_backup`.
    """
    folder = settings.BACKUP_DIR / backup.name
    try:
        told, digest = metadata.read(folder)
        if digest != backup.sha256:
            return f"{metadata.FILE} is not the one that was verified"
        for member in told.members:
            if (folder / member.file).stat().st_size != member.size_bytes:
                return f"{member.file} has another size than was verified"
    except BackupFailed as failure:
        return str(failure)
    except OSError as error:
        return f"its files cannot be read ({error.strerror})"
    return ""
