"""Starting live: only as a promotion allows, and either all of it or nothing."""

from datetime import timedelta

import pytest

from checks.models import Approval, Promotion
from checks.selectors.bindings import broken
from checks.selectors.promotions import promotion_dict
from checks.services import promotions, starting
from checks.services.starting import start_live
from polyarb_site.audit.models import AuditEvent
from reports.models import BackupRun
from tests.api.building import make_session
from tests.checks.promotion_world import (
    HOUR,
    MINUTE,
    World,
    backup_that_fails,
    make_evaluation,
    make_person,
    make_run,
    refusal,
    stand_in,
)
from tests.conftest import ACCOUNT, NOON, make_profile
from trading import services as trading_services
from trading.models import Mandate
from trading.runtime.mandate import read_mandate
from trading.services import ServiceRefused
from trading.services.grants import broken_grant
from trading.services.live import step_down

pytestmark = pytest.mark.django_db
LATER = NOON + 5 * MINUTE


@pytest.fixture
def world(db, monkeypatch):
    stand_in(monkeypatch)
    return World()


def start(by=None, **options):
    return start_live(ACCOUNT, **{"by": by, "by_name": "shell:root", "at": LATER, **options})


def untouched(world):
    """Check that nothing of the account has moved, and that the promotion can still be used."""
    mandate = Mandate.objects.get()
    assert (mandate.phase, mandate.desired, mandate.mode) == (0, "STOP", "SHADOW")
    assert (mandate.grant, mandate.revision) == ({}, 1)
    assert not AuditEvent.objects.filter(action="engine.start_live").exists()
    assert Promotion.objects.get().state == "APPROVED"
    return True


class TestAnApprovedPromotion:
    def test_is_consumed_and_moves_everything_at_once(self, world):
        promotion = world.approved()

        mandate, plan = start(by=world.asker, reason="the day has come")

        assert (mandate.phase, mandate.desired, mandate.mode) == (1, "RUN", "LIVE")
        assert (mandate.feed, mandate.profile) == ("simulator", world.profile)
        assert mandate.phase_since == LATER
        assert mandate.grant["promotion"] == promotion.pk
        assert Promotion.objects.get().state == "CONSUMED"
        assert (plan.approvers, plan.restart) == (("anna", "bert"), False)
        assert plan.limits["TRADE_SIZE"] == "2"
        assert promotion_dict(Promotion.objects.get(), LATER)["in_force"]

    def test_gives_a_grant_that_the_engine_takes(self, world):
        world.approved()
        mandate, _ = start()

        assert broken(ACCOUNT, mandate.grant) == ""
        assert broken_grant(mandate) == []
        view = read_mandate(ACCOUNT)
        assert (view.problem, view.may_trade, view.may_send) == ("", True, True)

    def test_gives_one_that_no_longer_holds_once_its_evidence_is_edited(self, world):
        world.approved()
        mandate, _ = start()
        Approval.objects.filter(by=world.first).update(comment="never said")

        assert "approvals" in broken(ACCOUNT, mandate.grant)
        assert not read_mandate(ACCOUNT).may_trade

    def test_keeps_both_backups_and_says_so_in_the_audit(self, world):
        world.approved()
        _, plan = start(skip_countdown=True)

        pinned = BackupRun.objects.filter(pinned=True).values_list("name", flat=True)
        assert set(pinned) == {world.backup.name, plan.backup}
        said = AuditEvent.objects.get(action="gates.start_live").after
        assert said["countdown_skipped"] is True
        assert (said["backup"], said["check_run"]) == (plan.backup, plan.check_run.pk)
        actions = set(AuditEvent.objects.values_list("action", flat=True))
        assert {"promotion.consume", "engine.start_live", "backup.pin"} <= actions

    def test_a_bound_backup_that_was_pinned_before_stays_so(self, world):
        BackupRun.objects.update(pinned=True, pinned_reason="mine")
        world.approved()
        start()

        assert BackupRun.objects.get(name=world.backup.name).pinned_reason == "mine"

    def test_leads_from_each_phase_to_the_next_one_only(self, world):
        world.approved()
        start()
        trading_services.stop_engine(ACCOUNT, by=None, by_name="t", at=LATER)
        at = LATER + HOUR
        make_run(make_profile("live_constrained_atomic_v1"), phase=2, at=at)
        make_evaluation(phase=1, at=at)
        promotion = world.ask(phase=None, at=at + MINUTE)
        for person in (world.first, world.second):
            world.approve(promotion, person, at=at + MINUTE)

        mandate, _ = start(at=at + 2 * MINUTE)

        assert (mandate.phase, mandate.grant["promotion"]) == (2, promotion.pk)
        assert mandate.profile.name == "live_constrained_atomic_v1"


