"""Profiles side by side, applied and rolled back; the mandate's acts."""

import re

import pytest
from django.urls import reverse

from polyarb_site.audit.models import AuditEvent
from tests.conftest import make_profile
from tests.helpers import admin_pages as pages
from trading.models import Mandate, Profile

SHADOW = "live_shadow_atomic_v1"
NAMES = (*(SHADOW, "live_safe_atomic_v1", "live_constrained_atomic_v1", "live_scaled_atomic_v1"),)


def text_of(response):
    return response.content.decode()


def act(row, name):
    return reverse("admin:trading_mandate_act", args=[row.pk, name])


def apply_url(profile):
    return reverse("admin:trading_profile_apply", args=[profile.pk])


def rollback_url(profile):
    return reverse("admin:trading_profile_rollback", args=[profile.pk])


def acts_recorded():
    """What was done, without the logins."""
    events = AuditEvent.objects.exclude(action__startswith="login").order_by("sequence")
    return list(events.values_list("action", flat=True))


@pytest.fixture
def wider(profile):
    """The second revision of the shadow profile: more than half as much again per set."""
    return make_profile(SHADOW, 2, TRADE_SIZE="2")


@pytest.fixture
def running(mandate, profile):
    """A mandate with revision 1 in force."""
    Mandate.objects.filter(pk=mandate.pk).update(profile=profile)
    mandate.refresh_from_db()
    return mandate


class TestReading:
    def test_the_list_shows_the_newest_of_each(self, client, viewer, running, wider):
        client.force_login(viewer)

        newest = client.get(pages.list_of("profile")).context["cl"].result_list
        every = client.get(pages.list_of("profile"), {"revisions": "all"}).context["cl"]

        assert [str(row) for row in newest] == [f"{SHADOW} r2"]
        assert len(every.result_list) == 2

    def test_a_revision_says_who_why_and_what_changed(self, client, viewer, running, wider):
        client.force_login(viewer)

        response = client.get(pages.page_of("profile", wider.pk))

        assert [key.name for key in response.context["changes"]] == ["TRADE_SIZE"]
        assert response.context["changes"][0].values == ("1", "2")
        assert wider.sha256 in text_of(response)
        assert "“test”" in text_of(response)

    def test_all_four_stand_side_by_side_with_differences_marked(self, client, viewer, mandate):
        for name in NAMES:
            make_profile(name)
        client.force_login(viewer)

        response = client.get(reverse("admin:trading_profile_compare"))

        rows = {key.name: key for key in response.context["keys"]}
        assert len(response.context["profiles"]) == 4
        assert rows["TRADE_SIZE"].differs
        assert not rows["RETRY_DELAY"].differs
        only = client.get(reverse("admin:trading_profile_compare"), {"only": "differences"})
        assert all(key.differs for key in only.context["keys"])

    def test_the_comparison_loads_without_any_profile(self, client, viewer):
        client.force_login(viewer)

        assert client.get(reverse("admin:trading_profile_compare")).status_code == 200

    def test_values_are_never_editable(self, client, admin_user, profile):
        client.force_login(admin_user)

        answer = client.post(pages.page_of("profile", profile.pk), {"values": "{}"})

        assert answer.status_code == 403
        assert client.get(reverse("admin:trading_profile_add")).status_code == 403


