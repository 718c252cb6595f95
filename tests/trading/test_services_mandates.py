"""Starting, stopping, closing the breaker: allowed, refused, and what each leaves behind."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from polyarb_site.audit.models import AuditEvent
from polyarb_site.live.models import OutboxMessage
from polyarb_site.preflight import Problem
from tests.conftest import NOON, make_profile
from tests.helpers.audit import last_event, only_event
from trading import services
from trading.kill_file import halt_by_file_only
from trading.models import Mandate, Phase
from trading.services import changes, mandates
from trading.services.changes import change

pytestmark = pytest.mark.django_db


def start(account, by=None, **changes):
    given = {"by": by, "by_name": "" if by else "test", "at": NOON, **changes}
    return services.start_shadow(account, **given)


def refusal(call, *args, **kwargs):
    with pytest.raises(services.ServiceRefused) as caught:
        call(*args, **kwargs)
    assert caught.value.message
    assert caught.value.remedy
    return caught.value.code


def state_of(account):
    return Mandate.objects.values().get(account=account)


class TestEnsureMandate:
    def test_makes_one_that_trades_nothing(self, account):
        mandate = services.ensure_mandate(account, at=NOON)

        assert (mandate.phase, mandate.desired, mandate.halted) == (Phase.SHADOW, "STOP", False)
        assert only_event().action == "mandate.create"

    def test_the_second_time_changes_nothing(self, account):
        services.ensure_mandate(account, at=NOON)
        services.ensure_mandate(account, at=NOON + timedelta(hours=1))

        assert Mandate.objects.count() == 1
        assert AuditEvent.objects.count() == 1

    @pytest.mark.parametrize("name", ["", "../main", "Main", "a" * 61, "main\n", "-main"])
    def test_refuses_what_is_no_name(self, name):
        assert refusal(services.ensure_mandate, name) == "ACCOUNT_NAME"


class TestStartShadow:
    def test_asks_for_the_engine_with_the_newest_revision(self, mandate, profile, operator):
        newer = make_profile("live_shadow_atomic_v1", revision=2, TRADE_SIZE="2")
        started = start(mandate.account, operator, feed="recorded", feed_options={"speed": "10"})

        assert started.desired == Mandate.Desired.RUN
        assert started.mode == "SHADOW"
        assert started.profile == newer
        assert (started.feed, started.feed_options) == ("recorded", {"speed": "10"})
        assert started.revision == mandate.revision + 1
        assert started.changed_at == NOON

    def test_says_who_and_what_in_the_audit_and_tells_the_pages(self, mandate, profile, operator):
        start(mandate.account, operator, reason="first run")

        event = only_event()
        assert (event.action, event.actor, event.reason) == (
            "engine.start_shadow",
            operator,
            "first run",
        )
        assert event.before["desired"] == "STOP"
        assert event.after["desired"] == "RUN"
        assert event.after["profile"]["sha256"] == profile.sha256
        assert [message.topic for message in OutboxMessage.objects.all()] == ["state"]

    @pytest.mark.parametrize("role", ["viewer", "approver", "nobody"])
    def test_needs_the_role_operator(self, mandate, profile, role, request):
        before = state_of(mandate.account)
        code = refusal(start, mandate.account, request.getfixturevalue(role))

        assert code == "NOT_ALLOWED"
        assert state_of(mandate.account) == before
        assert AuditEvent.objects.count() == 0

    def test_an_admin_may_too(self, mandate, profile, admin_user):
        assert start(mandate.account, admin_user).desired == "RUN"

    def test_an_operator_who_was_switched_off_may_not(self, mandate, profile, operator):
        operator.is_active = False
        assert refusal(start, mandate.account, operator) == "NOT_ALLOWED"

    def test_is_refused_when_halted_and_says_how_to_resume(self, mandate, profile, operator):
        services.halt(mandate.account, by=operator, reason="odd fills", at=NOON)

        with pytest.raises(services.ServiceRefused, match="resume_trading") as caught:
            start(mandate.account, operator)
        assert caught.value.code == "HALTED"
        assert "odd fills" in caught.value.message
        assert state_of(mandate.account)["desired"] == "STOP"

    def test_is_refused_when_only_the_kill_file_is_there(self, mandate, profile, settings):
        settings.KILL_FILE.touch()

        assert refusal(start, mandate.account) == "HALTED"

    def test_is_refused_in_a_live_phase(self, mandate, profile):
        Mandate.objects.update(phase=Phase.MICRO_LIVE)

        assert refusal(start, mandate.account) == "WRONG_PHASE"

    def test_never_runs_a_profile_of_real_money(self, mandate):
        make_profile("live_safe_atomic_v1")

        code = refusal(start, mandate.account, profile_name="live_safe_atomic_v1")
        assert code == "PROFILE_IS_LIVE"
        assert state_of(mandate.account)["profile_id"] is None

    def test_is_refused_when_it_runs_already(self, mandate, profile):
        start(mandate.account)

        assert refusal(start, mandate.account) == "ALREADY_RUNNING"

    def test_is_refused_without_the_profile_or_the_account(self, mandate):
        assert refusal(start, mandate.account) == "NO_PROFILE"
        assert refusal(start, mandate.account, profile_name="../../etc") == "NO_PROFILE"
        assert refusal(start, "other") == "NO_ACCOUNT"

    @pytest.mark.parametrize(
        ("feed", "options", "code"),
        [
            ("nasdaq", {}, "FEED_UNKNOWN"),
            ("polymarket", {"speed": "2"}, "FEED_OPTION_UNKNOWN"),
            ("recorded", {"url": "http://x"}, "FEED_OPTION_UNKNOWN"),
            ("recorded", {"speed": "0"}, "SPEED_INVALID"),
            ("recorded", {"speed": "fast"}, "SPEED_INVALID"),
            ("recorded", {"speed": "1e9"}, "SPEED_INVALID"),
            ("recorded", {"speed": "-1"}, "SPEED_INVALID"),
            ("recorded", {"speed": "10001"}, "SPEED_INVALID"),
            ("recorded", {"recording": "nowhere.jsonl.gz"}, "RECORDING_MISSING"),
            ("recorded", {"recording": "a\0b"}, "RECORDING_MISSING"),
        ],
    )
    def test_refuses_a_feed_that_cannot_be(self, mandate, profile, feed, options, code):
        assert refusal(start, mandate.account, feed=feed, feed_options=options) == code
        assert state_of(mandate.account)["desired"] == "STOP"

    def test_over_the_web_a_recording_lies_in_our_directories(
        self, mandate, profile, operator, settings, tmp_path
    ):
        outside = tmp_path / "secret.txt"
        outside.touch()
        inside = settings.DATA_DIR / "mine.jsonl.gz"
        inside.touch()
        up = f"../{'../' * 9}{outside}"

        for path in (str(outside), up):
            options = {"recording": path}
            code = refusal(start, mandate.account, operator, feed_options=options)
            assert code == "RECORDING_MISSING"
        started = start(mandate.account, operator, feed_options={"recording": "mine.jsonl.gz"})
        assert started.feed_options == {"recording": str(inside)}

    def test_on_the_host_it_lies_anywhere(self, mandate, profile, tmp_path):
        recording = tmp_path / "frames.jsonl.gz"
        recording.touch()

        started = start(mandate.account, feed_options={"recording": str(recording)})
        assert started.feed_options == {"recording": str(recording)}

    def test_is_refused_when_the_data_directory_cannot_be_written(
        self, mandate, profile, monkeypatch
    ):
        problem = Problem(code="DISK_FULL", message="only 3 MiB free", remedy="free some")
        monkeypatch.setattr(mandates, "check_disk", lambda _directory: [problem])

        assert refusal(start, mandate.account) == "DISK_FULL"
        assert state_of(mandate.account)["desired"] == "STOP"


class TestStopEngine:
    def test_asks_for_the_end_and_keeps_why(self, mandate, profile, operator):
        start(mandate.account, operator)
        stopped = services.stop_engine(mandate.account, by=operator, reason="maintenance", at=NOON)

        assert stopped.desired == "STOP"
        assert stopped.revision == mandate.revision + 2
        event = last_event()
        assert (event.action, event.reason) == ("engine.stop", "maintenance")

    def test_needs_the_role_operator(self, mandate, profile, viewer):
        start(mandate.account)

        assert refusal(services.stop_engine, mandate.account, by=viewer) == "NOT_ALLOWED"
        assert state_of(mandate.account)["desired"] == "RUN"

    def test_is_refused_when_nothing_runs(self, mandate, operator):
        assert refusal(services.stop_engine, mandate.account, by=operator) == "NOT_RUNNING"

    def test_works_while_halted(self, mandate, profile, operator):
        start(mandate.account, operator)
        services.halt(mandate.account, by=operator, at=NOON)

        assert services.stop_engine(mandate.account, by=operator, at=NOON).desired == "STOP"


class TestResetBreaker:
    def test_counts_one_more_reset(self, mandate, operator):
        reset = services.reset_breaker(mandate.account, by=operator, reason="venue is back")

        assert reset.breaker_resets == 1
        assert reset.revision == mandate.revision + 1
        assert only_event().action == "breaker.reset"

    def test_needs_a_reason_and_the_role(self, mandate, operator, viewer):
        reset = services.reset_breaker

        assert refusal(reset, mandate.account, by=operator, reason="  ") == "REASON_MISSING"
        assert refusal(reset, mandate.account, by=viewer, reason="x") == "NOT_ALLOWED"
        assert state_of(mandate.account)["breaker_resets"] == 0


class TestChange:
    def test_loses_to_a_change_that_came_first(self, mandate, profile, operator):
        seen_before = Mandate.objects.get(pk=mandate.pk)
        services.halt(mandate.account, by=operator, at=NOON)
        halted = state_of(mandate.account)

        code = refusal(
            change,
            seen_before,
            {"desired": "RUN"},
            action="engine.start_shadow",
            by=operator,
            by_name="",
            reason="",
            at=NOON,
        )
        assert code == "CHANGED_MEANWHILE"
        assert state_of(mandate.account) == halted
        assert AuditEvent.objects.filter(action="engine.start_shadow").count() == 0

    def test_a_service_that_lost_the_race_changes_nothing(self, mandate, profile, monkeypatch):
        """Between reading and writing, somebody else was faster."""
        find = changes.find_mandate

        def find_then_halt(account):
            found = find(account)
            Mandate.objects.filter(pk=found.pk).update(revision=found.revision + 1)
            return found

        monkeypatch.setattr(mandates, "find_mandate", find_then_halt)
        assert refusal(start, mandate.account) == "CHANGED_MEANWHILE"
        assert state_of(mandate.account)["desired"] == "STOP"

    def test_nobody_at_all_is_our_mistake(self, mandate, profile):
        with pytest.raises(ValueError, match="nobody is named"):
            services.start_shadow(mandate.account, by=None)
        assert state_of(mandate.account)["desired"] == "STOP"


class AuditDownError(Exception):
    pass


@pytest.fixture
def audit_down(monkeypatch):
    """Let writing the audit fail."""

    def fail(_event):
        raise AuditDownError

    return lambda: monkeypatch.setattr(AuditEvent, "append", fail)


def everything(account, settings):
    """Return all that a service may change."""
    from trading.models import Profile

    return {
        "mandates": list(Mandate.objects.order_by("pk").values()),
        "profiles": list(Profile.objects.order_by("pk").values()),
        "outbox": OutboxMessage.objects.count(),
        "audit": AuditEvent.objects.count(),
    }


def calls(account):
    """Every service that changes something, set up so that it would succeed."""
    by = SimpleNamespace(by=None, by_name="test", at=NOON)
    common = vars(by)
    return {
        "start_shadow": (lambda: None, lambda: services.start_shadow(account, **common)),
        "start_simulated": (
            lambda: make_profile("simulated_atomic_v1"),
            lambda: services.start_simulated(account, **common),
        ),
        "stop_engine": (
            lambda: services.start_shadow(account, **common),
            lambda: services.stop_engine(account, **common),
        ),
        "halt": (lambda: None, lambda: services.halt(account, **common)),
        "resume": (
            lambda: services.halt(account, **common),
            lambda: services.resume(account, reason="ok", **common),
        ),
        "reset_breaker": (
            lambda: None,
            lambda: services.reset_breaker(account, reason="ok", **common),
        ),
        "save_profile": (
            lambda: None,
            lambda: services.save_profile("mine", {"TRADE_SIZE": "2"}, reason="ok", **common),
        ),
        "apply_profile": (
            lambda: None,
            lambda: services.apply_profile("live_shadow_atomic_v1", reason="ok", **common),
        ),
        "rollback_profile": (
            lambda: _apply_two(common),
            lambda: services.rollback_profile(reason="ok", **common),
        ),
        "import_profiles": (lambda: None, lambda: _import(common)),
        "ensure_mandate": (lambda: None, lambda: services.ensure_mandate("another", at=NOON)),
    }


def _apply_two(common):
    services.apply_profile("live_shadow_atomic_v1", reason="ok", **common)
    services.save_profile("live_shadow_atomic_v1", {"TRADE_SIZE": "2"}, reason="ok", **common)
    services.apply_profile("live_shadow_atomic_v1", reason="ok", **common)


def _import(common):
    from django.conf import settings

    return services.import_profiles(settings.CONFIG_DIR, **common)


@pytest.mark.parametrize("name", list(calls("main")))
class TestEveryService:
    def test_leaves_exactly_one_audit_record(self, mandate, profile, settings, name):
        prepare, act = calls(mandate.account)[name]
        prepare()
        before = AuditEvent.objects.count()
        act()

        assert AuditEvent.objects.count() == before + 1

    def test_changes_nothing_when_the_audit_fails(
        self, mandate, profile, settings, name, audit_down
    ):
        prepare, act = calls(mandate.account)[name]
        prepare()
        before = everything(mandate.account, settings)
        audit_down()
        with pytest.raises(AuditDownError):
            act()

        assert everything(mandate.account, settings) == before

    def test_is_in_the_list_of_services(self, mandate, name):
        assert name in services.__all__


def test_no_service_is_missing_from_these_tests():
    """A new service has to be added to `calls` above."""
    writes = {"base_config", "config_of", "halt_by_file_only", "resume_obstacles"}
    # These have audit tests of their own: test_services_capital, test_journal_retention,
    # tests/reconciling, tests/wallets.
    writes |= {"record_reconciliation", "resolve_incident"}
    writes |= {"check_wallet", "plan_approvals", "carry_out_approvals", "ask_for_check"}
    writes |= {"ask_for_regular_checks", "thin_wallet_checks", "record_capital"}
    writes |= {"remove_old_journals"}
    functions = {name for name in services.__all__ if name[0].islower()} - writes

    assert functions == set(calls("main"))


def test_the_kill_file_of_another_program_is_no_obstacle_to_starting_later(
    mandate, profile, settings
):
    halt_by_file_only(settings.KILL_FILE, by_name="x", code="X", reason="", at=NOON)
    settings.KILL_FILE.unlink()

    assert start(mandate.account).desired == "RUN"
