"""Checks of the audit chain and of backups."""

from datetime import timedelta

import pytest
from django.db import connection

from polyarb_site.audit import append_only
from polyarb_site.audit.models import ChainCheck
from reports.models import BackupRun
from reports.services import verify_audit_chain
from tests.checks.looking import journal_of, look, status
from tests.conftest import NOON
from tests.helpers.audit import note
from tests.helpers.journals import a_journal
from tests.reports.taking import folder, take

EDIT = "UPDATE audit_auditevent SET reason = 'forged' WHERE sequence = 4"


@pytest.fixture
def place(settings, tmp_path):
    """Directories of this test alone."""
    settings.DATA_DIR = tmp_path
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_COPY_DIR = None
    settings.RUN_DIR = tmp_path / "run"
    return tmp_path


@pytest.mark.django_db
class TestAuditChain:
    CHECK = "data.audit_chain"

    @pytest.fixture
    def records(self, place):
        for number in range(9):
            note(after={"n": number})

    def forge(self):
        with append_only.lifted(connection), connection.cursor() as cursor:
            cursor.execute(EDIT)

    def test_a_short_one_is_verified_as_a_whole(self, records):
        seen = look(self.CHECK)

        assert seen.status == "PASS"
        assert seen.evidence["verified_now"] == 9
        assert seen.evidence["walked"] == 0

    def test_a_short_one_with_a_forged_record_fails(self, records):
        self.forge()
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "record 4" in reason

    @pytest.fixture
    def long(self, records, monkeypatch):
        """What a million records are: more than can be verified at once."""
        monkeypatch.setattr(
            "reports.selectors.audit_state.audit_state.__kwdefaults__", {"rows_max": 5}
        )

    def test_a_long_one_without_a_walk_is_unknown(self, long):
        seen = look(self.CHECK)

        assert seen.status == "UNKNOWN"
        assert seen.remedy == "run: manage.py verify_audit"

    def test_a_long_one_is_verified_from_where_the_walk_ended(self, long):
        verify_audit_chain()
        ChainCheck.objects.update(at=NOON - timedelta(minutes=50))
        note()
        seen = look(self.CHECK)

        assert seen.status == "PASS"
        assert (seen.evidence["walked"], seen.evidence["verified_now"]) == (9, 1)
        assert "9 records held 50 min ago, 1 record hold now" in seen.reason

    def test_a_walk_of_yesterday_proves_nothing(self, long):
        verify_audit_chain()
        ChainCheck.objects.update(at=NOON - timedelta(hours=26))

        assert status(self.CHECK)[0] == "UNKNOWN"

    def test_a_walk_of_the_future_proves_nothing(self, long):
        verify_audit_chain()
        ChainCheck.objects.update(at=NOON + timedelta(hours=1))

        assert status(self.CHECK)[0] == "UNKNOWN"

    def test_a_walk_that_found_it_broken_fails(self, long):
        self.forge()
        verify_audit_chain()
        ChainCheck.objects.update(at=NOON)

        assert status(self.CHECK)[0] == "FAIL"

    def test_a_record_forged_behind_the_walk_fails(self, long):
        verify_audit_chain()
        ChainCheck.objects.update(at=NOON)
        note()
        note()
        with append_only.lifted(connection), connection.cursor() as cursor:
            cursor.execute("UPDATE audit_auditevent SET reason = 'forged' WHERE sequence = 10")

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "record 10" in reason

    def test_another_chain_than_the_one_that_was_walked_fails(self, long):
        verify_audit_chain()
        ChainCheck.objects.update(at=NOON, head_sha256="f" * 64)

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "is not the one that was verified" in reason

    def test_too_many_since_the_walk_are_unknown(self, long):
        verify_audit_chain()
        ChainCheck.objects.update(at=NOON)
        for _ in range(6):
            note()

        word, reason = status(self.CHECK)

        assert word == "UNKNOWN"
        assert "more than 5 records" in reason


class TestBackup:
    """G4, B1, B2, B3: no check of a backup at all; and copies that nobody ever restored."""

    CHECK = "data.backup_verified"

    @pytest.fixture
    def backup(self, place, transactional_db, mandate, profile, settings):
        a_journal(journal_of(place))
        taken = take()
        assert taken.state == "VERIFIED"
        self.aged(taken, timedelta(hours=23))
        return BackupRun.objects.get(pk=taken.pk)

    def aged(self, backup, age):
        BackupRun.objects.filter(pk=backup.pk).update(started_at=NOON - age)

    def test_of_the_last_day_that_was_restored_passes(self, backup):
        word, reason = status(self.CHECK)

        assert word == "PASS"
        assert reason == f"{backup.name} is 23 h old, and was restored and compared"

    def test_of_a_day_ago_fails(self, backup):
        self.aged(backup, timedelta(hours=24))

        assert status(self.CHECK)[0] == "FAIL"

    def test_of_the_future_is_unknown(self, backup):
        self.aged(backup, timedelta(hours=-1))

        assert status(self.CHECK)[0] == "UNKNOWN"

    def test_b3_one_that_nobody_restored_does_not_count(self, backup):
        BackupRun.objects.filter(pk=backup.pk).update(state="TAKEN", verified_at=None)
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert f"{backup.name}, is TAKEN" in reason

    def test_b1_one_whose_database_is_gone_fails(self, backup):
        next(p for p in folder(backup).iterdir() if p.name.startswith("database")).unlink()

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "is not what it was" in reason

    def test_b3_one_whose_description_was_written_anew_fails(self, backup):
        BackupRun.objects.filter(pk=backup.pk).update(sha256="0" * 64)

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "metadata.json is not the one that was verified" in reason

    def test_whose_file_was_cut_fails(self, backup):
        database = next(p for p in folder(backup).iterdir() if p.name.startswith("database"))
        database.write_bytes(database.read_bytes()[:-1])

        assert "has another size" in status(self.CHECK)[1]

    def test_that_was_never_taken_fails(self, place, db):
        assert status(self.CHECK) == ("FAIL", "no backup was ever restored and compared")

    def test_in_one_place_only_fails_the_least_of_priorities(self, backup):
        assert status("data.second_copy") == ("FAIL", "no second place for backups is named")

    def test_copied_to_a_second_place_passes(self, backup, place, settings):
        settings.BACKUP_COPY_DIR = place / "copies"
        BackupRun.objects.update(second_target=f"copied to {place / 'copies'}")

        assert status("data.second_copy")[0] == "PASS"

    def test_whose_copy_failed_fails(self, backup, place, settings):
        settings.BACKUP_COPY_DIR = place / "copies"
        BackupRun.objects.update(second_target="failed: no room")

        assert status("data.second_copy")[0] == "FAIL"
