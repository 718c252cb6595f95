"""Importing files: ours strictly and all or nothing, those of PolyArb-X as they are."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings

from polyarb_site.audit.models import AuditEvent
from tests.conftest import NOON
from tests.helpers.audit import only_event
from trading import services
from trading.models import Mandate, Profile

pytestmark = pytest.mark.django_db

POLYARB_X = Path(__file__).parent / "polyarb_x"
HIDDEN = "8f2a55949038a9610f50fb23b5883af3b4ecb3c3bb792cbcefbd1542c692be63"


@pytest.fixture
def ours(tmp_path):
    """A copy of our own configuration that a test may damage."""
    return Path(shutil.copytree(settings.CONFIG_DIR, tmp_path / "config"))


def load(directory, **changes):
    given = {"by": None, "by_name": "test", "at": NOON, **changes}
    return services.import_profiles(directory, **given)


def edit(directory, old, new, name="live_shadow_atomic_v1"):
    file = directory / "profiles" / f"{name}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def everything_stored():
    rows = [*Profile.objects.values(), *AuditEvent.objects.values(), *Mandate.objects.values()]
    return repr(rows)


class TestOurOwn:
    def test_each_file_becomes_revision_1(self, ours):
        report = load(ours)

        assert sorted(p.name for p in report.created) == [
            "live_constrained_atomic_v1",
            "live_safe_atomic_v1",
            "live_scaled_atomic_v1",
            "live_shadow_atomic_v1",
            "simulated_atomic_v1",
        ]
        assert {p.revision for p in report.created} == {1}
        assert (report.warnings, report.refused) == ([], [])

    def test_a_second_import_adds_nothing(self, ours):
        load(ours)
        report = load(ours)

        assert report.created == []
        assert len(report.unchanged) == 5
        assert Profile.objects.count() == 5
        assert AuditEvent.objects.count() == 1

    def test_a_changed_file_adds_one_revision_and_applies_nothing(self, ours, mandate):
        load(ours)
        edit(ours, 'TRADE_SIZE: "1"', 'TRADE_SIZE: "2"')
        report = load(ours)

        assert [(p.name, p.revision) for p in report.created] == [("live_shadow_atomic_v1", 2)]
        assert Mandate.objects.get().profile is None

    def test_another_spelling_is_no_change(self, ours):
        load(ours)
        edit(ours, 'TRADE_SIZE: "1"', 'TRADE_SIZE: "1.000"')

        assert load(ours).created == []

    def test_an_unchanged_file_does_not_undo_what_was_saved_since(self, ours):
        load(ours)
        services.save_profile(
            "live_shadow_atomic_v1", {"TRADE_SIZE": "3"}, by=None, by_name="t", reason="r"
        )
        assert load(ours).created == []
        newest = Profile.objects.get(name="live_shadow_atomic_v1", revision=2)
        assert newest.values["TRADE_SIZE"] == "3"

    def test_one_bad_field_refuses_all_files_and_names_it(self, ours):
        edit(ours, 'TRADE_SIZE: "1"', 'TRADE_SIZE: "a lot"')
        edit(ours, "MAX_RETRIES: 5", "MAX_RETRIES: 99", "live_scaled_atomic_v1")
        with pytest.raises(services.Invalid) as caught:
            load(ours)

        problems = caught.value.problems
        assert any("live_shadow_atomic_v1.yaml: TRADE_SIZE" in text for text in problems)
        assert any("live_scaled_atomic_v1.yaml: MAX_RETRIES" in text for text in problems)
        assert Profile.objects.count() == 0

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ('TRADE_SIZE: "1"', "TRADE_SIZE: 1.0", "fraction"),
            ('TRADE_SIZE: "1"', "TRADE_SIZE: 1", "bare number"),
            ('TRADE_SIZE: "1"', 'TRADE_SZIE: "1"', "did you mean TRADE_SIZE"),
            ("DRY_RUN: true", "DRY_RUN: yes", "truth value"),
            ("DRY_RUN: true", "DRY_RUN: true\nDRY_RUN: false", "stands twice"),
            ("MAX_RETRIES: 3", "MAX_RETRIES: [3", "not YAML"),
        ],
    )
    def test_what_yaml_would_swallow_is_refused(self, ours, old, new, told):
        edit(ours, old, new)
        with pytest.raises(services.Invalid, match=told):
            load(ours)

    def test_a_live_base_is_refused(self, ours):
        base = ours / "config.yaml"
        base.write_text(base.read_text().replace("DRY_RUN: true", "DRY_RUN: false"))
        with pytest.raises(services.Invalid, match="always paper"):
            load(ours)

    def test_a_missing_base_or_folder_is_refused(self, ours, tmp_path):
        (ours / "config.yaml").unlink()
        with pytest.raises(services.Invalid, match="cannot be read"):
            load(ours)
        (tmp_path / "empty" / "profiles").mkdir(parents=True)
        shutil.copy(settings.CONFIG_DIR / "config.yaml", tmp_path / "empty")
        with pytest.raises(services.NotFound):
            load(tmp_path / "empty")

    def test_needs_the_role_admin(self, ours, operator, admin_user):
        with pytest.raises(services.NotPermitted):
            load(ours, by=operator, by_name="")
        assert Profile.objects.count() == 0
        assert len(load(ours, by=admin_user, by_name="").created) == 5

    def test_the_audit_names_what_came_in(self, ours, admin_user):
        load(ours, by=admin_user, by_name="")

        event = only_event()
        assert (event.action, event.actor) == ("profile.import", admin_user)
        assert len(event.after["revisions"]) == 5
        assert event.after["revisions"][0]["values"]["DRY_RUN"] in ("true", "false")


class TestPolyArbX:
    def test_flat_files_with_amounts_as_text_load_unchanged(self):
        report = load(POLYARB_X, strict=False)
        made = {profile.name: profile.values for profile in report.created}

        shadow = made["shadow_two_dollars"]
        assert shadow["TRADE_SIZE"] == "2"
        assert shadow["DRY_RUN"] == "true"
        assert shadow["MAX_GAS_PRICE"] == "500000000000"
        assert shadow["RETRY_DELAY"] == "1"
        assert shadow["GAS_LIMIT_MULTIPLIER"] == "1.2"

    def test_bare_numbers_are_read_digit_by_digit(self):
        report = load(POLYARB_X, strict=False)
        made = {profile.name: profile.values for profile in report.created}

        live = made["live_bare_numbers"]
        assert (live["TRADE_SIZE"], live["MIN_PROFIT_THRESHOLD"]) == ("2", "0.015")
        assert (live["MAX_SLIPPAGE"], live["DRY_RUN"]) == ("0.025", "false")

    def test_each_unknown_key_is_named_in_a_warning_and_left_out(self):
        report = load(POLYARB_X, strict=False)
        told = "\n".join(report.warnings)

        for key in ("PROFILE_NAME", "tags", "FEE_RATE", "notifications", "risk_warnings"):
            assert key in told
            assert not Profile.objects.filter(values__has_key=key).exists()

    def test_a_strategy_that_we_lack_is_switched_off_with_a_warning(self):
        report = load(POLYARB_X, strict=False)
        maker = Profile.objects.get(name="maker")

        assert maker.values["MARKET_MAKING_ENABLED"] == "false"
        assert any("maker.yaml: MARKET_MAKING_ENABLED" in text for text in report.warnings)

    def test_a_profile_that_says_nothing_is_paper_although_its_base_is_live(self):
        report = load(POLYARB_X, strict=False)

        assert Profile.objects.get(name="maker").values["DRY_RUN"] == "true"
        assert any("config.yaml: DRY_RUN" in text for text in report.warnings)

    def test_their_base_counts_below_the_profile(self):
        load(POLYARB_X, strict=False)

        assert Profile.objects.get(name="maker").values["MAX_SLIPPAGE"] == "0.01"

    def test_bad_values_refuse_that_file_alone_and_name_each_field(self):
        report = load(POLYARB_X, strict=False)

        assert not Profile.objects.filter(name="broken_values").exists()
        assert any("broken_values.yaml: TRADE_SIZE" in text for text in report.refused)
        assert any("broken_values.yaml: MAX_DAILY_LOSS" in text for text in report.refused)
        assert Profile.objects.filter(name="shadow_two_dollars").exists()

    def test_a_file_with_a_key_is_refused_and_the_key_is_kept_nowhere(self):
        report = load(POLYARB_X, strict=False)

        assert not Profile.objects.filter(name__startswith="with_a").exists()
        assert any("with_a_key.yaml: PRIVATE_KEY" in text for text in report.refused)
        assert any("with_a_hidden_key.yaml: wallet.accounts[0]" in t for t in report.refused)
        assert HIDDEN not in repr(report)
        assert HIDDEN not in everything_stored()

    def test_importing_twice_adds_nothing(self):
        load(POLYARB_X, strict=False)
        count = Profile.objects.count()

        assert load(POLYARB_X, strict=False).created == []
        assert Profile.objects.count() == count

    def test_the_same_files_are_errors_as_our_own(self, tmp_path):
        shutil.copytree(POLYARB_X / "profiles", tmp_path / "profiles")
        shutil.copy(settings.CONFIG_DIR / "config.yaml", tmp_path)
        with pytest.raises(services.Invalid) as caught:
            load(tmp_path)

        problems = caught.value.problems
        assert any("maker.yaml: MM_MAX_SPREAD_BPS" in text for text in problems)
        assert any("shadow_two_dollars" in text and "fraction" in text for text in problems)
        assert Profile.objects.count() == 0
