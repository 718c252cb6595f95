"""The page Phases, without a browser."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest

from checks.admin import sources
from checks.models import ApprovalSetting, Drill, Promotion
from tests.browser.gating import add_evaluation, bare_answer
from tests.checks.pages import PHASES, as_in, calls, now, page_of, promotion, rung, text, world
from tests.helpers.audit import last_event

__all__ = ["calls", "promotion", "world"]
pytestmark = pytest.mark.django_db


class TestTheLadder:
    def test_the_present_rung_is_open_with_every_verdict(self, client, viewer, world):
        page = page_of(client, viewer, PHASES)

        opened = re.findall(r'data-key="rung-(\d)" data-state="(\w+)"( open)?', page)
        assert opened == [("3", "later", ""), ("2", "later", ""), ("1", "next", ""),
                          ("0", "present", " open")]  # fmt: skip
        for name in (
            "7 days without a crash",
            "The journal is complete",
            "At least 7 days in the phase",
        ):
            assert name in page
        assert "To ask for Micro-Live: " in page

    def test_a_value_has_its_unit_and_a_missing_one_its_reason(self, client, viewer, world):
        page = page_of(client, viewer, PHASES)

        assert '<span class="pa-num" title="99.2126 %">99.21 %</span>' in page
        assert '<span class="pa-num" title="4.208333 days">4.2 days</span>' in page
        assert 'title="no drill was made on this profile">–</span>' in page

    def test_how_near_a_kill_criterion_is_stands_beside_its_bound(self, client, viewer, world):
        page = page_of(client, viewer, PHASES)

        assert "71 % of the way to its bound" in page  # 7.1 of 10 % of calls fail
        assert "4 % of the way to its bound" in page  # connected 99.1 %; below 80 % ends it

    def test_the_rows_that_were_used_are_linked(self, client, viewer, world):
        page = page_of(client, viewer, PHASES)

        url = "/admin/trading/metricsample/?id__gte=1&amp;id__lte=127"
        assert url in page
        client.force_login(viewer)
        assert client.get(url.replace("&amp;", "&")).status_code == 200

    def test_a_newer_evaluation_of_the_kill_criteria_alone_is_what_is_shown_of_them(
        self, client, viewer, world
    ):
        row = add_evaluation(now(), scope="KILL")
        row.verdicts.filter(kind="KILL", criterion="CRASHES").update(verdict="FAIL")

        page = page_of(client, viewer, PHASES)

        found = re.search(r'data-key="KILL-CRASHES" data-verdict="(\w+)"', page)
        assert found is not None
        assert found.group(1) == "FAIL"

    def test_an_old_evaluation_says_that_it_is_old(self, client, viewer, mandate):
        add_evaluation(now() - timedelta(hours=2))

        assert "Old: evaluation" in " ".join(page_of(client, viewer, PHASES).split())

    def test_what_the_ladder_says_beyond_the_rows_is_shown(
        self, client, viewer, world, monkeypatch
    ):
        asked = {"id": "pnl", "kind": "SUCCESS", "name": "Total profit", "bound": "> $10",
                 "window": "since the phase began"}  # fmt: skip
        told = {
            "sentence": "To ask for Micro-Live: 3 more days without a crash.",
            "missing": ["a backup younger than 24 h"],
            "rungs": [
                rung(0, "Shadow Production", goals=["Prove it on paper."], days_min=7, days_max=14),
                rung(1, "Micro-Live", criteria=[asked], planned="14-21 days"),
            ],
        }
        monkeypatch.setattr(sources, "ladder", lambda account, now: told)

        page = page_of(client, viewer, PHASES)

        assert "To ask for Micro-Live: 3 more days without a crash." in page
        assert "A backup younger than 24 h" in page
        assert "day 5 of 7 to 14" in page
        assert "Prove it on paper." in page
        assert "&gt; $10" in page
        assert "14-21 days" in page

    def test_one_approver_is_said_loudly_and_two_are_not(self, client, viewer, world):
        assert "One approver is enough here" not in page_of(client, viewer, PHASES)
        ApprovalSetting.objects.create(
            account="main", approvers_needed=1, changed_by="adam", reason="alone until January"
        )

        page = page_of(client, viewer, PHASES)

        assert "One approver is enough here" in page
        assert "alone until January" in page

    def test_the_timeline_has_requests_answers_endings_and_rollbacks(
        self, client, viewer, approver, promotion
    ):
        bare_answer(promotion, approver, now())
        Promotion.objects.update(state="VOID", ended_at=now(), end_reason="the software changed")

        page = page_of(client, viewer, PHASES)

        timeline = page[page.index('data-part="timeline"') :]
        for words in ("asked for", "anna: I went through", "the software changed",
                      "Rollback from Micro-Live to Shadow Production"):  # fmt: skip
            assert words in timeline


class TestWhatCanBeDone:
    def test_each_button_that_cannot_be_pressed_says_why(self, client, viewer, world):
        page = page_of(client, viewer, PHASES)

        for name, why, section in (
            ("request", "your account needs the role operator", "ask-for-a-promotion"),
            ("evaluate", "needs the role operator or approver", "see-where-the-phase-stands"),
            ("drill", "your account needs the role operator", "circuit-breaker"),
            ("roll_back", "this is the lowest phase; nothing is below it", "roll-back"),
        ):
            assert f'aria-describedby="pa-why-{name}"' in page
            found = re.search(rf'<li id="pa-why-{name}">(.*?)</li>', page, re.DOTALL)
            assert found is not None
            assert why in found.group(1)
            assert f'href="/admin/runbook/#{section}">Runbook' in found.group(1)

    def test_evaluating_calls_the_service_and_tells_its_number(
        self, client, operator, world, calls
    ):
        calls.stand_in("evaluate", SimpleNamespace(pk=77))
        client.force_login(operator)

        page = text(client.post(f"{PHASES}evaluate/", follow=True))

        assert calls.made == [("evaluate", ("main",), {"by": operator})]
        assert "evaluation 77" in page

    def test_rolling_back_is_possible_in_every_phase_but_the_first(
        self, client, approver, world, calls
    ):
        as_in(2)
        assert "Roll back to Micro-Live" in page_of(client, approver, PHASES)
        calls.stand_in("roll_back", SimpleNamespace(phase_to=1))

        told = {"phase": "2", "reason": "slippage"}
        page = text(client.post(f"{PHASES}roll-back/", told, follow=True))

        ((name, args, more),) = calls.made
        assert (name, args, more["reason"]) == ("roll_back", ("main",), "slippage")
        assert "Going down to Micro-Live" in page

    def test_pressed_twice_it_goes_down_once(self, client, approver, world, calls):
        as_in(1)
        client.force_login(approver)
        calls.stand_in("roll_back", SimpleNamespace(phase_to=1))

        refused = client.post(f"{PHASES}roll-back/", {"phase": "2", "reason": "slippage"})

        assert refused.status_code == 409
        assert calls.made == []
        assert "CHANGED_MEANWHILE" in text(refused)
        assert ">slippage</textarea>" in text(refused)

    def test_a_refusal_is_told_whole_and_the_text_stays(self, client, approver, world, calls):
        as_in(1)
        client.force_login(approver)
        calls.stand_in("roll_back")
        calls.refuse()

        refused = client.post(f"{PHASES}roll-back/", {"phase": "1", "reason": "I saw <b>it</b>"})

        assert refused.status_code == 409
        page = text(refused)
        for words in ("the moon is full", "NO_GOOD", "wait for a day", "I saw &lt;b&gt;it"):
            assert words in page

    def test_the_breaker_is_drilled_and_what_was_seen_is_told(self, client, operator, world):
        client.force_login(operator)

        page = text(client.post(f"{PHASES}drill/", follow=True))

        row = Drill.objects.get()
        assert (row.passed, row.by) == (True, operator)
        assert "The drill of the circuit breaker passed: all " in page

    def test_a_drill_that_failed_is_no_success(self, client, operator, world, calls):
        calls.stand_in("drill", SimpleNamespace(passed=False, reason="1 of 9 was not as expected"))
        client.force_login(operator)

        answer = client.post(f"{PHASES}drill/", follow=True)

        (said,) = answer.context["messages"]
        assert (said.level_tag, "drill of the circuit breaker failed" in said.message) == (
            *("error", True),
        )

    def test_a_viewer_drills_nothing(self, client, viewer, world):
        client.force_login(viewer)

        assert "NOT_ALLOWED" in text(client.post(f"{PHASES}drill/"))
        assert not Drill.objects.exists()


class TestApprovers:
    def test_are_set_by_an_admin_with_a_reason(self, client, admin_user, world):
        assert "<strong>2 people have</strong> to say yes" in page_of(client, admin_user, PHASES)

        told = {"approvers": "1", "reason": "I am alone here"}
        page = text(client.post(f"{PHASES}approvers/", told, follow=True))

        row = ApprovalSetting.objects.get()
        assert (row.approvers_needed, row.changed_by) == (1, admin_user.username)
        assert last_event().action == "approvers.set"
        assert "1 person has to approve each promotion from now on" in page
        assert "One approver is enough here" in page
        assert "none of them who asked" not in page

    @pytest.mark.parametrize(
        ("number", "reason", "code"),
        [
            ("0", "in a hurry", "APPROVERS_RANGE"),
            ("6", "more eyes", "APPROVERS_RANGE"),
            ("-1", "x", "APPROVERS_RANGE"),
            ("two", "x", "APPROVERS_RANGE"),
            ("", "x", "APPROVERS_RANGE"),
            ("9" * 5_000, "x", "APPROVERS_RANGE"),
            ("1", "  ", "REASON_MISSING"),
        ],
        ids=str,
    )
    def test_what_cannot_be_is_refused_and_the_text_stays(
        self, client, admin_user, world, number, reason, code
    ):
        client.force_login(admin_user)

        refused = client.post(f"{PHASES}approvers/", {"approvers": number, "reason": reason})

        assert refused.status_code == 400
        assert code in text(refused)
        assert f">{reason}</textarea>" in text(refused)
        kept = number if number in ("1", "2") else ""
        assert (f"<option selected>{kept}</option>" in text(refused)) == bool(kept)
        assert not ApprovalSetting.objects.exists()

    def test_others_are_told_who_may(self, client, operator, world):
        page = page_of(client, operator, PHASES)

        assert "To change it your account needs the role admin" in page
        assert f'action="{PHASES}approvers/"' not in page
        answer = client.post(f"{PHASES}approvers/", {"approvers": "1", "reason": "x"})
        assert "NOT_ALLOWED" in text(answer)
        assert not ApprovalSetting.objects.exists()
