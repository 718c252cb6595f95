"""Checks of the journal: no gap, as far as it can be read, and writable."""

import hashlib
from datetime import timedelta
from types import SimpleNamespace

import pytest

from polyarb_site.clock import SystemClock
from tests.checks.looking import journal_of, look, ran, replayed, status
from tests.conftest import NOON
from tests.helpers.journals import a_journal, until
from trading.journal import FRAME, JournalLimits, JournalWriter, segments
from trading.models import EngineSession


@pytest.fixture
def place(settings, tmp_path):
    """Directories of this test alone."""
    settings.DATA_DIR = tmp_path
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_COPY_DIR = None
    settings.RUN_DIR = tmp_path / "run"
    return tmp_path


def in_segments(directory, key="main-7"):
    """Write a journal of several segments, so that its older part need not be read."""
    limits = JournalLimits(write_every_ms=1, segment_bytes_max=2_000, disk_free_bytes_min=1)
    writer = JournalWriter(directory, key, limits=limits, clock=SystemClock())
    writer.start()
    for number in range(12):
        # Nothing that could be compressed, so that each fills half a segment.
        body = b"".join(hashlib.sha256(b"%d %d" % (number, part)).digest() for part in range(32))
        writer.append(FRAME, 1_000 + number, body, connection=3)
        writer._wake.set()
        until(lambda done=writer.next_sequence - 1: writer.written_sequence == done)
    writer.close(9_999)
    return segments(directory)


@pytest.mark.django_db
class TestJournalContinuous:
    CHECK = "data.journal_continuous"

    def test_passes_when_every_record_is_there(self, place, profile):
        ran(profile, journal_sequence=6)
        a_journal(journal_of(place))

        word, reason = status(self.CHECK)

        assert word == "PASS"
        assert "1 journal without a gap, the newest up to record 7" in reason

    def test_fails_for_a_flipped_bit_and_names_the_session(self, place, profile):
        ran(profile)
        segment = a_journal(journal_of(place))
        broken = bytearray(segment.read_bytes())
        broken[-40] ^= 1
        segment.write_bytes(broken)

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert reason.startswith("main-7: FLIPPED_BIT in 000001.journal")

    def test_fails_for_an_end_that_only_the_database_knows(self, place, profile):
        ran(profile, journal_sequence=99)
        a_journal(journal_of(place))

        assert status(self.CHECK)[0] == "FAIL"

    def test_fails_for_a_journal_that_vanished(self, place, profile):
        ran(profile)

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "restore it from a backup" in reason

    def test_on_another_host_is_judged_by_its_replay(self, place, profile):
        session = ran(profile, owner="elsewhere:1:1:7", journal_sequence=20)
        assert status(self.CHECK)[0] == "UNKNOWN"

        replayed(session, last_sequence=20)
        assert status(self.CHECK)[0] == "PASS"

    def test_passes_over_one_that_retention_removed_with_an_audit_record(self, place, profile):
        ran(profile, token=6, journal_removed_at=NOON, ended_at=NOON)
        ran(profile)
        a_journal(journal_of(place))

        assert status(self.CHECK)[0] == "PASS"

    def test_without_any_session_is_unknown(self, place, db):
        seen = look(self.CHECK)

        assert seen.status == "UNKNOWN"
        assert "no session of the last 7 days on the feed simulator" in seen.reason
        assert "start_shadow" in seen.remedy

    def test_of_another_feed_proves_nothing(self, place, profile):
        ran(profile, feed="recorded")
        a_journal(journal_of(place))

        assert status(self.CHECK, venue="simulator")[0] == "UNKNOWN"
        assert status(self.CHECK, venue="recorded")[0] == "PASS"

    def test_what_ended_long_ago_is_not_asked_about(self, place, profile):
        ran(profile, token=6, ended_at=NOON - timedelta(days=8))  # its journal is not there
        ran(profile)
        a_journal(journal_of(place))

        assert status(self.CHECK)[0] == "PASS"


@pytest.mark.django_db
class TestJournalTooLongToRead:
    CHECK = "data.journal_continuous"

    @pytest.fixture
    def long(self, place, profile, monkeypatch):
        monkeypatch.setattr("checks.catalogue.data.JOURNAL_BYTES_MAX", 1)
        session = ran(profile)
        paths = in_segments(journal_of(place))
        assert len(paths) > 3
        return SimpleNamespace(session=session, paths=paths)

    def test_is_unknown_while_no_replay_has_read_the_rest(self, long):
        seen = look(self.CHECK)

        assert seen.status == "UNKNOWN"
        assert "were read by no replay" in seen.reason
        assert seen.remedy == "run: manage.py replay main-7"

    def test_passes_when_a_replay_has_read_the_rest(self, long):
        replayed(long.session, last_sequence=13)
        seen = look(self.CHECK)

        assert seen.status == "PASS"
        (told,) = seen.evidence["sessions"]
        assert told["read_now_from"] > 1
        assert told["read_bytes"] == long.paths[-1].stat().st_size

    def test_is_unknown_when_the_replay_has_read_less(self, long):
        replayed(long.session, last_sequence=3)

        assert status(self.CHECK)[0] == "UNKNOWN"

    def test_fails_when_its_replay_could_not_read_it(self, long):
        replayed(long.session, last_sequence=13)
        replayed(long.session, verdict="UNREADABLE", problem="a flipped bit")

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "a flipped bit" in reason

    def test_fails_when_a_segment_before_the_end_is_gone(self, long):
        replayed(long.session, last_sequence=13)
        long.paths[1].unlink()

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "MISSING_SEGMENT" in reason

    def test_an_older_session_is_judged_by_its_replay_alone(self, long, place, profile):
        replayed(long.session, last_sequence=13)
        EngineSession.objects.update(ended_at=NOON)
        ran(profile, token=8)
        in_segments(journal_of(place, "main-8"), "main-8")
        replayed(EngineSession.objects.get(token=8), last_sequence=13)

        seen = look(self.CHECK)

        assert seen.status == "PASS"
        assert [one["read_bytes"] > 0 for one in seen.evidence["sessions"]] == [True, False]


class TestJournalWritable:
    CHECK = "data.journal_writable"

    def test_passes_and_leaves_nothing_behind(self, place):
        assert status(self.CHECK)[0] == "PASS"
        assert list((place / "journal").iterdir()) == []

    def test_fails_where_no_directory_can_be(self, place, settings):
        (place / "file").write_text("")
        settings.JOURNAL_DIR = place / "file" / "journal"

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "Not a directory" in reason

    def test_fails_when_journals_have_used_up_their_room(self, place, settings):
        settings.JOURNAL_BYTES_MAX = 100
        directory = journal_of(place)
        directory.mkdir(parents=True)
        (directory / "000001.journal").write_bytes(bytes(101))

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "POLYARB_JOURNAL_MIB_MAX" in reason
