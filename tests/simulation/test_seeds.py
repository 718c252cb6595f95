"""Everything that can go wrong at once, from seeds: nothing is lost, doubled or unexplained."""

import os

import pytest

from trading.simulation.faults import REGISTRY
from trading.simulation.faults.crashes import POINTS
from trading.simulation.faults.registry import fault
from trading.simulation.many import run_many
from trading.simulation.run import run_scenario
from trading.simulation.scenario import Scenario, draw
from trading.simulation.seams import Fault

# What the portal promises to survive, by the kinds that stand for it.
PROMISED = {
    "frames_dropped",
    "frames_delayed",
    "frames_duplicated",
    "frames_reordered",
    "news_dropped",
    "news_delayed",
    "news_duplicated",
    "news_reordered",
    "feed_silent",
    "user_channel_silent",
    "leg_lagged",
    "time_out_placed",
    "time_out_not_placed",
    "leg_refused",
    "settlement_failed",
    "settlement_late",
    "venue_restart",
    "venue_post_only",
    "venue_cancel_only",
    "venue_disabled",
    "balance_view_stale",
    "rate_limit",
    "heartbeat_lost",
    "rpc_lies",
    "rpc_down",
    "merge_reverted",
    "merge_answer_lost_done",
    "merge_answer_lost_not_done",
    "kill_file",
    "mandate_halted",
    "limits_changed",
    "database_slow",
    "clock_jumped",
    *(f"kill_{point}" for point in POINTS),
    "kill_anywhere",
}


def failures(totals):
    return [f"seed {one.seed}: {one.violation}" for one in totals.failed]


def test_every_fault_that_is_promised_is_there():
    assert REGISTRY.keys() >= PROMISED


def test_a_fault_needs_a_kind_of_its_own():
    with pytest.raises(ValueError, match="needs a kind of its own"):
        fault(type("Twin", (Fault,), {"kind": "rpc_down"}))
    with pytest.raises(ValueError, match="needs a kind of its own"):
        fault(type("Nameless", (Fault,), {}))


def test_a_seed_draws_what_goes_wrong():
    kinds = tuple(sorted(REGISTRY))

    assert draw(1, kinds) == draw(1, kinds)
    assert len({draw(seed, kinds).faults for seed in range(50)}) == 50


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(PROMISED))
def test_each_fault_happens_and_does_no_harm_alone(kind):
    for seed in range(1, 30):
        result = run_scenario(Scenario(seed=seed, faults=(kind,), trading_ms=30_000))
        assert result.violation == "", (seed, result.steps)
        if result.faults:
            return
    pytest.fail(f"{kind} never happened")


def test_ten_seeds_hold():
    totals = run_many(range(1, 11), jobs=1)

    assert failures(totals) == []
    assert totals.orders > 300


@pytest.mark.slow
@pytest.mark.timeout(1_500)
def test_three_hundred_seeds_hold():
    totals = run_many(range(1, 301), jobs=os.cpu_count() or 1)

    assert failures(totals) == []
    assert len(totals.per_fault) == len(REGISTRY)
    assert totals.orders > 10_000
