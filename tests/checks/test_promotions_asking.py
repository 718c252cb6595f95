"""Asking for a promotion: each allowed case has its refused twins."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from checks.criteria.hashing import canonical_sha256
from checks.models import CheckResult, Promotion, Rollback
from checks.selectors.promotions import obstacles, promotion_dict, would_bind
from checks.selectors.validity import BOUND_NAMES
from polyarb_site.audit.models import AuditEvent
from polyarb_site.live.models import OutboxMessage
from tests.checks.promotion_world import (
    HOUR,
    MINUTE,
    World,
    make_backup,
    make_evaluation,
    make_run,
    refusal,
    seal_evaluation,
)
from tests.conftest import ACCOUNT, NOON, make_profile
from trading.models import Incident, Mandate
from trading.services.grants import running_of

pytestmark = pytest.mark.django_db
LATER = NOON + 5 * MINUTE


@pytest.fixture(autouse=True)
def nobody_has_guessed_yet():
    cache.clear()


@pytest.fixture
def world(db):
    return World()


class TestAsking:
    def test_binds_everything_that_a_grant_holds(self, world):
        promotion = world.ask()

        assert (promotion.phase_from, promotion.phase, promotion.venue) == (0, 1, "simulator")
        assert (promotion.state, promotion.approvers_needed) == ("REQUESTED", 2)
        assert promotion.expires_at == NOON + timedelta(hours=24)
        assert set(promotion.binding) == BOUND_NAMES
        running = running_of(ACCOUNT, phase=1, venue="simulator", profile=world.profile)
        assert promotion.binding["profile_sha256"] == running.profile_sha256
        assert promotion.binding["software"] == running.software
        assert promotion.binding["check_run_sha256"] == world.run.sha256
        assert promotion.binding["evaluation_sha256"] == world.evaluation.sha256
        assert promotion.binding["backup"] == world.backup.name
        assert promotion.binding_sha256 == canonical_sha256(promotion.binding)

    def test_is_audited_and_told_in_one_go(self, world):
        promotion = world.ask()

        event = AuditEvent.objects.get(action="promotion.request")
        assert (event.actor, event.target) == (world.asker, f"promotion:{promotion.pk}")
        assert event.after["binding_sha256"] == promotion.binding_sha256
        assert OutboxMessage.objects.last().payload["what"] == "promotion.request"

    def test_a_shell_cannot_ask_anonymously(self, world):
        assert refusal(world.ask, by=None) == "NOT_A_PERSON"

    def test_needs_the_role_and_a_reason(self, world):
        assert refusal(world.ask, by=world.first) == "NOT_ALLOWED"
        assert refusal(world.ask, reason=" ") == "REASON_MISSING"
        assert not Promotion.objects.exists()

    def test_somebody_deactivated_since_the_login_is_refused(self, world):
        type(world.asker).objects.filter(pk=world.asker.pk).update(is_active=False)

        assert refusal(world.ask) == "NOT_ALLOWED"

    def test_one_at_a_time(self, world):
        world.ask()

        assert refusal(world.ask) == "PROMOTION_OPEN"

    @pytest.mark.parametrize("phase", [-1, 0, 2, 3, 4])
    def test_c11_no_phase_is_skipped(self, world, phase):
        make_run(world.profile, phase=phase)

        assert refusal(world.ask, phase=phase) == "NOT_THE_NEXT_PHASE"

    def test_c11_the_target_profile_is_judged_and_not_the_present_one(self, world):
        world.run.delete()
        make_run(world.mandate.profile, phase=1)

        assert refusal(world.ask) == "CHECK_RUN_OF_OTHER_PROFILE"

    def test_a_profile_that_does_not_fit_the_phase_is_refused(self, world):
        shadow = make_profile("live_shadow_atomic_v1", revision=2)
        make_run(shadow, phase=1)

        assert refusal(world.ask, profile=shadow.name) == "PROFILE_UNFIT"
        assert refusal(world.ask, profile="nothing_of_that_name") == "NO_PROFILE"

    def test_recorded_facts_prove_nothing(self, world):
        Mandate.objects.update(feed="recorded")

        assert refusal(world.ask) == "NO_LIVE_VENUE"

    def test_facts_of_one_venue_prove_nothing_for_another(self, world):
        make_run(world.profile, venue="polymarket")

        assert refusal(world.ask, venue="polymarket") == "NO_EVALUATION"

    def test_a_live_account_stays_on_its_venue(self, db):
        world = World(phase=1)

        assert refusal(world.ask, venue="polymarket") == "OTHER_VENUE"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"state": "FAILED"}, "CHECK_RUN_NOT_FINISHED"),
            ({"at": NOON - timedelta(hours=24, seconds=1)}, "CHECK_RUN_TOO_OLD"),
            ({"at": NOON + MINUTE}, "CHECK_RUN_FROM_FUTURE"),
            ({"decision": "NO_GO"}, "CHECK_RUN_NO_GO"),
            ({"profile_sha256": "0" * 64}, "CHECK_RUN_OF_OTHER_PROFILE"),
            ({"config_sha256": "0" * 64}, "CHECK_RUN_OF_OTHER_CONFIG"),
            ({"software": "0.0.9+0"}, "CHECK_RUN_OF_OTHER_SOFTWARE"),
            ({"failed": [("P0", "FAIL")]}, "CHECK_RUN_NO_GO"),
            ({"failed": [("P0", "UNKNOWN")]}, "CHECK_RUN_NO_GO"),
            ({"failed": [("P1", "FAIL")] * 2 + [("P1", "UNKNOWN")]}, "CHECK_RUN_NO_GO"),
            ({"failed": [("P9", "PASS")]}, "CHECK_RUN_NO_GO"),
            ({"planned": 99}, "CHECK_RUN_CHANGED"),
        ],
    )
    def test_the_newest_check_run_has_to_be_good(self, world, changes, code):
        make_run(world.profile, **changes)  # newer than the good one

        assert refusal(world.ask) == code

    @pytest.mark.parametrize("other", [{"phase": 2}, {"venue": "polymarket"}, {"category": "data"}])
    def test_a_check_run_of_something_else_does_not_count(self, world, other):
        world.run.delete()
        make_run(world.profile, **other)

        assert refusal(world.ask) == "NO_CHECK_RUN"

    def test_two_failed_p1_and_any_p2_are_a_go(self, world):
        make_run(world.profile, failed=[("P1", "FAIL")] * 2 + [("P2", "FAIL")] * 5)

        assert world.ask().state == "REQUESTED"

    def test_a_result_that_was_edited_is_seen(self, world):
        make_run(world.profile, failed=[("P0", "FAIL")], decision="GO")
        CheckResult.objects.filter(status="FAIL").update(status="PASS")

        assert refusal(world.ask) == "CHECK_RUN_CHANGED"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"at": NOON - HOUR - timedelta(seconds=1)}, "EVALUATION_TOO_OLD"),
            ({"at": NOON + MINUTE}, "EVALUATION_FROM_FUTURE"),
            ({"config_sha256": "0" * 64}, "EVALUATION_OF_OTHER_CONFIG"),
            ({"software": "0.0.9+0"}, "EVALUATION_OF_OTHER_SOFTWARE"),
            ({"bad": {"SUCCESS": "FAIL"}}, "CRITERIA_NOT_MET"),
            ({"bad": {"SUCCESS": "UNKNOWN"}}, "CRITERIA_NOT_MET"),
            ({"bad": {"EXIT": "UNKNOWN"}}, "CRITERIA_NOT_MET"),
            ({"bad": {"ENTRY": "FAIL"}}, "CRITERIA_NOT_MET"),
            ({"bad": {"KILL": "FAIL"}}, "KILL_CRITERION"),
            ({"bad": {"KILL": "UNKNOWN"}}, "KILL_CRITERION"),
        ],
    )
    def test_the_newest_evaluation_has_to_be_good(self, world, changes, code):
        make_evaluation(**changes)

        assert refusal(world.ask) == code

    @pytest.mark.parametrize("other", [{"phase": 1}, {"venue": "polymarket"}, {"scope": "KILL"}])
    def test_an_evaluation_of_something_else_does_not_count(self, world, other):
        world.evaluation.delete()
        make_evaluation(**other)

        assert refusal(world.ask) == "NO_EVALUATION"

    @pytest.mark.parametrize("kind", ["SUCCESS", "KILL", "EXIT", "ENTRY"])
    def test_an_evaluation_without_a_kind_is_not_complete(self, world, kind):
        world.evaluation.verdicts.filter(kind=kind).delete()
        world.evaluation.sha256 = ""

        assert refusal(world.ask) == "EVALUATION_CHANGED"
        seal_evaluation(world.evaluation)
        assert refusal(world.ask) == "EVALUATION_INCOMPLETE"

    def test_an_evaluation_of_an_earlier_time_in_the_phase_does_not_count(self, world):
        Mandate.objects.update(phase_since=NOON - MINUTE)

        assert refusal(world.ask) == "EVALUATION_TOO_OLD"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"at": NOON - timedelta(hours=24, seconds=1)}, "BACKUP_TOO_OLD"),
            ({"at": NOON + MINUTE}, "BACKUP_FROM_FUTURE"),
            ({"state": "TAKEN"}, "NO_BACKUP"),
            ({"state": "FAILED"}, "NO_BACKUP"),
            ({"state": "PRUNED"}, "NO_BACKUP"),
        ],
    )
    def test_the_newest_backup_has_to_be_good(self, world, changes, code):
        world.backup.delete()
        make_backup(**changes)

        assert refusal(world.ask) == code

    def test_a_halt_an_incident_and_a_rollback_are_in_the_way(self, world):
        Mandate.objects.update(halted=True, halt_reason="odd fills")
        assert refusal(world.ask) == "HALTED"
        Mandate.objects.update(halted=False)

        incident = Incident.objects.create(
            account=ACCOUNT, kind="SECURITY", title="a login", opened_at=NOON, last_seen_at=NOON
        )
        assert refusal(world.ask) == "INCIDENT"
        incident.delete()

        Rollback.objects.create(
            account=ACCOUNT,
            phase_from=1,
            phase_to=0,
            venue="simulator",
            cause="PERSON",
            reason="x",
            started_at=NOON,
            by_name="x",
        )
        assert refusal(world.ask) == "ROLLBACK_RUNNING"

    def test_the_kill_file_is_in_the_way(self, world, settings):
        settings.KILL_FILE.write_text("")

        assert refusal(world.ask) == "HALTED"

    def test_files_that_cannot_be_read_are_in_the_way(self, world, settings, tmp_path):
        settings.CONFIG_DIR = tmp_path

        assert refusal(world.ask) == "CONFIG_UNREADABLE"

    def test_every_obstacle_is_listed_at_once(self, world):
        world.run.delete()
        world.evaluation.delete()
        world.backup.delete()

        found = [one.code for one in obstacles(ACCOUNT, 1, NOON)]
        assert found == ["NO_CHECK_RUN", "NO_EVALUATION", "NO_BACKUP"]
        shown = would_bind(ACCOUNT, 1, "simulator", now=NOON)
        assert not shown["possible"]
        assert [one["code"] for one in shown["obstacles"]] == found


class TestRenewing:
    def test_needs_no_success_or_exit_but_everything_else(self, db):
        world = World(phase=1)
        again = world.mandate.profile
        make_run(again, phase=1)
        make_evaluation(phase=1, bad={"SUCCESS": "FAIL", "EXIT": "FAIL", "ENTRY": "UNKNOWN"})

        promotion = world.ask(phase=1)

        assert (promotion.phase_from, promotion.phase) == (1, 1)
        assert promotion_dict(promotion, NOON)["renewal"] is True

    def test_a_kill_criterion_stands_in_its_way_too(self, db):
        world = World(phase=1)
        make_run(world.mandate.profile, phase=1)
        make_evaluation(phase=1, bad={"KILL": "UNKNOWN"})

        assert refusal(world.ask, phase=1) == "KILL_CRITERION"

    def test_the_last_phase_has_no_next_one_and_is_renewed(self, db):
        world = World(phase=2)
        Mandate.objects.update(phase=3)
        make_run(world.profile, phase=3)
        make_evaluation(phase=3)

        assert world.ask().phase == 3


class TestWhatIsShown:
    def test_everything_bound_has_a_name_and_a_short_hash(self, world):
        shown = promotion_dict(world.ask(), NOON)

        by_what = {one["what"]: one for one in shown["bound"]}
        assert by_what["profile"]["name"] == "live_safe_atomic_v1 r1"
        assert by_what["profile"]["short"] == world.profile.sha256[:12]
        assert by_what["phase"]["name"] == "Micro-Live"
        assert by_what["check run"]["short"] == world.run.sha256[:12]
        assert shown["sentence"] == "To Micro-Live on simulator: 0 of 2 approvals."
        assert "a halt, an incident" in " ".join(shown["voids"])

    def test_the_difference_and_the_dangers_are_said_in_words(self, world):
        shown = would_bind(ACCOUNT, 1, "simulator", now=NOON)

        assert shown["possible"]
        assert any(one["field"] == "TRADE_SIZE" for one in shown["changes"])
        assert shown["risks"][0]["code"] == "SWITCH_TO_LIVE"
        assert "each set can cost up to $2" in shown["risks"][0]["text"]
        assert shown["approvers"]["able"] == ["anna", "bert"]
