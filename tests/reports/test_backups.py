"""Taking and proving a backup: what counts, what it holds, and what a failure leaves."""

import json
import sqlite3

import pytest
from django.db import connection

from polyarb_site.audit.models import AuditEvent
from reports.backups import archive, metadata
from reports.backups.faults import BackupFailed, Fault
from reports.models import BackupRun
from tests.helpers.commands import run_command
from tests.reports.taking import files, folder, left_behind, take, verify
from trading.services.refusals import NotFound, NotPermitted, ServiceRefused

DATABASE = {"sqlite": "database.sqlite3.zst", "postgresql": "database.pgdump.zst"}


@pytest.fixture
def database_file(db):
    return DATABASE[connection.vendor]


class TestTaking:
    def test_is_verified_by_the_same_run(self, portal):
        row = take()

        assert (row.state, row.problem) == ("VERIFIED", "")
        assert row.verified_at >= row.finished_at >= row.started_at
        assert row.taking_ms is not None
        assert row.verifying_ms is not None

    def test_holds_database_configuration_journal_and_what_they_are(self, portal, database_file):
        """PolyArb-X's backup had neither its events nor its database (B1)."""
        row = take()
        told, sha256 = metadata.read(folder(row))

        names = {database_file, "config.tar.zst", "journal-main~main-7.tar.zst", "metadata.json"}
        assert set(files(row)) == names
        assert sha256 == row.sha256
        assert "profiles/live_shadow_atomic_v1.yaml" in told.config
        assert "alerts.production.yaml" in told.config
        assert list(told.journal_files) == ["main/main-7/000001.journal"]
        assert told.rows["audit_auditevent"] == 5
        assert told.rows["trading_profile"] == 1
        head = AuditEvent.objects.get(sequence=5)
        assert (told.audit_sequence, told.audit_sha256) == (5, head.sha256)

    def test_notes_the_head_of_the_audit_where_people_see_it(self, portal):
        head = AuditEvent.objects.values_list("sequence", "sha256").order_by("-sequence").first()
        row = take()

        assert (row.facts["audit_sequence"], row.facts["audit_sha256"]) == head

    def test_two_in_one_minute_do_not_collide(self, portal, monkeypatch):
        """In PolyArb-X two runs within a minute became one folder (B3)."""
        first, second = take(), take()

        assert first.name != second.name
        assert {first.state, second.state} == {"VERIFIED"}
        assert second.name.startswith(first.name[:11])

    def test_leaves_nothing_but_the_backup(self, portal):
        take()

        assert left_behind() == []

    def test_only_the_owner_may_read_it(self, portal):
        row = take()

        assert folder(row).stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder(row).iterdir())

    def test_is_audited_with_its_hash(self, portal):
        row = take(reason="before the upgrade")
        events = list(AuditEvent.objects.filter(target=f"backup:{row.name}").order_by("sequence"))

        assert [event.action for event in events] == ["backup.take", "backup.verify"]
        assert events[0].after["sha256"] == row.sha256
        assert events[0].reason == "before the upgrade"

    @pytest.mark.parametrize("kind", ["PRE_LIVE", "INCIDENT"])
    def test_those_that_evidence_needs_are_pinned_from_the_start(self, portal, kind):
        assert take(kind).pinned

    def test_a_viewer_may_not(self, portal, viewer):
        with pytest.raises(NotPermitted):
            take(by=viewer)

        assert BackupRun.objects.count() == 0

    def test_an_operator_may(self, portal, operator):
        assert take(by=operator).created_by == "test"

    def test_is_refused_while_another_one_is_made(self, portal):
        from django.conf import settings

        from polyarb_site.locks import FileLock

        lock = FileLock(settings.RUN_DIR / "backups.lock")
        assert lock.acquire()
        try:
            with pytest.raises(ServiceRefused, match="is being made"):
                take()
        finally:
            lock.release()

        assert BackupRun.objects.count() == 0


class TestFailing:
    def test_a_full_disk_is_a_failed_row_with_the_reason_and_no_folder(self, portal, monkeypatch):
        monkeypatch.setattr(archive.disk, "free_bytes", lambda folder: 1_000)
        row = take()

        assert row.state == "FAILED"
        assert "MiB are needed" in row.problem
        assert not folder(row).exists()
        assert left_behind() == []

    def test_the_audit_keeps_the_failure(self, portal, monkeypatch):
        monkeypatch.setattr(archive.disk, "free_bytes", lambda folder: 1_000)
        row = take()

        event = AuditEvent.objects.order_by("-sequence").first()
        assert (event.action, event.target) == ("backup.fail", f"backup:{row.name}")

    def test_being_asked_to_stop_is_a_failure_too(self, portal):
        row = take(should_stop=lambda: True)

        assert row.state == "FAILED"
        assert row.problem.startswith("STOPPED")
        assert left_behind() == []


