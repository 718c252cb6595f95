"""manage.py start_live: shows, counts down, starts, follows. PolyArb-X's scripts did none of it."""

import pytest

from checks.models import Promotion
from checks.services import starting
from polyarb_site.audit.models import AuditEvent
from reports.models import BackupRun
from tests.api.building import make_session
from tests.checks.promotion_world import MINUTE, World, stand_in
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock
from tests.helpers.commands import run_command
from trading.management.base import shell_name
from trading.models import Mandate
from trading.runtime.mandate import read_mandate

pytestmark = pytest.mark.django_db
COMMAND = "checks.management.commands.start_live"


@pytest.fixture
def pauses(monkeypatch):
    """Time that passes at once, and the seconds that somebody wanted to wait."""
    waited: list[float] = []
    clock = FixedClock(NOON + 5 * MINUTE)
    monkeypatch.setattr(f"{COMMAND}.SystemClock", lambda: clock)
    monkeypatch.setattr(starting, "SystemClock", lambda: clock)
    monkeypatch.setattr(f"{COMMAND}.time.sleep", waited.append)
    return waited


@pytest.fixture
def world(db, monkeypatch, pauses):
    stand_in(monkeypatch)
    return World()


def started():
    return Mandate.objects.get().desired == "RUN"


class TestStarting:
    def test_shows_all_of_it_counts_down_and_starts(self, world, pauses):
        promotion = world.approved()
        status, out, _ = run_command("start_live", "--detach", "--reason", "the day has come")

        assert (status, started()) == (0, True)
        assert pauses == [1, 1, 1, 1, 1]
        assert "LIVE with play money: main in phase 1, Micro-Live" in out
        assert f"live_safe_atomic_v1 r1 ({world.profile.sha256[:12]})" in out
        assert "TRADE_SIZE                       2" in out
        assert f"by promotion {promotion.pk}: seven quiet days" in out
        assert "approved by anna, bert" in out
        assert "risk        each set can cost up to $2" in out
        assert BackupRun.objects.get(kind="PRE_LIVE").name in out
        assert out.index("starting in 5 s") < out.index("starting in 1 s") < out.index("started")
        event = AuditEvent.objects.get(action="engine.start_live")
        assert (event.actor_name, event.reason) == (shell_name(), "the day has come")

    def test_names_the_person_who_starts(self, world):
        world.approved()
        status, _, _ = run_command("start_live", "--detach", "--user", "otto")

        assert status == 0
        event = AuditEvent.objects.get(action="engine.start_live")
        assert (event.actor, event.actor_name) == (world.asker, f"otto ({shell_name()})")

    def test_who_may_not_start_and_who_does_not_exist_are_refused(self, world):
        world.approved()

        assert run_command("start_live", "--detach", "--user", "anna")[0] == 1
        status, _, err = run_command("start_live", "--detach", "--user", "nobody")
        assert (status, started()) == (1, False)
        assert "there is no account 'nobody'" in err

    def test_the_countdown_is_skipped_only_by_the_flag_and_audited(self, world, pauses):
        world.approved()
        _, out, _ = run_command("start_live", "--detach", "--skip-countdown")

        assert (pauses, "countdown skipped" in out) == ([], True)
        said = AuditEvent.objects.get(action="gates.start_live").after
        assert said["countdown_skipped"] is True

    def test_ctrl_c_in_the_countdown_changes_nothing(self, world, monkeypatch):
        world.approved()

        def interrupt(_seconds):
            raise KeyboardInterrupt

        monkeypatch.setattr(f"{COMMAND}.time.sleep", interrupt)
        status, out, err = run_command("start_live", "--detach")

        assert (status, started()) == (1, False)
        assert "nothing was changed" in err
        assert "started" not in out
        assert Promotion.objects.get().state == "APPROVED"
        assert Mandate.objects.get().revision == 1

    def test_follows_the_run_and_makes_its_report(self, world, monkeypatch, settings, tmp_path):
        settings.REPORTS_DIR = tmp_path
        world.approved()

        def follow(account, after_token, *, clock, write):
            assert (account, after_token) == ("main", 0)
            at = NOON + 5 * MINUTE
            row = {"mode": "LIVE", "feed": "simulator", "label": "SIMULATED", "phase": 1}
            make_session(world.profile, at=at, ended_at=at, state="STOPPED", **row)
            write("run main-1 on simulator: STOPPED")

        monkeypatch.setattr("trading.management.starting.follow", follow)
        status, out, _ = run_command("start_live")

        assert status == 0
        assert "run main-1 on simulator: STOPPED" in out
        assert out.index("STOPPED") < out.index("# ")
        assert "main-1" in out[out.index("# ") :]

    def test_ctrl_c_later_only_stops_watching(self, world, monkeypatch):
        world.approved()

        def interrupt(*_args, **_options):
            raise KeyboardInterrupt

        monkeypatch.setattr("trading.management.starting.follow", interrupt)
        status, out, _ = run_command("start_live")

        assert (status, started()) == (0, True)
        assert "the engine goes on" in out


