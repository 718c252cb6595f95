"""Trading live with play money: who may start it, on what, and what never becomes of it."""

import pytest

from polyarb_site.preflight import Problem
from tests.conftest import NOON, make_profile
from tests.helpers.audit import only_event
from tests.helpers.shifts import shift
from trading import services
from trading.models import EngineSession, Mandate, Money, Phase, money_of
from trading.runtime import Ending
from trading.runtime.mandate import read_mandate
from trading.services import mandates
from trading.services.changes import change

pytestmark = pytest.mark.django_db

PLAY = "simulated_atomic_v1"
SHADOW = "live_shadow_atomic_v1"
MICRO_LIVE = "live_safe_atomic_v1"


@pytest.fixture
def play(db):
    """The profile for play money, as revision 1."""
    return make_profile(PLAY)


def start(account, by=None, **changes):
    given = {"by": by, "by_name": "" if by else "test", "at": NOON, **changes}
    return services.start_simulated(account, **given)


def refusal(call, *args, **kwargs):
    with pytest.raises(services.ServiceRefused) as caught:
        call(*args, **kwargs)
    assert caught.value.message
    assert caught.value.remedy
    return caught.value


def state_of(account):
    return Mandate.objects.values().get(account=account)


class TestStartSimulated:
    def test_asks_for_the_engine_to_trade_live_on_the_local_venue(self, mandate, play, operator):
        started = start(mandate.account, operator, reason="first sets")

        assert (started.desired, started.mode, started.feed) == ("RUN", "LIVE", "simulator")
        assert (started.profile, started.feed_options, started.phase) == (play, {}, Phase.SHADOW)
        assert money_of(started.mode, started.feed) is Money.PLAY
        event = only_event()
        assert (event.action, event.actor) == ("engine.start_simulated", operator)
        assert event.after["profile"]["sha256"] == play.sha256

    @pytest.mark.parametrize("role", ["viewer", "approver", "nobody"])
    def test_needs_the_role_operator(self, mandate, play, role, request):
        before = state_of(mandate.account)

        refused = refusal(start, mandate.account, request.getfixturevalue(role))
        assert refused.code == "NOT_ALLOWED"
        assert state_of(mandate.account) == before

    @pytest.mark.parametrize(
        ("state", "code"),
        [
            ({"halted": True}, "HALTED"),
            ({"phase": Phase.MICRO_LIVE}, "WRONG_PHASE"),
            ({"desired": "RUN"}, "ALREADY_RUNNING"),
        ],
    )
    def test_is_refused_while_halted_running_or_in_a_live_phase(self, mandate, play, state, code):
        Mandate.objects.update(**state)

        assert refusal(start, mandate.account).code == code

    def test_never_runs_a_profile_of_paper_or_above_the_bounds(self, mandate, profile):
        paper = refusal(start, mandate.account, profile_name=SHADOW)
        make_profile(PLAY, TRADE_SIZE="20.01")
        high = refusal(start, mandate.account)

        assert paper.code == high.code == "PROFILE_NOT_FOR_PLAY_MONEY"
        assert "play money is no paper" in paper.message
        assert "TRADE_SIZE is 20.01" in high.message
        assert state_of(mandate.account)["desired"] == "STOP"

    def test_a_profile_of_a_live_phase_may_be_rehearsed(self, mandate):
        micro_live = make_profile(MICRO_LIVE)

        assert start(mandate.account, profile_name=MICRO_LIVE).profile == micro_live

    def test_is_refused_without_the_profile_or_the_account(self, mandate):
        assert refusal(start, mandate.account).code == "NO_PROFILE"
        assert refusal(start, "other").code == "NO_ACCOUNT"

    def test_is_refused_when_the_data_directory_cannot_be_written(self, mandate, play, monkeypatch):
        problem = Problem(code="DISK_FULL", message="only 3 MiB free", remedy="free some")
        monkeypatch.setattr(mandates, "check_disk", lambda _directory: [problem])

        assert refusal(start, mandate.account).code == "DISK_FULL"


