"""How long a Go counts, for what, and what takes it back."""

from datetime import timedelta

import pytest

from checks.catalogue.base import Status
from checks.models import CheckResult
from checks.selectors.runs import run_dict, standing, valid_go
from checks.services.runs import run_checks
from tests.checks.s2a_building import check, says
from tests.conftest import NOON, make_profile
from trading.models import Mandate

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def shadow(mandate, profile):
    """An account in phase 0 with its profile."""
    Mandate.objects.filter(pk=mandate.pk).update(profile=profile)
    return mandate


class TestHowLongAGoCounts:
    @pytest.fixture
    def go(self, shadow):
        return run_checks("main", by_name="test", at=NOON, catalogue=[check("security.one")])

    def test_for_a_day(self, go):
        assert valid_go("main", 0, "recorded", NOON + timedelta(hours=23, minutes=59)) == go

    @pytest.mark.parametrize("hours", [24, 25, 1000])
    def test_not_longer(self, go, hours):
        assert valid_go("main", 0, "recorded", NOON + timedelta(hours=hours)) is None

    def test_not_from_the_future(self, go):
        assert valid_go("main", 0, "recorded", NOON - MINUTE) is None

    def test_not_for_another_phase_venue_or_account(self, go):
        now = NOON + MINUTE
        assert valid_go("main", 1, "polymarket", now) is None
        assert valid_go("main", 0, "simulator", now) is None

    def test_not_after_a_later_no_go(self, go, shadow):
        run_checks(
            "main",
            by_name="test",
            at=NOON + MINUTE,
            catalogue=[check("security.one", says(Status.FAIL))],
        )

        assert valid_go("main", 0, "recorded", NOON + 2 * MINUTE) is None

    def test_a_later_run_of_one_category_takes_nothing_back(self, go):
        run_checks(
            "main",
            category="security",
            by_name="test",
            at=NOON + MINUTE,
            catalogue=[check("security.one", says(Status.FAIL))],
        )

        assert valid_go("main", 0, "recorded", NOON + 2 * MINUTE) == go

    def test_not_when_the_profile_changed(self, go, mandate):
        """Defect C11: the target's profile is what was judged, and a later one was not."""
        newer = make_profile("live_shadow_atomic_v1", 2, MAX_RETRIES=4)
        Mandate.objects.filter(pk=mandate.pk).update(profile=newer)

        found = standing("main", 0, "recorded", NOON + MINUTE)
        assert found.problem == "changed since the run: the profile"
        assert not found.valid

    def test_not_when_the_configuration_changed(self, go, settings, tmp_path):
        for name in ("phases.yaml", "venues.yaml"):
            text = (settings.CONFIG_DIR / name).read_text()
            (tmp_path / name).write_text(text + "\n# edited\n")
        settings.CONFIG_DIR = tmp_path

        found = standing("main", 0, "recorded", NOON + MINUTE)
        assert found.problem == "changed since the run: the configuration"

    def test_not_under_other_software(self, go, monkeypatch):
        monkeypatch.setattr("checks.selectors.runs.software", lambda: "0.1.0+other")

        found = standing("main", 0, "recorded", NOON + MINUTE)
        assert found.problem == "changed since the run: the software"

    def test_not_when_a_result_was_edited(self, go):
        CheckResult.objects.filter(run=go).update(reason="all is well")

        found = standing("main", 0, "recorded", NOON + MINUTE)
        assert found.problem == "the run is not as it was when it was finished"

    def test_a_run_says_what_it_was(self, go):
        told = run_dict(go)

        assert told["decision"] == "GO"
        assert told["results"][0]["id"] == "security.one"
        keys = {"id", "category", "priority", "status", "reason", "evidence", "remedy"}
        assert keys <= told["results"][0].keys()
        assert told["valid_until"] == (NOON + timedelta(hours=24)).isoformat()
