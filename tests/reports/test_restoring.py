"""Putting a backup back: what is shown before, what forbids it, and what it leaves."""

import json
from contextlib import closing
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection, connections

from polyarb_site.audit.models import AuditEvent
from polyarb_site.clock import SystemClock
from polyarb_site.locks import FileLock
from reports.backups import disk, metadata
from reports.backups.databases import SqliteFile
from reports.backups.faults import BackupFailed, Fault
from reports.backups.members import new_identity
from reports.models import BackupRun
from reports.services import verify_audit_chain
from reports.services.previewing import find_folder, obstacles, preview, step_file
from reports.services.restoring import begin_restore, carry_out
from tests.helpers.commands import run_command
from tests.reports.taking import folder, take
from trading.models import EngineLease, Mandate
from trading.services.refusals import Invalid, NotFound, ServiceRefused


@pytest.fixture
def here(portal, settings):
    """A portal whose data directory is the test's own."""
    settings.DATA_DIR = portal
    settings.KILL_FILE = portal / "KILL"
    return portal


@pytest.fixture
def sqlite_only(here):
    """The test run's own database is exchanged for real, which works with a file."""
    if connection.vendor != "sqlite":
        return None
    return here


def begin(row, **options):
    return begin_restore(folder(row), by_name="test", **{"reason": "a drill", **options})


def everything(here):
    """Return the names of all files but locks."""
    return sorted(str(path) for path in here.rglob("*") if path.suffix != ".lock")


class TestPreview:
    def test_says_what_would_change(self, here):
        row = take()
        Group.objects.create(name="newer")
        (settings.CONFIG_DIR / "config.yaml").write_text("# changed\n")
        (settings.CONFIG_DIR / "profiles" / "mine.yaml").write_text("# mine\n")
        newer = settings.JOURNAL_DIR / "main" / "main-8"
        newer.mkdir()
        (newer / "000001.journal").write_bytes(b"x")

        seen = preview(folder(row))
        tables = {one["table"]: (one["now"], one["then"]) for one in seen.tables}
        assert tables["auth_group"] == (1, 0)
        assert {one["file"]: one["what"] for one in seen.config} == {
            "config.yaml": "changed",
            "profiles/mine.yaml": "stays",
        }
        assert seen.journals == [
            {
                "journal": "main/main-8",
                "what": "away",
                "text": "is newer than the backup: it is set aside",
            }
        ]
        assert (seen.problem, seen.told.audit_sequence) == ("", 5)

    def test_changes_nothing(self, here):
        row = take()
        before = everything(here)
        events = AuditEvent.objects.count()
        status, out, _ = run_command("restore_state", row.name, "--preview")

        assert status == 0
        assert "audit" in out
        assert everything(here) == before
        assert AuditEvent.objects.count() == events

    def test_is_json_for_programs(self, here):
        row = take()
        _, out, _ = run_command("restore_state", row.name, "--preview", "--json")

        assert json.loads(out)["rows_then"] == sum(row.facts["rows"].values())

    def test_finds_a_backup_in_the_second_place_and_by_its_path(self, here, settings):
        row = take()
        away = here / "elsewhere"
        away.mkdir()
        folder(row).rename(away / row.name)
        with pytest.raises(NotFound):
            find_folder(row.name)

        assert find_folder(str(away / row.name)) == away / row.name
        settings.BACKUP_COPY_DIR = away
        assert find_folder(row.name) == away / row.name


