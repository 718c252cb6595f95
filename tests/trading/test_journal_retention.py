"""Old journals go: whole closed sessions, oldest first, and never one that something needs."""

import json
import shutil
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection

from polyarb_site.audit.models import AuditEvent
from polyarb_site.environment import Environment
from tests.helpers.clocks import NOON
from tests.helpers.commands import run_command
from tests.helpers.facts import a_session
from tests.helpers.journals import a_journal
from trading import tasks
from trading.journal import journal_directory
from trading.journal.retention import RetentionRules, StoredJournal, plan_retention
from trading.models import EngineSession
from trading.runtime.times import shift_times
from trading.services import remove_old_journals

RULES = RetentionRules(bytes_max=1_000, age_max=timedelta(days=90), age_min=timedelta(days=14))


@pytest.fixture(autouse=True)
def no_guards(settings):
    """What backups have to say is a test of theirs: tests/reports/test_journal_guard.py."""
    settings.JOURNAL_GUARDS = []


def stored(tmp_path, key, days, *, size=100, keep=""):
    ended_at = None if days is None else NOON - timedelta(days=days)
    return StoredJournal(directory=tmp_path / key, size_bytes=size, ended_at=ended_at, keep=keep)


def goes(plan):
    return [removal.journal.directory.name for removal in plan.removals]


class TestThePlan:
    def test_takes_what_is_too_old_and_nothing_else(self, tmp_path):
        plan = plan_retention(
            [stored(tmp_path, "young", 89), stored(tmp_path, "old", 91)], RULES, NOON
        )

        assert goes(plan) == ["old"]
        assert plan.removals[0].reason == "older than 90 days"
        assert (plan.bytes_after, plan.too_full, plan.kept_back) == (100, False, ())

    def test_takes_the_oldest_until_a_fifth_of_the_room_is_free(self, tmp_path):
        journals = [stored(tmp_path, f"s{days}", days, size=300) for days in (20, 40, 30, 50)]

        plan = plan_retention(journals, RULES, NOON)

        assert goes(plan) == ["s50", "s40"]
        assert "80 %" in plan.removals[0].reason
        assert (plan.bytes_after, plan.too_full) == (600, False)

    def test_never_takes_a_running_session_however_full_it_is(self, tmp_path):
        plan = plan_retention([stored(tmp_path, "running", None, size=5_000)], RULES, NOON)

        assert (goes(plan), plan.too_full) == ([], True)

    def test_never_takes_one_younger_than_the_shortest_time(self, tmp_path):
        journals = [stored(tmp_path, "fresh", 13, size=900), stored(tmp_path, "other", 15)]

        plan = plan_retention(journals, RULES, NOON)

        assert goes(plan) == ["other"]
        assert [why for _, why in plan.kept_back] == ["younger than 14 days"]
        assert plan.too_full

    def test_passes_over_what_is_held_back_and_takes_the_next(self, tmp_path):
        held = stored(tmp_path, "held", 99, size=500, keep="no backup has it")
        plan = plan_retention([stored(tmp_path, "next", 20, size=500), held], RULES, NOON)

        assert goes(plan) == ["next"]
        assert plan.kept_back == ((held, "no backup has it"),)

    def test_counts_what_no_session_of_ours_wrote(self, tmp_path):
        journals = [stored(tmp_path, "one", 20)]

        assert goes(plan_retention(journals, RULES, NOON)) == []
        assert goes(plan_retention(journals, RULES, NOON, other_bytes=750)) == ["one"]


@pytest.fixture
def place(tmp_path, settings):
    settings.JOURNAL_DIR = tmp_path / "journal"
    return settings.JOURNAL_DIR


@pytest.fixture
def written(place, profile):
    """Make a session that ended so many days ago, with its journal."""

    def written(token, days):
        ended_at = None if days is None else NOON - timedelta(days=days)
        session = a_session(profile, token=token, ended_at=ended_at, journal_sequence=7)
        a_journal(journal_directory(place, "main", session.key))
        return session

    return written


