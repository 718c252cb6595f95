"""The rules inside the engine: they stop it, with everything else away, and measure the stop."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils.module_loading import import_string

from alerts.models import Alert
from alerts.observer import EngineRules, _Open
from alerts.services.judging import QUIET_HOLD
from alerts.services.rules import save_rule
from alerts.services.stops import Stop, record_stop
from polyarb_site.audit.models import AuditEvent
from polyarb_site.clock import SystemClock
from tests.alerts.rules import values
from tests.conftest import NOON
from tests.helpers.clocks import to_ns
from tests.helpers.journals import until
from tests.helpers.shifts import shift
from trading.engine.commands import RaiseAlert
from trading.engine.events import FeedChanged
from trading.models import ArbitrageSet, EngineSession, Mandate
from trading.services import resume

GOOD = {
    "session": "main-1",
    "phase": 0,
    "mode": "SHADOW",
    "feed_connected": True,
    "breaker": "CLOSED",
    "legs_exposed": 0,
    "orders_submitted": 0,
    "orders_filled": 0,
    "orders_refused": 0,
    "settlements_failed": 0,
    "halt_code": "",
    "cash_micro": 100_000_000,
    "exposure_micro": 0,
    "position_limit_micro": 10_000_000,
    "decision_p95_us": 100,
    "frames_in_second": 5,
    "sets_completed": 0,
    "gaps_confirmed": 0,
}
SECOND = 1_000_000_000
START = to_ns(NOON)


def test_l1_every_shift_of_the_engine_is_watched_by_the_rules():
    assert [import_string(path) for path in settings.ENGINE_OBSERVERS] == [EngineRules]


@pytest.mark.django_db
class TestJudging:
    @pytest.fixture
    def observer(self, rules, account, clock):
        one = EngineRules(account, clock)
        one._look()
        return one

    def codes(self, observer, second, **changes):
        halts = observer.on_figures(GOOD | changes, START + second * SECOND)
        return [halt.code for halt in halts]

    def test_good_figures_stop_nothing(self, observer):
        assert [self.codes(observer, second) for second in range(100)] == [[]] * 100

    def test_a_feed_that_is_away_for_ten_seconds_stops_trading(self, observer):
        told = [self.codes(observer, second, feed_connected=False) for second in range(12)]
        assert told == [[]] * 10 + [["WS_DISCONNECTED"]] * 2

    def test_a_figure_that_is_missing_stops_trading(self, observer):
        told = [self.codes(observer, second, feed_connected=None) for second in range(18)]
        assert told == [[]] * 16 + [["WS_DISCONNECTED"]] * 2

    def test_only_rules_for_this_mode_and_phase_are_judged(self, observer):
        bad = {"settlements_failed": 3}
        assert self.codes(observer, 0) == self.codes(observer, 1, **bad) == []
        assert self.codes(observer, 2, mode="LIVE") == []
        assert self.codes(observer, 3, mode="LIVE", **bad) == ["SETTLEMENT_FAILED"]

    def test_live_orders_that_nobody_fills_stop_trading(self, observer):
        told = []
        for second in range(70):
            submitted = 2 + second // 20 * 2
            told += self.codes(observer, second, mode="LIVE", orders_submitted=submitted)
        assert set(told) == {"LIVE_NO_FILLS"}
        filled = {"orders_submitted": 8, "orders_filled": 1}
        assert self.codes(observer, 70, mode="LIVE", **filled) == []

    def test_one_order_that_nobody_fills_does_not(self, observer):
        for second in range(200):
            assert self.codes(observer, second, mode="LIVE", orders_submitted=2) == []

    def test_what_the_engine_says_itself_stops_in_the_same_call(self, observer):
        self.codes(observer, 0)
        alert = RaiseAlert(rule="LEG_EXPOSED", level="CRITICAL", text="set 1 holds a leg")
        assert [halt.code for halt in observer.on_alert(alert, START)] == ["LEG_EXPOSED"]
        harmless = RaiseAlert(rule="SET_OVERDUE", level="WARNING", text="set 1 is late")
        assert list(observer.on_alert(harmless, START)) == []

    def test_a_rule_that_was_changed_counts_from_the_next_look(self, observer):
        self.codes(observer, 0, feed_connected=False)
        quicker = values(window_seconds=2, cooldown_seconds=60)
        save_rule(quicker, by=None, by_name="test", reason="quicker", at=NOON)
        observer._look()
        told = [self.codes(observer, second, feed_connected=False) for second in range(1, 5)]
        assert told == [[], [], ["WS_DISCONNECTED"], ["WS_DISCONNECTED"]]

    def test_the_last_rules_stay_while_the_database_is_away(self, observer, monkeypatch):
        def away():
            raise OperationalError("connection refused")

        monkeypatch.setattr("alerts.observer.rules_stamp", away)
        observer._look()
        told = [self.codes(observer, second, feed_connected=False) for second in range(12)]
        assert told[-1] == ["WS_DISCONNECTED"]

    def test_another_session_begins_its_windows_anew(self, observer):
        for second in range(8):
            self.codes(observer, second, feed_connected=False)
        told = [
            self.codes(observer, second, feed_connected=False, session="main-2")
            for second in range(8, 18)
        ]
        assert told == [[]] * 10


@pytest.mark.django_db
class TestEvidence:
    def stop(self, **changes):
        fields = {
            "account": "main",
            "rule_id": "WS_DISCONNECTED",
            "session": "main-1",
            "reason": "ws_connected is false",
            "value": "false",
            "bound": "ws_connected == false",
            "unknown": False,
            "cause_ns": START,
            "judged_ns": START + 300_000_000,
            "judging_ns": 40_000,
            "halted_already": False,
        }
        return Stop(**fields | changes)

    def test_it_is_the_time_from_the_cause_to_the_last_order(self, rules):
        assert self.stop().stopped_us == 300_040
        late = self.stop().completed(START + 450_000_000)
        assert (late.stopped_us, late.last_order_ns) == (450_000, START + 450_000_000)
        before = self.stop().completed(START - SECOND)
        assert before.last_order_ns is None

    def test_it_opens_the_alert_when_the_jobs_have_not(self, rules):
        alert = record_stop(self.stop().completed(None), at=NOON)
        assert (alert.state, alert.level, alert.count) == ("FIRING", "CRITICAL", 1)
        assert alert.evidence["stop"]["stopped_us"] == 300_040
        again = record_stop(self.stop().completed(None), at=NOON)
        assert again.pk == alert.pk
        assert len(again.evidence["stops"]) == 2

    def test_it_is_kept_on_the_spell_that_it_belongs_to(self, rules):
        first = record_stop(self.stop(), at=NOON)
        ended = NOON + timedelta(seconds=60)
        Alert.objects.filter(pk=first.pk).update(state="RESOLVED", resolved_at=ended)
        assert record_stop(self.stop(), at=ended).pk == first.pk
        later = self.stop(cause_ns=START + 120 * SECOND)
        assert record_stop(later, at=ended + QUIET_HOLD).pk != first.pk


@pytest.mark.django_db
class TestWhenAStopIsOver:
    """What left in which second, as the figures of the seconds say it."""

    @pytest.fixture
    def observer(self, rules, account, clock):
        quicker = values(counting="AT_ONCE", window_seconds=0, cooldown_seconds=60)
        save_rule(quicker, by=None, by_name="test", reason="at once", at=NOON)
        one = EngineRules(account, clock)
        one._look()
        return one

    def second(self, observer, number, sent_s=None, **changes):
        sent_ns = None if sent_s is None else START + int(sent_s * SECOND)
        figures = GOOD | {"mode": "LIVE", "entry_sent_ns": sent_ns} | changes
        return list(observer.on_figures(figures, START + number * SECOND))

    def stops(self, observer):
        return [
            (one.last_order_ns and (one.last_order_ns - START) / SECOND, one.complete)
            for one in observer._waiting
        ]

    def test_the_last_order_is_what_left_before_somebody_resumed(self, observer):
        self.second(observer, 0, -0.1)
        self.second(observer, 1, 0.9, feed_connected=False)
        self.second(observer, 2, 1.1, halt_code="WS_DISCONNECTED")
        self.second(observer, 3, 2.8)
        assert self.stops(observer) == [(1.1, True)]

    def test_what_the_engine_says_itself_is_a_stop_from_that_moment(self, observer):
        self.second(observer, 0, -0.1)
        exposed = RaiseAlert(rule="LEG_EXPOSED", level="CRITICAL", text="set 1 holds a leg")
        for _ in range(2):  # said again, it is the same stop
            assert list(observer.on_alert(exposed, START + SECOND * 2 // 5))
        for number in range(1, 4):
            self.second(observer, number, 0.5, halt_code="LEG_EXPOSED", legs_exposed=1)
        assert self.stops(observer) == [(0.5, True)]
        (stop,) = observer._waiting
        assert (stop.cause_ns, stop.reason) == (START + SECOND * 2 // 5, "set 1 holds a leg")

    def test_without_a_look_in_between_nobody_knows_and_it_says_so(self, observer):
        self.second(observer, 0)
        self.second(observer, 1, feed_connected=False)
        self.second(observer, 2, 1.9)
        assert self.stops(observer) == [(None, False)]

    def test_the_next_session_takes_nothing_away(self, observer):
        self.second(observer, 0)
        self.second(observer, 1, 0.9, feed_connected=False)
        self.second(observer, 2, 1.1, halt_code="WS_DISCONNECTED")
        self.second(observer, 3, None, halt_code="WS_DISCONNECTED", session="main-2")
        assert self.stops(observer) == [(1.1, True)]

    def test_a_condition_that_goes_on_when_somebody_resumes_is_a_stop_of_its_own(self, observer):
        bad = {"feed_connected": False}
        self.second(observer, 0)
        self.second(observer, 1, **bad)
        for number in range(2, 6):
            assert self.second(observer, number, halt_code="WS_DISCONNECTED", **bad)
        assert self.second(observer, 6, 5.4, **bad)  # resumed at 5.3
        for number in range(7, 10):
            self.second(observer, number, 5.9, halt_code="WS_DISCONNECTED", **bad)

        assert self.stops(observer) == [(None, True), (5.9, True)]
        again = observer._waiting[1]
        assert again.cause_ns == START + 5 * SECOND  # the last second in which it was halted


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestARealShift:
    """A shift in a thread, with the observer as the door makes it."""

    @pytest.fixture
    def quick(self, rules):
        quicker = values(window_seconds=1, cooldown_seconds=60, severity="CRITICAL")
        save_rule(quicker, by=None, by_name="test", reason="no time to wait", at=NOON)

    def test_it_halts_records_the_evidence_and_a_person_resumes(self, wanted, quick):
        with (
            EngineRules("main", SystemClock(), look_every_s=0.1) as rules,
            shift(observers=[rules]) as one,
        ):
            until(lambda: one.feed.sink is not None)
            one.feed.calm()
            until(lambda: EngineSession.objects.filter(state="TRADING").exists())
            one.feed.event(FeedChanged(connected=False, token_ids=(), reason="test"))
            until(lambda: Mandate.objects.get().halted)
            assert Mandate.objects.get().halt_code == "WS_DISCONNECTED"
            until(lambda: Alert.objects.filter(evidence__stop__complete=True).exists())
            one.feed.event(FeedChanged(connected=True, token_ids=(), reason="test"))
            until(lambda: EngineSession.objects.filter(state="HALTED").exists())
            one.feed.gap()
            one.join_not(0.3)
            assert ArbitrageSet.objects.count() == 0

            resume("main", by=None, by_name="test", reason="the cable is in again")
            until(lambda: EngineSession.objects.filter(state="TRADING").exists())
            one.feed.gap()
            until(ArbitrageSet.objects.exists)
        alert = Alert.objects.get()
        assert (alert.rule_id, alert.state) == ("WS_DISCONNECTED", "FIRING")
        assert 0 <= alert.evidence["stop"]["stopped_us"] < 1_500_000

    def test_two_rules_that_hold_say_so_once_each(self, wanted, quick):
        other = values("FEED_AWAY", window_seconds=1, severity="CRITICAL")
        save_rule(other, by=None, by_name="test", reason="a second one", at=NOON)
        with (
            EngineRules("main", SystemClock(), look_every_s=0.1) as rules,
            shift(observers=[rules]) as one,
        ):
            until(lambda: one.feed.sink is not None)
            one.feed.calm()
            until(lambda: EngineSession.objects.filter(state="TRADING").exists())
            one.feed.event(FeedChanged(connected=False, token_ids=(), reason="test"))
            until(lambda: Alert.objects.filter(evidence__stop__complete=True).count() == 2)
            one.join_not(1.1)

        halts = AuditEvent.objects.filter(action="mandate.halt")
        assert sorted(one.after["code"] for one in halts) == ["FEED_AWAY", "WS_DISCONNECTED"]

    def test_what_could_not_be_written_until_the_shift_ends_is_tried_for_a_while(
        self, wanted, quick, monkeypatch
    ):
        tries = []

        def later(stop, *, at, real=record_stop):
            tries.append(stop)
            if len(tries) < 4:
                raise OperationalError("connection refused")
            return real(stop, at=at)

        monkeypatch.setattr("alerts.observer.record_stop", later)
        monkeypatch.setattr("alerts.observer.LAST_TRY_S", 0.01)
        with EngineRules("main", SystemClock()) as rules:
            stop = TestEvidence().stop()
            rules._open.append(_Open(stop, START))
        assert Alert.objects.get().evidence["stop"]["judged_at"] == stop.facts()["judged_at"]

    def test_it_stops_with_the_database_away_and_records_it_after(self, wanted, quick, monkeypatch):
        away = False

        def maybe(stop, *, at, real=record_stop):
            if away:
                raise OperationalError("connection refused")
            return real(stop, at=at)

        monkeypatch.setattr("alerts.observer.record_stop", maybe)
        with (
            EngineRules("main", SystemClock(), look_every_s=0.1) as rules,
            shift(observers=[rules]) as one,
        ):
            until(lambda: one.feed.sink is not None)
            one.feed.calm()
            until(lambda: EngineSession.objects.filter(state="TRADING").exists())
            away = True
            one.feed.event(FeedChanged(connected=False, token_ids=(), reason="test"))
            until(lambda: bool(rules._waiting))
            assert Alert.objects.count() == 0
            assert Mandate.objects.get().halt_code == "WS_DISCONNECTED"
            away = False
            until(Alert.objects.exists)