class TestWhatForbidsIt:
    def test_an_engine_that_holds_a_lease(self, here):
        row = take()
        now_ns = SystemClock().now_ns()
        EngineLease.objects.create(account="main", owner="h:1:1:a", expires_ns=now_ns + 10**10)

        with pytest.raises(ServiceRefused, match="holds the lease of main") as caught:
            begin(row)
        assert "stop_engine" in caught.value.remedy

    def test_a_lease_that_has_run_out_is_no_obstacle(self, here):
        EngineLease.objects.create(account="main", owner="h:1:1:a", expires_ns=1)

        assert obstacles() == []

    def test_a_portal_that_runs_here(self, here):
        row = take()
        lock = FileLock(settings.RUN_DIR / "up.lock")
        assert lock.acquire()
        try:
            with pytest.raises(ServiceRefused, match="the portal runs on this machine"):
                begin(row)
        finally:
            lock.release()

    def test_no_reason(self, here):
        with pytest.raises(Invalid):
            begin(take(), reason=" ")

    def test_one_that_was_begun_and_not_finished(self, here):
        row = take()
        step_file().write_text(json.dumps({**_progress(row), "done": ["stage"]}))

        with pytest.raises(ServiceRefused, match="was begun and not finished"):
            begin(row)

    def test_older_tables(self, here):
        row = take()
        told, _ = metadata.read(folder(row))
        fields = {name: getattr(told, name) for name in told.__dataclass_fields__}
        older = metadata.Metadata(**{**fields, "migrations": told.migrations[:-1]})
        (folder(row) / metadata.FILE).write_bytes(metadata.render(older))

        with pytest.raises(BackupFailed) as caught:
            begin(row)
        assert caught.value.fault is Fault.SCHEMA
        assert "older than this program" in caught.value.text

    def test_newer_tables(self, here):
        row = take()
        told, _ = metadata.read(folder(row))
        fields = {name: getattr(told, name) for name in told.__dataclass_fields__}
        newer = metadata.Metadata(**{**fields, "migrations": [*told.migrations, "trading.9999_x"]})
        (folder(row) / metadata.FILE).write_bytes(metadata.render(newer))

        with pytest.raises(BackupFailed, match="newer than this program"):
            begin(row)

    def test_one_from_another_kind_of_database(self, here):
        row = take()
        told, _ = metadata.read(folder(row))
        fields = {name: getattr(told, name) for name in told.__dataclass_fields__}
        other = metadata.Metadata(**{**fields, "vendor": "oracle"})
        (folder(row) / metadata.FILE).write_bytes(metadata.render(other))

        with pytest.raises(BackupFailed, match="was taken from oracle"):
            begin(row)

    def test_somebody_who_has_the_file_open(self, sqlite_only):
        if sqlite_only is None:
            return
        import sqlite3

        row = take()
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
            other.execute("SELECT count(*) FROM auth_group").fetchone()
            with pytest.raises(ServiceRefused, match="the database is in use"):
                carry_out(begin(row))

        assert not step_file().exists()

    def test_nobody_who_could_be_asked(self, here):
        status, _, err = run_command("restore_state", take().name, "--reason", "a drill")

        assert status == 1
        assert "--yes" in err
        assert not step_file().exists()

    def test_damage_leaves_the_portal_as_it_was(self, sqlite_only):
        if sqlite_only is None:
            return
        row = take()
        path = folder(row) / "journal-main~main-7.tar.zst"
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(BackupFailed):
            carry_out(begin(row))

        assert not step_file().exists()
        assert not settings.KILL_FILE.exists()
        assert [p.name for p in sqlite_only.iterdir() if "restoring" in p.name] == []
        assert Mandate.objects.get().halted is False


def _progress(row):
    return {
        "mark": "1",
        "name": row.name,
        "folder": str(folder(row)),
        "by_name": "test",
        "reason": "x",
        "begun_at": "2026-03-02T12:00:00+00:00",
        "with_config": True,
        "facts": None,
    }


