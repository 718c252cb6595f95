"""A real shift, from taking the lease to giving it back, fed by the test."""

import threading
import time

import pytest

from polyarb_site.clock import SystemClock
from tests.helpers.clocks import NOON
from tests.helpers.journals import until
from tests.helpers.shifts import RunningShift, shift
from trading.engine.events import FeedChanged, HaltRequested
from trading.journal import journal_directory, verify_journal
from trading.models import (
    ArbitrageSet,
    EngineLease,
    EngineNote,
    EngineSession,
    LedgerEntry,
    LedgerPosting,
    Mandate,
    Market,
    MetricSample,
    Opportunity,
    SetMove,
)
from trading.replaying import replay_journal
from trading.runtime import Ending
from trading.services import halt, reset_breaker, resume, stop_engine

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def session(key="main-1"):
    return EngineSession.objects.get(key=key)


def state_is(state, key="main-1"):
    until(lambda: EngineSession.objects.filter(key=key, state=state).exists())


def trading(one, key="main-1"):
    """Wait until the shift trades on fresh books."""
    until(lambda: one.feed.sink is not None)
    one.feed.calm()
    state_is("TRADING", key)


def journal_of(place, key="main-1"):
    return journal_directory(place / "journal", "main", key)


def merged():
    until(lambda: ArbitrageSet.objects.filter(state="MERGED").exists())


class TestAShift:
    def test_trades_and_leaves_database_journal_and_replay_in_agreement(self, wanted, place):
        with shift() as one:
            trading(one)
            one.feed.gap()
            merged()
            assert one.end().ending is Ending.PROCESS_STOPPED

        report = verify_journal(journal_of(place))
        replayed = replay_journal(journal_of(place))
        row = session()
        assert (report.closed, report.damage) == (True, ())
        assert (replayed.same, replayed.complete, replayed.differences) == (True, True, [])
        assert row.journal_sequence == report.last_sequence
        assert replayed.realised_micro == ArbitrageSet.objects.get().realised_micro > 0
        assert SetMove.objects.count() >= 9
        assert sum(LedgerPosting.objects.values_list("amount_micro", flat=True)) == 0
        assert Market.objects.get().question == "Bitcoin up?"
        rows = sum(
            model.objects.count()
            for model in (Opportunity, ArbitrageSet, SetMove, LedgerEntry, EngineNote, MetricSample)
        )
        assert replayed.facts > rows - 1

    def test_an_empty_ledger_is_opened_once(self, wanted):
        for key in ("main-1", "main-2"):
            with shift() as one:
                trading(one, key)

        assert LedgerEntry.objects.filter(kind="CAPITAL").count() == 1
        cash = LedgerPosting.objects.filter(account="CASH").values_list("amount_micro", flat=True)
        assert sum(cash) == 100_000_000

    def test_goes_from_starting_over_blind_to_trading(self, wanted):
        with shift() as one:
            until(EngineSession.objects.exists)
            until(lambda: session().state_reason == "no book is fresh")
            assert session().state == "BLIND"
            trading(one)

            row = session()
            assert (row.state_reason, row.label, row.mode) == ("", "RECORDED", "SHADOW")
            assert row.stats["books_fresh"] == 1
            assert row.stats["feed_connections"] == 1
            assert row.stats["standby"] is False

    def test_each_second_leaves_a_sample_with_what_was_measured(self, wanted):
        with shift() as one:
            trading(one)
            one.feed.gap()
            until(lambda: MetricSample.objects.exclude(decision_p99_us=None).exists())

        sample = MetricSample.objects.exclude(decision_p99_us=None).last()
        assert 0 < sample.decision_p50_us <= sample.decision_p99_us < 1_000_000
        assert sample.values["frames_in_second"] >= 1
        assert sample.feed_age_ms is not None

    def test_stops_at_once_when_the_process_shall_end(self, wanted, place):
        with shift() as one:
            trading(one)
            began = time.monotonic()
            result = one.end()

        assert time.monotonic() - began < 2
        assert (result.ending, result.session_key) == (Ending.PROCESS_STOPPED, "main-1")
        row = session()
        assert (row.state, row.ended_at is not None) == ("STOPPED", True)
        assert EngineLease.objects.get().owner == ""
        assert one.feed.closed
        assert [t.name for t in threading.enumerate() if t.name in ("journal", "ledger")] == []

    def test_asks_for_its_successor_once_it_has_the_lease(self, wanted):
        with shift() as one:
            assert one.active.wait(5)
            assert EngineLease.objects.get().token == 1

    def test_hands_over_when_its_time_is_over(self, wanted):
        with shift(shift_seconds=1) as first:
            trading(first)
            with shift() as second:
                result = first.join()
                until(lambda: EngineSession.objects.filter(key="main-2").exists())
                trading(second, "main-2")

        assert result.ending is Ending.SHIFT_OVER
        gap = session("main-2").started_at - session().ended_at
        assert gap.total_seconds() < 1
        assert session().state == session("main-2").state == "STOPPED"

    def test_requests_of_the_engine_reach_the_feed(self, wanted):
        with shift() as one:
            trading(one)
            one.feed.frame(b'{"event_type":"book","market":"0xabc","asset_id":"yes"}')
            until(lambda: one.feed.requests)

            assert one.feed.requests[0][0] == "0xabc"


