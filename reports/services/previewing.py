"""What a restore would change, and what has to be stopped before it. Nothing is changed here."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from polyarb_site.clock import SystemClock
from polyarb_site.locks import FileLock
from reports.backups import archive, metadata, steps, trees
from reports.backups.faults import BackupFailed
from reports.backups.metadata import Metadata
from reports.services import places
from reports.services.proving import refuse_foreign
from trading.selectors.runs import leases_held
from trading.services.refusals import NotFound

UP_LOCK = "up.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Something that has to end before anything is put back."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a restore would do. Numbers of now are None where there is no database yet."""

    told: Metadata
    taken_at: datetime
    age_s: int
    tables: list[dict[str, Any]]  # name, now, then: those that differ
    rows_now: int | None
    rows_then: int
    audit_now: int | None
    config: list[dict[str, str]]  # file, what: changed, added, stays
    journals: list[dict[str, str]]  # journal, what: same, changed, back, away
    problem: str  # why it cannot be restored whatever is stopped, empty when it can
    encrypted: bool


def find_folder(name: str) -> Path:
    """Return the folder of a backup, here, in the second place, or where a path says.

    The database is not asked: it may be what was lost. Raises NotFound.
    """
    given = Path(name)
    places_of_it = [settings.BACKUP_DIR / given.name]
    if settings.BACKUP_COPY_DIR is not None:
        places_of_it.append(settings.BACKUP_COPY_DIR / given.name)
    if given.is_absolute() or len(given.parts) > 1:
        places_of_it = [given]
    for folder in places_of_it:
        if folder.is_dir():
            return folder.absolute()
    raise NotFound(
        "NO_BACKUP",
        f"there is no backup {name[:100]} on this machine",
        f"copy it into {settings.BACKUP_DIR}, or give the path of its folder",
    )


def preview(folder: Path) -> Preview:
    """Return what restoring this backup would change. Raises BackupFailed when it is damaged."""
    told, _ = metadata.read(folder)
    taken_at = datetime.fromisoformat(told.taken_at).astimezone(UTC)
    now = rows_now()
    try:
        refuse_foreign(told, places.database())
        problem = ""
    except BackupFailed as failure:
        problem = failure.text
    tables = [
        {"table": name, "now": (now or {}).get(name), "then": told.rows.get(name)}
        for name in sorted({*told.rows, *(now or {})})
        if (now or {}).get(name) != told.rows.get(name)
    ]
    return Preview(
        told=told,
        taken_at=taken_at,
        age_s=max(0, int((SystemClock().now() - taken_at).total_seconds())),
        tables=tables,
        rows_now=sum(now.values()) if now is not None else None,
        rows_then=sum(told.rows.values()),
        audit_now=(now or {}).get("audit_auditevent"),
        config=_config(told),
        journals=_journals(told),
        problem=problem,
        encrypted=bool(told.encrypted_to),
    )


def rows_now() -> dict[str, int] | None:
    """Return how many rows each table has, None without a database or tables."""
    try:
        with connection.cursor() as cursor:
            names = connection.introspection.table_names(cursor)
            if "django_migrations" not in names:
                return None
            found = {}
            for name in names:
                quoted = connection.ops.quote_name(name)  # out of the database's own catalogue
                cursor.execute(f"SELECT count(*) FROM {quoted}")  # noqa: S608
                found[name] = int(cursor.fetchone()[0])
    except DatabaseError:
        return None
    return found


def obstacles() -> list[Obstacle]:
    """Return what runs and must not: the engines, and the portal on this machine."""
    found = [
        Obstacle(
            code="ENGINE_RUNS",
            message=f"an engine holds the lease of {account}: {owner}",
            remedy="stop it: manage.py stop_engine --reason '...'",
        )
        for account, owner in _leases()
    ]
    lock = FileLock(settings.RUN_DIR / UP_LOCK)
    if lock.acquire():
        lock.release()
    else:
        found.append(
            Obstacle(
                code="PORTAL_RUNS",
                message=f"the portal runs on this machine, process {lock.owner_text()}",
                remedy="stop it with Ctrl-C, or its service; then try again",
            )
        )
    return found


def _leases() -> list[tuple[str, str]]:
    try:
        return leases_held(SystemClock().now_ns())
    except DatabaseError:
        return []  # no database, no lease


def _config(told: Metadata) -> list[dict[str, str]]:
    """Return each file of the configuration that differs."""
    root = settings.CONFIG_DIR
    now = {
        path.relative_to(root).as_posix(): path for path in trees.find(root, trees.CONFIG_PATTERNS)
    }
    found = []
    for name in sorted({*now, *told.config}):
        if name not in told.config:
            found.append({"file": name, "what": "stays", "text": "is not in the backup: it stays"})
        elif name not in now:
            found.append({"file": name, "what": "added", "text": "is not here: it comes back"})
        elif trees.sha256_of(now[name]) != told.config[name]["sha256"]:
            found.append({"file": name, "what": "changed", "text": "is put back as it was"})
    return found


def _journals(told: Metadata) -> list[dict[str, str]]:
    """Return each journal that is here or in the backup, and what becomes of it."""
    root = settings.JOURNAL_DIR
    here: dict[str, int] = {}
    for path in trees.find(root, trees.JOURNAL_PATTERNS):
        journal = path.parent.relative_to(root).as_posix()
        here[journal] = here.get(journal, 0) + path.stat().st_size
    then = {one["journal"]: int(one["size_bytes"]) for one in trees.sessions_of(told.journal_files)}
    found = []
    for journal in sorted({*here, *then}):
        if journal not in then:
            text = "is newer than the backup: it is set aside"
            found.append({"journal": journal, "what": "away", "text": text})
        elif journal not in here:
            found.append({"journal": journal, "what": "back", "text": "comes back"})
        elif here[journal] != then[journal]:
            text = f"has {here[journal]:,} bytes now and {then[journal]:,} then: set aside"
            found.append({"journal": journal, "what": "changed", "text": text})
    return found


def unfinished() -> steps.Progress | None:
    """Return the restore that was begun and not finished."""
    return steps.read(step_file())


def step_file() -> Path:
    """Return the file that says how far a restore is. `manage.py up` looks for it."""
    return Path(settings.DATA_DIR) / "restore.json"


def check_damage(folder: Path) -> None:
    """Compare every checksum of a backup; raises BackupFailed."""
    archive.check_files(folder)
