"""A kill criterion that is met rolls back by itself, once; what is not known is told of."""

import itertools
import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from alerts.models import Delivery, Watch
from alerts.services import watches
from checks import loops, tasks
from checks.loops import GATES, GATES_JOBS, GateFallback, GateLoop
from checks.models import Rollback
from checks.services.watching import watch_account
from polyarb_site.clock import SystemClock
from polyarb_site.cluster import StopFlag
from tests.api.building import make_session
from tests.checks.granting import go_live, make_evaluation
from tests.checks.rollback_actor import channel, finish, no_backup
from tests.conftest import NOON
from tests.helpers.journals import until
from trading.models import EngineSession, Incident, Mandate
from trading.services import resolve_incident, resume
from trading.services.live import step_down

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
STAY = NOON - timedelta(hours=1)


class Judging:
    """Stands in the place of what evaluates: says what a test says, and keeps it as rows."""

    def __init__(self, **verdicts):
        self.verdicts = verdicts
        self.asked = []
        self.before = lambda: None  # called when it was judged, and nobody has acted on it

    def __call__(self, account, *, scope, by, by_name, at):
        self.asked.append((account, scope, at))
        mandate = Mandate.objects.get(account=account)
        row = make_evaluation(
            account=account,
            phase=mandate.phase,
            venue=mandate.feed,
            scope=scope,
            at=at,
            since=mandate.phase_since,
            **self.verdicts,
        )
        self.before()
        return row


@pytest.fixture
def live(mandate):
    go_live(mandate, at=STAY)
    make_session(mandate.profile, mode="LIVE", feed="simulator", phase=1, at=STAY + MINUTE)
    return mandate


@pytest.fixture
def shadow(mandate, profile):
    """Phase 0 on the local venue's books, in which an engine has run."""
    Mandate.objects.update(profile=profile, phase_since=STAY, feed="simulator", desired="RUN")
    make_session(profile, feed="simulator", at=STAY + MINUTE)
    return mandate


@pytest.mark.django_db
class TestWatching:
    def test_one_that_is_met_rolls_back_with_its_evidence(self, live):
        judging = Judging(daily_loss="FAIL", fill_rate="PASS", drawdown="UNKNOWN")
        row = watch_account("main", now=NOON, evaluate=judging)

        assert judging.asked == [("main", "KILL", NOON)]
        assert (row.cause, row.by_name, row.phase_to) == ("KILL_CRITERION", "kill criteria", 0)
        assert row.reason == "Daily loss: 6.00 (at most $5)"
        assert [one.criterion for one in row.verdicts.all()] == ["daily_loss"]
        live.refresh_from_db()
        assert (live.halted, live.halt_code) == (True, "ROLLBACK")

    @pytest.mark.parametrize("said", ["PASS", "UNKNOWN"])
    def test_nothing_else_does(self, live, said):
        assert watch_account("main", now=NOON, evaluate=Judging(daily_loss=said)) is None
        live.refresh_from_db()
        assert not live.halted

    def test_while_a_rollback_is_under_way_nothing_is_judged(self, live):
        judging = Judging(daily_loss="FAIL")
        watch_account("main", now=NOON, evaluate=judging)

        assert watch_account("main", now=NOON + SECOND, evaluate=judging) is None
        assert len(judging.asked) == 1
        assert Rollback.objects.count() == 1

    def test_before_an_engine_has_run_in_the_phase_nothing_is_judged(self, live):
        judging = Judging(daily_loss="FAIL")
        EngineSession.objects.update(started_at=STAY - SECOND)
        assert watch_account("main", now=NOON, evaluate=judging) is None
        EngineSession.objects.update(started_at=STAY, feed="polymarket")
        assert watch_account("main", now=NOON, evaluate=judging) is None
        EngineSession.objects.update(feed="simulator", phase=0)
        assert watch_account("main", now=NOON, evaluate=judging) is None

        assert judging.asked == []

    def test_a_phase_that_was_left_meanwhile_is_not_left_again(self, mandate):
        go_live(mandate, phase=2, at=STAY)
        make_session(mandate.profile, mode="LIVE", feed="simulator", phase=2, at=STAY)
        judging = Judging(daily_loss="FAIL")
        judging.before = lambda: step_down(
            "main", by=None, by_name="test", reason="by hand", at=NOON
        )

        assert watch_account("main", now=NOON, evaluate=judging) is None
        mandate.refresh_from_db()
        assert mandate.phase == 1

    def test_after_it_the_same_verdict_does_nothing(self, mandate, clock, monkeypatch):
        """The session that ran was one of the phase above: nothing has run in this one."""
        go_live(mandate, phase=2, at=STAY)
        make_session(mandate.profile, mode="LIVE", feed="simulator", phase=2, at=STAY)
        EngineSession.objects.update(state="STOPPED", ended_at=NOON)
        no_backup(monkeypatch)
        judging = Judging(daily_loss="FAIL")
        finish(watch_account("main", now=NOON, evaluate=judging), clock)

        assert watch_account("main", now=NOON + MINUTE, evaluate=judging) is None
        mandate.refresh_from_db()
        assert mandate.phase == 1


