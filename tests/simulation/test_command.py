"""`manage.py simulate`: what it prints, how it ends, and that a failure can be done again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from trading.simulation.many import run_many
from trading.simulator.accounts import Chain

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"runs", "orders", "faults", "fault_types", "violations", "seconds", "per_fault", "hash"}


def simulate(capsys, *arguments):
    code = 0
    try:
        call_command("simulate", *arguments)
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_it_prints_one_json_object_with_the_figures(capsys):
    code, out, err = simulate(capsys, "--seeds", "2", "--start", "3", "--json")

    figures = json.loads(out)
    assert (code, err) == (0, "")
    assert figures.keys() >= KEYS
    assert (figures["runs"], figures["violations"]) == (2, 0)
    assert figures["orders"] > 0
    assert sum(figures["per_fault"].values()) == figures["faults"]
    assert len(figures["per_fault"]) == figures["fault_types"]
    assert figures["seconds"] > 0


def test_it_can_be_read_by_a_person(capsys):
    code, out, _ = simulate(capsys, "--seeds", "1")

    assert code == 0
    assert "1 runs" in out
    assert "violations           0" in out


def test_a_violation_ends_it_with_1_and_the_command_that_does_it_again(capsys, monkeypatch):
    transact = Chain.transact

    def generous(self, moves, **more):
        transact(self, moves, **more)
        if "trade_id" in more:
            account_id, asset = next(iter(moves))
            self.accounts[account_id].chain[asset] += 1

    monkeypatch.setattr(Chain, "transact", generous)
    code, out, err = simulate(capsys, "--seeds", "1", "--start", "8", "--json")

    assert code == 1
    assert json.loads(out)["violations"] == 1
    assert json.loads(out)["failed_seeds"] == [8]
    assert err.rstrip().endswith("reproduce it with: manage.py simulate --seeds 1 --start 8")
    assert err.count("\n") > 10  # the last steps


def test_a_crash_of_our_code_is_a_violation(capsys, monkeypatch):
    monkeypatch.setattr("trading.simulation.feed.Feed.flush", lambda self: {}[0])
    code, _, err = simulate(capsys, "--seeds", "1")

    assert code == 1
    assert "crashed: KeyError" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [[], ["--seeds", "0"], ["--seeds", "x"], ["--seeds", "1", "--jobs", "99"]]
)
def test_wrong_usage_ends_it_with_2(arguments):
    ended = subprocess.run(
        [sys.executable, "manage.py", "simulate", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "usage: manage.py simulate" in ended.stderr


@pytest.mark.slow
def test_several_processes_find_the_same_as_one():
    alone, together = (run_many(range(40, 46), jobs) for jobs in (1, 2))

    assert alone.digest() == together.digest()
    assert alone.orders == together.orders
