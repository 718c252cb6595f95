"""The second place: a copy of each verified backup in another directory, such as another disk."""

from django.conf import settings

from polyarb_site.clock import SystemClock
from reports.backups import archive, disk
from reports.backups.faults import BackupFailed
from reports.backups.gently import gently
from reports.models import BackupRun
from trading.services.changes import kept

COPIED = "copied"


def copy_away(backup: BackupRun, *, by_name: str) -> BackupRun:
    """Copy a verified backup to the second place, if there is one, and keep what became of it.

    A copy that fails leaves the backup verified; whoever made it tells of the failure.
    """
    del by_name
    target = settings.BACKUP_COPY_DIR
    if target is None:
        return backup
    folder = settings.BACKUP_DIR / backup.name
    try:
        told, _ = archive.check_files(folder)
        gently(
            lambda check: archive.copy_to(folder, target, told, check=check),
            should_stop=lambda: False,
        )
        became = f"{COPIED} to {target} at {SystemClock().now():%Y-%m-%d %H:%M} UTC"
    except BackupFailed as failure:
        became = f"failed: {failure}"
    BackupRun.objects.filter(pk=backup.pk).update(second_target=kept(became, 300))
    return BackupRun.objects.get(pk=backup.pk)


def copy_failed(backup: BackupRun) -> bool:
    """Return whether a second place was wanted and has no copy."""
    return bool(backup.second_target) and not backup.second_target.startswith(COPIED)


def remove_copy(name: str) -> None:
    """Remove the copy of a pruned backup. Raises OSError."""
    if settings.BACKUP_COPY_DIR is not None and settings.BACKUP_COPY_DIR.is_dir():
        disk.remove_folder(settings.BACKUP_COPY_DIR / name)
