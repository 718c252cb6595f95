"""The shell's doors: what they print, what they change, and with which status they end."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError

from tests.conftest import NOON, make_profile
from tests.helpers.audit import only_event
from tests.helpers.commands import run_command
from tests.helpers.runs import make_run
from trading import kill_file, services
from trading.management.base import shell_name
from trading.management.watching import follow, wait_for_end
from trading.models import EngineSession, Mandate, MetricSample
from trading.services.mandates import start_command

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


class TestStartShadow:
    def test_shows_what_it_runs_and_starts_it(self, mandate, profile):
        status, out, _ = run_command(
            "start_shadow", "--detach", "--speed", "10", "--reason", "first"
        )

        row = Mandate.objects.get()
        assert status == 0
        assert (row.desired, row.profile, row.feed_options) == ("RUN", profile, {"speed": "10"})
        assert f"live_shadow_atomic_v1 r1 ({profile.sha256[:12]})" in out
        assert "TRADE_SIZE                       1" in out
        assert "feed recorded (speed 10)" in out
        assert "data directory" in out
        assert out.rstrip().endswith("started")

    def test_is_recorded_under_the_name_of_who_ran_it(self, mandate, profile):
        run_command("start_shadow", "--detach", "--reason", "first")

        event = only_event()
        assert (event.actor, event.actor_name, event.reason) == (None, shell_name(), "first")

    def test_the_name_comes_from_the_process_and_not_from_the_environment(self, monkeypatch):
        for name in ("LOGNAME", "USER", "USERNAME"):
            monkeypatch.setenv(name, "somebody_else")

        assert "somebody_else" not in shell_name()

    def test_a_refusal_is_1_and_names_the_remedy(self, mandate, profile, viewer):
        services.halt(mandate.account, by=viewer, reason="odd fills", at=NOON)
        status, _, err = run_command("start_shadow", "--detach")

        assert status == 1
        assert "odd fills" in err
        assert "resume_trading" in err
        assert Mandate.objects.get().desired == "STOP"

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--account", "other"),
            ("--profile", "unknown"),
            ("--recording", "nowhere.gz"),
            ("--speed", "fast"),
            ("--feed", "polymarket", "--speed", "2"),
        ],
    )
    def test_what_cannot_run_is_refused_before_anything_starts(self, mandate, profile, arguments):
        status, _, err = run_command("start_shadow", "--detach", *arguments)

        assert status == 1
        assert err
        assert Mandate.objects.get().desired == "STOP"

    def test_a_live_profile_is_refused(self, mandate):
        make_profile("live_safe_atomic_v1")
        status, _, err = run_command("start_shadow", "--detach", "--profile", "live_safe_atomic_v1")

        assert (status, Mandate.objects.get().desired) == (1, "STOP")
        assert "real money" in err

    def test_a_damaged_base_is_refused(self, mandate, profile, settings, tmp_path):
        (tmp_path / "config.yaml").write_text("DRY_RUN: false\n")
        settings.CONFIG_DIR = tmp_path
        status, _, err = run_command("start_shadow", "--detach")

        assert (status, Mandate.objects.get().desired) == (1, "STOP")
        assert "DRY_RUN" in err

    def test_ctrl_c_stops_watching_and_not_the_engine(self, mandate, profile, monkeypatch):
        def interrupt(*_args, **_kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr("trading.management.starting.follow", interrupt)
        status, out, _ = run_command("start_shadow")

        assert status == 0
        assert "the engine goes on" in out
        assert "stop_engine" in out
        assert Mandate.objects.get().desired == "RUN"

    def test_the_database_gone_is_2_and_says_how_to_halt(self, mandate, profile, monkeypatch):
        def fail(*_args, **_kwargs):
            raise OperationalError("no such host")

        monkeypatch.setattr("trading.management.commands.start_shadow.start_shadow", fail)
        status, _, err = run_command("start_shadow", "--detach")

        assert status == 2
        assert "emergency_stop" in err


class TestFollow:
    @pytest.fixture
    def lines(self):
        return []

    def follow(self, lines, clock, steps, after_token=0):
        """Follow a run in which something happens in each pause."""
        todo = iter(steps)

        def pause(seconds):
            clock.advance(timedelta(seconds=seconds))
            next(todo)()

        follow("main", after_token, clock=clock, write=lines.append, pause=pause)

    def test_shows_lines_until_the_stop_and_then_the_figures(self, mandate, profile, clock, lines):
        Mandate.objects.update(desired="RUN")

        def begin():
            session = make_run(started_at=NOON)
            MetricSample.objects.create(
                session=session,
                at=NOON,
                values={"frames": 12_000, "feed_connected": True},
                realised_micro=0,
                exposure_micro=0,
                feed_age_ms=100,
                decision_p50_us=9,
                decision_p99_us=70,
            )

        def stop():
            Mandate.objects.update(desired="STOP")

        def end():
            EngineSession.objects.update(
                state="STOPPED", state_reason="asked to", ended_at=clock.now()
            )

        self.follow(lines, clock, [begin, lambda: None, stop, end])

        assert len(lines) == 4 + 4
        assert lines[0].startswith("WAITING")
        assert lines[1].startswith("TRADING")
        assert lines[4] == "run main-1 on recorded: STOPPED after 12.0 s (asked to)"
        assert "12000 frames" in lines[5]
        assert "realised $0.00 on paper" in lines[6]
        assert "p50 9 µs, p99 70 µs" in lines[7]

    def test_says_so_when_no_engine_takes_the_work(self, mandate, profile, clock, lines):
        Mandate.objects.update(desired="RUN")
        steps = [lambda: None] * 6 + [lambda: Mandate.objects.update(desired="STOP")]
        self.follow(lines, clock, steps)

        assert any("manage.py up" in line for line in lines)
        assert lines[-1] == "stopped before an engine had started"

    def test_an_earlier_run_is_not_counted(self, mandate, profile, clock, lines):
        make_run(state="STOPPED", ended_at=NOON)
        self.follow(lines, clock, [], after_token=1)

        assert lines == ["stopped before an engine had started"]


class TestStopEngine:
    def test_waits_until_the_engine_has_ended(self, mandate, profile, monkeypatch):
        Mandate.objects.update(desired="RUN")
        make_run()

        def end(_seconds):
            EngineSession.objects.update(state="STOPPED", ended_at=NOON)

        monkeypatch.setattr(wait_for_end, "__kwdefaults__", {"pause": end})
        status, out, _ = run_command("stop_engine", "--reason", "maintenance")

        assert (status, Mandate.objects.get().desired) == (0, "STOP")
        assert out.splitlines() == ["asked to stop", "stopped"]
        assert only_event().reason == "maintenance"

    def test_says_why_it_has_not_stopped(self, mandate, profile, clock):
        session = make_run(heartbeat_at=NOON - timedelta(seconds=30))
        MetricSample.objects.create(
            session=session, at=NOON, values={}, realised_micro=0, exposure_micro=4_900_000
        )
        still = wait_for_end(
            "main", seconds=60, clock=clock, pause=lambda s: clock.advance(timedelta(seconds=s))
        )

        assert "after 60 s main-1 is still STALE" in still
        assert "no heartbeat" in still
        assert "$4.90" in still

    def test_not_stopped_in_time_is_2(self, mandate, profile):
        Mandate.objects.update(desired="RUN")
        make_run()
        status, _, err = run_command("stop_engine", "--wait", "1")

        assert status == 2
        assert "emergency_stop" in err
        assert Mandate.objects.get().desired == "STOP"

    def test_without_waiting(self, mandate, profile):
        Mandate.objects.update(desired="RUN")
        make_run()

        assert run_command("stop_engine", "--wait", "0")[0] == 0

    def test_nothing_to_stop_is_1(self, mandate):
        status, _, err = run_command("stop_engine")

        assert status == 1
        assert "not asked to run" in err


class TestEmergencyStop:
    def test_halts_and_says_so(self, mandate, settings):
        status, out, _ = run_command("emergency_stop", "--reason", "odd fills")

        row = Mandate.objects.get()
        assert (status, row.halted, row.halt_code) == (0, True, "EMERGENCY_STOP")
        assert row.halt_reason == "odd fills"
        assert row.halted_by == shell_name()
        assert out == "trading is halted\n"
        assert kill_file.is_set(settings.KILL_FILE)

    def test_needs_no_reason_and_can_be_repeated(self, mandate):
        run_command("emergency_stop")
        status, out, _ = run_command("emergency_stop")

        assert status == 0
        assert "already" in out

    def test_with_the_database_down_it_halts_and_is_0(self, db, settings, monkeypatch):
        def fail(*_args, **_kwargs):
            raise OperationalError("no such host")

        monkeypatch.setattr("trading.services.halting._close_mandate", fail)
        status, out, err = run_command("emergency_stop")

        assert status == 0
        assert kill_file.is_set(settings.KILL_FILE)
        assert "database does not answer" in out
        assert "say it again" in err

    def test_with_everything_broken_it_is_2(self, db, monkeypatch):
        def fail(*_args, **_kwargs):
            raise services.HaltFailed("nothing was halted")

        monkeypatch.setattr("trading.management.commands.emergency_stop.halt", fail)
        status, _, err = run_command("emergency_stop")

        assert (status, err) == (2, "nothing was halted")


class TestResumeTrading:
    def test_resumes_and_removes_the_file(
        self, mandate, viewer, settings, django_capture_on_commit_callbacks
    ):
        services.halt(mandate.account, by=viewer, at=NOON)
        with django_capture_on_commit_callbacks(execute=True):
            status, out, _ = run_command("resume_trading", "--reason", "books checked")

        assert (status, Mandate.objects.get().halted) == (0, False)
        assert not kill_file.is_set(settings.KILL_FILE)
        assert "nothing runs. To start: manage.py start_shadow --feed recorded" in out

    @pytest.mark.parametrize("arguments", [(), ("--reason", "  ")])
    def test_needs_a_reason(self, mandate, viewer, arguments):
        services.halt(mandate.account, by=viewer, at=NOON)
        status, _, err = run_command("resume_trading", *arguments)

        assert status in (1, 2)
        assert "reason" in err
        assert Mandate.objects.get().halted

    def test_what_is_not_halted_is_1(self, mandate):
        assert run_command("resume_trading", "--reason", "x")[0] == 1

    @pytest.mark.parametrize(
        ("row", "command"),
        [
            ({"mode": "SHADOW", "feed": "polymarket"}, "start_shadow --feed polymarket"),
            ({"mode": "SHADOW", "feed": ""}, "start_shadow --feed recorded"),
            ({"mode": "LIVE", "feed": "simulator"}, "start_simulated"),
            ({"mode": "LIVE", "feed": "simulator", "phase": 1}, "start_live"),
            ({"mode": "SHADOW", "feed": "polymarket", "phase": 2}, "start_live"),
        ],
    )
    def test_names_the_command_that_starts_what_ran(self, row, command):
        assert start_command(Mandate(**row)) == f"manage.py {command}"


def manage(*arguments, **environment):
    """Run manage.py as a process of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
class TestAsAProcess:
    def test_emergency_stop_without_any_database_server(self, tmp_path):
        done = manage(
            "emergency_stop",
            "--reason",
            "odd fills",
            POLYARB_DATA_DIR=str(tmp_path),
            DATABASE_URL="postgres://portal:hunter2@127.0.0.1:1/portal",
        )

        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / "KILL").read_text())["reason"] == "odd fills"
        assert "database does not answer" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr

    def test_and_on_an_empty_data_directory(self, tmp_path):
        done = manage("emergency_stop", POLYARB_DATA_DIR=str(tmp_path), DATABASE_URL="")

        assert done.returncode == 0, done.stderr
        assert (tmp_path / "KILL").exists()

    def test_a_failure_reaches_the_shell_without_a_traceback(self, tmp_path):
        done = manage("phase_status", POLYARB_DATA_DIR=str(tmp_path), DATABASE_URL="")

        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "no such table" in done.stderr
