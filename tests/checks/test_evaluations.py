"""Evaluating a phase: from rows to verdicts that are kept, and back from what was kept."""

from datetime import timedelta

import pytest

from checks.models import CriterionVerdict, Evaluation
from checks.selectors.bindings import evaluation_sha256
from checks.services.evaluations import evaluate, judge_again
from polyarb_site.audit.models import AuditEvent
from tests.checks import s1_facts as made
from tests.checks.s1_facts import DAY, HOUR, MINUTE, NOW, SINCE
from tests.conftest import make_profile
from trading.models import EngineSession, Mandate
from trading.services import Invalid, NotFound, NotPermitted, apply_profile

pytestmark = pytest.mark.django_db
SOUND_SHADOW = {
    "NO_CRASH": "PASS",
    "RECONNECTS": "PASS",
    "JOURNAL_COMPLETE": "PASS",
    "BREAKER_DRILL": "PASS",
    "REPLAY_EXACT": "PASS",
    "LATENCY": "PASS",
    "CRASHES": "PASS",
    "FEED_DOWN": "PASS",
    "JOURNAL_LOSS": "PASS",
    "RPC_FAILURES": "UNKNOWN",  # no chain is asked on paper
    "ALL_SUCCESS": "PASS",
    "DAYS_IN_PHASE": "PASS",
    "NO_CRITICAL_OPEN": "PASS",
    "DEDICATED_WALLET": "UNKNOWN",  # nobody has stated it
    "DAYS_OF_SHADOW": "PASS",
}
SOUND_LIVE = {
    "NO_CRITICAL": "PASS",
    "TOTAL_PNL": "PASS",
    "FILL_RATE": "PASS",
    "SLIPPAGE": "PASS",
    "RISK_STOPS": "PASS",
    "NO_SECURITY_INCIDENT": "PASS",
    "DAILY_LOSS": "PASS",
    "TRADE_LOSS": "PASS",
    "CRITICAL_UNRESOLVED": "PASS",
    "FILL_RATE_LOW": "PASS",
    "SLIPPED": "PASS",
    "SECURITY_INCIDENT": "PASS",
    "ALL_SUCCESS": "PASS",
    "DAYS_IN_PHASE": "PASS",
    "TRADES": "PASS",
    "PROFIT": "PASS",
    "PHASE_BEFORE": "PASS",
    "CUMULATIVE_PROFIT": "FAIL",
    "RISK_PARAMETERS": "UNKNOWN",
}


def verdicts(evaluation):
    return {row.criterion: row for row in evaluation.verdicts.all()}


def results(evaluation):
    return {row.criterion: row.verdict for row in evaluation.verdicts.all()}


def again(evaluation):
    """What differs when the verdicts are computed again, from facts and from rows."""
    return [
        (one.criterion, one.differences)
        for from_rows in (False, True)
        for one in judge_again(evaluation, from_rows=from_rows)
        if not one.equal
    ]


@pytest.fixture
def shadow(profile):
    return made.a_sound_shadow(profile)


@pytest.fixture
def live_profile(db):
    return make_profile("live_safe_atomic_v1")


@pytest.fixture
def live(live_profile):
    # 60 sets at 8.3 cents are 4.98 dollars: within the bounds of the phase.
    return made.a_sound_live(live_profile)


