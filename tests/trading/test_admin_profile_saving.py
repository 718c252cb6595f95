"""Saving a revision in the admin: a form of the one schema, and a refusal that names each field."""

import pytest
from django.urls import reverse

from polyarb_site.audit.models import AuditEvent
from tests.conftest import make_profile
from tests.helpers import admin_pages as pages
from trading.config.keys import KEYS
from trading.models import Mandate, Profile

SHADOW = "live_shadow_atomic_v1"


def url(profile):
    return reverse("admin:trading_profile_save", args=[profile.pk])


def given(response, **changes):
    """Return what the form of a page would send."""
    form = response.context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {**values, "reason": "tighter", **changes}


@pytest.fixture
def page(client, admin_user, mandate, profile):
    client.force_login(admin_user)
    return client.get(url(profile))


class TestTheForm:
    def test_has_every_key_of_the_schema_with_its_words_and_range(self, page):
        form = page.context["form"]

        assert set(KEYS) <= set(form.fields)
        for name, key in KEYS.items():
            assert key.help in str(form.fields[name].help_text)
        assert "0.01 to 10000 $" in str(form.fields["TRADE_SIZE"].help_text)
        assert [value for value, _ in form.fields["GAS_PRICE_MODE"].choices] == [
            *KEYS["GAS_PRICE_MODE"].words
        ]
        assert [value for value, _ in form.fields["MARKET_MAKING_ENABLED"].choices] == ["false"]

    def test_starts_with_the_values_of_the_revision(self, page, profile):
        form = page.context["form"]

        assert {name: form[name].value() for name in KEYS} == profile.values
        assert form["name"].value() == SHADOW

    def test_is_led_to_from_the_page_of_a_revision(self, client, page, profile):
        text = client.get(pages.page_of("profile", profile.pk)).content.decode()

        assert f'href="{url(profile)}"' in text


class TestSaving:
    def test_makes_the_next_revision_and_applies_nothing(self, client, page, profile):
        answer = client.post(url(profile), given(page, MAX_SLIPPAGE="0.015"))

        saved = Profile.objects.get(name=SHADOW, revision=2)
        assert answer.status_code == 302
        assert answer.url == pages.page_of("profile", saved.pk)
        assert saved.values == {**profile.values, "MAX_SLIPPAGE": "0.015"}
        assert Mandate.objects.get().profile is None
        assert AuditEvent.objects.get(action="profile.save").actor_name == "adam"

    def test_under_another_name_makes_a_profile_of_its_own(self, client, page, profile):
        client.post(url(profile), given(page, name="mine", TRADE_SIZE="2"))

        saved = Profile.objects.get(name="mine")
        assert (saved.revision, saved.values["TRADE_SIZE"]) == (1, "2")

    def test_a_name_that_another_profile_has_is_refused(self, client, page, profile):
        make_profile("live_safe_atomic_v1")
        answer = client.post(url(profile), given(page, name="live_safe_atomic_v1"))

        assert answer.status_code == 409
        assert Profile.objects.filter(name="live_safe_atomic_v1").count() == 1

    def test_c9_a_name_that_is_a_path_is_refused(self, client, page, profile):
        answer = client.post(url(profile), given(page, name="custom/../../../x"))

        assert answer.status_code == 400
        assert "PROFILE_NAME" in answer.content.decode()
        assert Profile.objects.count() == 1

    def test_c10_every_bad_field_is_named_and_nothing_is_saved(self, client, page, profile):
        changes = {"TRADE_SIZE": "abc", "MAX_DAILY_LOSS": "-3", "MAX_SLIPPAGE": "NaN"}
        answer = client.post(url(profile), given(page, **changes))

        text = answer.content.decode()
        assert answer.status_code == 400
        for name in changes:
            assert f"{name} is " in text
        assert Profile.objects.count() == 1

    def test_what_was_typed_is_still_there_after_a_refusal(self, client, page, profile):
        answer = client.post(url(profile), given(page, TRADE_SIZE="abc", MAX_SLIPPAGE="0.011"))

        assert answer.context["form"]["MAX_SLIPPAGE"].value() == "0.011"

    def test_what_somebody_saved_meanwhile_is_refused(self, client, page, profile):
        make_profile(SHADOW, 2, TRADE_SIZE="2")
        answer = client.post(url(profile), given(page, MAX_SLIPPAGE="0.015"))

        assert answer.status_code == 409
        assert "CHANGED_MEANWHILE" in answer.content.decode()
        assert Profile.objects.count() == 2

    @pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
    def test_needs_the_role_admin(self, role, client, page, profile, request):
        sent = given(page, MAX_SLIPPAGE="0.015")
        client.force_login(request.getfixturevalue(role))

        assert client.post(url(profile), sent).status_code == 403
        assert Profile.objects.count() == 1

    def test_without_a_reason_it_is_refused(self, client, page, profile):
        answer = client.post(url(profile), given(page, MAX_SLIPPAGE="0.015", reason=""))

        assert answer.status_code == 400
        assert "REASON_MISSING" in answer.content.decode()