class TestWithoutWhatItNeeds:
    def test_c1_nothing_is_live_by_itself(self, world):
        assert refusal(start) == "NO_PROMOTION"
        assert refusal(start, phase=1) == "NO_PROMOTION"
        assert Mandate.objects.get().desired == "STOP"

    @pytest.mark.parametrize("approvals", [0, 1])
    def test_too_few_approvals_allow_nothing(self, world, approvals):
        promotion = world.ask()
        for person in (world.first, world.second)[:approvals]:
            world.approve(promotion, person)

        assert refusal(start) == "NOT_APPROVED"
        assert refusal(start, phase=1) == "NOT_APPROVED"
        assert Mandate.objects.get().grant == {}

    def test_the_role_is_needed(self, world):
        world.approved()

        assert refusal(start, by=world.first) == "NOT_ALLOWED"
        assert untouched(world)

    def test_another_phase_or_venue_than_expected_is_refused_and_not_taken(self, world):
        world.approved()

        assert refusal(start, phase=2) == "OTHER_PHASE"
        assert refusal(start, phase=0) == "OTHER_PHASE"
        assert refusal(start, venue="polymarket") == "OTHER_VENUE"
        assert untouched(world)

    def test_an_expired_one_allows_nothing(self, world):
        world.approved()

        assert refusal(start, at=NOON + timedelta(hours=24)) == "NO_PROMOTION"
        assert Promotion.objects.get().state == "EXPIRED"
        assert Mandate.objects.get().phase == 0

    def test_an_approver_without_the_role_at_the_start_is_none(self, world):
        world.approved()
        world.second.groups.clear()

        assert refusal(start) == "NO_PROMOTION"
        assert "role was taken away" in Promotion.objects.get().end_reason

    def test_a_halted_account_is_refused_before_anything_is_run(self, world, monkeypatch):
        world.approved()
        Mandate.objects.update(halted=True)
        monkeypatch.setattr(starting, "RUN_CHECKS", "nothing.that.exists")

        assert refusal(start) == "NO_PROMOTION"
        assert Promotion.objects.get().state == "VOID"

    def test_a_run_that_has_not_ended_is_waited_for(self, world):
        world.approved()
        make_session(world.mandate.profile)

        assert refusal(start) == "STILL_STOPPING"
        assert untouched(world)

    def test_an_engine_that_runs_already_is_not_started_again(self, world):
        world.approved()
        Mandate.objects.update(desired="RUN")

        assert refusal(start) == "ALREADY_RUNNING"


class TestTheChecksAndTheBackup:
    def test_a_no_go_starts_nothing(self, world, monkeypatch):
        world.approved()
        stand_in(monkeypatch, checks="checks_that_fail")

        with pytest.raises(ServiceRefused, match="the signer does not answer") as caught:
            start()
        assert caught.value.code == "CHECK_RUN_NO_GO"
        assert untouched(world)

    def test_c4_checks_that_are_missing_are_not_skipped(self, world, monkeypatch):
        world.approved()
        monkeypatch.setattr(starting, "RUN_CHECKS", "checks.services.gone.run_checks")

        with pytest.raises(ImportError):
            start()
        assert untouched(world)

    def test_a_run_of_yesterday_is_not_taken_for_one_of_now(self, world, monkeypatch):
        world.approved()
        monkeypatch.setattr(starting, "RUN_CHECKS", "tests.checks.test_starting.the_old_run")

        assert refusal(start) == "CHECK_RUN_NOT_NEW"
        assert untouched(world)

    def test_c3_checks_of_another_profile_do_not_count(self, world, monkeypatch):
        world.approved()
        monkeypatch.setattr(starting, "RUN_CHECKS", "tests.checks.test_starting.of_another_profile")

        assert refusal(start) == "CHECK_RUN_OF_OTHER_PROFILE"
        assert untouched(world)

    def test_a_backup_that_failed_starts_nothing(self, world, monkeypatch):
        world.approved()
        stand_in(monkeypatch, backup=backup_that_fails)

        with pytest.raises(ServiceRefused, match="the disk is full") as caught:
            start()
        assert caught.value.code == "BACKUP_FAILED"
        assert untouched(world)

    def test_a_backup_that_takes_too_long_is_told_to_stop(self, world, monkeypatch, clock):
        world.approved()
        seen = []

        def slow(kind, *, should_stop, **options):
            seen.append(should_stop())
            clock.advance(timedelta(hours=1))
            seen.append(should_stop())
            return backup_that_fails(kind, should_stop=lambda: False, **options)

        stand_in(monkeypatch, backup=slow)

        assert refusal(start, clock=clock) == "BACKUP_FAILED"
        assert seen == [False, True]


def the_old_run(account, **_options):
    """Stand in for a catalogue that answers with what it said yesterday."""
    from checks.models import CheckRun

    return CheckRun.objects.get(account=account)


def of_another_profile(account, *, phase, venue, at, **_options):
    """Stand in for a catalogue that looks at the profile of the present phase."""
    return make_run(Mandate.objects.get(account=account).profile, phase=phase, venue=venue, at=at)


