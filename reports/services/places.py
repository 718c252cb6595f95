"""Where the portal's state is, in the words of reports.backups, which knows no settings."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.utils import load_backend

from polyarb_site.clock import SystemClock
from polyarb_site.locks import FileLock
from reports.backups import disk
from reports.backups.archive import Source
from reports.backups.databases import Database, PostgresDatabase, SqliteFile
from reports.backups.postgres import Server
from trading.services.refusals import ServiceRefused

# Their rows stay on the machine. A session's key lets whoever has it in as that person; a queued
# task is work under way, and would be done again by whoever restores it. One-time passwords are in
# the tables only as salted hashes, as all passwords are, and API tokens as hashes of long random
# texts: those are kept, so that people can log in after a restore.
LEFT_OUT = ("django_q_ormq", "django_session")
VERSION = "0.1.0"
LOCK_FILE = "backups.lock"
LOOK_S = 0.2


def database() -> Database:
    """Return the portal's database as something to back up."""
    told: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return SqliteFile(Path(told["NAME"]))
    options = {
        name: str(value)
        for name, value in told.get("OPTIONS", {}).items()
        if isinstance(value, str | int)
    }
    server = Server(told["HOST"], str(told["PORT"]), told["USER"], told["PASSWORD"], options)
    return PostgresDatabase(server, told["NAME"])


def source() -> Source:
    """Return everything that a backup is made of."""
    return Source(
        database=database(), config_dir=settings.CONFIG_DIR, journal_dir=settings.JOURNAL_DIR
    )


def host_and_commit() -> tuple[str, str]:
    """Return where we are and what runs here, for people who look at a backup years later."""
    return socket.gethostname()[:100], disk.commit_of(settings.BASE_DIR)


def known_migrations() -> set[str]:
    """Return the migrations that this program has, as app.name."""
    loader = MigrationLoader(None)
    return {f"{app}.{name}" for app, name in loader.disk_migrations}


@contextmanager
def standing_in(name: str) -> Iterator[None]:
    """Let this thread take the database of that name for the default one.

    Only for a thread of its own: Django keeps a connection for each thread, and this exchanges it.
    """
    told = {**connection.settings_dict, "NAME": name}
    backend: Any = load_backend(told["ENGINE"])
    own = backend.DatabaseWrapper(told, "default")
    before = connections["default"]
    connections["default"] = own
    try:
        yield
    finally:
        own.close()
        connections["default"] = before
        before.close()


@contextmanager
def alone(*, wait_s: float, pause: Callable[[float], None]) -> Iterator[None]:
    """Be the only one of this host who makes, verifies or restores backups.

    Raises ServiceRefused when somebody else is for `wait_s`.
    """
    clock = SystemClock()
    lock = FileLock(settings.RUN_DIR / LOCK_FILE)
    deadline_ns = clock.monotonic_ns() + round(wait_s * 1e9)
    while not lock.acquire():
        if clock.monotonic_ns() >= deadline_ns:
            raise ServiceRefused(
                "BACKUP_RUNNING",
                f"a backup is being made, verified or restored by process {lock.owner_text()}",
                "wait until it has ended, then try again",
            )
        pause(LOOK_S)
    try:
        yield
    finally:
        lock.release()
