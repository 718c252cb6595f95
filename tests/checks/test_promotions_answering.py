"""Approving, rejecting and withdrawing, by people who prove who they are."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache

from checks.models import Approval, ApprovalSetting, Promotion
from checks.selectors.promotions import promotion_dict, would_bind
from checks.services import promotions
from checks.services.promotion_states import ALLOWED_MOVES, move
from polyarb_site import one_time_password
from polyarb_site.audit.models import AuditEvent
from polyarb_site.live.models import OutboxMessage
from tests.checks.promotion_world import (
    MINUTE,
    PASSWORD,
    World,
    make_person,
    refusal,
)
from tests.conftest import ACCOUNT, NOON

pytestmark = pytest.mark.django_db
LATER = NOON + 5 * MINUTE


@pytest.fixture(autouse=True)
def nobody_has_guessed_yet():
    cache.clear()


@pytest.fixture
def world(db):
    return World()


class TestApproving:
    def test_takes_two_different_people(self, world):
        promotion = world.ask()

        first = world.approve(promotion, world.first)
        second = world.approve(promotion, world.second)

        assert (first.state, second.state) == ("REQUESTED", "APPROVED")
        assert second.approved_at == NOON + MINUTE
        assert [row.proof for row in second.approvals.all()] == ["password", "password"]
        actions = AuditEvent.objects.order_by("sequence").values_list("action", flat=True)
        assert list(actions)[-3:] == [
            "promotion.approve",
            "promotion.approve",
            "promotion.complete",
        ]

    def test_nobody_counts_twice(self, world):
        promotion = world.ask()
        world.approve(promotion)

        assert refusal(world.approve, promotion) == "ANSWERED_ALREADY"
        assert Approval.objects.count() == 1

    def test_nobody_approves_their_own_request(self, world):
        world.asker.groups.add(Group.objects.get(name="approver"))
        promotion = world.ask()

        assert refusal(world.approve, promotion, world.asker) == "OWN_REQUEST"

    def test_one_approver_still_is_not_the_requester(self, world):
        boss = make_person("adam", "admin")
        world.asker.groups.add(Group.objects.get(name="approver"))
        promotions.set_approvers(ACCOUNT, 1, by=boss, reason="two of us are away", at=NOON)
        promotion = world.ask()

        assert refusal(world.approve, promotion, world.asker) == "OWN_REQUEST"
        assert world.approve(promotion).state == "APPROVED"

    def test_a_single_person_may_where_the_setting_says_so(self, world):
        alone = make_person("adam", "admin")
        for other in (world.asker, world.first, world.second):
            type(other).objects.filter(pk=other.pk).update(is_active=False)
        promotion = world.ask(by=alone)
        assert refusal(world.approve, promotion, alone) == "OWN_REQUEST"
        promotions.withdraw(promotion, by=alone, reason="set first", at=NOON)

        promotions.set_approvers(ACCOUNT, 1, by=alone, reason="I am alone", at=NOON)
        promotion = world.ask(by=alone)
        assert world.approve(promotion, alone).state == "APPROVED"
        make_person("carla", "approver")

        assert promotion_dict(Promotion.objects.get(pk=promotion.pk), LATER)["state"] == "VOID"

    def test_needs_the_role_a_comment_and_the_password(self, world):
        promotion = world.ask()

        assert refusal(world.approve, promotion, world.asker) == "NOT_ALLOWED"
        assert refusal(world.approve, promotion, comment="  ") == "COMMENT_MISSING"
        assert refusal(world.approve, promotion, password="") == "PASSWORD_WRONG"
        assert refusal(world.approve, promotion, password="x") == "PASSWORD_WRONG"
        assert refusal(world.approve, promotion, password="", code="123456") == "NO_ONE_TIME_CODES"
        assert refusal(promotions.approve, promotion, by=None, comment="x") == "NOT_A_PERSON"
        assert not Approval.objects.exists()
        assert AuditEvent.objects.filter(action="promotion.password_refused").count() == 2

    def test_guessing_is_slowed_down_before_the_password_is_looked_at(self, world):
        promotion = world.ask()
        for _ in range(10):
            assert refusal(world.approve, promotion, password="x") == "PASSWORD_WRONG"

        assert refusal(world.approve, promotion) == "TOO_MANY_TRIES"
        assert world.approve(promotion, world.second).state == "REQUESTED"

    def test_the_first_password_is_good_for_nothing_but_another(self, world):
        password = one_time_password.give(world.first)
        world.first.save()
        promotion = world.ask()

        code = refusal(world.approve, promotion, password=password)
        assert code == "PASSWORD_CHANGE_REQUIRED"

    def test_what_was_seen_has_to_be_what_is_there(self, world):
        promotion = world.ask()

        assert refusal(world.approve, promotion, seen="0" * 64) == "SEEN_SOMETHING_ELSE"

    def test_a_password_is_kept_nowhere(self, world, caplog):
        promotion = world.ask()
        refusal(world.approve, promotion, password="canary of the wrong password")
        world.approve(promotion)

        texts = [caplog.text, str(list(AuditEvent.objects.values())), str(promotion.binding)]
        texts += [str(list(OutboxMessage.objects.values())), str(list(Approval.objects.values()))]
        assert not any("canary" in text or PASSWORD in text for text in texts)

    def test_expired_or_void_ones_cannot_be_approved(self, world):
        promotion = world.ask()

        code = refusal(world.approve, promotion, at=NOON + timedelta(hours=24))
        assert code == "PROMOTION_EXPIRED"
        assert Promotion.objects.get().state == "EXPIRED"


class TestRejectingAndWithdrawing:
    def test_a_no_ends_it_also_after_a_yes(self, world):
        promotion = world.ask()
        world.approve(promotion)

        rejected = promotions.reject(promotion, by=world.second, comment="too early", at=LATER)

        assert (rejected.state, rejected.end_reason) == ("REJECTED", "too early")
        assert Approval.objects.get(by=world.second).answer == "NO"
        assert refusal(world.approve, promotion, world.second) == "PROMOTION_REJECTED"

    def test_whoever_said_yes_may_still_say_no(self, world):
        promotion = world.ask()
        world.approve(promotion)

        promotions.reject(promotion, by=world.first, comment="I was wrong", at=LATER)

        assert Promotion.objects.get().state == "REJECTED"

    def test_a_no_needs_a_person_a_role_and_a_comment(self, world):
        promotion = world.ask()
        reject = promotions.reject

        assert refusal(reject, promotion, by=None, comment="x", at=LATER) == "NOT_A_PERSON"
        assert refusal(reject, promotion, by=world.asker, comment="x", at=LATER) == "NOT_ALLOWED"
        assert refusal(reject, promotion, by=world.first, comment="", at=LATER) == "COMMENT_MISSING"

    def test_one_that_was_withdrawn_makes_room_for_another(self, world):
        promotion = world.ask()
        withdrawn = promotions.withdraw(promotion, by=world.asker, reason="not yet", at=LATER)

        assert withdrawn.state == "WITHDRAWN"
        assert world.ask().state == "REQUESTED"

    def test_withdrawing_needs_the_role(self, world):
        promotion = world.ask()

        code = refusal(promotions.withdraw, promotion, by=world.first, reason="x", at=LATER)
        assert code == "NOT_ALLOWED"


class TestTheStates:
    @pytest.mark.parametrize("state", Promotion.State.values)
    @pytest.mark.parametrize("target", Promotion.State.values)
    def test_only_the_moves_of_the_table_are_made(self, world, state, target):
        promotion = world.ask()
        Promotion.objects.update(state=state)
        promotion.refresh_from_db()

        def change():
            move(promotion, Promotion.State(target), by=None, by_name="t", reason="r", at=LATER)

        if target in ALLOWED_MOVES[state]:
            change()
            assert Promotion.objects.get().state == target
        else:
            assert refusal(change) == "PROMOTION_STATE"
            assert Promotion.objects.get().state == state

    def test_whoever_was_slower_is_told(self, world):
        seen = world.ask()
        promotions.withdraw(seen, by=world.asker, reason="not yet", at=LATER)
        seen.state = "REQUESTED"  # as it was read before

        code = refusal(move, seen, Promotion.State.VOID, by=None, by_name="t", reason="r", at=LATER)
        assert code == "CHANGED_MEANWHILE"


class TestTheNumberOfApprovers:
    def test_is_two_until_somebody_says_otherwise_loudly(self, world):
        boss = make_person("adam", "admin")
        assert would_bind(ACCOUNT, now=NOON)["approvers"]["needed"] == 2

        promotions.set_approvers(ACCOUNT, 1, by=boss, reason="I am alone", at=NOON)

        shown = would_bind(ACCOUNT, now=NOON)["approvers"]
        assert (shown["needed"], shown["lowered"]) == (1, True)
        assert shown["sentence"] == "1 approver is enough here"
        event = AuditEvent.objects.get(action="approvers.set")
        assert (event.actor, event.before["approvers_needed"]) == (boss, 2)
        assert OutboxMessage.objects.last().payload["what"] == "approvers.set"

    @pytest.mark.parametrize("number", [0, -1, 6, True])
    def test_is_one_to_five(self, world, number):
        boss = make_person("adam", "admin")

        code = refusal(promotions.set_approvers, ACCOUNT, number, by=boss, reason="x", at=NOON)
        assert code == "APPROVERS_RANGE"
        assert not ApprovalSetting.objects.exists()

    def test_needs_a_person_with_the_right_and_a_reason(self, world):
        boss = make_person("adam", "admin")
        change = promotions.set_approvers

        assert refusal(change, ACCOUNT, 1, by=None, reason="x") == "NOT_A_PERSON"
        assert refusal(change, ACCOUNT, 1, by=world.asker, reason="x") == "NOT_ALLOWED"
        assert refusal(change, ACCOUNT, 1, by=boss, reason=" ") == "REASON_MISSING"

    def test_lowering_it_does_not_help_what_was_asked_before(self, world):
        promotion = world.ask()
        boss = make_person("adam", "admin")
        promotions.set_approvers(ACCOUNT, 1, by=boss, reason="in a hurry", at=NOON)

        assert world.approve(promotion).state == "REQUESTED"

    def test_raising_it_voids_what_was_approved_by_fewer(self, world):
        promotion = world.approved()
        boss = make_person("adam", "admin")
        promotions.set_approvers(ACCOUNT, 3, by=boss, reason="more eyes", at=LATER)

        assert promotion_dict(promotion, LATER)["state"] == "VOID"
