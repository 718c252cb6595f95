"""PostgreSQL: a dump of one moment, a scratch database to restore it into, and exchanging two.

Nothing secret is on a command line, where every user of the host could read it: the password is in
a file that only we may read, and only while the tool runs. The database itself is made, dropped and
renamed over a connection to another one of the same server.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from reports.backups.faults import BackupFailed, Fault
from reports.backups.members import CHUNK_BYTES, Writer
from reports.backups.moment import Moment

NAME_LENGTH_MAX = 63
SCRATCH = "_scratch_"
MAINTENANCE = "postgres"  # every server has it: for when the portal's own is being renamed
COMPLAINT_LENGTH_MAX = 300


@dataclass(frozen=True, slots=True)
class Server:
    """Where a database is and as whom; `options` are those of libpq."""

    host: str
    port: str
    user: str
    password: str = field(repr=False)
    options: Mapping[str, str]

    def address(self, database: str, *, password: bool = True, passfile: Path | None = None) -> str:
        """Return a connection string; without the password it may be shown and passed on."""
        parts = {"host": self.host, "port": self.port, "user": self.user, "dbname": database}
        if passfile is not None:
            parts["passfile"] = str(passfile)
        elif password:
            parts["password"] = self.password
        given = {name: value for name, value in parts.items() if value}
        return make_conninfo(**{**self.options, **given})


def dump(
    server: Server,
    database: str,
    out: Writer,
    *,
    left_out: Iterable[str],
    folder: Path,
    check: Callable[[], None],
) -> Moment:
    """Write a dump of one moment to `out`, without the rows of some tables.

    Returns what the original was at that moment, with 0 rows in the tables left out: the counts and
    the dump look at one exported snapshot. `folder` is for a password file. Raises BackupFailed.
    """
    leave = frozenset(left_out)
    with _connected(server, database) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = str(_one(connection, "SELECT pg_export_snapshot()"))
        seen = _moment(connection, leave)
        with _password_file(server, folder) as passfile:
            command = [
                *(_tool("pg_dump"), "--format=custom", "--compress=0", "--no-password"),
                *("--no-owner", "--no-privileges", f"--snapshot={snapshot}"),
                *(f"--exclude-table-data=public.{name}" for name in sorted(leave)),
                f"--dbname={server.address(database, passfile=passfile)}",
            ]
            _stream(command, out, check)
    return seen


def restore(
    server: Server, database: str, source: Path, *, folder: Path, check: Callable[[], None]
) -> None:
    """Fill an empty database from a dump, all of it or nothing. Raises BackupFailed."""
    with _password_file(server, folder) as passfile:
        command = [
            *(_tool("pg_restore"), "--no-owner", "--no-privileges", "--no-password"),
            *("--exit-on-error", "--single-transaction"),
            f"--dbname={server.address(database, passfile=passfile)}",
            str(source),
        ]
        _stream(command, _Nowhere(), check)


def create(server: Server, database: str, *, beside: str) -> None:
    """Make an empty database with the encoding and sorting of the one `beside` it."""
    with _connected(server, beside) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(
                sql.Identifier(database)
            )
        )


def drop(server: Server, database: str, *, beside: str) -> None:
    """Drop a database with everybody who is connected to it; harmless when there is none."""
    with _connected(server, beside) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )


def rename(server: Server, database: str, name: str, *, beside: str) -> None:
    """Give a database another name. Raises BackupFailed while anybody is connected to it."""
    with _connected(server, beside) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(database), sql.Identifier(name)
            )
        )


def exists(server: Server, database: str, *, beside: str) -> bool:
    """Return whether the server has a database of that name."""
    with _connected(server, beside) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        return found.fetchone() is not None


def others(server: Server, database: str) -> list[str]:
    """Return who is connected to a database, one line each; nobody is when there is none."""
    with _connected(server, MAINTENANCE) as connection:
        found = connection.execute(
            "SELECT pid, application_name, coalesce(client_addr::text, 'local') "
            "FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() ORDER BY pid",
            [database],
        )
        return [f"process {row[0]} {row[1] or ''} from {row[2]}" for row in found]


def exchange(server: Server, database: str, *, staged: str, kept: str) -> None:
    """Put the database `staged` in the place of `database`, which stays as `kept`.

    Done again after a kill it ends the same. Raises BackupFailed while anybody is connected to it.
    """
    if not exists(server, staged, beside=MAINTENANCE):
        return
    if not exists(server, kept, beside=staged) and exists(server, database, beside=staged):
        rename(server, database, kept, beside=staged)
    rename(server, staged, database, beside=kept)


def scratch_name(database: str) -> str:
    """Return a new name for a scratch database."""
    return f"{database[:40]}{SCRATCH}{token_hex(4)}"


def drop_scratch(server: Server, database: str) -> list[str]:
    """Drop the scratch databases that killed processes left behind; return their names."""
    prefix = f"{database[:40]}{SCRATCH}"
    with _connected(server, database) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
        )
        names = [str(row[0]) for row in found]
    for name in names:
        drop(server, name, beside=database)
    return names


def look(server: Server, database: str) -> Moment:
    """Return what a restored database is. Raises BackupFailed."""
    with _connected(server, database) as connection:
        return _moment(connection, frozenset())


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)


def _stream(command: list[str], out: Writer, check: Callable[[], None]) -> None:
    """Run a tool and pass on what it writes. It never outlives us for long: its pipe breaks."""
    tool = Path(command[0]).name
    process = subprocess.Popen(  # noqa: S603 - a tool found on the path, and no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        if process.stdout is None or process.stderr is None:
            raise BackupFailed(Fault.TOOL, f"{tool} has no output")
        while data := process.stdout.read(CHUNK_BYTES):
            check()
            out.write(data)
        complaint = process.stderr.read().decode("utf-8", "replace").strip()
        if process.wait() != 0:
            text = f"{tool} ended with {process.returncode}: {complaint[:COMPLAINT_LENGTH_MAX]}"
            raise BackupFailed(Fault.TOOL, text)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        text = f"{name} is not on this machine; install PostgreSQL's client programs"
        raise BackupFailed(Fault.TOOL, text)
    return path


@contextmanager
def _connected(server: Server, database: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        with closing(psycopg.connect(server.address(database), autocommit=True)) as connection:
            yield connection
    except psycopg.Error as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise BackupFailed(Fault.DATABASE, f"{database}: {said[0]}"[:400]) from error


@contextmanager
def _password_file(server: Server, folder: Path) -> Iterator[Path | None]:
    if not server.password:
        yield None
        return
    path = folder / f".pgpass-{token_hex(4)}"
    path.touch(mode=0o600)
    try:
        word = server.password.replace("\\", "\\\\").replace(":", "\\:")
        path.write_text(f"*:*:*:*:{word}\n")
        yield path
    finally:
        path.unlink(missing_ok=True)


def _moment(connection: psycopg.Connection[Any], leave: frozenset[str]) -> Moment:
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


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    )
    return [str(row[0]) for row in rows]


def _count(connection: psycopg.Connection[Any], name: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name))
    return int(_one(connection, query))


def _one(connection: psycopg.Connection[Any], query: LiteralString | sql.Composed) -> Any:
    row = connection.execute(query).fetchone()
    if row is None:
        raise BackupFailed(Fault.DATABASE, "the database gave no answer")
    return row[0]
