"""Putting a backup back in the place of the portal's state. Only while nothing else runs.

What takes the place is proven before anything is touched; what is replaced stays beside it. From
the second step on the kill file is there, and the restored mandates are halted too: nobody trades
on the state of yesterday before a person has compared it with venue and wallet.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.utils.module_loading import import_string

from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.locks import FileLock
from reports.backups import archive, disk, metadata, steps
from reports.backups.gently import gently
from reports.backups.members import identities_of
from reports.backups.steps import Progress, Step
from reports.services import places
from reports.services.backups import sweep
from reports.services.previewing import (
    UP_LOCK,
    Obstacle,
    obstacles,
    rows_now,
    step_file,
    unfinished,
)
from reports.services.proving import compare, refuse_foreign
from trading.selectors.runs import accounts
from trading.services import halt, halt_by_file_only
from trading.services.refusals import ServiceRefused, require_reason

RESTORED = "backup.restore"  # the audit's word, which anchors are judged by
HALT_CODE = "RESTORED"
LOOKS = 10  # for a connection that is just being closed
LOOK_S = 0.2
Say = Callable[[str], object]


def begin_restore(folder: Path, *, by_name: str, reason: str, with_config: bool = True) -> Progress:
    """Return a restore that nothing was done of yet. Raises ServiceRefused for what forbids it."""
    why = require_reason(reason, "a restore")
    other = unfinished()
    if other is not None:
        raise ServiceRefused(
            "RESTORE_UNFINISHED",
            f"the restore of {other.name} was begun and not finished",
            "finish it first: manage.py restore_state --go-on",
        )
    told, _ = metadata.read(folder)
    refuse_foreign(told, places.database())
    refuse_obstacles(obstacles())
    now = SystemClock().now()
    return Progress(
        mark=f"{now:%Y%m%d%H%M%S}",
        name=told.name,
        folder=str(folder),
        by_name=by_name,
        reason=why,
        begun_at=now.isoformat(),
        with_config=with_config,
    )


def carry_out(
    progress: Progress, *, identity_file: Path | None = None, say: Say = lambda _text: None
) -> Progress:
    """Do what is left of a restore, step by step, and return it whole.

    Raises ServiceRefused while something runs that must not, and BackupFailed for a backup that
    does not hold; in both cases the portal is as it was, or as far as the step file says.
    """
    up = FileLock(settings.RUN_DIR / UP_LOCK)
    if not up.acquire():
        refuse_obstacles(obstacles())
    try:
        with places.alone(wait_s=0, pause=time.sleep):
            refuse_obstacles([one for one in obstacles() if one.code != "PORTAL_RUNS"])
            _refuse_users()
            restore = _Restore(identity_file)
            for step, work in restore.steps().items():
                if progress.has(step):
                    continue
                say(f"{step.value}: {WORDS[step]}")
                progress = work(progress)
                progress = replace(progress, done=(*progress.done, step.value))
                steps.write(step_file(), progress)
            steps.finish(step_file())
    finally:
        up.release()
    return progress


WORDS = {
    Step.STAGE: "unpacking the backup and proving it",
    Step.CLOSE: "laying the kill file",
    Step.DATABASE: "exchanging the database",
    Step.JOURNAL: "exchanging the journals",
    Step.CONFIG: "putting back the files of the configuration",
    Step.RECORD: "halting every mandate and recording the restore",
}


class _Restore:
    """The steps. Each may be done again."""

    def __init__(self, identity_file: Path | None) -> None:
        self._identity_file = identity_file or settings.BACKUP_IDENTITY_FILE
        self._database = places.database()

    def steps(self) -> dict[Step, Callable[[Progress], Progress]]:
        """Return them in their order."""
        return {
            Step.STAGE: self._stage,
            Step.CLOSE: self._close,
            Step.DATABASE: self._exchange_database,
            Step.JOURNAL: self._exchange_journal,
            Step.CONFIG: self._exchange_config,
            Step.RECORD: self._record,
        }

    def _stage(self, progress: Progress) -> Progress:
        steps.write(step_file(), progress)
        folder = Path(progress.folder)
        identities = tuple(identities_of(self._identity_file))
        scratch = settings.BACKUP_DIR / f"{archive.SCRATCH_PREFIX}restore"
        disk.remove_folder(scratch)
        before = _state_now()

        def work(check: Callable[[], None]) -> dict[str, Any]:
            told, sha256 = archive.check_files(folder, check=check)
            refuse_foreign(told, self._database)
            unpacked = archive.unpack_all(folder, told, scratch, identities=identities, check=check)
            staged = self._database.stage(
                unpacked.database, progress.mark, scratch=scratch, check=check
            )
            compare(told, staged, check)
            steps.lay_beside(unpacked.journal_dir, settings.JOURNAL_DIR, progress.mark, check)
            # The configuration is part of a checkout: what waits for it waits with the data.
            steps.lay_beside(unpacked.config_dir, _config_place(), progress.mark, check)
            return {
                "backup": {
                    "sha256": sha256,
                    "taken_at": told.taken_at,
                    "audit_sequence": told.audit_sequence,
                    "audit_sha256": told.audit_sha256,
                },
                "replaced": before,
            }

        try:
            facts = gently(work, should_stop=lambda: False)
        except BaseException:
            self._clear(progress)  # nothing of the portal was touched
            raise
        finally:
            disk.remove_folder(scratch)
        return replace(progress, facts=facts)

    def _clear(self, progress: Progress) -> None:
        """Take away what was laid beside the portal's state, and forget the restore."""
        self._database.unstage(progress.mark)
        for folder in (settings.JOURNAL_DIR, _config_place()):
            disk.remove_folder(steps.beside(folder, "restoring", progress.mark))
        steps.finish(step_file())

    def _close(self, progress: Progress) -> Progress:
        halt_by_file_only(
            settings.KILL_FILE,
            by_name=progress.by_name,
            code=HALT_CODE,
            reason=f"restore of {progress.name}: {progress.reason}",
            at=SystemClock().now(),
        )
        return progress

    def _exchange_database(self, progress: Progress) -> Progress:
        connections.close_all()
        kept = self._database.exchange(progress.mark)
        return replace(progress, facts={**(progress.facts or {}), "kept_database": kept})

    def _exchange_journal(self, progress: Progress) -> Progress:
        steps.exchange_folder(settings.JOURNAL_DIR, progress.mark)
        return progress

    def _exchange_config(self, progress: Progress) -> Progress:
        staged = steps.beside(_config_place(), "restoring", progress.mark)
        if not progress.with_config:
            disk.remove_folder(staged)
            return progress
        kept = steps.beside(_config_place(), "replaced", progress.mark)
        changed = steps.exchange_files(settings.CONFIG_DIR, staged, kept)
        facts = progress.facts or {}
        known = facts.get("config_files", [])
        return replace(progress, facts={**facts, "config_files": sorted({*known, *changed})})

    def _record(self, progress: Progress) -> Progress:
        now = SystemClock().now()
        target = f"restore:{progress.mark}"
        reason = f"{progress.name}: {progress.reason}"
        if not AuditEvent.objects.filter(action=RESTORED, target=target).exists():
            facts = progress.facts or {}
            with transaction.atomic():
                record(
                    RESTORED,
                    actor=None,
                    actor_name=progress.by_name,
                    target=target,
                    reason=reason,
                    before=facts.get("replaced"),
                    after={name: facts[name] for name in facts if name != "replaced"},
                    at=now,
                )
        for account in accounts():
            halt(
                account,
                by=None,
                by_name=progress.by_name,
                code=HALT_CODE,
                reason=f"restored from {progress.name}",
                at=now,
            )
        sweep(by_name=progress.by_name)
        return progress


