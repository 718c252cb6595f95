"""kill -9 in the middle of taking, verifying and restoring: nothing half is ever left standing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid

import pytest

from polyarb_site.preflight import check_restore
from reports.backups import archive
from tests.helpers.installation import POSTGRES, ROOT, Installation

pytestmark = pytest.mark.slow

BEFORE, AFTER = "before", "after"
TAKING = [
    ("reports.backups.archive:pack", AFTER, 1),
    ("reports.backups.disk:rename_folder", BEFORE, 1),
    ("reports.backups.disk:rename_folder", AFTER, 1),
    ("reports.services.backups:move", AFTER, 1),
    ("reports.services.proving:compare", BEFORE, 1),
    ("reports.services.backups:move", BEFORE, 2),
]
EXCHANGE = (
    [
        ("reports.backups.postgres:rename", AFTER, 1),
        ("reports.backups.postgres:rename", AFTER, 2),
    ]
    if POSTGRES
    else [
        ("reports.backups.sqlite:exchange", AFTER, 1),
    ]
)
RESTORING = [
    ("reports.services.restoring:compare", AFTER, 1),
    ("reports.backups.steps:write", AFTER, 2),
    ("reports.backups.steps:write", AFTER, 4),
    *EXCHANGE,
    ("reports.backups.steps:exchange_folder", AFTER, 1),
    ("reports.services.restoring:halt", BEFORE, 1),
]


def named(points):
    return [pytest.param(point, id=f"{point[1]}-{point[0]}-{point[2]}") for point in points]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An installation with a verified backup, and something that came after it."""
    made = Installation(tmp_path_factory.mktemp("prepared"), f"kills_{uuid.uuid4().hex[:12]}")
    made.manage("migrate", "-v0")
    made.manage("seed")
    segment(made, "main-1").write_bytes(b"frames " * 500)
    made.manage("backup_state")
    made.database.rows("INSERT INTO auth_group (name) VALUES ('after the backup')")
    segment(made, "main-2").write_bytes(b"newer")
    yield made
    made.end()


@pytest.fixture
def place(prepared, tmp_path):
    """A copy of it, to be broken."""
    made = Installation(tmp_path / "data", f"kills_{uuid.uuid4().hex[:12]}", prepared)
    for name in ("backups", "journal", "keys"):
        shutil.copytree(prepared.directory / name, made.directory / name)
    yield made
    for name in replaced_databases(made):
        made.database.rows(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    made.end()


def segment(place, session):
    folder = place.directory / "journal" / "main" / session
    folder.mkdir(parents=True)
    return folder / "000001.journal"


def kill_at(place, point, *command):
    """Run a command that is killed at a point, and say that it was."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.reports.dying", *map(str, point), *command],
        cwd=ROOT,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def states(place):
    return [row[0] for row in place.database.rows("SELECT state FROM reports_backuprun")]


def backups(place):
    return place.directory / "backups"


def leftovers(place):
    """Return whatever a finished run would not leave."""
    found = [p.name for p in backups(place).iterdir() if p.name.startswith(".")]
    found += [p.name for p in place.directory.iterdir() if "restoring" in p.name]
    if POSTGRES:
        prefix = place.database.name[:30]
        rows = place.database.rows(
            f"SELECT datname FROM pg_database WHERE starts_with(datname, '{prefix}')"
        )
        found += [name for (name,) in rows if "_scratch_" in name or "_restoring_" in name]
    return found


def replaced_databases(place):
    if not POSTGRES:
        return []
    rows = place.database.rows("SELECT datname FROM pg_database")
    prefix = place.database.name[:30]
    return [name for (name,) in rows if name.startswith(prefix) and name != place.database.name]


@pytest.mark.parametrize("point", named(TAKING))
def test_a_backup_that_was_killed_leaves_nothing_half_and_the_next_one_works(place, point):
    kill_at(place, point, "backup_state")

    for name in archive.names(backups(place)):  # what has a backup's name is a whole one
        archive.check_files(backups(place) / name)

    told = json.loads(place.manage("backup_state", "--json"))
    assert told["verified"]
    assert "RUNNING" not in states(place)
    assert states(place).count("VERIFIED") >= 1
    assert leftovers(place) == []


def test_a_verification_that_was_killed_changes_nothing_and_can_be_done_again(place):
    (name,) = archive.names(backups(place))
    kill_at(place, ("reports.services.proving:compare", AFTER, 1), "verify_backup", name)
    assert states(place) == ["VERIFIED"]

    assert json.loads(place.manage("verify_backup", name, "--json"))["verified"]
    assert leftovers(place) == []


@pytest.mark.parametrize("point", named(RESTORING))
def test_a_restore_that_was_killed_is_finished_by_going_on(place, point):
    (name,) = archive.names(backups(place))
    kill_at(place, point, "restore_state", name, "--yes", "--reason", "a drill")
    assert check_restore(place.directory)[0].code == "RESTORE_UNFINISHED"  # `up` starts nothing
    place.manage("restore_state", "--go-on", ends=(0, 3))  # whether anything may start: no matter

    assert not (place.directory / "restore.json").exists()
    assert leftovers(place) == []
    assert place.database.rows("SELECT 1 FROM auth_group WHERE name = 'after the backup'") == []
    restores = "SELECT count(*) FROM audit_auditevent WHERE action = 'backup.restore'"
    assert place.database.one(restores) == (1,)
    assert place.database.rows("SELECT halted, halt_code FROM trading_mandate")[0][1] == "RESTORED"
    assert os.path.lexists(place.directory / "KILL")
    assert not (place.directory / "journal" / "main" / "main-2").exists()
    kept = [p for p in place.directory.iterdir() if p.name.startswith("journal.replaced-")]
    assert (kept[0] / "main" / "main-2" / "000001.journal").read_bytes() == b"newer"
    assert kept_marker(place)


def kept_marker(place):
    """Return whether the replaced database, with what came after the backup, is still there."""
    import sqlite3

    if POSTGRES:
        import psycopg

        (name,) = replaced_databases(place)
        url = place.database.url.replace(place.database.name, name)
        with psycopg.connect(url) as connection:
            return connection.execute(
                "SELECT 1 FROM auth_group WHERE name = 'after the backup'"
            ).fetchone()
    (file,) = place.directory.glob("portal.sqlite3.replaced-*")
    with sqlite3.connect(file) as connection:
        return connection.execute(
            "SELECT 1 FROM auth_group WHERE name = 'after the backup'"
        ).fetchone()