def keys(place):
    return sorted(path.name for path in (place / "main").iterdir())


@pytest.mark.django_db
class TestRemoving:
    def test_removes_whole_sessions_and_records_each_in_the_audit(self, place, written):
        old = written(1, 91)
        written(2, 10)

        result = remove_old_journals(NOON)

        assert (result.removed, keys(place)) == (("main-1",), ["main-2"])
        assert result.freed_bytes > 0
        old.refresh_from_db()
        assert old.journal_removed_at == NOON
        event = AuditEvent.objects.get(action="journal.remove")
        assert (event.target, event.actor_name) == ("journal:main/main-1", "journal retention")
        assert event.reason == "older than 90 days"
        assert event.before["last_sequence"] == 7
        assert event.before["size_bytes"] == result.freed_bytes

    def test_asked_again_it_finds_nothing_more(self, written, place):
        written(1, 91)
        written(2, 1)
        remove_old_journals(NOON)

        assert remove_old_journals(NOON).removed == ()
        assert AuditEvent.objects.filter(action="journal.remove").count() == 1

    def test_keeps_a_session_that_nobody_closed(self, place, written):
        written(1, None)

        assert remove_old_journals(NOON + timedelta(days=999)).removed == ()
        assert keys(place) == ["main-1"]

    def test_keeps_a_session_whose_lease_still_has_an_owner(self, place, written):
        written(1, 400)  # a_session has given it the lease

        assert remove_old_journals(NOON).removed == ()

    def test_keeps_what_a_guard_wants_kept_and_says_why(self, place, written):
        written(1, 95)
        written(2, 94)
        written(3, 1)

        result = remove_old_journals(
            NOON, guards=[lambda _, key: "no backup has it" if key == "main-1" else ""]
        )

        assert (result.removed, result.kept_back) == (
            ("main-2",),
            (("main-1", "no backup has it"),),
        )

    def test_guards_are_named_in_the_settings(self, place, written, settings):
        written(1, 95)
        written(2, 1)
        settings.JOURNAL_GUARDS = ["tests.trading.test_journal_retention.keep_all"]

        assert tasks.remove_old_journals() == "0 removed, 0 bytes freed"

    def test_says_when_it_is_too_full_and_nothing_may_go(self, place, written):
        written(1, 3)
        written(2, 2)
        tight = RetentionRules(bytes_max=10, age_max=RULES.age_max, age_min=RULES.age_min)

        result = remove_old_journals(NOON, rules=tight)

        assert result.too_full
        assert "nothing more may go: younger than 14 days" in result.text

    def test_a_journal_that_the_database_does_not_know_stays(self, place, written):
        written(1, 91)
        written(2, 1)
        a_journal(place / "main" / "main-1.replaced-1")

        remove_old_journals(NOON)

        assert keys(place) == ["main-1.replaced-1", "main-2"]


@pytest.mark.django_db
class TestCutOffInTheMiddle:
    def test_after_the_decision_it_is_carried_out(self, place, written):
        session = written(1, 91)
        written(2, 1)
        EngineSession.objects.filter(pk=session.pk).update(journal_removed_at=NOON)
        (place / "main" / "main-1").rename(place / "main" / ".removed-main-1")

        remove_old_journals(NOON)

        assert keys(place) == ["main-2"]

    def test_before_the_decision_it_is_taken_back(self, place, written):
        written(1, 20)
        written(2, 1)
        (place / "main" / "main-1").rename(place / "main" / ".removed-main-1")

        assert remove_old_journals(NOON).removed == ()
        assert keys(place) == ["main-1", "main-2"]

    @pytest.mark.django_db(transaction=True)
    def test_a_commit_that_fails_leaves_the_journal_where_it_was(self, place, written, monkeypatch):
        session = written(1, 91)
        written(2, 1)

        def failing(directory):
            doomed = directory.rename(directory.with_name(".removed-main-1"))
            monkeypatch.setattr(connection, "commit", fail)
            return doomed

        def fail(*_):
            raise OperationalError("the disk of the database is full")

        monkeypatch.setattr("trading.services.journals.doom", failing)
        with pytest.raises(OperationalError):
            remove_old_journals(NOON)

        assert keys(place) == ["main-1", "main-2"]
        session.refresh_from_db()
        assert session.journal_removed_at is None