@dataclass(frozen=True, slots=True)
class MayStart:
    """What one of those that are asked after a restore says about one account."""

    account: str
    decision: str  # GO, NO_GO or UNKNOWN
    sentence: str


def ask_after_restore() -> list[MayStart]:
    """Ask settings.AFTER_RESTORE about every account. What one of them raises passes through."""
    asked: list[Callable[[str], tuple[str, str]]] = [
        import_string(path) for path in settings.AFTER_RESTORE
    ]
    return [MayStart(account, *one(account)) for account in accounts() for one in asked]


def _config_place() -> Path:
    return Path(settings.DATA_DIR) / "config"


def refuse_obstacles(found: list[Obstacle]) -> None:
    """Raise ServiceRefused with everything that has to be stopped first."""
    if found:
        raise ServiceRefused(
            found[0].code,
            "; ".join(one.message for one in found),
            "; ".join(dict.fromkeys(one.remedy for one in found)),
        )


def _refuse_users() -> None:
    """Raise ServiceRefused while anybody else has the database open."""
    connections.close_all()
    database = places.database()
    users = database.in_use()
    for _ in range(LOOKS):
        if not users:
            return
        time.sleep(LOOK_S)
        users = database.in_use()
    raise ServiceRefused(
        "DATABASE_IN_USE",
        f"the database is in use: {'; '.join(users)[:400]}",
        "stop web, jobs and engine on every machine, and close every shell of the database",
    )


def _state_now() -> dict[str, Any]:
    """Return how the audit ended before the restore: what is lost is told by its number."""
    if rows_now() is None:
        return {"audit_sequence": 0, "audit_sha256": ""}
    last = AuditEvent.objects.order_by("-sequence").first()
    return {
        "audit_sequence": last.sequence if last else 0,
        "audit_sha256": last.sha256 if last else "",
    }


def told(progress: Progress) -> dict[str, Any]:
    """Return a restore as programs read it."""
    return asdict(progress)