class TestRestoring:
    """On PostgreSQL the same is tried by test_kills, on a database that no test runner holds."""

    def test_brings_everything_back_and_keeps_what_was_there(self, sqlite_only):
        if sqlite_only is None:
            return
        here = sqlite_only
        row = take()
        Group.objects.create(name="newer")
        config = settings.CONFIG_DIR / "config.yaml"
        before, changed = config.read_bytes(), b"# changed\n"
        config.write_bytes(changed)
        newer = settings.JOURNAL_DIR / "main" / "main-8"
        newer.mkdir()
        (newer / "000001.journal").write_bytes(b"x")
        lost = AuditEvent.objects.count()
        done = carry_out(begin(row))

        assert not Group.objects.filter(name="newer").exists()
        assert config.read_bytes() == before
        (kept,) = here.glob("config.replaced-*/config.yaml")
        assert kept.read_bytes() == changed
        assert not newer.exists()
        assert len(list(here.glob("journal.replaced-*/main/main-8/000001.journal"))) == 1
        assert done.facts["replaced"]["audit_sequence"] == lost
        event = AuditEvent.objects.get(action="backup.restore")
        assert event.before["audit_sequence"] == lost
        assert event.after["backup"]["audit_sequence"] == 5
        assert event.reason == f"{row.name}: a drill"

    def test_halts_everything(self, sqlite_only):
        if sqlite_only is None:
            return
        carry_out(begin(take()))

        mandate = Mandate.objects.get()
        assert (mandate.halted, mandate.halt_code) == (True, "RESTORED")
        assert settings.KILL_FILE.exists()

    def test_knows_the_backups_that_came_later_again(self, sqlite_only):
        """They count once they are verified again: nobody here has seen them proven."""
        if sqlite_only is None:
            return
        first = take()
        later = take()
        carry_out(begin(first))

        states = dict(BackupRun.objects.values_list("name", "state"))
        assert states == {first.name: "TAKEN", later.name: "TAKEN"}

    def test_the_audit_still_holds_although_later_heads_were_noted(self, sqlite_only):
        if sqlite_only is None:
            return
        first = take()
        take()
        carry_out(begin(first))
        check = verify_audit_chain()

        assert check.whole
        assert check.set_aside == 1
        assert check.anchors == 1

    def test_can_leave_the_configuration(self, sqlite_only):
        if sqlite_only is None:
            return
        row = take()
        config = settings.CONFIG_DIR / "config.yaml"
        config.write_bytes(b"# changed\n")
        carry_out(begin(row, with_config=False))

        assert config.read_bytes() == b"# changed\n"

    def test_an_encrypted_one_needs_its_key(self, sqlite_only, settings):
        if sqlite_only is None:
            return
        identity, recipient = new_identity()
        settings.BACKUP_RECIPIENT = str(recipient)
        row = take()
        Group.objects.create(name="newer")
        with pytest.raises(BackupFailed) as caught:
            carry_out(begin(row))
        assert caught.value.fault is Fault.IDENTITY

        key = sqlite_only / "identity.txt"
        key.write_text(f"# created: today\n{identity}\n")
        carry_out(begin(row), identity_file=key)
        assert not Group.objects.filter(name="newer").exists()

    def test_by_the_command(self, sqlite_only):
        if sqlite_only is None:
            return
        row = take()
        Group.objects.create(name="newer")
        status, out, err = run_command("restore_state", row.name, "--yes", "--reason", "a drill")

        assert (status, err) == (0, "")
        assert "the replaced database is" in out
        assert not Group.objects.filter(name="newer").exists()

    def test_going_on_with_nothing_is_refused(self, here):
        assert run_command("restore_state", "--go-on")[0] == 1


def test_a_database_that_is_not_there_yet_is_simply_put_there(tmp_path):
    staged = tmp_path / "source"
    staged.write_bytes(b"content")
    database = SqliteFile(tmp_path / "data" / "portal.sqlite3")
    database.stage(staged, "1", scratch=tmp_path, check=lambda: None)
    database.exchange("1")

    assert database.path.read_bytes() == b"content"
    assert disk.nearest(tmp_path / "a" / "b") == tmp_path


@pytest.fixture(autouse=True)
def fresh_connections(request):
    """After the exchange of a database no connection to the old one may live on."""
    yield
    if "sqlite_only" in request.fixturenames and connection.vendor == "sqlite":
        connections.close_all()


def test_ages_are_told(here):
    row = take()
    BackupRun.objects.update(started_at=SystemClock().now() - timedelta(hours=3))

    assert preview(folder(row)).age_s < 3_600  # the backup itself knows when it was taken
