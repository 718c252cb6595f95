"""Asking for shifts, and the regular jobs: who is asked for, and that asking twice is harmless."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string
from django_q.models import OrmQ, Schedule

from polyarb_site.cluster import StopFlag
from polyarb_site.locks import FileLock
from tests.helpers.clocks import NOON, FixedClock
from tests.helpers.facts import NOON_NS
from trading import tasks
from trading.lease import standby_lock
from trading.models import EngineLease, Mandate
from trading.schedules import SCHEDULES, keep_schedules
from trading.services import start_shadow
from trading.shifts import CLUSTER, TASK, ensure_engines

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    return FixedClock(NOON)


@pytest.fixture
def live_lease(wanted):
    return EngineLease.objects.create(
        account="main", owner="host:1:1:x", token=3, expires_ns=NOON_NS + 3_000_000_000
    )


@pytest.fixture
def standby(place):
    lock = standby_lock(place / "run", "main")
    assert lock.acquire()
    yield lock
    lock.release()


def queued():
    return [(row.key, row.task["func"], row.task["args"]) for row in OrmQ.objects.all()]


class TestEnsureEngines:
    def test_an_account_without_a_lease_gets_a_shift(self, wanted, clock):
        assert ensure_engines(clock) == ["main"]

        assert queued() == [("engine", "trading.tasks.engine_shift", ("main",))]
        assert OrmQ.objects.get().task["timeout"] == -1  # a shift has no time-out

    def test_an_account_that_shall_not_run_gets_none(self, mandate, clock, place):
        assert ensure_engines(clock) == []
        assert OrmQ.objects.count() == 0

    def test_an_engine_with_a_standby_is_left_alone(self, live_lease, standby, clock):
        assert ensure_engines(clock) == []

    def test_an_engine_without_a_standby_gets_one(self, live_lease, clock):
        assert ensure_engines(clock) == ["main"]

    def test_a_lease_that_has_run_out_is_replaced_even_when_somebody_stands_by(
        self, live_lease, standby, clock
    ):
        EngineLease.objects.update(expires_ns=NOON_NS - 1)

        assert ensure_engines(clock) == ["main"]

    def test_looking_for_a_standby_takes_nobodys_place(self, live_lease, clock, place):
        ensure_engines(clock)

        assert standby_lock(place / "run", "main").acquire()

    def test_each_account_is_looked_at(self, wanted, clock):
        Mandate.objects.create(account="other", desired="RUN", changed_at=NOON)

        assert ensure_engines(clock) == ["main", "other"]


class TestSchedules:
    def test_each_regular_job_is_there_once_however_often_it_is_registered(self, clock):
        for _ in range(3):
            assert keep_schedules(clock) == len(SCHEDULES)

        rows = list(Schedule.objects.values_list("name", "func", "minutes").order_by("name"))
        assert rows == sorted((s.name, s.task, s.schedule()["minutes"]) for s in SCHEDULES)

    def test_a_schedule_that_is_right_keeps_its_next_run(self, clock):
        keep_schedules(clock)
        at_start = [one.name for one in SCHEDULES if one.at_start or one.at_once]
        assert {"wallets", "alert rules", "deliveries"} <= set(at_start)
        others = Schedule.objects.exclude(name__in=at_start).order_by("id")
        before = list(others.values("id", "next_run"))
        clock.advance(NOON - NOON.replace(hour=11))
        keep_schedules(clock)

        assert list(others.values("id", "next_run")) == before

    def test_wallets_are_looked_at_soon_after_each_start(self, clock):
        for _ in range(2):
            keep_schedules(clock)
            wallets = Schedule.objects.get(name="wallets")
            assert wallets.next_run == clock.now() + timedelta(minutes=1)
            assert (wallets.func, wallets.minutes) == ("trading.tasks.check_wallets", 15)
            clock.advance(timedelta(hours=1))

    def test_a_changed_or_doubled_one_is_put_right_and_others_are_left_alone(self, clock):
        keep_schedules(clock)
        Schedule.objects.filter(name="engines").update(minutes=99)
        Schedule.objects.create(name="outbox", func="some.thing", schedule_type="D")
        Schedule.objects.create(name="report", func="some.thing", schedule_type="D")
        keep_schedules(clock)

        assert Schedule.objects.get(name="engines").minutes == 1
        assert Schedule.objects.get(name="outbox").func == "trading.tasks.prune_outbox"
        assert Schedule.objects.filter(name="report").exists()

    @pytest.mark.parametrize("regular", SCHEDULES, ids=lambda regular: regular.name)
    def test_each_names_a_task_that_exists(self, regular):
        assert callable(import_string(regular.task))

    def test_rules_are_judged_right_after_each_start(self, clock):
        for _ in range(2):
            keep_schedules(clock)
            for name in ("alert rules", "deliveries"):
                assert Schedule.objects.get(name=name).next_run == clock.now()
            clock.advance(timedelta(hours=1))


class TestTasks:
    def test_the_small_tasks_run(self, wanted):
        assert tasks.ensure_engines() == "main"
        assert tasks.keep_schedules() == len(SCHEDULES)
        assert tasks.thin_samples() == 0
        assert tasks.thin_reconciliations() == 0
        assert tasks.thin_wallet_checks() == 0
        assert tasks.check_wallets() == "nothing to do"  # it trades on paper
        assert tasks.check_wallet("nobody", "jobs").startswith("NO_ACCOUNT: ")
        assert tasks.prune_outbox() == 0
        assert tasks.canary("jobs") == "jobs"

    def test_a_shift_that_nobody_wants_says_so_and_leaves_signals_alone(self, mandate, place):
        import signal

        before = signal.getsignal(signal.SIGTERM)

        assert tasks.engine_shift("main").startswith("NOT_WANTED")
        assert signal.getsignal(signal.SIGTERM) is before

    def test_a_stopping_cluster_starts_no_shift(self, wanted, monkeypatch):
        flag = StopFlag()
        flag.set()
        monkeypatch.setattr(tasks, "STOP", flag)

        assert tasks.engine_shift("main") == "PROCESS_STOPPED"
        assert EngineLease.objects.count() == 0

    def test_a_cluster_with_another_name_is_refused_before_anything_starts(self, monkeypatch):
        monkeypatch.setattr("django_q.conf.Conf.CLUSTER_NAME", "engines")

        with pytest.raises(CommandError, match="there is no cluster engines"):
            call_command("portal_qcluster")


class TestFileLock:
    def test_it_is_held_by_one_and_free_after_it(self, tmp_path):
        first, second = FileLock(tmp_path / "a" / "lock"), FileLock(tmp_path / "a" / "lock")

        assert first.acquire()
        assert first.acquire()  # again is fine
        assert not second.acquire()
        assert (first.held, second.held) == (True, False)
        first.release()
        first.release()
        assert second.acquire()
        second.release()

    def test_it_says_which_process_holds_it(self, tmp_path):
        import os

        lock = FileLock(tmp_path / "lock")
        assert lock.owner_text() == ""
        lock.acquire()

        assert lock.owner_text() == str(os.getpid())
        lock.release()


class TestAStart:
    def test_asks_for_its_engine_at_once(
        self, mandate, profile, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            start_shadow("main", by=None, by_name="test")

        asked = [row.task for row in OrmQ.objects.filter(key=CLUSTER)]
        assert [(task["func"], task["args"]) for task in asked] == [(TASK, ("main",))]