class TestVerifyingAgain:
    def test_a_good_one_stays_verified(self, portal):
        row = take()
        before = row.verified_at

        again = verify(row)
        assert again.state == "VERIFIED"
        assert again.verified_at > before

    def test_one_that_was_changed_fails_and_says_which_file(self, portal, database_file):
        row = take()
        path = folder(row) / database_file
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

        again = verify(row)
        assert again.state == "FAILED"
        assert again.problem.startswith("CHECKSUM")
        assert database_file in again.problem

    def test_one_whose_metadata_was_written_anew_fails(self, portal):
        """Whoever changes a backup and all its hashes does not know what the database noted."""
        row = take()
        path = folder(row) / metadata.FILE
        told = metadata.parse(path.read_bytes())
        path.write_bytes(metadata.render(type(told)(**{**_fields(told), "commit": "forged"})))

        again = verify(row)
        assert (again.state, again.problem[:8]) == ("FAILED", "METADATA")

    def test_one_that_is_not_there_says_nothing_about_itself(self, portal):
        row = take()
        folder(row).rename(folder(row).with_name("away"))
        with pytest.raises(BackupFailed) as caught:
            verify(row)

        assert caught.value.fault is Fault.NOT_THERE
        assert BackupRun.objects.get(pk=row.pk).state == "VERIFIED"

    def test_an_unknown_name_is_refused(self, portal):
        with pytest.raises(NotFound):
            verify(BackupRun(name="20200101_0000"))


def _fields(told):
    return {name: getattr(told, name) for name in told.__dataclass_fields__}


class TestWhatIsLeftOut:
    def test_sessions_and_queued_tasks_stay_on_the_machine(self, portal, client, viewer):
        client.force_login(viewer)
        key = client.session.session_key
        row = take()

        assert row.state == "VERIFIED"
        assert row.facts["rows"]["django_session"] == 0
        assert key.encode() not in _plain(row, portal)

    def test_nor_do_they_stay_in_free_pages(self, portal, client, viewer):
        client.force_login(viewer)
        key = client.session.session_key
        client.session.flush()
        row = take()

        assert key.encode() not in _plain(row, portal)


def _plain(row, where):
    """Return the database of a backup as it is inside."""
    told, _ = metadata.read(folder(row))
    unpacked = archive.unpack_all(folder(row), told, where / f"plain-{row.name}")
    return unpacked.database.read_bytes()


class TestCommands:
    def test_backup_state_prints_what_people_need(self, portal):
        status, out, _ = run_command("backup_state")
        row = BackupRun.objects.get()

        assert status == 0
        for text in (row.name, row.path, f"{row.size_bytes:,}", row.sha256, "verified   true"):
            assert text in out
        assert row.facts["audit_sha256"] in out

    def test_backup_state_prints_json(self, portal):
        status, out, _ = run_command("backup_state", "--json", "--kind", "pre_live")
        told = json.loads(out)

        assert status == 0
        assert (told["verified"], told["kind"], told["pinned"]) == (True, "PRE_LIVE", True)
        assert told["bytes"] > 0
        assert told["seconds"] > 0
        assert told["path"].endswith(told["name"])

    def test_a_failed_one_ends_with_2_and_the_reason(self, portal, monkeypatch):
        monkeypatch.setattr(archive.disk, "free_bytes", lambda folder: 1_000)
        status, out, err = run_command("backup_state")

        assert status == 2
        assert "verified   false" in out
        assert "MiB are needed" in err

    def test_verify_backup_ends_with_0_1_and_2(self, portal):
        row = take()
        assert run_command("verify_backup", row.name)[0] == 0

        (folder(row) / "config.tar.zst").write_bytes(b"")
        status, _, err = run_command("verify_backup", row.name)
        assert status == 1
        assert "config.tar.zst" in err

        folder(row).rename(folder(row).with_name("away"))
        assert run_command("verify_backup", row.name)[0] == 2
        assert run_command("verify_backup", "20200101_0000")[0] == 1


def test_the_copy_is_a_whole_database(portal):
    if connection.vendor != "sqlite":
        return  # a dump is none
    row = take()
    told, _ = metadata.read(folder(row))
    unpacked = archive.unpack_all(folder(row), told, portal / "plain")

    with sqlite3.connect(unpacked.database) as copy:
        assert copy.execute("SELECT count(*) FROM audit_auditevent").fetchone() == (5,)
