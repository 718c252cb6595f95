"""Proving a backup: it is restored into a scratch database, and that is compared with what was.

A backup counts when all of it holds: every checksum, the database's own integrity, the rows of each
table, the migrations, the audit chain from its first record to the head that was noted, and
yesterday's report, which comes out the same when it is made again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from polyarb_site.audit.chain import Anchor
from polyarb_site.audit.verifying import verify_audit
from reports.backups import archive
from reports.backups.databases import Database, Restored
from reports.backups.faults import BackupFailed, Fault
from reports.backups.metadata import Metadata
from reports.services.places import VERSION, host_and_commit, known_migrations, standing_in
from reports.services.rebuilding import refuse_changed_reports

Check = Callable[[], None]
NAMED_MAX = 3


def prove(
    folder: Path,
    database: Database,
    scratch: Path,
    *,
    identities: tuple[Any, ...],
    sealed: frozenset[str] = frozenset(),
    check: Check,
) -> tuple[Metadata, str]:
    """Restore a backup into a scratch place and compare; return what it says of itself.

    Runs in a thread of its own. Raises BackupFailed with the first thing that does not hold.
    """
    told, sha256 = archive.check_files(folder, check=check)
    refuse_foreign(told, database)
    unpacked = archive.unpack_all(
        folder,
        told,
        scratch,
        identities=identities,
        sealed=sealed,
        keep_journals=False,
        check=check,
    )
    with database.restored(unpacked.database, scratch=scratch, check=check) as restored:
        compare(told, restored, check)
    return told, sha256


def refuse_foreign(told: Metadata, database: Database) -> None:
    """Raise BackupFailed for a backup that this program cannot use, whatever is in it."""
    if told.vendor != database.vendor:
        text = f"it was taken from {told.vendor}, and this portal runs on {database.vendor}"
        raise BackupFailed(Fault.FORMAT, text)
    known, made = known_migrations(), set(told.migrations)
    if older := sorted(known - made):
        text = (
            f"its tables are older than this program by {_some(older)}; restore it with the "
            f"program that made it, {_program(told)}, and update then"
        )
        raise BackupFailed(Fault.SCHEMA, text)
    if newer := sorted(made - known):
        text = f"its tables are newer than this program by {_some(newer)}; use {_program(told)}"
        raise BackupFailed(Fault.SCHEMA, text)


def compare(told: Metadata, restored: Restored, check: Check) -> None:
    """Raise BackupFailed unless the restored database is what the original was at that moment."""
    restored.check_integrity()
    check()
    seen = restored.look()
    if seen.migrations != told.migrations:
        raise BackupFailed(Fault.SCHEMA, "its migrations are not those that were noted")
    if seen.rows != told.rows:
        raise BackupFailed(Fault.ROWS, _row_difference(told.rows, seen.rows))
    noted = (told.audit_sequence, told.audit_sha256)
    if (seen.audit_sequence, seen.audit_sha256) != noted:
        text = f"the audit ends with record {seen.audit_sequence}, not with {noted[0]}"
        raise BackupFailed(Fault.AUDIT, text)
    check()
    with standing_in(restored.name):
        anchors = [Anchor(sequence=noted[0], sha256=noted[1])] if noted[0] else []
        chain = verify_audit(anchors)
        if chain.broken is None:
            _, commit = host_and_commit()
            refuse_changed_reports(told, check, version=VERSION, commit=commit)
    if chain.broken is not None:
        raise BackupFailed(Fault.AUDIT, f"the audit chain is broken: {chain.broken.text}")
    check()


def _row_difference(noted: dict[str, int], seen: dict[str, int]) -> str:
    names = sorted(name for name in {*noted, *seen} if noted.get(name) != seen.get(name))
    told = [
        f"{name} has {seen.get(name, 'no table')} rows instead of {noted.get(name, 'none')}"
        for name in names[:NAMED_MAX]
    ]
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"{'; '.join(told)}{more}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"{', '.join(names[:NAMED_MAX])}{more}"


def _program(told: Metadata) -> str:
    commit = f", commit {told.commit[:12]}" if told.commit else ""
    return f"version {told.version}{commit}"
