"""The triggers that make the audit table append-only, for the migration and for test clean-up.

They also stop a person with a database shell who means no harm. One who drops the triggers first
is caught by the hash chain.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

_SQLITE_ON = """
CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit_auditevent
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit_auditevent
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER IF NOT EXISTS audit_no_replace BEFORE INSERT ON audit_auditevent
WHEN EXISTS (SELECT 1 FROM audit_auditevent WHERE sequence = NEW.sequence OR id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
"""
_SQLITE_OFF = """
DROP TRIGGER IF EXISTS audit_no_update;
DROP TRIGGER IF EXISTS audit_no_delete;
DROP TRIGGER IF EXISTS audit_no_replace
"""
_POSTGRESQL_ON = """
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$;
CREATE OR REPLACE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_auditevent
FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE OR REPLACE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_auditevent
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
"""
_POSTGRESQL_OFF = """
DROP TRIGGER IF EXISTS audit_no_change ON audit_auditevent;
DROP TRIGGER IF EXISTS audit_no_truncate ON audit_auditevent
"""


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the table append-only."""
    _run(connection, sqlite=_SQLITE_ON, postgresql=_POSTGRESQL_ON)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away."""
    _run(connection, sqlite=_SQLITE_OFF, postgresql=_POSTGRESQL_OFF)


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Take the triggers away for a moment: emptying a test's database is a deletion too."""
    remove(connection)
    try:
        yield
    finally:
        install(connection)


def _run(connection: BaseDatabaseWrapper, **scripts: str) -> None:
    """Run the script of this database. Raises KeyError on one that the portal does not know."""
    script = scripts[connection.vendor]
    with connection.cursor() as cursor:
        # SQLite takes one statement at a time, and a trigger holds semicolons of its own.
        for statement in re.split(r";\s*(?=CREATE|DROP|--)", script.strip()):
            cursor.execute(statement)
