"""What people ask for in the admin: a job does it, the web process only queues it."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django_q.tasks import async_task

from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from reports.services.backups import PERMISSION, find_backup
from reports.services.states import backup_target
from trading.services.changes import actor_text, kept
from trading.services.refusals import ServiceRefused, require

TAKE_TASK, VERIFY_TASK = "reports.tasks.backup_asked", "reports.tasks.verify_asked"
TAKE_ASKED, VERIFY_ASKED = "backup.ask", "backup.ask_verify"
ASK_AGAIN = timedelta(seconds=10)
LONGEST_S = 6 * 3_600  # the cluster's own time-out is for short work


def ask_for_backup(*, by: User | None, by_name: str = "", reason: str = "") -> None:
    """Queue a backup, with an audit record. Raises ServiceRefused when somebody just did."""
    require(by, PERMISSION)
    _ask(TAKE_ASKED, "backup", by=by, by_name=by_name, reason=reason, task=TAKE_TASK)


def ask_for_verification(name: str, *, by: User | None, by_name: str = "") -> None:
    """Queue another proof of a backup, with an audit record."""
    require(by, PERMISSION)
    backup = find_backup(name)
    _ask(
        VERIFY_ASKED,
        backup_target(backup.name),
        by=by,
        by_name=by_name,
        reason="",
        task=VERIFY_TASK,
        name=backup.name,
    )


def _ask(
    action: str,
    target: str,
    *,
    by: User | None,
    by_name: str,
    reason: str,
    task: str,
    name: str = "",
) -> None:
    who, why, now = actor_text(by, by_name), kept(reason.strip(), 300), SystemClock().now()
    arguments = [name, who] if name else [who, why]
    with transaction.atomic():
        asked = AuditEvent.objects.filter(action=action, target=target)
        if asked.filter(at__gt=now - ASK_AGAIN, at__lte=now).exists():
            raise ServiceRefused(
                "ASKED_ALREADY",
                "somebody asked for it a moment ago",
                "wait for the result; the page shows it",
            )
        transaction.on_commit(lambda: _queue(task, arguments))
        record(action, actor=by, actor_name=who, target=target, reason=why, at=now)


def _queue(task: str, arguments: list[str]) -> None:
    options = {"group": "backups", "timeout": LONGEST_S}
    async_task(task, *arguments, **options)  # type: ignore[no-untyped-call]