def keep_all(_account, _key):
    return "the test wants it"


class TestSettings:
    def test_have_safe_defaults(self):
        assert django_settings.JOURNAL_BYTES_MAX == 100 * 1_024**3
        assert (django_settings.JOURNAL_DAYS_MIN, django_settings.JOURNAL_DAYS_MAX) == (14, 90)
        assert shift_times().journal.bytes_max == django_settings.JOURNAL_BYTES_MAX
        assert shift_times().journal.disk_free_bytes_min == 1_024**3

    def test_name_the_variable_that_is_wrong(self):
        with pytest.raises(Exception, match="POLYARB_JOURNAL_DAYS_MAX is '7'"):
            Environment({"POLYARB_JOURNAL_DAYS_MAX": "7"}).integer(
                "POLYARB_JOURNAL_DAYS_MAX", 90, lowest=14, highest=36_500
            )


@pytest.mark.django_db
class TestTheCommand:
    def test_says_of_the_newest_session_that_it_is_whole(self, written):
        written(1, 2)
        written(2, 1)

        status, said, _ = run_command("verify_journal")

        assert status == 0
        assert said.startswith("main-2")
        assert "SOUND" in said
        assert "7 records, 1 segments" in said

    def test_names_file_byte_and_record_of_damage_and_exits_with_1(self, place, written):
        written(1, 2)
        segment = place / "main" / "main-1" / "000001.journal"
        data = bytearray(segment.read_bytes())
        data[-1] ^= 4
        segment.write_bytes(data)

        status, said, complained = run_command("verify_journal", "main-1")

        assert status == 1
        assert "FLIPPED_BIT in 000001.journal at byte" in said
        assert "1 of 1 journals are not whole: main-1" in complained

    def test_misses_an_end_that_only_the_database_knows_of(self, written):
        session = written(1, 2)
        EngineSession.objects.filter(pk=session.pk).update(journal_sequence=9)

        status, said, _ = run_command("verify_journal", "main-1", "--json")

        (found,) = json.loads(said)
        assert (status, found["state"]) == (1, "DAMAGED")
        assert found["damage"][0]["kind"] == "CUT_OFF"

    def test_looks_at_all_and_excuses_what_retention_removed(self, place, written):
        written(1, 91)
        written(2, 2)
        written(3, None)
        remove_old_journals(NOON)

        status, said, _ = run_command("verify_journal", "--all")
        assert (status, [line.split()[0] for line in said.splitlines()[::2]]) == (
            0,
            ["main-3", "main-2"],
        )
        status, said, _ = run_command("verify_journal", "main-1")
        assert status == 0
        assert "retention removed it on 2026-10-01" in said

    def test_a_journal_that_is_gone_is_missing_here_or_lies_elsewhere(self, place, written):
        session = written(1, 2)
        shutil.rmtree(place / "main" / "main-1")

        status, said, _ = run_command("verify_journal", "main-1")
        assert (status, "written on the host host" in said) == (0, True)

        EngineSession.objects.filter(pk=session.pk).update(owner="")
        status, said, complained = run_command("verify_journal", "main-1")
        assert (status, "MISSING" in said) == (1, True)
        assert "restore them from a backup" in complained

    @pytest.mark.parametrize(
        ("arguments", "remedy"),
        [
            (["main-9"], "the admin's list of engine sessions"),
            (["main-9", "--all"], "not both"),
            ([], "start the engine, or name another --account"),
        ],
    )
    def test_refuses_with_a_remedy(self, place, arguments, remedy):
        status, _, complained = run_command("verify_journal", *arguments)

        assert status == 1
        assert remedy in complained
