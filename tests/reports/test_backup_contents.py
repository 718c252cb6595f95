"""What a backup shares with the one before, and yesterday's report made again from it."""

from datetime import timedelta

from reports.backups import disk, metadata
from reports.backups.members import new_identity
from reports.models import BackupRun
from tests.reports.taking import files, folder, take, verify


class TestJournals:
    """They are large and mostly finished: what did not change is shared with the backup before."""

    FILE = "journal-main~main-7.tar.zst"

    def both(self):
        first, second = take(), take()
        assert (first.state, second.state) == ("VERIFIED", "VERIFIED")
        return folder(first) / self.FILE, folder(second) / self.FILE

    def test_that_did_not_change_are_one_file(self, portal):
        first, second = self.both()

        assert first.stat().st_ino == second.stat().st_ino

    def test_stay_whole_in_the_second_when_the_first_is_gone(self, portal):
        first, _ = self.both()
        disk.remove_folder(first.parent)
        second = BackupRun.objects.order_by("-id").first()

        assert verify(second).state == "VERIFIED"

    def test_that_grew_are_written_anew(self, portal, settings):
        take()
        segment = settings.JOURNAL_DIR / "main" / "main-7" / "000001.journal"
        segment.write_bytes(segment.read_bytes() + b"more")
        second = take()

        assert second.state == "VERIFIED"
        assert (folder(second) / self.FILE).stat().st_nlink == 1

    def test_whose_earlier_file_is_damaged_are_written_anew(self, portal):
        first = take()
        path = folder(first) / self.FILE
        path.write_bytes(path.read_bytes()[:-1])
        second = take()

        assert second.state == "VERIFIED"
        assert (folder(second) / self.FILE).stat().st_nlink == 1

    def test_are_shared_encrypted_too_and_open_with_the_key(self, portal, settings):
        identity, recipient = new_identity()
        settings.BACKUP_RECIPIENT = str(recipient)
        self.FILE = f"{self.FILE}.age"
        first, second = self.both()
        assert first.stat().st_ino == second.stat().st_ino

        key = portal / "identity"
        key.write_text(f"{identity}\n")
        newest = BackupRun.objects.order_by("-id").first()
        assert verify(newest, identity_file=key).state == "VERIFIED"

    def test_of_an_open_backup_are_not_shared_with_an_encrypted_one(self, portal, settings):
        take()
        _, recipient = new_identity()
        settings.BACKUP_RECIPIENT = str(recipient)
        second = take()

        assert second.state == "VERIFIED"
        assert all(name.endswith(".age") for name in files(second) if name != "metadata.json")


class TestYesterdaysReport:
    def test_is_made_again_from_the_copy_and_is_the_same(self, portal):
        row = take()
        told, _ = metadata.read(folder(row))

        assert row.state == "VERIFIED"
        assert list(told.facts["reports"]) == ["main"]
        assert told.facts["report_day"] == str(row.started_at.date() - timedelta(days=1))

    def test_that_comes_out_differently_is_a_failure(self, portal, monkeypatch):
        monkeypatch.setattr(
            "reports.services.rebuilding._hashes", lambda day: {"main": "of other facts"}
        )
        row = take()

        assert row.state == "FAILED"
        assert row.problem.startswith("REPORT: the report of main of ")

    def test_whose_facts_still_came_in_is_not_compared_and_that_is_noted(self, portal, monkeypatch):
        hashes = iter([{"main": "before"}, {"main": "after"}])
        monkeypatch.setattr("reports.services.rebuilding._hashes", lambda day: next(hashes))
        row = take()

        assert row.state == "VERIFIED"
        assert metadata.read(folder(row))[0].facts["reports"] == {"main": ""}

    def test_of_another_program_is_not_compared(self, portal, monkeypatch):
        monkeypatch.setattr(
            "reports.services.rebuilding._hashes", lambda day: {"main": "in other words"}
        )
        monkeypatch.setattr("reports.services.proving.host_and_commit", lambda: ("h", "another"))

        assert take().state == "VERIFIED"
