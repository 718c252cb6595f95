"""Asking for a promotion and answering it, without a browser."""

import re

import pytest

from checks.admin import sources
from checks.models import Promotion
from tests.browser.gating import bare_answer, bare_promotion
from tests.checks.pages import PHASES, as_in, calls, now, page_of, promotion, text, world
from trading.models import Mandate

__all__ = ["calls", "promotion", "world"]
pytestmark = pytest.mark.django_db


class TestTheRequest:
    def ask(self, client, seen, reason="nine quiet days", phase="1"):
        told = {"reason": reason, "seen": seen, "phase": phase}
        return client.post(f"{PHASES}request/", told)

    @pytest.fixture
    def bound(self, monkeypatch):
        told = {
            "items": [
                {"what": "profile", "name": "live_safe_atomic_v1 r1", "sha256": "ab" * 32},
                {"what": "software", "name": "0.6.0", "sha256": ""},
            ],
            "obstacles": [],
            "voids": ["another version of the software"],
        }
        monkeypatch.setattr(sources, "wanted", lambda account, phase, venue: told)
        return told

    def seen(self, client):
        found = re.search(r'name="seen" value="(\w+)"', text(client.get(f"{PHASES}request/")))
        assert found is not None
        return found.group(1)

    def test_it_shows_what_is_bound_what_is_missing_and_what_gets_more_dangerous(
        self, client, operator, world, bound
    ):
        page = page_of(client, operator, f"{PHASES}request/")

        assert "live_safe_atomic_v1 r1" in page
        assert "ababababab" in page
        assert "Each set can cost up to $2 of real money instead of paper." in page
        assert "Another version of the software" in page  # would void it

    def test_it_is_asked_for_with_its_reason(self, client, operator, world, bound, calls):
        client.force_login(operator)
        row = bare_promotion(now(), requested_by=operator, state="WITHDRAWN")
        calls.stand_in("request_promotion", row)

        answered = self.ask(client, self.seen(client))

        assert answered.url == f"/admin/promotions/{row.pk}/"
        ((_, args, more),) = calls.made
        assert (args, more["phase"], more["reason"]) == (("main",), 1, "nine quiet days")

    def test_nobody_asks_for_what_they_have_not_read(self, client, operator, world, bound, calls):
        client.force_login(operator)
        calls.stand_in("request_promotion")
        seen = self.seen(client)
        bound["items"][1]["name"] = "0.6.1"

        refused = self.ask(client, seen)

        assert refused.status_code == 409
        assert calls.made == []
        assert "what the promotion would be bound to changed" in text(refused)
        assert ">nine quiet days</textarea>" in text(refused)

    def test_with_play_money_it_says_that_it_is_a_rehearsal(self, client, operator, world, bound):
        Mandate.objects.update(feed="simulator")

        assert "A rehearsal with play money." in page_of(client, operator, f"{PHASES}request/")

    def test_obstacles_are_listed_each_with_what_to_do_and_the_button_waits(
        self, client, operator, world, bound
    ):
        bound["obstacles"] = [
            {"code": "X", "message": "3 criteria do not pass", "remedy": "wait for them"},
            {"code": "Y", "message": "no backup", "remedy": "take one"},
        ]
        page = page_of(client, operator, f"{PHASES}request/")

        assert "<strong>3 criteria do not pass.</strong> Wait for them." in page
        assert "<strong>No backup.</strong> Take one." in page
        assert "It cannot be asked for now: 3 criteria do not pass." in page

    def test_nothing_that_can_be_bound_is_said(self, client, operator, world, bound):
        bound["items"] = []

        assert "Nothing can be bound yet." in page_of(client, operator, f"{PHASES}request/")

    def test_in_a_live_phase_the_next_one_or_the_same_again_can_be_chosen(
        self, client, operator, world, bound
    ):
        as_in(2)
        page = page_of(client, operator, f"{PHASES}request/")
        assert "Ask for phase 3, Scaled-Live." in page
        page = page_of(client, operator, f"{PHASES}request/?phase=2")
        assert "Renew the permission for phase 2, Constrained-Live." in page
        page = page_of(client, operator, f"{PHASES}request/?phase=1")
        assert "Ask for phase 3, Scaled-Live." in page

    def test_in_the_last_phase_only_its_own_permission_can_be_renewed(
        self, client, operator, world, bound
    ):
        as_in(3)

        page = page_of(client, operator, f"{PHASES}request/")

        assert "Renew the permission for phase 3, Scaled-Live." in page
        assert "Renew permission" in page_of(client, operator, PHASES)


