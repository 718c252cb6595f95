"""The system checks: each really looks, and each refusal has its allowed twin."""

import shutil

import pytest

from alerts.models import RuleRevision
from alerts.services import import_rules
from alerts.services.rules import save_rule
from checks.catalogue import system
from checks.catalogue.base import LIVE_PHASES, Status
from tests.checks.s2a_building import scene, wallet_line
from tests.conftest import NOON, make_profile
from trading.models import Mandate, Profile
from trading.services.live import PHASE_PROFILES

pytestmark = pytest.mark.django_db


@pytest.fixture
def profiles(mandate):
    """The newest revision of each phase's own profile; phase 0 has its own in force."""
    made = {phase: make_profile(name) for phase, name in PHASE_PROFILES.items()}
    Mandate.objects.filter(pk=mandate.pk).update(profile=made[0])
    return made


@pytest.fixture
def config(settings, tmp_path):
    """A copy of our configuration that may be spoilt."""
    shutil.copytree(settings.CONFIG_DIR, tmp_path / "config")
    settings.CONFIG_DIR = tmp_path / "config"
    return settings.CONFIG_DIR


class TestConfiguration:
    @pytest.mark.parametrize("phase", [0, *LIVE_PHASES])
    def test_our_own_files_match(self, profiles, phase):
        seen = system.configuration(scene(phase=phase, venue="simulator"))

        assert seen.status is Status.PASS, seen.reason
        assert "venues.yaml" in seen.evidence["files"]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("config.yaml", "DRY_RUN: false\n"),
            ("config.yaml", "NO_SUCH_KEY: 1\n"),
            ("profiles/live_safe_atomic_v1.yaml", 'TRADE_SIZE: "abc"\n'),
            ("profiles/live_safe_atomic_v1.yaml", "MAX_DAILY_LOSS: 0.5\n"),
            ("venues.yaml", "chain_id: 137\n"),
            ("phases.yaml", "phases: [\n"),
        ],
    )
    def test_a_file_that_does_not_is_named(self, profiles, config, name, text):
        """Defects C1, C3 and C10: a bad file was taken, or silently replaced by other values."""
        (config / name).write_text(text)

        seen = system.configuration(scene(phase=1, venue="simulator"))

        assert seen.status is Status.FAIL
        assert name.split("/")[-1].split(".")[0] in seen.reason

    def test_a_missing_file_fails(self, profiles, config):
        (config / "config.yaml").unlink()

        assert system.configuration(scene()).status is Status.FAIL

    def test_a_revision_that_was_changed_in_place_fails(self, profiles):
        row = profiles[0]
        Profile.objects.filter(pk=row.pk).update(values={**row.values, "MAX_RETRIES": "9"})

        assert "its hash differs" in system.configuration(scene()).reason

    def test_a_phase_without_any_profile_fails(self, mandate):
        assert system.configuration(scene()).status is Status.FAIL


