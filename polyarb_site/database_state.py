"""What the database says of itself: its migrations, and whether it is whole."""

import sqlite3
from dataclasses import dataclass, field

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from polyarb_site.clock import Clock

STEPS = 100_000  # of SQLite's machine between two looks at the clock
_POSTGRES = {
    "an index is not valid": """
        SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE NOT i.indisvalid OR NOT i.indisready""",
    "a constraint was never checked": "SELECT conname FROM pg_constraint WHERE NOT convalidated",
    "pages with a wrong checksum were read": """
        SELECT datname FROM pg_stat_database
        WHERE datname = current_database() AND coalesce(checksum_failures, 0) > 0""",
}


@dataclass(slots=True)
class Integrity:
    """What a database found in itself. `finished`: it was given the time for all of it."""

    vendor: str
    looked_at: str
    problems: list[str] = field(default_factory=list)
    finished: bool = True


def unapplied_migrations() -> list[str]:
    """Return the migrations that this version has and the database has not."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def integrity_problems(*, ms_max: int, clock: Clock) -> Integrity:
    """Have the database look at itself, for as long as told."""
    if connection.vendor == "sqlite":
        return _sqlite(ms_max, clock)
    found = Integrity(vendor=connection.vendor, looked_at="its indexes, constraints and checksums")
    with connection.cursor() as cursor:
        for what, query in _POSTGRES.items():
            cursor.execute(query)
            found.problems += [f"{what}: {row[0]}" for row in cursor.fetchall()]
    return found


def _sqlite(ms_max: int, clock: Clock) -> Integrity:
    """Check pages, and that each foreign key leads somewhere.

    The progress handler ends a check that takes too long, whatever the size of the file is.
    """
    found = Integrity(vendor="sqlite", looked_at="quick_check and foreign_key_check")
    ends_ns = clock.monotonic_ns() + ms_max * 1_000_000
    connection.ensure_connection()
    raw: sqlite3.Connection = connection.connection
    raw.set_progress_handler(lambda: int(clock.monotonic_ns() > ends_ns), STEPS)
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(20)")
            found.problems += [str(row[0]) for row in cursor.fetchall() if row[0] != "ok"]
            cursor.execute("PRAGMA foreign_key_check")
            found.problems += [
                f"{row[0]}: row {row[1]} leads to no {row[2]}" for row in cursor.fetchmany(20)
            ]
    except DatabaseError as error:
        if "interrupted" in str(error):
            found.finished = False
        else:
            found.problems.append(str(error))
    finally:
        raw.set_progress_handler(None, 0)
    return found