class TestRealMoney:
    VALUES = {"desired": "RUN", "mode": "LIVE", "feed": "polymarket"}

    @pytest.mark.parametrize("feed", ["polymarket", "recorded", "another"])
    def test_no_service_can_ask_for_it(self, mandate, operator, feed):
        how = {"by": operator, "by_name": "", "reason": "", "at": NOON}
        values = {**self.VALUES, "feed": feed}

        refused = refusal(change, mandate, values, action="engine.start", **how)
        assert refused.code == "LIVE_NEEDS_GATES"
        assert "promotion" in refused.remedy
        assert state_of(mandate.account)["desired"] == "STOP"

    def test_a_run_with_play_money_is_not_moved_to_another_feed(self, mandate, play, operator):
        running = start(mandate.account)
        how = {"by": operator, "by_name": "", "reason": "", "at": NOON}

        refused = refusal(change, running, {"feed": "polymarket"}, action="engine.move", **how)
        assert refused.code == "LIVE_NEEDS_GATES"

    def test_a_row_that_somebody_made_by_hand_can_be_halted_and_stopped(self, mandate, operator):
        Mandate.objects.update(**self.VALUES)
        services.stop_engine(mandate.account, by=operator, at=NOON)
        services.halt(mandate.account, by=operator, at=NOON)

        assert state_of(mandate.account)["halted"] is True

    @pytest.mark.parametrize("phase", [1, 2, 3])
    def test_the_profile_for_play_money_is_applied_in_no_live_phase(self, mandate, play, phase):
        Mandate.objects.update(phase=phase)

        refused = refusal(services.apply_profile, PLAY, by=None, by_name="test", reason="try")
        assert refused.code == "PROFILE_DOES_NOT_FIT_PHASE"
        assert "PLAY_MONEY" in refused.message

    def test_nor_is_it_run_in_shadow(self, mandate, play):
        how = {"by": None, "by_name": "test", "at": NOON}

        refused = refusal(services.start_shadow, mandate.account, profile_name=PLAY, **how)
        assert refused.code == "PROFILE_IS_LIVE"
        assert "play money" in refused.message


class TestApplying:
    HOW = {"by": None, "by_name": "test", "reason": "try", "at": NOON}

    def test_another_profile_is_put_in_force_under_way_but_never_paper(
        self, mandate, play, profile
    ):
        start(mandate.account)
        make_profile(PLAY, revision=2, TRADE_SIZE="10")
        applied = services.apply_profile(PLAY, **self.HOW)

        assert applied.profile.revision == 2
        refused = refusal(services.apply_profile, SHADOW, **self.HOW)
        assert refused.code == "PROFILE_DOES_NOT_FIT_PHASE"
        assert "does not fit play money" in refused.message

    def test_once_stopped_paper_fits_again(self, mandate, play, profile):
        start(mandate.account)
        services.stop_engine(mandate.account, **self.HOW)

        assert services.apply_profile(SHADOW, **self.HOW).profile == profile

    def test_a_rollback_goes_back_to_what_play_money_ran_on(self, mandate, play):
        start(mandate.account)
        make_profile(PLAY, revision=2, TRADE_SIZE="10")
        services.apply_profile(PLAY, **self.HOW)

        back = services.rollback_profile(**self.HOW).profile
        assert back.values == play.values


class TestWhatTheEngineReads:
    def test_it_may_trade_with_play_money_up_to_its_ceiling(self, mandate, play):
        start(mandate.account)
        view = read_mandate(mandate.account)

        assert (view.may_trade, view.problem, view.mode) == (True, "", "LIVE")
        assert view.limits.live_ceiling_micro == 20_000_000
        assert view.limits.raise_to_minimum is False

    @pytest.mark.parametrize("feed", ["recorded", "polymarket"])
    def test_it_may_not_on_any_other_feed(self, mandate, play, feed):
        start(mandate.account)
        Mandate.objects.update(feed=feed)
        view = read_mandate(mandate.account)

        assert view.may_trade is False
        assert "no promotion allows it" in view.problem

    def test_it_may_not_in_a_mode_that_nobody_knows(self, mandate, play):
        start(mandate.account)
        Mandate.objects.update(mode="REPLAY")

        assert read_mandate(mandate.account).may_trade is False

    def test_it_may_not_on_a_profile_of_paper_or_above_the_bounds(self, mandate, profile):
        Mandate.objects.update(desired="RUN", mode="LIVE", feed="simulator", profile=profile)
        assert "play money is no paper" in read_mandate(mandate.account).problem
        Mandate.objects.update(profile=make_profile(PLAY, MAX_POSITION_SIZE="201"))
        assert "MAX_POSITION_SIZE is 201" in read_mandate(mandate.account).problem


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_cannot_send_orders_does_not_trade_on_paper_instead(wanted):
    Mandate.objects.update(mode="LIVE", feed="simulator", profile=make_profile(PLAY))
    with shift() as one:
        assert one.join().ending is Ending.NOT_WANTED

    assert EngineSession.objects.count() == 0


@pytest.mark.django_db(transaction=True)
class TestWithoutAWay:
    @pytest.mark.parametrize("feed", ["simulator", "polymarket"])
    def test_a_process_that_can_send_nothing_ends_and_never_trades_on_paper_instead(
        self, mandate, play, feed, settings, tmp_path
    ):
        settings.RUN_DIR, settings.JOURNAL_DIR = tmp_path / "run", tmp_path / "journal"
        Mandate.objects.update(desired="RUN", mode="LIVE", feed=feed, profile=play)

        with shift() as one:
            assert one.join().ending is Ending.NOT_WANTED
        assert EngineSession.objects.count() == 0