class TestWhoRuns:
    def test_nobody_runs_what_is_not_wanted(self, mandate, place):
        assert RunningShift().join().ending is Ending.NOT_WANTED
        assert EngineSession.objects.count() == 0

    def test_a_second_one_stands_by_and_a_third_goes_home(self, wanted):
        with shift() as one:
            trading(one)
            with shift() as second:
                until(lambda: session().stats.get("standby"))
                third = RunningShift()
                assert third.join().ending is Ending.STANDBY_PRESENT
                assert second.result is None

            assert second.result.ending is Ending.PROCESS_STOPPED
        assert EngineLease.objects.get().token == 1

    def test_a_standby_is_not_kept_for_ever(self, wanted):
        from dataclasses import replace

        from tests.helpers.shifts import QUICK

        with shift() as one:
            trading(one)
            second = RunningShift(times=replace(QUICK, stand_by_ms_max=300))

            assert second.join().ending is Ending.NOT_NEEDED

    def test_no_disk_no_engine_and_no_loop_of_crashes(self, wanted, monkeypatch):
        usage = type("Usage", (), {"free": 0})
        monkeypatch.setattr("trading.journal.files.shutil.disk_usage", lambda _: usage)
        with shift() as one:
            time.sleep(0.5)
            assert EngineSession.objects.count() == 0
            usage.free = 10**12

            until(EngineSession.objects.exists)
        assert one.result.ending is Ending.PROCESS_STOPPED


class TestMandate:
    def test_a_wanted_stop_ends_open_sets_first(self, wanted):
        with shift() as one:
            trading(one)
            one.feed.gap()
            until(ArbitrageSet.objects.exists)
            stop_engine("main", by=None, by_name="test")

            assert one.join().ending is Ending.STOP_REQUESTED
        assert ArbitrageSet.objects.get().state == "MERGED"
        assert session().state == "STOPPED"

    def test_a_halt_reaches_the_engine_within_half_a_second_and_stands(self, wanted, settings):
        with shift() as one:
            trading(one)
            began = time.monotonic()
            halt("main", by=None, by_name="test", code="MANUAL", reason="a bad feeling")
            state_is("HALTED")
            took = time.monotonic() - began
            one.feed.gap()
            until(lambda: Opportunity.objects.filter(refusal="HALTED").exists())

            assert took < 1
            assert session().state_reason == "MANUAL: a bad feeling"
            assert ArbitrageSet.objects.count() == 0
            resume("main", by=None, by_name="test", reason="it was nothing")
            state_is("TRADING")
            one.feed.calm()
            one.feed.gap()
            merged()

    def test_a_kill_file_halts_and_the_mandate_comes_to_say_so(self, wanted, settings):
        with shift() as one:
            trading(one)
            settings.KILL_FILE.touch()
            state_is("HALTED")
            until(lambda: Mandate.objects.get().halted)

            mandate = Mandate.objects.get()
            assert (mandate.halt_code, mandate.halted_by) == ("KILL_SWITCH", "kill file")
            assert "KILL_SWITCH" in session().state_reason
            settings.KILL_FILE.unlink()
            time.sleep(0.3)
            assert session().state == "HALTED"  # only a person ends it

    def test_a_kill_file_holds_against_a_mandate_that_permits(self, wanted, settings, monkeypatch):
        monkeypatch.setattr("trading.runtime.running.halt", lambda *a, **k: _Recorded())
        settings.KILL_FILE.touch()
        with shift() as one:
            state_is("HALTED")
            one.feed.gap()
            until(Opportunity.objects.exists)

            assert Opportunity.objects.get(stage="CONFIRMED").refusal in ("HALTED", "KILL_SWITCH")
            settings.KILL_FILE.unlink()
            one.feed.calm()
            state_is("TRADING")

    def test_a_mandate_that_was_halted_before_starts_halted(self, wanted):
        Mandate.objects.update(halted=True, halt_code="MANUAL", halt_reason="before")
        with shift() as one:
            state_is("HALTED")
            one.feed.gap()
            until(lambda: Opportunity.objects.filter(stage="CONFIRMED").exists())

            assert ArbitrageSet.objects.count() == 0

    def test_new_limits_arrive_while_it_runs(self, wanted):
        from tests.conftest import make_profile

        with shift() as one:
            trading(one)
            tight = make_profile("live_shadow_atomic_v1", 2, MIN_PROFIT_THRESHOLD="0.5")
            Mandate.objects.update(profile=tight, revision=9)
            until(lambda: session().mandate_revision == 9)
            one.feed.gap()
            until(lambda: Opportunity.objects.filter(refusal="BELOW_MIN_PROFIT").exists())

            assert session().profile_id == tight.pk
            assert ArbitrageSet.objects.count() == 0

    def test_a_breaker_that_a_person_closed_is_told_to_the_engine(self, wanted):
        with shift() as one:
            trading(one)
            reset_breaker("main", by=None, by_name="test", reason="looked at it")
            until(lambda: EngineNote.objects.filter(code="BREAKER_RESET").exists())

    def test_another_feed_begins_another_session(self, wanted):
        with shift() as one:
            trading(one)
            Mandate.objects.update(feed_options={"speed": "2"}, revision=9)

            assert one.join().ending is Ending.CHANGED

    def test_live_ends_where_nothing_can_send_an_order(self, wanted):
        """What a promotion has to do with it: tests/live/test_real_feed.py."""
        Mandate.objects.update(mode="LIVE")
        result = RunningShift().join()

        assert (result.ending, result.reason) == (
            Ending.NOT_WANTED,
            "nothing in this process can send an order",
        )
        assert not EngineSession.objects.filter(state="TRADING").exists()
        assert ArbitrageSet.objects.count() == 0

    def test_an_account_that_vanishes_is_not_traded_on(self, wanted):
        with shift() as one:
            trading(one)
            Mandate.objects.all().delete()

            assert one.join().ending is Ending.NO_MANDATE