class TestApplying:
    def test_the_page_shows_the_difference_and_the_risks_and_does_nothing(
        self, client, admin_user, running, wider
    ):
        client.force_login(admin_user)

        text = text_of(client.get(apply_url(wider)))

        assert "TRADE_SIZE" in text
        assert "rises by more than half, from 1 to 2" in text
        running.refresh_from_db()
        assert running.profile.revision == 1

    def test_an_admin_applies_with_a_reason(self, client, admin_user, running, wider):
        client.force_login(admin_user)
        seen = client.get(apply_url(wider)).context["form"]["seen"].value()

        answer = client.post(apply_url(wider), {"reason": "minimum is 2", "seen": seen})

        assert answer.status_code == 302
        running.refresh_from_db()
        assert running.profile == wider
        event = AuditEvent.objects.get(action="profile.apply")
        assert event.actor_name == "adam"
        assert event.reason == "minimum is 2"

    def test_without_a_reason_it_is_refused_in_words(self, client, admin_user, running, wider):
        client.force_login(admin_user)

        answer = client.post(apply_url(wider), {"reason": " "})

        assert answer.status_code == 400
        assert "REASON_MISSING" in text_of(answer)
        assert "say in a sentence why" in text_of(answer)

    @pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
    def test_the_service_refuses_who_may_not(self, client, request, running, wider, role):
        client.force_login(request.getfixturevalue(role))

        assert "Your account may not do this" in text_of(client.get(apply_url(wider)))
        answer = client.post(apply_url(wider), {"reason": "because"})

        assert answer.status_code == 403
        assert "NOT_ALLOWED" in text_of(answer)
        running.refresh_from_db()
        assert running.profile.revision == 1

    def test_what_was_decided_on_an_old_page_is_refused(self, client, admin_user, running, wider):
        client.force_login(admin_user)
        seen = client.get(apply_url(wider)).context["form"]["seen"].value()
        Mandate.objects.update(revision=running.revision + 1)

        answer = client.post(apply_url(wider), {"reason": "because", "seen": seen})

        assert answer.status_code == 409
        assert "CHANGED_MEANWHILE" in text_of(answer)

    def test_a_live_profile_does_not_fit_phase_0(self, client, admin_user, running):
        live = make_profile("live_safe_atomic_v1")
        client.force_login(admin_user)

        assert "of real money instead of paper" in text_of(client.get(apply_url(live)))
        answer = client.post(apply_url(live), {"reason": "because"})

        assert answer.status_code == 409
        assert "PROFILE_DOES_NOT_FIT_PHASE" in text_of(answer)


class TestRollingBack:
    def test_an_earlier_revision_comes_back_as_a_new_one(self, client, admin_user, running, wider):
        Mandate.objects.update(profile=wider)
        client.force_login(admin_user)
        first = Profile.objects.get(revision=1)

        answer = client.post(rollback_url(first), {"reason": "too much"})

        assert answer.status_code == 302
        running.refresh_from_db()
        assert running.profile.revision == 3
        assert running.profile.sha256 == first.sha256

    def test_one_step_back_without_a_step_says_so(self, client, admin_user, running):
        client.force_login(admin_user)

        answer = client.get(reverse("admin:trading_profile_back"), follow=True)

        assert "nothing was in force before" in text_of(answer)

    def test_one_step_back_leads_to_what_was_in_force(self, client, admin_user, running, wider):
        client.force_login(admin_user)
        for profile in (Profile.objects.get(revision=1), wider):
            Mandate.objects.update(profile=None)
            client.post(apply_url(profile), {"reason": "because"})

        answer = client.get(reverse("admin:trading_profile_back"))

        assert answer["Location"] == rollback_url(Profile.objects.get(revision=1))


