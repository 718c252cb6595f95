"""Sums over the facts: funnel, curve, and what a run amounted to."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import NOON
from tests.helpers.runs import SECOND, completed, earned, gap, make_run, sample
from trading.models import EngineSession, Money
from trading.selectors import funnel, live_state, realised_curve
from trading.selectors.runs import run_summary

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def run(mandate, profile):
    """Return the maker of sessions, for an account with a profile."""
    return make_run


def state():
    return live_state("main", NOON)


class TestFunnel:
    def test_a_gap_counts_once_and_a_later_stage_in_the_earlier_ones(self, run):
        session = run()
        for _ in range(5):
            gap(session, "SEEN", "LEGS_NOT_SAME_INSTANT", frames=58)
        for _ in range(3):
            gap(session, "CONFIRMED", "BELOW_MIN_PROFIT", frames=400)
        gap(session, "ALLOWED", "COOLDOWN", frames=2)
        gap(session, "SUBMITTED", frames=1)
        completed(session)
        completed(session, state="UNWOUND")

        found = state()["funnel"]
        counts = {k: found[k] for k in ("seen", "confirmed", "allowed", "submitted", "completed")}
        assert counts == {
            "seen": 10,
            "confirmed": 5,
            "allowed": 2,
            "submitted": 1,
            "completed": 1,
        }
        assert found["commonest_refusal"] == "LEGS_NOT_SAME_INSTANT"

    def test_reasons_are_by_count_and_ties_have_an_order(self, run):
        session = run()
        for code in "BACCBCA":
            gap(session, "SEEN", code, frames=9 if code == "A" else 1)
        found = funnel("main", MIDNIGHT, NOON + SECOND, money=Money.PAPER)

        assert found["refusals"] == [
            {"code": "C", "count": 3},
            {"code": "A", "count": 2},
            {"code": "B", "count": 2},
        ]

    def test_the_bounds_of_the_time_are_from_and_before(self, run):
        session = run(started_at=MIDNIGHT - timedelta(hours=5))
        gap(session, "SEEN", seen_at=MIDNIGHT - timedelta(microseconds=1))
        for second in range(3):
            gap(session, "SEEN", seen_at=MIDNIGHT + second * SECOND)
        gap(session, "SEEN", seen_at=NOON)

        assert funnel("main", MIDNIGHT, NOON, money=Money.PAPER)["stages"]["seen"] == 3

    def test_another_account_does_not_count(self, run):
        run()
        gap(run(account="other", token=9), "SEEN")

        assert state()["funnel"]["seen"] == 0

    def test_a_day_without_an_engine_is_unknown_and_a_quiet_one_is_zero(self, run):
        session = run(heartbeat_at=MIDNIGHT - SECOND)
        assert state()["funnel"]["seen"] is None
        EngineSession.objects.filter(pk=session.pk).update(heartbeat_at=MIDNIGHT)

        assert state()["funnel"]["seen"] == 0
        assert state()["funnel"]["commonest_refusal"] is None


class TestRealisedCurve:
    def curve(self, **changes):
        until = NOON + timedelta(hours=4)
        four = {"since": NOON, "until": until, "buckets": 4, "money": Money.PAPER}
        return [point["realised_micro"] for point in realised_curve("main", **{**four, **changes})]

    def test_adds_up_from_part_to_part(self, run):
        session = run(started_at=NOON)
        earned(session, 10, NOON)
        earned(session, -4, NOON + timedelta(hours=1))
        earned(session, 1, NOON + timedelta(hours=3, minutes=59))

        assert self.curve() == [10, 6, 6, 7]

    def test_starts_at_nothing_and_not_at_what_was_before(self, run):
        session = run()
        earned(session, 1_000, NOON - SECOND)
        earned(session, 5, NOON)
        earned(session, 9, NOON + timedelta(hours=4))

        assert self.curve() == [5, 5, 5, 5]

    def test_before_the_first_run_there_is_nothing_known(self, run):
        run(started_at=NOON + timedelta(hours=1, minutes=30))

        assert self.curve() == [None, 0, 0, 0]

    def test_without_any_run_all_is_unknown(self, mandate):
        assert self.curve() == [None] * 4

    def test_paper_play_money_and_real_money_apart(self, run):
        session = run(feed="polymarket")
        earned(session, 10)
        earned(session, 200, paper=False)
        earned(run(feed="simulator", mode="LIVE"), 3_000, paper=False)

        assert self.curve(money=Money.PAPER)[-1] == 10
        assert self.curve(money=Money.REAL)[-1] == 200
        assert self.curve(money=Money.PLAY)[-1] == 3_000

    @pytest.mark.parametrize("changes", [{"buckets": 0}, {"buckets": 1_001}, {"until": NOON}])
    def test_refuses_what_has_no_sense(self, mandate, changes):
        with pytest.raises(ValueError, match="parts"):
            self.curve(**changes)


class TestRunSummary:
    def test_adds_the_shifts_of_a_run_together(self, run):
        old = run(ended_at=NOON - timedelta(minutes=9), started_at=NOON - timedelta(minutes=30))
        earned(old, 1_000, NOON - timedelta(minutes=20))
        sample(old, values={"frames": 7})
        first = run(started_at=NOON - timedelta(minutes=8), ended_at=NOON - timedelta(minutes=4))
        sample(first, at=NOON - 3 * SECOND, values={"frames": 50})
        sample(first, at=NOON - 2 * SECOND, values={"frames": 100})
        second = run(started_at=NOON - timedelta(minutes=4), ended_at=NOON, state="STOPPED")
        sample(second, values={"frames": 20}, decision_p99_us=99)
        gap(second, "SEEN", "COOLDOWN", seen_at=NOON - SECOND)
        earned(first, 5, NOON - timedelta(minutes=5))
        earned(second, 6, NOON - SECOND)

        found = run_summary("main", old.token, NOON) or {}
        assert found["session"] == f"{first.key} to {second.key}"
        assert (found["frames"], found["realised_micro"], found["p99_us"]) == (120, 11, 99)
        assert found["lasted_ms"] == 8 * 60_000
        assert found["funnel"]["stages"]["seen"] == 1

    def test_without_a_session_there_is_none(self, run):
        assert run_summary("main", run().token, NOON) is None

    def test_without_samples_the_figures_are_unknown(self, run):
        run()
        found = run_summary("main", 0, NOON) or {}

        assert (found["frames"], found["p50_us"]) == (None, None)