class TestOnePromotion:
    def act(self, client, row, name, **more):
        told = {"seen": row.binding_sha256, "text": "looked at it", "password": "right", **more}
        return client.post(f"/admin/promotions/{row.pk}/{name}/", told)

    def test_an_approver_says_yes_to_what_was_seen_with_comment_and_password(
        self, client, approver, promotion, calls
    ):
        calls.stand_in("approve")
        client.force_login(approver)

        assert self.act(client, promotion, "approve").status_code == 302

        ((_, args, more),) = calls.made
        assert args == (promotion,)
        assert (more["by"], more["comment"]) == (approver, "looked at it")
        assert (more["password"], more["seen"]) == ("right", promotion.binding_sha256)

    @pytest.mark.parametrize(("name", "text"), [("reject", "comment"), ("withdraw", "reason")])
    def test_saying_no_and_taking_back_need_words_alone(
        self, client, approver, promotion, calls, name, text
    ):
        calls.stand_in(name)
        client.force_login(approver)

        assert self.act(client, promotion, name).status_code == 302

        ((_, args, more),) = calls.made
        assert (args, more["by"], more[text]) == ((promotion,), approver, "looked at it")

    def test_refused_the_comment_stays_and_the_password_does_not(
        self, client, approver, promotion, calls
    ):
        calls.stand_in("approve")
        calls.refuse("WRONG_PASSWORD", "this is not your password", "type it again")
        client.force_login(approver)

        page = text(self.act(client, promotion, "approve", password="sesame-77"))

        assert "this is not your password" in page
        assert ">looked at it</textarea>" in page
        assert "sesame-77" not in page

    def test_a_promotion_that_is_not_what_was_read_is_not_answered(
        self, client, approver, promotion, calls
    ):
        calls.stand_in("approve")
        client.force_login(approver)

        assert self.act(client, promotion, "approve", seen="0" * 64).status_code == 409
        assert calls.made == []

    def test_who_asked_is_told_that_somebody_else_answers(self, client, operator, promotion):
        page = page_of(client, operator, f"/admin/promotions/{promotion.pk}/")

        assert "you asked for it; somebody else has to say yes" in page
        assert "Withdraw…" in page

    def test_who_has_answered_is_told_so(self, client, approver, promotion):
        bare_answer(promotion, approver, now())

        page = page_of(client, approver, f"/admin/promotions/{promotion.pk}/")

        assert "you have answered already" in page
        assert "1 more yes needed, of 2." in page

    def test_a_viewer_is_told_which_role_answers(self, client, viewer, promotion):
        page = page_of(client, viewer, f"/admin/promotions/{promotion.pk}/")

        assert "your account needs the role approver" in page
        assert "Withdraw…" not in page

    def test_approved_it_says_the_exact_next_step_and_starts_with_a_reason(
        self, client, operator, promotion, calls
    ):
        Promotion.objects.update(state="APPROVED", approved_at=now())
        page = page_of(client, operator, f"/admin/promotions/{promotion.pk}/")
        assert "manage.py start_live --phase 1" in page
        assert "Start live with real money" in page
        calls.stand_in("start_live")

        assert self.act(client, promotion, "start").status_code == 302

        ((_, args, more),) = calls.made
        assert (args, more["reason"]) == ((promotion,), "looked at it")

    def test_one_that_has_ended_offers_nothing_and_says_why(self, client, admin_user, promotion):
        Promotion.objects.update(state="VOID", ended_at=now(), end_reason="the profile changed")

        page = page_of(client, admin_user, f"/admin/promotions/{promotion.pk}/")

        assert "The profile changed." in page
        assert 'name="password"' not in page
        assert "Withdraw…" not in page
        assert "Start live with" not in page

    def test_an_unknown_act_is_not_found(self, client, admin_user, promotion):
        client.force_login(admin_user)

        assert self.act(client, promotion, "destroy").status_code == 404
