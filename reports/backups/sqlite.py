"""SQLite: a copy of one moment while others write, and what a copy says of itself.

Theory of operation. The copying connection holds a read transaction from the first count to the
last page, so all of it is one moment. In WAL mode a reader stops no writer; it only keeps the log
from being reset meanwhile, so the pages are copied as they are, which is fastest, and the rest is
done with the copy: rows that are not to leave the machine are deleted with their bytes overwritten,
and the copy is written out anew, which leaves old versions of rows in free pages behind.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from reports.backups.disk import sync_directory
from reports.backups.faults import BackupFailed, Fault
from reports.backups.moment import Moment

PAGES_PER_STEP = 1_024
PAUSE_S = 0.001  # after each step: others want the disk too
BUSY_MS = 5_000
PROBLEMS_MAX = 5


def snapshot(
    source: Path,
    target: Path,
    *,
    left_out: Iterable[str],
    check: Callable[[], None],
) -> Moment:
    """Copy the database as of one moment, without the rows of some tables.

    Returns what the original was at that moment, with 0 rows in the tables left out. Raises
    BackupFailed.
    """
    raw = target.with_name(f".{target.name}.raw")
    leave = frozenset(left_out)
    try:
        with closing(_open(source)) as original, closing(_open(raw, new=True)) as copy:
            original.execute("PRAGMA query_only = ON")
            original.execute("BEGIN")
            seen = _moment(original, leave)

            def breathe(_status: int, _remaining: int, _total: int) -> None:
                check()
                time.sleep(PAUSE_S)

            original.backup(copy, pages=PAGES_PER_STEP, progress=breathe)
            original.execute("ROLLBACK")
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute("PRAGMA secure_delete = ON")
            _empty(copy, sorted(leave & set(seen.rows)))
            _write_anew(copy, target, check)
    except sqlite3.Error as error:
        raise _trouble(error) from error
    finally:
        for leftover in (raw, *(raw.with_name(raw.name + end) for end in ("-wal", "-shm"))):
            leftover.unlink(missing_ok=True)
    return seen


def _write_anew(copy: sqlite3.Connection, target: Path, check: Callable[[], None]) -> None:
    stopped: list[BackupFailed] = []

    def asked_to_stop() -> int:
        try:
            check()
        except BackupFailed as error:
            stopped.append(error)
        return len(stopped)

    copy.set_progress_handler(asked_to_stop, 100_000)
    try:
        copy.execute("VACUUM INTO ?", [str(target)])
    except sqlite3.OperationalError:
        if stopped:
            raise stopped[0] from None
        raise
    finally:
        copy.set_progress_handler(None, 0)


def _empty(copy: sqlite3.Connection, names: list[str]) -> None:
    """Delete all rows of tables that nothing refers to."""
    for name in names:
        copy.execute(f"DELETE FROM {_quoted(name)}")  # noqa: S608 - a name from its own catalogue


def look(path: Path) -> Moment:
    """Return what a restored database is. Raises BackupFailed."""
    with _reading(path) as connection:
        return _moment(connection, frozenset())


def check_integrity(path: Path) -> None:
    """Let the database look at itself: pages, indexes and foreign keys. Raises BackupFailed."""
    with _reading(path) as connection:
        found = [
            str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({PROBLEMS_MAX})")
        ]
        if found != ["ok"]:
            raise BackupFailed(Fault.INTEGRITY, f"the database says: {'; '.join(found)}"[:400])
        orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
        if orphan is not None:
            text = (
                f"row {orphan[1]} of {orphan[0]} refers to a row of {orphan[2]} that is not there"
            )
            raise BackupFailed(Fault.INTEGRITY, text)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the database so that no other connection of this machine has it open, without a log.

    Raises BackupFailed when somebody has it open. Without a log beside it the file is all there is,
    and whoever opens it meanwhile makes none: they wait for us.
    """
    try:
        with closing(_open(path, busy_ms=500)) as connection:
            mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
            if mode != "delete":
                raise BackupFailed(Fault.DATABASE, f"{path.name} is in use")
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise BackupFailed(Fault.DATABASE, f"{path.name} is in use: {error}") from error


def exchange(path: Path, staged: Path, kept: Path) -> None:
    """Put the database `staged` in the place of `path`, which stays as `kept`.

    There is a database at `path` at every moment. Done again after a kill it ends the same. Raises
    BackupFailed while somebody has the old one open.
    """
    if not staged.exists():
        return
    if not path.exists():
        staged.rename(path)
    else:
        with alone(path):
            if not kept.exists():
                kept.hardlink_to(path)
            staged.rename(path)
    sync_directory(path.parent)


def _open(path: Path, *, busy_ms: int = BUSY_MS, new: bool = False) -> sqlite3.Connection:
    mode = "rwc" if new else "rw"  # a plain open would make an empty one where none is
    address = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
    return connection


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(_open(path)) as connection:
            connection.execute("PRAGMA query_only = ON")
            yield connection
    except sqlite3.Error as error:
        text = f"the restored database cannot be read: {error}"
        raise BackupFailed(Fault.INTEGRITY, text) from error


def _moment(connection: sqlite3.Connection, leave: frozenset[str]) -> Moment:
    names = _tables(connection)
    made = connection.execute("SELECT app || '.' || name FROM django_migrations")
    migrations = sorted(str(row[0]) for row in made)
    head = connection.execute(
        "SELECT sequence, sha256 FROM audit_auditevent ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    return Moment(
        rows={name: 0 if name in leave else _count(connection, name) for name in names},
        migrations=migrations,
        audit_sequence=int(head[0]) if head else 0,
        audit_sha256=str(head[1]) if head else "",
    )


def _tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\' ORDER BY name"
    )
    return [str(row[0]) for row in rows]


def _count(connection: sqlite3.Connection, name: str) -> int:
    sql = f"SELECT count(*) FROM {_quoted(name)}"  # noqa: S608 - a name from its own catalogue
    return int(connection.execute(sql).fetchone()[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _trouble(error: sqlite3.Error) -> BackupFailed:
    full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
    fault = Fault.DISK if full else Fault.DATABASE
    return BackupFailed(fault, f"the database cannot be copied: {error}")
