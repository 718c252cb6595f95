"""Database, workers and software: seen as they are, and each refusal has its allowed twin."""

from datetime import timedelta

import pytest
from django.db import connection
from django_q.models import OrmQ, Schedule, Task

from alerts.models import Watch
from alerts.selectors.portal import JOBS
from alerts.services import workers
from checks.catalogue import system_running
from checks.catalogue.base import Status
from polyarb_site import locked
from polyarb_site.clock import SystemClock
from polyarb_site.database_state import integrity_problems
from polyarb_site.probes import CANARY, CANARY_GROUP
from tests.checks.s2a_building import scene
from tests.conftest import NOON
from trading.models import EngineSession, Mandate

pytestmark = pytest.mark.django_db


class TestTheDatabase:
    def test_a_migrated_whole_one_passes(self):
        seen = system_running.database(scene())

        assert seen.status is Status.PASS, seen.reason

    def test_a_missing_migration_fails(self):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'checks'")

        seen = system_running.database(scene())

        assert seen.status is Status.FAIL
        assert "checks.0001" in seen.reason
        assert seen.remedy == "Run manage.py migrate."

    @pytest.mark.skipif("connection.vendor != 'sqlite'")
    def test_a_reference_that_leads_nowhere_fails(self, mandate, profile):
        Mandate.objects.filter(pk=mandate.pk).update(profile=profile)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA defer_foreign_keys = ON")
            cursor.execute("UPDATE trading_mandate SET profile_id = 99999")
            looked = system_running.database(scene())
            cursor.execute("UPDATE trading_mandate SET profile_id = NULL")

        assert looked.status is Status.FAIL
        assert "trading_profile" in looked.reason

    @pytest.mark.skipif("connection.vendor != 'sqlite'")
    def test_a_look_that_takes_too_long_is_unknown(self, monkeypatch):
        monkeypatch.setattr("polyarb_site.database_state.STEPS", 1)
        monkeypatch.setattr(system_running, "INTEGRITY_MS", -1)

        assert system_running.database(scene()).status is Status.UNKNOWN
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")  # the connection is as good as before

    def test_what_it_looked_at_is_said(self):
        looked = integrity_problems(ms_max=5_000, clock=SystemClock())

        assert (looked.vendor, looked.problems) == (connection.vendor, [])


class TestWorkers:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch):
        monkeypatch.setattr(workers, "ASK_MS", 30)

    @pytest.fixture
    def alive(self, mandate):
        Watch.objects.create(name=JOBS, beat_at=NOON - timedelta(seconds=2))
        Schedule.objects.create(func="x.y", next_run=NOON + timedelta(minutes=1), repeats=-1)
        self.canary(NOON - timedelta(seconds=5))

    def canary(self, at, cluster="engine"):
        Task.objects.create(
            id=f"{at:%H%M%S}{cluster}",
            name="c",
            func=CANARY,
            args=(cluster,),
            group=CANARY_GROUP,
            started=at,
            stopped=at,
            success=True,
        )

    def test_three_fresh_signs_pass(self, alive):
        seen = system_running.workers(scene())

        assert seen.status is Status.PASS, seen.reason

    def test_nothing_running_fails_and_names_each_part(self, mandate):
        seen = system_running.workers(scene())

        assert seen.status is Status.FAIL
        for part in ("jobs cluster", "scheduler", "engine cluster"):
            assert part in seen.reason

    def test_a_jobs_cluster_that_went_silent_fails(self, alive):
        Watch.objects.update(beat_at=NOON - timedelta(seconds=46))
        assert system_running.workers(scene()).status is Status.FAIL

        Watch.objects.update(beat_at=NOON - timedelta(seconds=45))
        assert system_running.workers(scene()).status is Status.PASS

    def test_a_sign_from_the_future_is_none(self, alive):
        Watch.objects.update(beat_at=NOON + timedelta(minutes=5))

        assert "in the future" in system_running.workers(scene()).reason

    def test_a_schedule_that_is_late_fails(self, alive):
        Schedule.objects.update(next_run=NOON - timedelta(seconds=121))
        assert "121 s late" in system_running.workers(scene()).reason

        Schedule.objects.update(next_run=NOON - timedelta(seconds=120))
        assert system_running.workers(scene()).status is Status.PASS

    def test_a_canary_of_the_other_cluster_says_nothing_of_the_engine(self, alive):
        Task.objects.all().delete()
        self.canary(NOON - timedelta(seconds=5), "jobs")

        assert "engine cluster" in system_running.workers(scene()).reason

    def test_the_engines_heartbeat_is_a_sign_too(self, alive, profile):
        Task.objects.all().delete()
        EngineSession.objects.create(
            account="main",
            token=1,
            key="main-1",
            owner="x",
            mode="SHADOW",
            feed="recorded",
            label="RECORDED",
            phase=0,
            profile=profile,
            mandate_revision=1,
            state_since=NOON,
            started_at=NOON,
            heartbeat_at=NOON - timedelta(seconds=3),
        )
        assert system_running.workers(scene()).status is Status.PASS

        EngineSession.objects.update(heartbeat_at=NOON - timedelta(minutes=5))
        assert system_running.workers(scene()).status is Status.FAIL

    def test_a_task_that_nobody_did_is_taken_back(self, alive):
        Task.objects.all().delete()

        system_running.workers(scene())

        assert not OrmQ.objects.exists()

    def test_a_task_that_is_done_at_once_passes(self, alive, monkeypatch):
        Task.objects.all().delete()

        def do_it(_func, asked, **_options):
            self.canary(NOON - timedelta(hours=1), asked)
            return Task.objects.get().id

        monkeypatch.setattr(workers, "async_task", do_it)

        seen = system_running.workers(scene())
        assert seen.status is Status.PASS, seen.reason


class TestAsLocked:
    def test_what_the_lock_names_is_installed(self):
        """Defect T2: upstream's gate was the text "350 passed" in some file."""
        seen = system_running.as_locked(scene())

        assert seen.status is Status.PASS, seen.reason
        assert seen.evidence["packages"] > 50

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("django==0.1 \\\n", "django is "),
            ("no-such-package==1.0\n", "no-such-package 1.0 is not installed"),
            ("", "requirements.lock names no package"),
        ],
    )
    def test_what_differs_is_named(self, tmp_path, text, problem):
        lock = tmp_path / "requirements.lock"
        lock.write_text(text)

        assert locked.lock_problems(lock)[0][0].startswith(problem)

    def test_what_is_for_other_machines_is_left_out(self, tmp_path):
        lock = tmp_path / "requirements.lock"
        lock.write_text("pywin32==312 ; sys_platform == 'win32' \\\npytest==0.0.0 ; x\n")

        problems, compared = locked.lock_problems(lock)
        assert compared == 1
        assert problems[0].startswith("pytest is ")

    def test_a_missing_lock_fails(self, tmp_path):
        assert locked.lock_problems(tmp_path / "requirements.lock")[0]

    def test_other_source_on_the_disk_than_what_runs_fails(self, monkeypatch):
        monkeypatch.setattr(system_running, "source_sha256", lambda _root: "f" * 64)

        assert "restart it" in system_running.as_locked(scene()).reason
