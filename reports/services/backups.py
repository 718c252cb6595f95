"""Taking a backup and proving it. One at a time on a host; what a killed one left is cleared first.

A backup that was taken is TAKEN. It counts only once it was restored into a scratch database and
compared: VERIFIED. A row is written before the first byte, so that a process that is killed leaves
a row that says so, and never a folder that looks like a backup and is none.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.clock import SystemClock
from reports.backups import archive, disk, metadata, plan
from reports.backups.faults import NOT_ITS_FAULT, BackupFailed, Fault
from reports.backups.gently import gently
from reports.backups.members import identities_of
from reports.backups.metadata import Metadata
from reports.models import BackupRun
from reports.selectors.backups import newest_verified
from reports.services import places
from reports.services.proving import prove
from reports.services.rebuilding import Noting
from reports.services.second import copy_away
from reports.services.states import move, tell
from trading.services.changes import actor_text, kept
from trading.services.refusals import Invalid, NotFound, require

PERMISSION = "reports.take_backup"
PROBLEM_LENGTH_MAX = 500
BY_SWEEP = "backups"
PINNED_KINDS = {
    BackupRun.Kind.PRE_LIVE: "taken before a live start",
    BackupRun.Kind.INCIDENT: "taken at an incident",
}
KILLED = "the process that made it ended in the middle"
FOUND = "found on the disk; this database did not know it"

Asked = Callable[[], bool]


def take_backup(
    kind: str = BackupRun.Kind.MANUAL,
    *,
    by: User | None,
    by_name: str = "",
    reason: str = "",
    wait_s: float = 0,
    should_stop: Asked = lambda: False,
) -> BackupRun:
    """Take a backup, restore it into a scratch database, compare, and return its row.

    The row is VERIFIED, or FAILED with its problem. Raises ServiceRefused while another one is made
    or restored, longer than `wait_s`.
    """
    require(by, PERMISSION)
    if kind not in BackupRun.Kind.values:
        names = ", ".join(BackupRun.Kind.values)
        raise Invalid("INVALID_KIND", f"kind is {kind!r:.40}", f"use {names}", ("kind",))
    who = actor_text(by, by_name)
    with places.alone(wait_s=wait_s, pause=time.sleep):
        sweep(by_name=who)
        return Making(by, who, reason, should_stop).make(BackupRun.Kind(kind))


def take_incident_backup(
    about: str,
    *,
    since: datetime,
    by_name: str,
    should_stop: Asked = lambda: False,
) -> BackupRun:
    """Return the verified backup that was taken of an incident since then, or take it now.

    `about` tells the incident from all others. What a killed process has left whole is proven
    instead of taken again. Raises ServiceRefused while another backup is made or restored.
    """
    who = actor_text(None, by_name)
    with places.alone(wait_s=0, pause=time.sleep):
        sweep(by_name=who)
        making = Making(None, who, about, should_stop)
        rows = BackupRun.objects.filter(
            kind=BackupRun.Kind.INCIDENT, started_at__gte=since, pinned_reason=making.pinned_reason
        )
        kept_rows = {row.state: row for row in rows.order_by("-id")}
        if row := kept_rows.get(BackupRun.State.VERIFIED):
            return row
        if row := kept_rows.get(BackupRun.State.TAKEN):
            try:
                identities = tuple(identities_of(settings.BACKUP_IDENTITY_FILE))
                proven = making.verify(row, identities)
            except BackupFailed:
                pass  # it cannot be looked at here: another one is taken
            else:
                if proven.state == BackupRun.State.VERIFIED:
                    return proven
        return making.make(BackupRun.Kind.INCIDENT)


def verify_backup(
    name: str,
    *,
    by: User | None,
    by_name: str = "",
    identity_file: Path | None = None,
    wait_s: float = 0,
    should_stop: Asked = lambda: False,
) -> BackupRun:
    """Restore a backup into a scratch database again, compare, and return its row.

    An encrypted one needs the key that opens it. Raises ServiceRefused for what is no backup any
    more, and BackupFailed when it could not be looked at: then it is what it was.
    """
    require(by, PERMISSION)
    who = actor_text(by, by_name)
    identities = tuple(identities_of(identity_file or settings.BACKUP_IDENTITY_FILE))
    with places.alone(wait_s=wait_s, pause=time.sleep):
        sweep(by_name=who)
        backup = find_backup(name)
        return Making(by, who, "", should_stop).verify(backup, identities)


def find_backup(name: str) -> BackupRun:
    """Return a backup by its name, or raise NotFound."""
    row = BackupRun.objects.filter(name=name[:40]).first()
    if row is None or row.state == BackupRun.State.PRUNED:
        gone = "was pruned" if row is not None else "is not known"
        raise NotFound(
            "NO_BACKUP", f"the backup {name[:40]} {gone}", "the list of backups has them all"
        )
    return row


def sweep(*, by_name: str) -> list[str]:
    """Bring rows and disk together again; return what was done. Only while alone.

    Scratch places of killed processes go. A row without an end gets one. A whole backup that the
    database does not know, because it was restored from an older one, gets a row: it counts again
    once it is verified again.
    """
    done = [f"removed {name}" for name in archive.sweep(settings.BACKUP_DIR)]
    done += [f"dropped {name}" for name in places.database().sweep()]
    now = SystemClock().now()
    for row in BackupRun.objects.filter(state=BackupRun.State.RUNNING):
        folder = settings.BACKUP_DIR / row.name
        try:
            told, sha256 = metadata.read(folder)
        except BackupFailed:
            disk.remove_folder(folder)
            fields: dict[str, Any] = {"problem": KILLED, "finished_at": now}
            move(row, BackupRun.State.FAILED, by=None, by_name=by_name, at=now, **fields)
        else:
            fields = {**_told(told, sha256, folder), "finished_at": now}
            move(row, BackupRun.State.TAKEN, by=None, by_name=by_name, at=now, **fields)
        done.append(f"ended {row.name}")
    return done + _adopt(now, by_name)


def _adopt(now: datetime, by_name: str) -> list[str]:
    known = set(BackupRun.objects.values_list("name", flat=True))
    found = []
    for name in archive.names(settings.BACKUP_DIR):
        if name in known:
            continue
        try:
            told, sha256 = metadata.read(settings.BACKUP_DIR / name)
            started = datetime.fromisoformat(told.taken_at).astimezone(UTC)
        except (BackupFailed, ValueError):
            continue  # not ours: nothing of it is touched
        pinned = told.kind in PINNED_KINDS
        with transaction.atomic():
            row = BackupRun.objects.create(
                name=name,
                kind=told.kind,
                state=BackupRun.State.TAKEN,
                pinned=pinned,
                pinned_reason=FOUND if pinned else "",
                started_at=started,
                finished_at=now,
                problem=FOUND,
                created_by=told.host[:150],
                **_told(told, sha256, settings.BACKUP_DIR / name),
            )
            tell(row, "backup.adopt", by=None, by_name=by_name, before=None, at=now)
        found.append(f"found {name}")
    return found


def _told(told: Metadata, sha256: str, folder: Path) -> dict[str, Any]:
    """Return what a row keeps of a backup's metadata: enough to show and to compare."""
    return {
        "path": str(folder),
        "size_bytes": told.size_bytes,
        "sha256": sha256,
        "encrypted": bool(told.encrypted_to),
        "facts": {
            "rows": told.rows,
            "left_out": told.left_out,
            "migrations": len(told.migrations),
            "audit_sequence": told.audit_sequence,
            "audit_sha256": told.audit_sha256,
            "host": told.host,
            "version": told.version,
            "commit": told.commit,
            "vendor": told.vendor,
            "config": {name: file["sha256"] for name, file in told.config.items()},
            "journal_files": len(told.journal_files),
            "journal_bytes": sum(file["size_bytes"] for file in told.journal_files.values()),
        },
    }