class TestProfileAndPhase:
    @pytest.mark.parametrize("phase", [0, *LIVE_PHASES])
    def test_each_phase_has_a_profile_of_ours_that_fits(self, profiles, phase):
        asked = scene(phase=phase, venue="simulator")

        assert system.profile_limits(asked).status is Status.PASS
        assert system.dry_run(asked).status is Status.PASS

    def test_g2_phase_0_can_pass(self, profiles):
        """Defect G2: upstream asked for live in the configuration, so that phase 0 never passed."""
        seen = system.dry_run(scene(phase=0))

        assert seen.status is Status.PASS
        assert seen.evidence == {
            "profile": str(profiles[0]),
            "dry_run": True,
            "play_money": False,
            "phase": 0,
        }

    def test_phase_0_may_rehearse_with_play_money_on_the_local_venue_alone(self, profiles, mandate):
        play = make_profile("simulated_atomic_v1")
        Mandate.objects.filter(pk=mandate.pk).update(profile=play, feed="simulator")

        seen = system.dry_run(scene(phase=0, venue="simulator"))
        assert (seen.status, seen.evidence["play_money"]) == (Status.PASS, True)
        assert system.profile_limits(scene(phase=0, venue="simulator")).status is Status.PASS
        # Elsewhere phase 0 would run its own profile, which is paper.
        elsewhere = system.dry_run(scene(phase=0, venue="polymarket"))
        assert elsewhere.evidence["profile"] == str(profiles[0])

        Mandate.objects.filter(pk=mandate.pk).update(feed="polymarket")
        assert system.dry_run(scene(phase=0, venue="polymarket")).status is Status.FAIL

    def test_play_money_has_ceilings_of_its_own(self, profiles, mandate):
        play = make_profile("simulated_atomic_v1", MAX_POSITION_SIZE="1000")
        Mandate.objects.filter(pk=mandate.pk).update(profile=play, feed="simulator")

        seen = system.profile_limits(scene(phase=0, venue="simulator"))
        assert "MAX_POSITION_SIZE" in seen.reason

    def test_g2_paper_in_a_live_phase_fails(self, profiles, mandate):
        Mandate.objects.filter(pk=mandate.pk).update(phase=1, profile=profiles[0], feed="simulator")

        assert system.dry_run(scene(phase=1, venue="simulator")).status is Status.FAIL

    def test_live_in_phase_0_fails(self, profiles, mandate):
        Mandate.objects.filter(pk=mandate.pk).update(profile=profiles[1])

        seen = system.dry_run(scene(phase=0))
        assert seen.status is Status.FAIL
        assert "phase 0 needs true" in seen.reason

    def test_c11_the_profile_of_the_phase_asked_about_is_judged(self, profiles):
        """Defect C11: upstream judged the present profile, whatever it was to move to."""
        make_profile("live_safe_atomic_v1", 2, TRADE_SIZE="20", MAX_POSITION_SIZE="200")

        seen = system.profile_limits(scene(phase=1, venue="simulator"))

        assert seen.status is Status.FAIL
        assert seen.reason.startswith("live_safe_atomic_v1 r2: TRADE_SIZE is 20")
        assert system.profile_limits(scene(phase=0)).status is Status.PASS

    def test_the_ceiling_itself_is_allowed(self, profiles):
        make_profile("live_safe_atomic_v1", 2, TRADE_SIZE="6", MAX_POSITION_SIZE="20")

        assert system.profile_limits(scene(phase=1, venue="simulator")).status is Status.PASS

    def test_play_money_in_a_live_phase_fails(self, profiles):
        make_profile("live_safe_atomic_v1", 2, PLAY_MONEY=True)

        assert "PLAY_MONEY" in system.profile_limits(scene(phase=1, venue="simulator")).reason

    def test_a_profile_that_cannot_be_read_is_unknown(self, profiles):
        Profile.objects.filter(pk=profiles[1].pk).update(values={"NONSENSE": "1"})
        asked = scene(phase=1, venue="simulator")

        assert system.profile_limits(asked).status is Status.UNKNOWN
        assert system.dry_run(asked).status is Status.UNKNOWN


