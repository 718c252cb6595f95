"""Who judges: one process at a time, handed on without a gap, and a web process in need."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from alerts import tasks
from alerts.loops import SILENT_AFTER, Fallback, Loop
from alerts.models import Alert, Watch
from alerts.services import watches
from polyarb_site.clock import SystemClock
from polyarb_site.cluster import StopFlag
from tests.conftest import NOON
from tests.helpers.journals import until
from trading.models import Mandate

SECOND = timedelta(seconds=1)


@pytest.fixture
def stopping(monkeypatch):
    flag = StopFlag()
    monkeypatch.setattr(tasks, "STOP", flag)
    return flag


@pytest.mark.django_db
class TestLoop:
    def test_one_process_at_a_time_judges_and_the_next_goes_on_at_once(self, rules, mandate, clock):
        first, second = (Loop(clock, in_jobs=True, owner=name) for name in "ab")
        assert [first.round(), second.round(), first.round()] == [True, False, True]
        watches.release("JUDGE", "a")
        assert second.round()
        assert not first.round()

    def test_one_that_died_is_replaced_when_its_lease_has_run_out(self, rules, mandate, clock):
        first, second = (Loop(clock, in_jobs=True, owner=name) for name in "ab")
        first.round()
        clock.advance(14 * SECOND)
        assert not second.round()
        clock.advance(2 * SECOND)
        assert second.round()

    def test_it_says_that_it_lives_and_jobs_say_so_too(self, rules, mandate, clock):
        Loop(clock, in_jobs=False, owner="web").round()
        assert Watch.objects.get(name="JUDGE").beat_at == NOON
        assert not Watch.objects.filter(name="JOBS").exists()
        watches.release("JUDGE", "web")
        Loop(clock, in_jobs=True, owner="jobs").round()
        assert Watch.objects.get(name="JOBS").rounds == 1

    def test_after_a_gap_a_silent_engine_is_given_time_to_start(self, rules, mandate, clock):
        Mandate.objects.update(desired="RUN", changed_at=NOON - timedelta(days=1))
        first = Loop(clock, in_jobs=True, owner="a")
        for _ in range(5):
            first.round()
            clock.advance(10 * SECOND)
        stale = Alert.objects.filter(rule_id="ENGINE_STALE")
        assert not stale.exists()  # 30 s for its start, and 15 s of silence
        clock.advance(10 * SECOND)
        first.round()
        assert stale.exists()

    def test_without_a_gap_what_is_silent_is_silent_at_once(self, rules, mandate, clock):
        Mandate.objects.update(desired="RUN", changed_at=NOON - timedelta(days=1))
        Loop(clock, in_jobs=True, owner="a").round()
        clock.advance(20 * SECOND)
        Loop(clock, in_jobs=True, owner="b").round()  # b takes over within GAP_MAX
        assert Alert.objects.filter(rule_id="ENGINE_STALE").exists()

    def test_every_account_is_judged(self, rules, mandate, clock):
        for name in ("main", "other"):
            Mandate.objects.update_or_create(
                account=name, defaults={"desired": "RUN", "changed_at": NOON}
            )
        loop = Loop(clock, in_jobs=True, owner="a")
        loop.round()
        clock.advance(46 * SECOND)
        loop.round()
        stale = Alert.objects.filter(rule_id="ENGINE_STALE")
        assert set(stale.values_list("account", flat=True)) == {"main", "other"}


@pytest.mark.django_db
class TestTasks:
    def test_each_loop_asks_for_its_successor(self, rules, mandate, monkeypatch, stopping):
        monkeypatch.setattr(tasks, "SECONDS", 0.1)
        Watch.objects.create(name="SEND", beat_at=SystemClock().now())
        assert tasks.watch() == "1 rounds"
        assert [row.func() for row in OrmQ.objects.all()] == ["alerts.tasks.watch"]

    def test_it_brings_the_other_back_when_that_is_silent(
        self, rules, mandate, monkeypatch, stopping
    ):
        monkeypatch.setattr(tasks, "SECONDS", 0.1)
        tasks.watch()
        queued = [row.func() for row in OrmQ.objects.order_by("id")]
        assert queued == ["alerts.tasks.watch", "alerts.tasks.send"]

    def test_a_task_too_many_ends_at_once(self, rules, mandate, stopping):
        now = SystemClock().now()
        for name in ("JUDGE", "SEND"):
            watches.take(name, "somebody", now, 15 * SECOND)
        assert tasks.watch() == "somebody judges"
        assert tasks.send() == "somebody sends"
        assert OrmQ.objects.count() == 0

    def test_a_cluster_that_stops_asks_for_nobody(self, rules, mandate, stopping):
        stopping.set()
        assert tasks.watch() == "0 rounds"
        assert OrmQ.objects.count() == 0


class TestFallback:
    def test_each_web_process_has_one(self):
        assert Fallback in [import_string(path) for path in settings.WEB_BACKGROUND]

    @pytest.mark.django_db
    def test_it_waits_until_the_jobs_have_been_silent_for_a_while(self, clock):
        one = Fallback(clock)
        clock.advance(SILENT_AFTER)
        assert not one.jobs_are_silent()
        clock.advance(SECOND)
        assert one.jobs_are_silent()
        watches.take("JOBS", "jobs", clock.now(), 15 * SECOND)
        watches.beat("JOBS", "jobs", clock.now())
        assert not one.jobs_are_silent()

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_it_judges_sends_and_says_that_the_jobs_are_silent(self, rules, mandate, monkeypatch):
        monkeypatch.setattr("alerts.loops.SILENT_AFTER", timedelta(seconds=0))
        monkeypatch.setattr("alerts.loops.ROUND_S", 0.05)
        clock = SystemClock()
        silent_since = clock.now() - timedelta(seconds=61)
        Watch.objects.create(name="JOBS", beat_at=silent_since)
        Watch.objects.create(name="JUDGE", beat_at=clock.now())  # no gap before it
        with Fallback(clock, look_s=0.2):
            until(lambda: Alert.objects.filter(rule_id="JOBS_SILENT", state="FIRING").exists())
            until(lambda: Watch.objects.filter(name="SEND", rounds__gte=1).exists())
        assert not [one for one in threading.enumerate() if one.name == "alert-fallback"]
        assert Watch.objects.get(name="JUDGE").owner == ""
