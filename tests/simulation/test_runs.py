"""One run of the simulation: that it trades, that it agrees in the end, that it repeats itself."""

import os
import subprocess
import sys

from trading.simulation.run import run_scenario
from trading.simulation.scenario import Scenario

AGAIN = """
from trading.simulation.run import run_scenario
from trading.simulation.scenario import Scenario
print(run_scenario(Scenario(seed=7, trading_ms=8_000)).digest)
"""


def test_a_run_without_faults_trades_and_merges_and_agrees_to_the_last_unit():
    result = run_scenario(Scenario(seed=1, trading_ms=20_000))

    assert result.violation == ""
    assert result.orders >= 10
    assert result.merges * 2 == result.orders
    assert result.faults == {}


def test_another_seed_is_another_run():
    one, other = (run_scenario(Scenario(seed=seed, trading_ms=8_000)) for seed in (1, 2))

    assert one.digest != other.digest


def test_the_same_seed_takes_the_same_steps_in_another_process():
    here = run_scenario(Scenario(seed=7, trading_ms=8_000)).digest
    for hash_seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", AGAIN],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )

        assert there.stdout.strip() == here
