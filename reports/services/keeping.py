"""Which backups stay: pinned by people, pruned by age, and never the last one that is proven."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.clock import SystemClock
from reports.backups import disk, plan
from reports.models import BackupRun
from reports.selectors.backups import kept_rows
from reports.services.backups import PERMISSION, find_backup
from reports.services.second import remove_copy
from reports.services.states import move, tell
from trading.services.changes import actor_text, kept
from trading.services.refusals import ServiceRefused, require, require_reason

REASON_LENGTH_MAX = 300


def pin_backup(name: str, *, by: User | None, reason: str, by_name: str = "") -> BackupRun:
    """Keep a backup until somebody releases it. Raises ServiceRefused when it is pinned already."""
    return _set_pin(name, by=by, by_name=by_name, reason=reason, pinned=True)


def release_backup(name: str, *, by: User | None, reason: str, by_name: str = "") -> BackupRun:
    """Let a pinned backup go when its time comes. Raises ServiceRefused when it is not pinned."""
    return _set_pin(name, by=by, by_name=by_name, reason=reason, pinned=False)


def _set_pin(name: str, *, by: User | None, by_name: str, reason: str, pinned: bool) -> BackupRun:
    require(by, PERMISSION)
    why = kept(
        require_reason(reason, "pinning" if pinned else "releasing a backup"), REASON_LENGTH_MAX
    )
    backup, who, now = find_backup(name), actor_text(by, by_name), SystemClock().now()
    with transaction.atomic():
        rows = BackupRun.objects.filter(pk=backup.pk, pinned=not pinned)
        rows = rows.exclude(state=BackupRun.State.PRUNED)
        if rows.update(pinned=pinned, pinned_reason=why if pinned else "") != 1:
            raise ServiceRefused(
                "PIN_UNCHANGED",
                f"the backup {name} is {'pinned already' if pinned else 'not pinned'}",
                "reload the page; nothing has to be done",
            )
        row = BackupRun.objects.get(pk=backup.pk)
        action = "backup.pin" if pinned else "backup.release"
        tell(row, action, by=by, by_name=who, before=backup, reason=why, at=now)
    return row


def prune_backups(*, by_name: str, now: datetime | None = None) -> list[str]:
    """Remove the files of backups whose time has come; return their names.

    The row stays, and says when. The files go first: a row that says PRUNED has none for sure, one
    whose process was killed in between is pruned again. Only while alone.
    """
    at = now or SystemClock().now()
    names = plan.to_prune(kept_rows(), at)
    for name in names:
        row = BackupRun.objects.get(name=name)
        disk.remove_folder(settings.BACKUP_DIR / name)
        remove_copy(name)
        move(row, BackupRun.State.PRUNED, by=None, by_name=by_name, at=at)
    return names
