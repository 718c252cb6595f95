"""Saving a profile over REST, and that the description of profiles comes from the one schema."""

import pytest

from polyarb_site.audit.models import AuditEvent
from tests.api.building import error_of
from tests.api.openapi import description
from tests.conftest import make_profile
from trading.config.keys import KEYS
from trading.models import Mandate, Profile

SHADOW = "live_shadow_atomic_v1"
REASON = {"reason": "half of the fills were worse than 1%"}


def save(caller, name=SHADOW, values=None, **more):
    body = {**REASON, "values": {"MAX_SLIPPAGE": "0.015"} if values is None else values, **more}
    return caller.post(f"/api/profiles/{name}", body)


@pytest.fixture
def shadow(mandate):
    profile = make_profile(SHADOW)
    Mandate.objects.update(profile=profile)
    return profile


class TestSaving:
    def test_makes_the_next_revision_and_applies_nothing(self, boss, shadow):
        response = save(boss)

        answer = response.json()
        assert response.status_code == 200
        assert (answer["revision"], answer["applied"], answer["author"]) == (2, False, "adam")
        assert answer["values"] == {**shadow.values, "MAX_SLIPPAGE": "0.015"}
        assert Mandate.objects.get().profile == shadow
        assert AuditEvent.objects.get(action="profile.save").reason == REASON["reason"]

    def test_of_a_new_name_starts_from_the_base(self, boss, shadow):
        answer = save(boss, "mine", {"TRADE_SIZE": "2"}).json()

        assert (answer["name"], answer["revision"]) == ("mine", 1)
        assert answer["values"]["DRY_RUN"] == "true"

    @pytest.mark.parametrize("who", ["reader", "doer"])
    def test_needs_the_role_admin(self, who, shadow, request):
        assert save(request.getfixturevalue(who)).status_code == 403
        assert Profile.objects.count() == 1

    def test_what_somebody_else_saved_since_is_refused(self, boss, shadow):
        save(boss, after_revision=1)
        response = save(boss, values={"MAX_SLIPPAGE": "0.01"}, after_revision=1)

        assert (response.status_code, error_of(response)["code"]) == (409, "CHANGED_MEANWHILE")
        assert Profile.objects.count() == 2

    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ({"TRADE_SIZE": "abc"}, "TRADE_SIZE"),
            ({"TRADE_SIZE": "NaN"}, "TRADE_SIZE"),
            ({"MAX_DAILY_LOSS": "-3"}, "MAX_DAILY_LOSS"),
            ({"PRIVATE_KEY": "x"}, "PRIVATE_KEY"),
            ({"TRADE_SIZE": 2}, "TRADE_SIZE"),
            ({"TRADE_SIZE": None}, "TRADE_SIZE"),
            ({"TRADE_SIZE": {}}, "TRADE_SIZE"),
        ],
    )
    def test_c10_what_is_no_value_is_refused_by_name(self, values, named, boss, shadow):
        response = save(boss, values=values)

        assert response.status_code == 400
        assert named in error_of(response)["message"]
        assert Profile.objects.count() == 1

    @pytest.mark.parametrize("values", [{}, [], "x", None, 3])
    def test_no_values_at_all_are_refused(self, values, boss, shadow):
        response = boss.post(f"/api/profiles/{SHADOW}", {**REASON, "values": values})

        assert response.status_code == 400
        assert error_of(response)["field"] == "values"

    @pytest.mark.parametrize("name", ["a.yaml", "A", "..", "x" * 81, "a b"])
    def test_c9_a_name_that_is_a_path_or_no_name_is_refused(self, name, boss, shadow):
        response = save(boss, name)

        assert response.status_code in (400, 404)
        assert Profile.objects.count() == 1

    @pytest.mark.parametrize("path", ["custom/../../../x", "..%2F..%2Fx", "%2Fetc%2Fpasswd"])
    def test_c9_no_address_reads_or_writes_a_file(self, path, boss, shadow):
        for response in (boss.get(f"/api/profiles/{path}"), save(boss, path)):
            assert response.status_code in (400, 404)
        assert Profile.objects.count() == 1

    def test_a3_saving_reaches_saving_and_rollback_is_no_name_for_it(self, boss, shadow):
        """Both routes were hidden behind another one upstream, and never answered."""
        assert save(boss).status_code == 200
        refused = save(boss, "rollback")

        assert error_of(refused)["code"] == "UNKNOWN_KEY"


class TestTheDescription:
    def schema(self, name):
        return description()["components"]["schemas"][name]["properties"]["values"]

    def test_of_saving_names_exactly_the_keys_that_there_are(self):
        described = self.schema("SaveProfileBody")

        assert set(described["properties"]) == set(KEYS)
        assert described["additionalProperties"] is False

    @pytest.mark.parametrize("name", sorted(KEYS))
    def test_of_a_key_says_what_the_schema_says(self, name):
        described = self.schema("SaveProfileBody")["properties"][name]

        assert KEYS[name].help in described["description"]
        assert described["type"] == "string"
        if KEYS[name].words:
            assert described["enum"] == list(KEYS[name].words)

    def test_of_a_number_names_range_unit_and_default(self):
        text = self.schema("SaveProfileBody")["properties"]["TRADE_SIZE"]["description"]

        assert "from 0.01 to 10000 $" in text
        assert "by default 1" in text

    def test_of_a_revision_allows_keys_of_an_older_version(self):
        described = self.schema("ProfileAnswer")

        assert set(described["properties"]) == set(KEYS)
        assert described["additionalProperties"] == {"type": "string"}