class TestWhatIsKept:
    def test_shadow_in_which_everything_is_sound_passes(self, shadow):
        assert results(evaluate("main", at=NOW)) == SOUND_SHADOW

    def test_live_in_which_everything_is_sound_passes(self, live):
        evaluation = evaluate("main", at=NOW)

        assert results(evaluation) == SOUND_LIVE
        assert verdicts(evaluation)["TOTAL_PNL"].value == "$4.974"

    @pytest.mark.parametrize("phase", [2, 3])
    def test_each_later_phase_is_judged_too(self, phase):
        name = {2: "live_constrained_atomic_v1", 3: "live_scaled_atomic_v1"}[phase]
        made.a_sound_live(make_profile(name), phase=phase, days=31, trades=210)

        found = results(evaluate("main", at=NOW))

        assert found["SHARPE"] == found["MAX_DRAWDOWN"] == found["FILL_RATE"] == "PASS"
        assert found["DRAWDOWN"] == "PASS"
        if phase == 3:
            assert found["MONTHLY_RETURN"] == "UNKNOWN" or found["MONTHLY_RETURN"] == "PASS"

    def test_a_verdict_carries_its_rows_facts_and_window(self, shadow):
        old, new = shadow
        row = verdicts(evaluate("main", at=NOW))["NO_CRASH"]

        assert row.rows == {"trading.EngineSession": [[old.pk, new.pk]]}
        assert row.window_from == NOW - 7 * DAY
        assert row.window_to == NOW
        assert row.facts["values"]["crashes"] == 0
        assert row.definition["metric"] == "days_without_crash"
        assert (row.value, row.bound, row.sample) == ("7 days", "≥ 7 days", 2)

    def test_it_is_hashed_as_promotions_hash_it(self, shadow):
        evaluation = Evaluation.objects.get(pk=evaluate("main", at=NOW).pk)

        assert evaluation.sha256 == evaluation_sha256(evaluation)
        assert evaluation.counts["SUCCESS"] == {"PASS": 6, "FAIL": 0, "UNKNOWN": 0}

    def test_kill_judges_the_rollback_criteria_alone(self, shadow):
        evaluation = evaluate("main", scope="KILL", at=NOW)

        assert {row.kind for row in evaluation.verdicts.all()} == {"KILL"}
        assert evaluation.counts == {"KILL": {"PASS": 3, "FAIL": 0, "UNKNOWN": 1}}

    def test_a_person_needs_the_permission_and_is_recorded(self, shadow, viewer, operator):
        with pytest.raises(NotPermitted):
            evaluate("main", by=viewer, at=NOW)
        assert Evaluation.objects.count() == 0

        evaluation = evaluate("main", by=operator, at=NOW)

        assert evaluation.by_name == "otto"
        event = AuditEvent.objects.get(action="criteria.evaluate")
        assert event.after["sha256"] == evaluation.sha256

    def test_what_cannot_be_judged_is_refused(self, shadow, settings, tmp_path):
        with pytest.raises(NotFound):
            evaluate("other", at=NOW)
        with pytest.raises(Invalid, match="ALL or KILL"):
            evaluate("main", scope="SOME", at=NOW)
        settings.CONFIG_DIR = tmp_path
        (tmp_path / "phases.yaml").write_text("phases: []\n")
        (tmp_path / "venues.yaml").write_text("x: 1\n")
        with pytest.raises(Invalid, match="phases"):
            evaluate("main", at=NOW)

        assert Evaluation.objects.count() == 0


class TestRestarts:
    def apply(self, old, at, by, **changes):
        revision = make_profile(old.name, 2, **changes)
        return apply_profile(old.name, revision.revision, by=by, reason="try it", at=at)

    def test_a_changed_profile_begins_the_windows_anew_that_it_touches(
        self, shadow, profile, admin_user
    ):
        self.apply(profile, NOW - 2 * DAY, admin_user, MAX_SLIPPAGE="0.01")

        found = verdicts(evaluate("main", at=NOW))

        assert found["NO_CRASH"].verdict == "UNKNOWN"
        assert found["NO_CRASH"].window_from == NOW - 2 * DAY
        told = (
            "restarted at 2026-03-18 15:00:00 UTC by the change to "
            "live_shadow_atomic_v1 r2 (MAX_SLIPPAGE)"
        )
        assert told in found["NO_CRASH"].reason
        assert found["BREAKER_DRILL"].verdict == "PASS"  # no key of the breaker was changed
        assert found["DAYS_IN_PHASE"].verdict == "PASS"

    def test_a_drill_of_another_breaker_counts_no_more(self, shadow, profile, admin_user):
        self.apply(profile, NOW - HOUR, admin_user, CONSECUTIVE_FAILURES_THRESHOLD=2)

        found = verdicts(evaluate("main", at=NOW))["BREAKER_DRILL"]

        assert found.verdict == "UNKNOWN"
        assert "CONSECUTIVE_FAILURES_THRESHOLD" in found.reason

    def test_a_loss_does_not_go_away(self, live, live_profile, admin_user):
        made.a_trade(live, 1_000, NOW - DAY, realised=-5_500_000)
        self.apply(live_profile, NOW - HOUR, admin_user, TRADE_SIZE="1")

        found = verdicts(evaluate("main", at=NOW))

        assert found["DAILY_LOSS"].verdict == "FAIL"
        assert found["TRADE_LOSS"].verdict == "FAIL"
        assert found["TOTAL_PNL"].window_from == NOW - HOUR

    def test_an_edited_file_begins_them_anew_from_when_it_was_seen(self, shadow, monkeypatch):
        evaluate("main", at=NOW - HOUR)
        monkeypatch.setattr("checks.services.evaluations.config_files_sha256", lambda: "f" * 64)

        seen = verdicts(evaluate("main", at=NOW))
        later = verdicts(evaluate("main", at=NOW + MINUTE))

        assert seen["NO_CRASH"].verdict == "UNKNOWN"
        assert "phases.yaml or venues.yaml" in seen["NO_CRASH"].reason
        assert later["NO_CRASH"].window_from == NOW


