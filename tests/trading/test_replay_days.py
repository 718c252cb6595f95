"""Verdicts on sessions and days: journal against engine, and both against the ledger."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from polyarb_site.clock import SystemClock
from tests.helpers.clocks import NOON, FixedClock, to_ns
from tests.helpers.commands import run_command
from tests.helpers.facts import a_session
from tests.helpers.recorded_sessions import LIMITS, Session
from trading import tasks
from trading.journal import journal_directory
from trading.ledger import FactBatch
from trading.models import EngineSession, LedgerEntry, ReplayRun
from trading.replaying import recorded_tally, replay_journal, trial
from trading.selectors.replays import day_verdict, newest_replays
from trading.services.replays import (
    ask_for_replays,
    due_replays,
    judge,
    replay_due,
    sessions_of_day,
)

pytestmark = pytest.mark.django_db

DAY = NOON.date()
NIGHT = datetime(2026, 10, 2, 0, 20, tzinfo=UTC)
LATE = datetime(2026, 10, 1, 23, 59, 59, 850_000, tzinfo=UTC)


@pytest.fixture
def place(settings, tmp_path):
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.RUN_DIR = tmp_path / "run"
    return settings.JOURNAL_DIR


@pytest.fixture
def traded(place, profile):
    """A session that traded, its journal and its rows."""

    def traded(start=NOON, *, twist=lambda commands: commands, **values):
        directory = journal_directory(place, "main", "main-7")
        recorded = Session(directory, twist, start_ns=to_ns(start)).trade().close()
        values = {
            "started_at": start,
            "ended_at": start + timedelta(seconds=2),
            "journal_sequence": recorded.writer.written_sequence,
            **values,
        }
        session = a_session(profile, **values)
        batch = FactBatch(session.pk, "main")
        for fact in recorded.facts:
            batch.add(fact)
        batch.write(start)
        session.recorded = recorded
        return session

    return traded


def segment_of(place):
    return place / "main" / "main-7" / "000001.journal"


class TestAVerdict:
    def test_is_the_same_when_commands_and_money_are(self, traded):
        run = judge(traded(), DAY, SystemClock())

        assert (run.verdict, run.problem, run.differences) == ("SAME", "", [])
        assert run.realised_micro == run.ledger_micro > 0
        assert run.sha256 == run.recorded_sha256
        assert run.inputs > 10
        assert run.commands > 10
        assert (run.complete, run.version, run.account) == (True, "0.1.0", "main")

    def test_finds_a_ledger_that_says_another_sum(self, traded):
        session = traded()
        LedgerEntry.objects.filter(kind="MERGE").update(realised_micro=F("realised_micro") + 1)

        run = judge(session, DAY, SystemClock())

        assert run.verdict == "DIFFERENT"
        assert run.ledger_micro == run.realised_micro + 1
        assert "the replay realised" in run.problem
        assert run.sha256 == run.recorded_sha256  # the commands are as they were

    def test_finds_commands_that_are_not_what_the_journal_has(self, traded):
        run = judge(
            traded(twist=lambda c: [b.replace(b"CASH", b"CASX") for b in c]), DAY, SystemClock()
        )

        assert run.verdict == "DIFFERENT"
        assert "commands are not what the journal has, the first for record" in run.problem
        assert "it was recorded by version 1" in run.problem
        assert run.different >= len(run.differences) > 0
        assert set(run.differences[0]) == {"sequence", "recorded", "produced"}

    def test_is_unreadable_when_the_journal_is_damaged(self, traded, place):
        session = traded()
        data = bytearray(segment_of(place).read_bytes())
        data[len(data) // 2] ^= 1
        segment_of(place).write_bytes(data)

        run = judge(session, DAY, SystemClock())

        assert (run.verdict, run.realised_micro) == ("UNREADABLE", None)
        assert "FLIPPED_BIT in 000001.journal at byte" in run.problem

    def test_is_unreadable_when_the_database_knows_more_than_the_journal(self, traded):
        session = traded()
        EngineSession.objects.update(journal_sequence=F("journal_sequence") + 1)

        run = judge(session, DAY, SystemClock())

        assert run.verdict == "UNREADABLE"
        assert "CUT_OFF" in run.problem

    def test_is_unreadable_when_the_journal_is_gone_and_says_where_it_went(self, traded, place):
        session = traded()
        shutil.rmtree(place / "main")

        assert "written on the host host" in judge(session, DAY, SystemClock()).problem

    def test_compares_a_running_session_as_far_as_the_database_is(self, traded):
        session = traded(ended_at=None)
        entries = LedgerEntry.objects.filter(kind="MERGE")
        entries.update(realised_micro=0)  # not committed yet
        EngineSession.objects.update(journal_sequence=5)

        run = judge(session, DAY, SystemClock())

        assert (run.verdict, run.realised_micro, run.ledger_micro) == ("SAME", 0, 0)


class TestMidnight:
    def test_money_is_of_the_day_in_which_it_was_booked(self, traded, place):
        session = traded(LATE)
        booked = {
            day: sum(
                LedgerEntry.objects.filter(at__date=day).values_list("realised_micro", flat=True)
            )
            for day in (DAY, DAY + timedelta(days=1))
        }
        assert sum(booked.values()) > 0

        runs = [judge(session, day, SystemClock()) for day in booked]

        assert [run.verdict for run in runs] == ["SAME", "SAME"]
        assert [run.realised_micro for run in runs] == list(booked.values())
        assert all(run.inputs > 0 for run in runs)
        whole = replay_journal(journal_directory(place, "main", "main-7"))
        assert sum(run.inputs for run in runs) == whole.inputs

    def test_a_session_over_midnight_ran_in_both_days(self, traded):
        session = traded(LATE)

        for day, ran in ((0, True), (1, True), (2, False), (-1, False)):
            found = sessions_of_day("main", DAY + timedelta(days=day))
            assert (found == [session]) is ran


class TestTheNight:
    def test_owes_the_sessions_of_yesterday_from_twenty_past_midnight(self, traded):
        session = traded()

        assert list(due_replays(NIGHT - timedelta(minutes=1))) == []
        assert list(due_replays(NIGHT)) == [(session, DAY)]

    def test_replays_them_once_and_keeps_the_verdicts(self, traded):
        session = traded()

        assert replay_due(FixedClock(NIGHT), lambda: False) == "1 SAME"
        assert replay_due(FixedClock(NIGHT), lambda: False) == "nothing"

        run = ReplayRun.objects.get()
        assert (run.session, run.day, run.verdict) == (session, DAY, "SAME")
        assert run.at == NIGHT

    def test_makes_up_for_a_week_that_was_missed(self, traded):
        session = traded()

        assert list(due_replays(NIGHT + timedelta(days=6))) == [(session, DAY)]
        assert list(due_replays(NIGHT + timedelta(days=7))) == []

    def test_waits_for_a_session_that_was_cut_off_and_not_brought_in(self, traded):
        traded(ended_at=None, heartbeat_at=NOON)
        assert list(due_replays(NIGHT)) == []

        EngineSession.objects.update(heartbeat_at=NIGHT)  # it runs over midnight
        assert len(list(due_replays(NIGHT))) == 1

    def test_leaves_what_another_host_wrote_or_retention_removed(self, traded, place):
        traded()
        shutil.rmtree(place / "main")
        assert list(due_replays(NIGHT)) == []

        EngineSession.objects.update(owner="")
        assert len(list(due_replays(NIGHT))) == 1  # it should be here: that is worth a verdict
        EngineSession.objects.update(journal_removed_at=NOON)
        assert list(due_replays(NIGHT)) == []

    def test_ends_when_the_cluster_stops(self, traded, monkeypatch):
        traded()
        monkeypatch.setattr("trading.replaying.inputs.TELL_EVERY", 1)
        asked = iter([False, False, True])

        assert replay_due(FixedClock(NIGHT), lambda: next(asked)) == (
            "1 stopped in the middle of one"
        )
        assert not ReplayRun.objects.exists()

    def test_is_asked_for_only_when_something_is_due_and_nobody_is_at_it(self, traded, monkeypatch):
        asked = []
        monkeypatch.setattr(
            "trading.services.replays.async_task", lambda *a, **options: asked.append((a, options))
        )
        assert ask_for_replays(NIGHT) == "nothing to do"
        traded()

        assert ask_for_replays(NIGHT) == "asked, from main-7 of 2026-10-01 on"
        ((task,), options) = asked[0]
        assert task == "trading.tasks.replay_days"
        assert options["timeout"] == 21_600
        within = []

        def judging(*_args, **_options):
            within.append((ask_for_replays(NIGHT), replay_due(FixedClock(NIGHT), lambda: False)))
            return ReplayRun(
                session=EngineSession.objects.get(), day=DAY, at=NIGHT, verdict="SAME", took_ms=1
            )

        monkeypatch.setattr("trading.services.replays.judge", judging)
        replay_due(FixedClock(NIGHT), lambda: False)
        assert within == [("somebody is at it", "somebody is at it")]

    def test_the_tasks_do_it(self, place):
        assert tasks.ask_for_replays() == "nothing to do"
        assert tasks.replay_days() == "nothing"


class TestADay:
    def test_is_what_its_worst_session_is_and_unknown_while_one_is_not_replayed(self, traded):
        session = traded()
        sessions = [session]
        assert day_verdict("main", DAY, sessions) is None
        assert day_verdict("main", DAY, []) is None

        judge(session, DAY, SystemClock()).save()
        assert day_verdict("main", DAY, sessions) == "SAME"
        other = a_session(session.profile, token=8)
        assert day_verdict("main", DAY, [session, other]) is None
        ReplayRun(
            session=other, account="main", day=DAY, at=NOON, verdict="UNREADABLE", took_ms=1
        ).save()
        assert day_verdict("main", DAY, [session, other]) == "UNREADABLE"
        ReplayRun(
            session=session, account="main", day=DAY, at=NOON, verdict="DIFFERENT", took_ms=1
        ).save()
        assert day_verdict("main", DAY, [session, other]) == "DIFFERENT"
        assert [run.verdict for run in newest_replays(session)] == ["DIFFERENT"]


class TestTheCommand:
    def test_of_a_day_says_that_everything_is_the_same_to_the_micro_dollar(self, traded):
        traded()

        status, said, complained = run_command("replay", "20261001", "--store")

        assert (status, complained) == (0, "")
        assert "main-7                   SAME" in said
        assert "SAME: 1 sessions" in said
        run = ReplayRun.objects.get()
        assert run.sha256 in said

    def test_of_a_day_takes_it_as_reports_write_it_too(self, traded):
        traded()

        status, said, _ = run_command("replay", "2026-10-01")
        assert (status, "SAME: 1 sessions" in said) == (0, True)

    def test_of_a_session_takes_every_day_that_it_ran_in(self, traded):
        traded(LATE)

        status, said, _ = run_command("replay", "main-7", "--json")

        assert status == 0
        assert [one["day"] for one in json.loads(said)] == ["2026-10-01", "2026-10-02"]
        assert not ReplayRun.objects.exists()

    def test_shows_the_difference_and_exits_with_1(self, traded):
        traded(twist=lambda c: [b.replace(b"CASH", b"CASX") for b in c])

        status, said, complained = run_command("replay", "20261001")

        assert (status, "not what was recorded" in complained) == (1, True)
        assert "DIFFERENT" in said
        assert "recorded RecordFact" in said
        assert "CASX" in said

    def test_exits_with_2_when_it_cannot_be_read(self, traded, place):
        traded()
        segment_of(place).write_bytes(b"")

        status, said, complained = run_command("replay", "20261001")

        assert (status, "UNREADABLE" in said) == (2, True)
        assert "manage.py verify_journal" in complained
        status, _, complained = run_command("replay", str(segment_of(place)))
        assert (status, "it cannot be replayed" in complained) == (2, True)

    @pytest.mark.parametrize("what", ["000001.journal", "."])
    def test_of_a_journal_anywhere_needs_no_session_of_ours(self, traded, place, what):
        traded()
        elsewhere = place.parent / "elsewhere"
        shutil.copytree(place / "main" / "main-7", elsewhere)

        status, said, _ = run_command("replay", str(elsewhere / what))

        assert status == 0
        assert "main-7                   SAME" in said
        assert "closed in order" in said

    @pytest.mark.parametrize(
        ("arguments", "remedy"),
        [
            (["20261301"], "write YYYYMMDD or YYYY-MM-DD, in UTC"),
            (["2026-13-01"], "write YYYYMMDD or YYYY-MM-DD, in UTC"),
            (["20200101"], "name another day"),
            (["main-99"], "the admin's list of engine sessions"),
            (["nonsense"], "its name ends in none of"),
            (["000009.journal"], "there is no such segment"),
            (["tests"], "a directory without a segment"),
            (["main-7", "--store"], "name a day"),
            (["20261001", "--profile", "nobody"], "nobody"),
        ],
    )
    def test_refuses_with_a_remedy(self, traded, arguments, remedy):
        traded()

        status, _, complained = run_command("replay", *arguments)

        assert status == 1
        assert remedy in complained


class TestAnotherProfile:
    """What would have happened: the same books and times under other limits."""

    def test_stands_beside_what_did(self, traded):
        traded()

        status, said, _ = run_command("replay", "20261001", "--profile", "live_safe_atomic_v1")

        lines = {line[:24].strip(): line.split()[-2:] for line in said.splitlines()[2:]}
        assert status == 0
        assert said.splitlines()[1].split()[-1] == "live_safe_atomic_v1"
        assert lines["sets completed"] == ["1", "0"]
        was, would = lines["realised PnL"]
        assert float(was) > 0 == float(would)
        assert "TAKEN" in said
        assert not ReplayRun.objects.exists()

    def test_of_the_same_limits_gives_the_same(self, traded, place):
        traded()
        directory = place / "main" / "main-7"

        assert trial(directory, "", LIMITS) == recorded_tally(directory, "")

    def test_is_plain_data_for_programs(self, traded):
        traded()

        _, said, _ = run_command("replay", "main-7", "--profile", "live_shadow_atomic_v1", "--json")

        was, would = json.loads(said)
        assert (was["name"], would["name"]) == ("as it was", "live_shadow_atomic_v1")
        assert was["sets_completed"] == 1
        assert was["refusals"]["TAKEN"] == 1