class Making:
    """One run of taking or verifying, for somebody. Its caller holds the lock."""

    def __init__(self, by: User | None, who: str, reason: str, should_stop: Asked) -> None:
        self._by = by
        self._who = who
        self._reason = kept(reason.strip(), 300)
        self._should_stop = should_stop
        self._clock = SystemClock()
        self._database = places.database()

    def make(self, kind: BackupRun.Kind) -> BackupRun:
        """Take one and verify it; a failure is kept as a row."""
        row = self._begin(kind)
        began_ns = self._clock.monotonic_ns()
        order = self._order(row)
        try:
            source, noting = places.source(), Noting(row.started_at)
            taken = gently(
                lambda check: archive.take(
                    order, source, settings.BACKUP_DIR, facts=noting.facts, check=check
                ),
                should_stop=self._should_stop,
            )
        except BackupFailed as failure:
            return self._failed(row, failure)
        fields = {
            **_told(taken.metadata, taken.sha256, taken.folder),
            "finished_at": self._clock.now(),
            "taking_ms": self._ms(began_ns),
        }
        row = self._move(row, BackupRun.State.TAKEN, **fields)
        try:
            row = self.verify(row, taken.identities, sealed=taken.sealed)
        except BackupFailed as failure:
            return self._failed(row, failure)
        return copy_away(row, by_name=self._who) if row.state == BackupRun.State.VERIFIED else row

    def verify(
        self,
        row: BackupRun,
        identities: tuple[Any, ...],
        *,
        sealed: frozenset[str] = frozenset(),
    ) -> BackupRun:
        """Prove it, and move it to what came of that.

        Raises BackupFailed when that was not possible, which says nothing about the backup.
        """
        began_ns = self._clock.monotonic_ns()
        scratch = settings.BACKUP_DIR / f"{archive.SCRATCH_PREFIX}{row.name}"
        database = self._database
        try:
            _, sha256 = gently(
                lambda check: prove(
                    settings.BACKUP_DIR / row.name,
                    database,
                    scratch,
                    identities=identities,
                    sealed=sealed,
                    check=check,
                ),
                should_stop=self._should_stop,
            )
        except BackupFailed as failure:
            if failure.fault in NOT_ITS_FAULT:
                raise
            return self._failed(row, failure)
        finally:
            disk.remove_folder(scratch)
        if row.sha256 and sha256 != row.sha256:
            text = "metadata.json was written anew since the backup was taken"
            return self._failed(row, BackupFailed(Fault.METADATA, text))
        now = self._clock.now()
        return self._move(
            row,
            BackupRun.State.VERIFIED,
            verified_at=now,
            verifying_ms=self._ms(began_ns),
            problem="",
        )

    @property
    def pinned_reason(self) -> str:
        """Why an incident's backup is kept."""
        return self._pinned_reason(BackupRun.Kind.INCIDENT)

    def _pinned_reason(self, kind: BackupRun.Kind) -> str:
        why = PINNED_KINDS.get(kind, "")
        return why and kept(f"{why}. {self._reason}".strip(), 300)

    def _begin(self, kind: BackupRun.Kind) -> BackupRun:
        now = self._clock.now()
        taken = {*BackupRun.objects.values_list("name", flat=True)}
        taken |= set(archive.names(settings.BACKUP_DIR))
        pinned_reason = self._pinned_reason(kind)
        return BackupRun.objects.create(
            name=plan.name_of(now, taken),
            kind=kind,
            pinned=bool(pinned_reason),
            pinned_reason=pinned_reason,
            started_at=now,
            created_by=self._who,
        )

    def _order(self, row: BackupRun) -> archive.Order:
        host, commit = places.host_and_commit()
        previous = newest_verified()
        return archive.Order(
            name=row.name,
            kind=row.kind,
            taken_at=row.started_at.isoformat(),
            host=host,
            version=places.VERSION,
            commit=commit,
            left_out=places.LEFT_OUT,
            recipient=settings.BACKUP_RECIPIENT,
            previous=settings.BACKUP_DIR / previous.name if previous is not None else None,
        )

    def _failed(self, row: BackupRun, failure: BackupFailed) -> BackupRun:
        now = self._clock.now()
        return self._move(
            row,
            BackupRun.State.FAILED,
            problem=kept(str(failure), PROBLEM_LENGTH_MAX),
            finished_at=row.finished_at or now,
        )

    def _move(self, row: BackupRun, state: BackupRun.State, **fields: Any) -> BackupRun:
        return move(
            row,
            state,
            by=self._by,
            by_name=self._who,
            at=self._clock.now(),
            reason=self._reason,
            **fields,
        )

    def _ms(self, began_ns: int) -> int:
        return (self._clock.monotonic_ns() - began_ns) // 1_000_000