class _Recorded:
    recorded = True


class TestFeed:
    def test_a_feed_that_breaks_off_is_run_again_and_blindness_is_said(self, wanted):
        with shift() as one:
            trading(one)
            one.feed.break_off("the venue hung up")
            until(lambda: one.feed.runs == 2)
            trading(one)

        assert EngineNote.objects.filter(code="FEED_DOWN", text__contains="hung up").exists()

    def test_a_feed_that_cannot_be_made_leaves_the_session_blind(self, wanted):
        def broken(name, options):
            raise FileNotFoundError("there is no recording")

        with shift(feed=None, feed_factory=broken):
            state_is("BLIND")
            until(lambda: "no recording" in session().state_reason)

    def test_a_blind_session_says_what_the_feed_says(self, wanted):
        with shift() as one:
            trading(one)
            one.feed.problem = "GET /markets/keyset: no such host"
            one.feed.event(FeedChanged(connected=False, token_ids=(), reason="gone"))
            state_is("BLIND")
            until(lambda: "no such host" in session().state_reason)

    def test_frames_that_come_in_a_flood_do_not_stop_time(self, wanted):
        with shift() as one:
            trading(one)
            before = session().heartbeat_at
            deadline = time.monotonic() + 1.5
            while time.monotonic() < deadline:
                for _ in range(50):
                    one.feed.calm()
                time.sleep(0.01)

            assert session().heartbeat_at > before
            assert session().state == "TRADING"


class TestObservers:
    def test_an_observer_sees_all_figures_and_stops_trading_in_the_same_second(self, wanted):
        class Watcher:
            seen = []

            def on_figures(self, figures, now_ns):
                self.seen.append(figures)
                if figures["books_fresh"]:
                    yield HaltRequested(code="ALERT_X", reason="enough books")

            def on_alert(self, alert, now_ns):
                return ()

        watcher = Watcher()
        with shift(observers=[watcher]) as one:
            until(lambda: one.feed.sink is not None)
            one.feed.calm()
            state_is("HALTED")
            until(lambda: Mandate.objects.get().halted)
            time.sleep(1.2)

        assert Mandate.objects.get().halt_code == "ALERT_X"
        figures = watcher.seen[-1]
        assert {"frames", "decision_p95_us", "feed_age_ms", "facts_waiting"} <= figures.keys()
        assert EngineNote.objects.filter(code="HALTED").count() == 1  # said once


class TestClock:
    def test_a_host_whose_clock_was_set_begins_a_new_shift(self, wanted):
        class Settable(SystemClock):
            ahead_ns = 0

            def now_ns(self):
                return super().now_ns() + self.ahead_ns

        clock = Settable()
        with shift(clock=clock) as one:
            trading(one)
            clock.ahead_ns = 3_600 * 10**9

            assert one.join().ending is Ending.CLOCK_JUMPED
        # What the engine was told stayed in one piece.
        assert MetricSample.objects.latest("at").at < SystemClock().now().replace(year=2100)
        assert session().state == "STOPPED"


def test_the_tests_stand_at_noon(noon):
    assert noon.hour == NOON.hour