class TestAlertRules:
    @pytest.fixture
    def rules(self, settings):
        import_rules(settings.CONFIG_DIR / system.RULES_FILE, by_name="test", at=NOON)

    def change(self, rule_id, **changes):
        row = RuleRevision.objects.filter(rule_id=rule_id).order_by("-revision").first()
        save_rule({**row.values, **changes}, by=None, by_name="test", reason="test", at=NOON)

    def test_all_of_the_file_in_force_pass(self, rules):
        seen = system.alert_rules(scene())

        assert seen.status is Status.PASS, seen.reason
        assert seen.evidence == {"in_file": 19, "in_force": 19, "critical": 7}

    def test_nothing_imported_fails(self, db):
        """Defects L1 and L2: upstream's rules were loaded by nothing, from another file."""
        seen = system.alert_rules(scene())

        assert seen.status is Status.FAIL
        assert len(seen.evidence["problems"]) == 19

    def test_one_that_is_missing_fails(self, rules, django_db_blocker):
        rows = RuleRevision.objects.filter(rule_id="LEG_EXPOSED")
        rows._raw_delete(rows.db)

        assert system.alert_rules(scene()).reason == "LEG_EXPOSED was never imported"

    def test_one_that_is_switched_off_fails_until_it_is_on_again(self, rules):
        self.change("ENGINE_STALE", enabled=False)
        assert system.alert_rules(scene()).reason == "ENGINE_STALE is switched off"

        self.change("ENGINE_STALE", enabled=True)
        assert system.alert_rules(scene()).status is Status.PASS

    def test_one_that_is_less_grave_fails(self, rules):
        self.change("LEG_EXPOSED", severity="WARNING", actions=["log"])

        assert "LEG_EXPOSED is WARNING and has to be CRITICAL" in system.alert_rules(scene()).reason

    def test_a_bound_of_ones_own_is_as_complete(self, rules):
        row = RuleRevision.objects.filter(rule_id="LOW_BALANCE").latest("revision")
        self.change("LOW_BALANCE", query={**row.values["query"], "value": "250"})

        assert system.alert_rules(scene()).status is Status.PASS

    def test_one_that_is_not_judged_in_a_phase_fails(self, rules):
        self.change("LEG_EXPOSED", phases=[0])

        assert "not judged in every phase" in system.alert_rules(scene()).reason

    def test_a_file_that_cannot_be_read_fails(self, rules, config):
        (config / system.RULES_FILE).write_text("rules: [\n")

        assert system.alert_rules(scene()).status is Status.FAIL


class TestChainId:
    @pytest.fixture
    def lines(self, profiles, monkeypatch):
        given = {
            "signer_terms": wallet_line("signer_terms", "this chain, exchange and wallet"),
            "rpc:a": wallet_line("rpc:a", "chain 137, block 7"),
            "rpc:b": wallet_line("rpc:b", "chain 137, block 7"),
            "rpc_count": wallet_line("rpc_count", "2 of the right chain that answer"),
            "chain": wallet_line("chain", "block 7"),
        }
        monkeypatch.setattr(system, "wallet_lines", lambda _scene: list(given.values()))
        return given

    def look(self, venue="polymarket"):
        return system.chain(scene(phase=1, venue=venue))

    def test_endpoints_of_the_right_chain_pass(self, lines):
        assert self.look().status is Status.PASS

    def test_one_of_another_chain_fails(self, lines):
        lines["rpc:b"] = wallet_line("rpc:b", "chain 80002, block 7", "failed")

        seen = self.look()
        assert seen.status is Status.FAIL
        assert "chain 80002" in seen.reason

    def test_a_silent_one_beside_one_that_answers_passes(self, lines):
        lines["rpc:b"] = wallet_line("rpc:b", "not known: timed out", "unknown")
        lines["rpc_count"] = wallet_line("rpc_count", "1 of the right chain", "failed")

        assert self.look().status is Status.PASS

    def test_none_that_answers_is_unknown(self, lines):
        for one in ("rpc:a", "rpc:b"):
            lines[one] = wallet_line(one, "not known: timed out", "unknown")

        assert self.look().status is Status.UNKNOWN

    def test_a_signer_for_another_chain_fails(self, lines):
        lines["signer_terms"] = wallet_line("signer_terms", "chain 80002", "failed")

        assert self.look().status is Status.FAIL

    def test_the_real_venue_is_on_polygon_and_the_local_one_where_it_says(self, lines, config):
        text = (config / "venues.yaml").read_text()
        (config / "venues.yaml").write_text(text.replace("chain_id: 137", "chain_id: 80002"))

        assert "Polygon is 137" in self.look().reason
        assert self.look("simulator").status is Status.PASS

    def test_a_venue_without_a_chain_is_judged_by_the_signers_terms(self, lines):
        for one in ("rpc:a", "rpc:b"):
            del lines[one]
        assert self.look("simulator").status is Status.PASS

        lines["signer_terms"] = wallet_line("signer_terms", "chain 1", "failed")
        assert self.look("simulator").status is Status.FAIL