@pytest.mark.django_db
class TestPhase0:
    def stopped(self, clock, judging):
        channel()
        return finish(watch_account("main", now=clock.now(), evaluate=judging), clock)

    def cleared(self, operator):
        resolve_incident(Incident.objects.get(state="OPEN"), by=operator, note="looked", at=NOON)
        resume("main", by=operator, reason="looked", at=NOON)

    def test_it_stops_trading_and_opens_an_incident_once(self, shadow, clock):
        judging = Judging(crashes=("FAIL", "2"))
        assert self.stopped(clock, judging).state == "FINISHED"

        judging.verdicts = {"crashes": ("FAIL", "3")}
        assert watch_account("main", now=clock.now(), evaluate=judging) is None
        assert Incident.objects.get().kind == "ROLLBACK"

    def test_resumed_the_same_value_does_not_stop_it_again(self, shadow, clock, operator):
        judging = Judging(crashes=("FAIL", "2"))
        self.stopped(clock, judging)
        self.cleared(operator)

        assert watch_account("main", now=clock.now(), evaluate=judging) is None

    @pytest.mark.parametrize("more", [{"crashes": ("FAIL", "3")}, {"feed_up": ("FAIL", "70")}])
    def test_resumed_another_value_or_criterion_does(self, shadow, clock, operator, more):
        judging = Judging(crashes=("FAIL", "2"))
        self.stopped(clock, judging)
        self.cleared(operator)
        judging.verdicts = {"crashes": ("FAIL", "2"), **more}

        assert watch_account("main", now=clock.now(), evaluate=judging) is not None

    def test_a_new_stay_in_the_phase_begins_anew(self, shadow, clock, operator):
        judging = Judging(crashes=("FAIL", "2"))
        self.stopped(clock, judging)
        self.cleared(operator)
        Mandate.objects.update(phase_since=clock.now() + SECOND)
        EngineSession.objects.update(started_at=clock.now() + 2 * SECOND)

        assert watch_account("main", now=clock.now() + MINUTE, evaluate=judging) is not None


@pytest.mark.django_db
class TestUnknown:
    def looks(self, minutes, **verdicts):
        for minute in minutes:
            watch_account("main", now=NOON + minute * MINUTE, evaluate=Judging(**verdicts))

    def test_in_a_live_phase_a_quarter_of_an_hour_of_it_is_told_once(self, live):
        channel().__class__.objects.update(level_min="WARNING")
        self.looks(range(15), daily_loss="UNKNOWN")
        assert not Delivery.objects.exists()
        self.looks(range(15, 40), daily_loss="UNKNOWN", fill_rate="PASS")

        told = Delivery.objects.get()
        assert (told.kind, told.level) == ("NOTICE", "WARNING")
        assert "Daily loss is not known since 12:00:00 UTC" in told.title
        live.refresh_from_db()
        assert not live.halted

    def test_known_in_between_it_counts_anew_and_is_told_anew(self, live):
        channel().__class__.objects.update(level_min="WARNING")
        self.looks(range(14), daily_loss="UNKNOWN")
        self.looks([14], daily_loss="PASS")
        self.looks(range(15, 30), daily_loss="UNKNOWN")
        assert not Delivery.objects.exists()
        self.looks([30], daily_loss="UNKNOWN")
        self.looks([31], daily_loss="PASS")
        self.looks(range(32, 48), daily_loss="UNKNOWN")

        assert Delivery.objects.count() == 2

    def test_in_phase_0_nobody_is_woken(self, shadow):
        channel().__class__.objects.update(level_min="WARNING")
        self.looks(range(0, 60, 5), crashes="UNKNOWN")

        assert not Delivery.objects.exists()


@pytest.fixture
def stopping(monkeypatch):
    flag = StopFlag()
    monkeypatch.setattr(tasks, "STOP", flag)
    return flag