class TestTheDefects:
    """What PolyArb-X did at this point, and must not happen here."""

    def test_c1_without_a_promotion_nothing_is_live_and_nothing_runs_on_paper(self, world):
        status, out, err = run_command("start_live", "--detach")

        assert (status, started()) == (1, False)
        assert "no approved promotion" in err
        assert "started" not in out

    def test_c1_a_damaged_base_configuration_starts_nothing(self, world, settings, tmp_path):
        world.approved()
        settings.CONFIG_DIR = tmp_path

        assert run_command("start_live", "--detach")[0] == 1
        assert not started()

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--profile", "live_shadow_atomic_v1"),
            ("--mode", "shadow"),
            ("--dry-run",),
            ("--phase", "one"),
            ("--venue", "recorded"),
        ],
    )
    def test_c2_an_option_that_is_not_known_is_never_ignored(self, world, arguments):
        world.approved()
        status, _, err = run_command("start_live", "--detach", *arguments)

        assert status != 0
        assert arguments[0] in err
        assert not started()

    @pytest.mark.parametrize(
        "arguments", [("--phase", "2"), ("--phase", "0"), ("--venue", "polymarket")]
    )
    def test_c2_what_is_expected_is_what_starts_or_nothing(self, world, arguments):
        world.approved()

        assert run_command("start_live", "--detach", *arguments)[0] == 1
        assert not started()

    def test_c3_the_limits_that_are_shown_are_those_that_the_engine_reads(self, world):
        world.approved()
        _, out, _ = run_command("start_live", "--detach")

        assert "MAX_POSITION_SIZE                20" in out
        limits = read_mandate("main").limits
        assert (limits.position_max_micro, limits.trade_size_micro) == (20_000_000, 2_000_000)

    def test_c4_a_failed_check_ends_it_with_its_reason(self, world, monkeypatch):
        world.approved()
        stand_in(monkeypatch, checks="checks_that_fail")
        status, out, err = run_command("start_live", "--detach", "--skip-countdown")

        assert (status, started()) == (1, False)
        assert "the signer does not answer" in err
        assert "started" not in out

    def test_c4_checks_that_cannot_be_found_are_not_skipped(self, world, monkeypatch):
        world.approved()
        monkeypatch.setattr(starting, "RUN_CHECKS", "checks.services.nowhere.run_checks")

        with pytest.raises(ImportError):
            run_command("start_live", "--detach", "--skip-countdown")
        assert not started()


def test_following_can_be_taken_up_again(world, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "trading.management.starting.follow",
        lambda account, after, **_options: seen.append((account, after)),
    )
    make_session(world.profile, token=7)

    run_command("follow_engine")
    run_command("follow_engine", "--after", "3")
    assert seen == [("main", 6), ("main", 3)]