class TestAgain:
    def test_stored_facts_and_rows_give_the_same(self, shadow):
        assert again(evaluate("main", at=NOW)) == []

    def test_also_live(self, live):
        made.an_alert(NOW - 9 * DAY, NOW - 9 * DAY + MINUTE)
        assert again(evaluate("main", at=NOW)) == []

    def test_also_after_more_has_happened(self, live):
        evaluation = evaluate("main", at=NOW)
        made.a_trade(live, 2_000, NOW - 2 * HOUR, realised=-9_000_000)  # told late
        made.an_alert(NOW + MINUTE)
        later = NOW + HOUR
        EngineSession.objects.filter(pk=live.pk).update(heartbeat_at=later, ended_at=later)

        assert again(evaluation) == []

    def test_also_after_samples_were_thinned(self, profile):
        from trading.ledger.thinning import thin_samples

        made.a_mandate(profile, since=NOW - 2 * HOUR)
        run = made.a_run(profile, since=NOW - 2 * HOUR)
        made.samples(run, NOW - 2 * HOUR, NOW, every=timedelta(seconds=5), feed_reconnects=3)
        evaluation = evaluate("main", at=NOW)

        assert thin_samples(NOW + 2 * DAY) > 1_000
        found = {one.criterion: one for one in judge_again(evaluation, from_rows=True)}
        for name in ("FEED_DOWN", "LATENCY"):
            assert found[name].equal, found[name]

    def test_a_row_that_was_changed_is_seen(self, live):
        from trading.models import LedgerEntry

        evaluation = evaluate("main", at=NOW)
        row = LedgerEntry.objects.exclude(realised_micro=0).first()
        LedgerEntry.objects.filter(pk=row.pk).update(realised_micro=row.realised_micro + 1)

        assert ("TOTAL_PNL", ("value", "value_micro", "reason", "facts")) in again(evaluation)

    @pytest.mark.spoils_verdicts
    def test_a_verdict_that_was_changed_is_seen(self, shadow):
        evaluation = evaluate("main", at=NOW)
        CriterionVerdict.objects.filter(criterion="RPC_FAILURES").update(verdict="PASS")

        assert ("RPC_FAILURES", ("verdict",)) in again(evaluation)
        assert evaluation.sha256 != evaluation_sha256(evaluation)

    @pytest.mark.spoils_verdicts
    def test_one_that_was_not_stored_here_is_refused(self, shadow):
        evaluation = evaluate("main", at=NOW)
        CriterionVerdict.objects.filter(criterion="LATENCY").update(facts={})

        with pytest.raises(ValueError, match="does not hold"):
            judge_again(evaluation)


def test_the_phase_of_an_older_account_begins_with_its_first_run(shadow):
    Mandate.objects.update(phase_since=None)

    found = verdicts(evaluate("main", at=NOW))

    assert found["DAYS_IN_PHASE"].window_from == SINCE