@pytest.mark.django_db
class TestLoop:
    def loop(self, clock, owner="a", **more):
        judging = more.pop("evaluate", Judging(daily_loss="PASS"))
        return GateLoop(clock, owner=owner, evaluate=judging, **{"in_jobs": True, **more})

    def test_one_process_at_a_time_watches(self, live, clock):
        first, second = self.loop(clock), self.loop(clock, "b")
        stop = StopFlag()
        assert [one.round(stop) for one in (first, second, first)] == [True, False, True]
        clock.advance(16 * SECOND)
        assert second.round(stop)
        assert not first.round(stop)

    def test_it_judges_at_least_every_ten_seconds(self, live, clock):
        judging = Judging(daily_loss="PASS")
        loop = self.loop(clock, evaluate=judging)
        for _ in range(60):
            loop.round(StopFlag())
            clock.advance(loops.ROUND_S * SECOND)

        times = [at for _, _, at in judging.asked]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert max(gaps) <= 8 * SECOND
        assert len(times) >= 15

    def test_a_hand_over_leaves_no_longer_gap(self):
        pauses = loops.ROUND_S + loops.LOOK_S
        assert loops.EVALUATE_EVERY_NS / 1e9 + pauses <= 10

    def test_its_beat_says_whether_it_is_the_jobs_cluster(self, live, clock):
        self.loop(clock, "web", in_jobs=False).round(StopFlag())
        assert Watch.objects.get(name=GATES).beat_at == NOON
        assert not Watch.objects.filter(name=GATES_JOBS).exists()
        watches.release(GATES, "web")
        self.loop(clock).round(StopFlag())
        assert Watch.objects.get(name=GATES_JOBS).beat_at == NOON


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestLoopWithThreads:
    def test_a_met_criterion_is_carried_out_to_its_end(self, live, monkeypatch):
        monkeypatch.setattr(loops, "ROUND_S", 0.05)
        EngineSession.objects.update(state="STOPPED", ended_at=NOON)
        channel()
        no_backup(monkeypatch)
        loop = GateLoop(SystemClock(), in_jobs=True, evaluate=Judging(daily_loss="FAIL"))
        loop.run(StopFlag(), 2)
        loop.join(10)

        row = Rollback.objects.get()
        assert row.state == "FINISHED"
        assert Watch.objects.get(name=GATES).owner == ""

    def test_one_that_a_killed_process_left_is_carried_on(self, live, monkeypatch):
        EngineSession.objects.update(state="STOPPED", ended_at=NOON)
        channel()
        no_backup(monkeypatch)
        left = watch_account("main", now=NOON, evaluate=Judging(daily_loss="FAIL"))
        left.steps.filter(name="HALT").update(state="RUNNING", attempts=1, started_at=NOON)
        loop = GateLoop(SystemClock(), in_jobs=True, evaluate=Judging())
        loop.round(StopFlag())
        loop.join(10)

        left.refresh_from_db()
        assert left.state == "FINISHED"
        assert left.steps.get(name="HALT").attempts == 2

    def test_a_web_process_stands_in_and_steps_back(self, live, monkeypatch):
        monkeypatch.setattr(loops, "SILENT_AFTER", timedelta(0))
        monkeypatch.setattr(loops, "FIRST_AFTER", timedelta(0))
        monkeypatch.setattr(loops, "ROUND_S", 0.05)
        monkeypatch.setattr(loops, "TURN_S", 0.2)
        judging = Judging(daily_loss="PASS")
        clock = SystemClock()
        fallback = GateFallback(clock, look_s=0.05)
        fallback._loop.evaluate = judging
        with fallback:
            until(lambda: judging.asked)
            until(lambda: watches.take(GATES, "jobs", clock.now(), timedelta(minutes=5)))
            until(lambda: not fallback._stands_in)
        assert not [one for one in threading.enumerate() if one.name == "gate-fallback"]
        assert Watch.objects.get(name=GATES).owner == "jobs"


class TestFallback:
    def test_each_web_process_has_one(self):
        assert GateFallback in [import_string(path) for path in settings.WEB_BACKGROUND]

    @pytest.mark.django_db
    def test_it_waits_until_nobody_has_watched_for_a_while(self, clock):
        one = GateFallback(clock)
        clock.advance(loops.FIRST_AFTER)
        assert not one.is_needed()
        clock.advance(SECOND)
        assert one.is_needed()
        watches.take(GATES, "jobs", clock.now(), 15 * SECOND)
        watches.beat(GATES, "jobs", clock.now())
        assert not one.is_needed()
        clock.advance(loops.SILENT_AFTER + SECOND)
        assert one.is_needed()


@pytest.mark.django_db
class TestTask:
    def test_it_asks_for_its_successor(self, mandate, monkeypatch, stopping):
        monkeypatch.setattr(tasks, "SECONDS", 0.1)
        assert tasks.watch() == "1 rounds"
        assert [row.func() for row in OrmQ.objects.all()] == ["checks.tasks.watch"]
        assert Watch.objects.get(name=GATES).owner == ""

    def test_one_too_many_ends_at_once(self, mandate, stopping):
        now = SystemClock().now()
        watches.take(GATES, "somebody", now, 15 * SECOND)
        watches.mark(GATES_JOBS, now)
        assert tasks.watch() == "somebody watches"
        assert OrmQ.objects.count() == 0

    def test_beside_a_web_process_it_waits_for_its_turn(self, mandate, monkeypatch, stopping):
        monkeypatch.setattr(tasks, "SECONDS", 0.1)
        watches.take(GATES, "web", SystemClock().now(), 15 * SECOND)
        assert tasks.watch() == "0 rounds"

    def test_a_cluster_that_stops_asks_for_nobody(self, mandate, stopping):
        stopping.set()
        assert tasks.watch() == "0 rounds"
        assert OrmQ.objects.count() == 0