class TestMandate:
    def test_the_page_has_no_field_to_edit(self, client, admin_user, running):
        client.force_login(admin_user)

        answer = client.post(pages.page_of("mandate", running.pk), {"halted": "", "phase": "3"})

        assert answer.status_code == 403
        running.refresh_from_db()
        assert running.phase == 0

    def test_an_operator_starts_stops_and_each_is_audited(self, client, operator, running):
        client.force_login(operator)

        started = client.post(
            act(running, "start"), {"profile": SHADOW, "feed": "recorded", "reason": "see gaps"}
        )
        assert started.status_code == 302
        running.refresh_from_db()
        assert running.desired == "RUN"
        client.post(act(running, "stop"), {"reason": ""})

        running.refresh_from_db()
        assert running.desired == "STOP"
        assert acts_recorded() == ["engine.start_shadow", "engine.stop"]

    @pytest.mark.parametrize(
        ("state", "name", "why"),
        [
            ({"desired": "RUN"}, "start", "asked to run already"),
            ({"desired": "RUN"}, "start-simulated", "asked to run already"),
            ({"halted": True}, "start", "Trading is halted"),
            ({"halted": True}, "start-simulated", "Trading is halted"),
            ({"phase": 1, "mode": "LIVE"}, "start", "in phase 1"),
            ({"phase": 1, "mode": "LIVE"}, "start-simulated", "in phase 1"),
            ({}, "record-capital", "Paper has no wallet"),
            ({}, "stop", "No engine is asked to run"),
            ({}, "resume", "Trading is not halted"),
        ],
    )
    def test_what_would_be_refused_says_so_beside_its_button(
        self, client, admin_user, running, state, name, why
    ):
        Mandate.objects.update(**{"desired": "STOP", "mode": "SHADOW", **state})
        client.force_login(admin_user)
        page = pages.page_of("mandate", running.pk)

        shown = re.search(rf'<a[^>]*href="{act(running, name)}"[^>]*>', text_of(client.get(page)))
        assert 'aria-disabled="true"' in shown[0]
        assert why in shown[0]
        given = {"profile": SHADOW, "feed": "recorded", "reason": "x", "amount": "5"}
        refused = client.post(act(running, name), given)
        assert refused.status_code in (400, 409)

    def test_an_account_at_rest_may_be_started(self, client, operator, running):
        Mandate.objects.update(desired="STOP", mode="SHADOW")
        client.force_login(operator)
        page = text_of(client.get(pages.page_of("mandate", running.pk)))

        for name in ("start", "start-simulated"):
            shown = re.search(rf'<a[^>]*href="{act(running, name)}"[^>]*>', page)
            assert "aria-disabled" not in shown[0]

    def test_opening_a_page_does_nothing(self, client, operator, running):
        client.force_login(operator)

        for name in ("start", "start-simulated", "stop", "halt", "resume", "reset-breaker"):
            assert client.get(act(running, name)).status_code == 200

        assert acts_recorded() == []

    @pytest.mark.parametrize(
        "name", ["start", "start-simulated", "stop", "resume", "reset-breaker"]
    )
    def test_a_viewer_is_refused_by_the_service(self, client, viewer, running, name):
        client.force_login(viewer)

        answer = client.post(
            act(running, name), {"profile": SHADOW, "feed": "recorded", "reason": "why not"}
        )

        assert answer.status_code == 403
        assert "NOT_ALLOWED" in text_of(answer)
        assert "ask an admin of the portal" in text_of(answer)

    def test_a_viewer_halts_without_a_reason(self, client, viewer, running):
        client.force_login(viewer)

        assert client.post(act(running, "halt"), {}).status_code == 302

        running.refresh_from_db()
        assert running.halted
        assert running.halted_by == "vera"

    def test_resuming_needs_a_reason(self, client, operator, running):
        client.force_login(operator)
        client.post(act(running, "halt"), {"reason": "odd fills"})

        refused = client.post(act(running, "resume"), {"reason": ""})
        assert refused.status_code == 400
        assert "REASON_MISSING" in text_of(refused)
        client.post(act(running, "resume"), {"reason": "the feed is repaired"})

        running.refresh_from_db()
        assert not running.halted

    def test_a_refusal_has_its_code_sentence_and_remedy(self, client, operator, running):
        client.force_login(operator)

        text = text_of(client.post(act(running, "stop"), {}))

        assert "NOT_RUNNING" in text
        assert "the engine is not asked to run" in text
        assert "nothing has to be stopped" in text

    def test_a_wrong_speed_is_refused_and_what_was_typed_stays(self, client, operator, running):
        client.force_login(operator)

        answer = client.post(
            act(running, "start"),
            {"profile": SHADOW, "feed": "recorded", "speed": "fast", "reason": "my reason"},
        )

        assert answer.status_code == 400
        assert "SPEED_INVALID" in text_of(answer)
        assert "my reason" in text_of(answer)

    def test_the_first_run_button_leads_to_the_start(self, client, operator, running):
        client.force_login(operator)

        answer = client.get(reverse("admin:trading_mandate_start"))

        assert answer["Location"] == act(running, "start")

    def test_an_act_that_is_none_is_not_found(self, client, operator, running):
        client.force_login(operator)

        assert client.get(act(running, "sell-everything")).status_code == 404
