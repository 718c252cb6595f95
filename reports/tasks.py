"""What the jobs cluster does about backups, the audit and reports."""

from django_q.tasks import async_task

from polyarb_site.clock import SystemClock
from polyarb_site.cluster import STOP
from reports.backups.faults import BackupFailed
from reports.services import (
    drill_restore,
    regular,
    regular_backups,
    take_backup,
    verify_audit_chain,
    verify_backup,
)
from trading.services import ServiceRefused

BY_NAME = "jobs"
WAIT_S = 30.0  # for a backup that is being made at that moment
LONGEST_S = 6 * 3_600  # the cluster's own time-out is for short work


class JobFailed(Exception):  # noqa: N818 - the word of the rule JOB_FAILED, which this raises
    """Something that people have to look at: the task fails, and the rule JOB_FAILED fires."""


def look_after_backups() -> str:
    """Ask for what is due; fail while the newest backup, drill or copy is one that failed.

    The work has tasks of its own, which the queue may run twice: the second one sees that somebody
    does it. So their result says little, and this look says what is wrong for as long as it is.
    """
    for name, arguments in regular_backups.due():
        async_task(  # type: ignore[no-untyped-call]
            f"reports.tasks.{name}", *arguments, group="backups", timeout=LONGEST_S
        )
    problems = regular_backups.problems()
    if problems:
        raise JobFailed("; ".join(problems))
    return "all is well"


def backup(kind: str) -> str:
    """Take a backup, prove it, and let old ones go."""
    if ("backup", (kind,)) not in regular_backups.due():
        return "no longer due"
    try:
        row = take_backup(kind, by=None, by_name=BY_NAME, should_stop=STOP.is_set)
        regular_backups.prune(by_name=BY_NAME)
    except ServiceRefused as refused:
        return f"{refused.code}: {refused.message}"
    return f"{row.name}: {row.state} {row.problem}".strip()


def drill() -> str:
    """Restore the newest backup once more."""
    if ("drill", ()) not in regular_backups.due():
        return "no longer due"
    try:
        drill = drill_restore(by_name=BY_NAME, should_stop=STOP.is_set)
    except ServiceRefused as refused:
        return f"{refused.code}: {refused.message}"
    return f"{drill}: {drill.took_ms} ms {drill.problem}".strip()


def verify_audit() -> str:
    """Walk the audit; fail when a record is not as it was written."""
    check = verify_audit_chain()
    if not check.whole:
        raise JobFailed(f"the audit is broken at record {check.broken_sequence}: {check.text}")
    return f"{check.checked} records, head {check.head_sha256[:12]}"


def backup_asked(by_name: str, reason: str) -> str:
    """Take the backup that somebody asked for in the admin."""
    try:
        row = take_backup(
            by=None, by_name=by_name, reason=reason, wait_s=WAIT_S, should_stop=STOP.is_set
        )
    except ServiceRefused as refused:
        return f"{refused.code}: {refused.message}"
    return f"{row.name}: {row.state} {row.problem}".strip()


def verify_asked(name: str, by_name: str) -> str:
    """Prove the backup that somebody asked about in the admin."""
    try:
        row = verify_backup(name, by=None, by_name=by_name, wait_s=WAIT_S, should_stop=STOP.is_set)
    except (ServiceRefused, BackupFailed) as failure:
        return str(failure)
    return f"{row.name}: {row.state} {row.problem}".strip()


def make_daily_reports() -> str:
    """Make the report of yesterday, and those of the days before that have none."""
    made = regular.make_missing(SystemClock())
    return ", ".join(str(report) for report in made) or "nothing to do"


def watch_reports() -> str:
    """Make a report of each run that has ended; fail when the daily one is late."""
    clock = SystemClock()
    made = regular.make_stops(clock)
    regular.refuse_late(clock)
    return ", ".join(str(report) for report in made) or "nothing to do"
