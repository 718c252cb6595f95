"""The one way in which a backup moves: compared, set and audited in one transaction."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.recorder import record
from polyarb_site.live.send import publish
from reports.backups.plan import MOVES
from reports.models import BackupRun
from trading.services.refusals import ServiceRefused

ACTIONS = {
    BackupRun.State.TAKEN: "backup.take",
    BackupRun.State.VERIFIED: "backup.verify",
    BackupRun.State.FAILED: "backup.fail",
    BackupRun.State.PRUNED: "backup.prune",
}


def backup_target(name: str) -> str:
    """Return how the audit names a backup."""
    return f"backup:{name}"


def move(
    backup: BackupRun,
    state: BackupRun.State,
    *,
    by: User | None,
    by_name: str,
    at: datetime,
    reason: str = "",
    **fields: Any,
) -> BackupRun:
    """Move a backup and set what comes with it; raises ServiceRefused for a move that is none.

    Also when somebody else moved it meanwhile. No other code writes `state`.
    """
    if state.value not in MOVES[backup.state]:
        raise ServiceRefused(
            "BACKUP_STATE",
            f"the backup {backup.name} is {backup.get_state_display().lower()} and cannot become "
            f"{state.label.lower()}",
            "reload the page; it says what can be done with it",
        )
    with transaction.atomic():
        rows = BackupRun.objects.filter(pk=backup.pk, state=backup.state)
        if rows.update(state=state, **fields) != 1:
            raise ServiceRefused(
                "BACKUP_MOVED",
                f"the backup {backup.name} changed meanwhile",
                "reload the page and decide again",
            )
        now = BackupRun.objects.get(pk=backup.pk)
        tell(now, ACTIONS[state], by=by, by_name=by_name, before=backup, reason=reason, at=at)
    return now


def tell(
    backup: BackupRun,
    action: str,
    *,
    by: User | None,
    by_name: str,
    before: BackupRun | None,
    at: datetime,
    reason: str = "",
) -> None:
    """Tell open pages and the audit, in the transaction of the change."""
    publish("state", {"what": action, "backup": backup.name}, at=at)
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=backup_target(backup.name),
        reason=reason,
        before=facts(before) if before is not None else None,
        after=facts(backup),
        at=at,
    )


def facts(backup: BackupRun) -> dict[str, Any]:
    """Return what the audit keeps of a backup. The head of the audit is in its own facts."""
    return {
        "kind": backup.kind,
        "state": backup.state,
        "pinned": backup.pinned,
        "pinned_reason": backup.pinned_reason,
        "size_bytes": backup.size_bytes,
        "sha256": backup.sha256,
        "encrypted": backup.encrypted,
        "second_target": backup.second_target,
        "problem": backup.problem,
    }