class TestAllOrNothing:
    @pytest.mark.parametrize("point", ["move", "start_engine", "_pin", "_record"])
    @pytest.mark.parametrize("early", [True, False])
    def test_whatever_fails_in_the_middle_takes_everything_back(
        self, world, monkeypatch, point, early
    ):
        world.approved()
        whole = getattr(starting, point)

        def breaks(*args, **options):
            if not early:
                whole(*args, **options)
            raise KeyboardInterrupt

        monkeypatch.setattr(starting, point, breaks)
        with pytest.raises(KeyboardInterrupt):
            start()

        assert untouched(world)
        assert not BackupRun.objects.get(name=world.backup.name).pinned
        monkeypatch.setattr(starting, point, whole)
        assert start()[0].phase == 1  # it can still be used

    def test_ctrl_c_in_the_countdown_changes_nothing(self, world):
        world.approved()

        def count_down(plan):
            assert plan.backup
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            start(ready=count_down)
        assert untouched(world)

    def test_what_changes_during_the_countdown_still_counts(self, world):
        world.approved()

        code = refusal(start, ready=lambda _plan: make_profile(world.profile.name, revision=2))
        assert code == "PROMOTION_VOID"
        assert Promotion.objects.get().state == "VOID"
        assert Mandate.objects.get().phase == 0

    def test_of_two_starts_exactly_one_wins(self, world):
        world.approved()
        won = []

        code = refusal(start, ready=lambda _plan: won.append(start()))
        assert code in ("CHANGED_MEANWHILE", "PROMOTION_STATE", "ALREADY_RUNNING")
        assert len(won) == 1
        assert AuditEvent.objects.filter(action="engine.start_live").count() == 1
        assert AuditEvent.objects.filter(action="promotion.consume").count() == 1


class TestStartingAgain:
    @pytest.fixture
    def stopped(self, world):
        world.approved()
        start()
        trading_services.stop_engine(ACCOUNT, by=None, by_name="t", at=LATER)
        return world

    def test_needs_the_grant_in_force_and_no_second_promotion(self, stopped):
        before = Mandate.objects.get()
        mandate, plan = start(at=LATER + HOUR)

        assert (plan.restart, mandate.desired, mandate.phase) == (True, "RUN", 1)
        assert (mandate.grant, mandate.phase_since) == (before.grant, before.phase_since)
        assert AuditEvent.objects.filter(action="promotion.consume").count() == 1

    def test_needs_the_checks_and_a_backup_again(self, stopped, monkeypatch):
        stand_in(monkeypatch, checks="checks_that_fail")
        assert refusal(start) == "CHECK_RUN_NO_GO"

        stand_in(monkeypatch, backup=backup_that_fails)
        assert refusal(start) == "BACKUP_FAILED"
        assert Mandate.objects.get().desired == "STOP"

    def test_with_another_profile_in_force_is_refused(self, stopped):
        other = make_profile("live_safe_atomic_v1", revision=2, TRADE_SIZE="1.5")
        trading_services.apply_profile(
            other.name, by=None, by_name="t", reason="x", account=ACCOUNT, at=LATER
        )

        assert refusal(start) == "NO_VALID_PROMOTION"
        assert Mandate.objects.get().desired == "STOP"

    def test_of_two_again_one_wins(self, stopped):
        code = refusal(start, ready=lambda _plan: start())

        assert code in ("CHANGED_MEANWHILE", "ALREADY_RUNNING")

    def test_after_going_down_needs_a_new_promotion(self, stopped):
        step_down(ACCOUNT, by=None, by_name="t", reason="odd fills", at=LATER)

        assert refusal(start) == "NO_PROMOTION"
        assert refusal(start, phase=1) == "NO_PROMOTION"

    def test_on_another_venue_is_refused(self, stopped):
        assert refusal(start, venue="polymarket") == "OTHER_VENUE"


class TestLiveStaysLiveAndPaperStaysPaper:
    def test_c1_a_start_on_paper_in_a_live_phase_is_refused(self, world):
        world.approved()
        start()
        trading_services.stop_engine(ACCOUNT, by=None, by_name="t", at=LATER)

        code = refusal(trading_services.start_shadow, ACCOUNT, by=None, by_name="t")
        assert code == "WRONG_PHASE"
        assert Mandate.objects.get().mode == "LIVE"

    def test_c2_a_refused_start_leaves_nothing_running_not_even_on_paper(self, world, monkeypatch):
        world.approved()
        stand_in(monkeypatch, checks="checks_that_fail")

        refusal(start)
        assert Mandate.objects.get().desired == "STOP"

    def test_c3_what_runs_are_the_limits_of_the_phase(self, world):
        world.approved()
        mandate, plan = start()
        view = read_mandate(ACCOUNT)

        assert plan.limits == mandate.profile.values
        assert view.limits.trade_size_micro == 2_000_000
        assert view.limits.position_max_micro == 20_000_000
        assert view.limits.daily_loss_max_micro == 3_000_000


def test_one_approver_is_enough_where_it_is_set_so(world):
    boss = make_person("adam", "admin")
    promotions.set_approvers(ACCOUNT, 1, by=boss, reason="we are two", at=NOON)
    world.approve(world.ask())

    assert start()[1].approvers == ("anna",)
