"""Each invariant finds what it is there for: a part is broken on purpose, and the run says so."""

from dataclasses import replace

import pytest

from trading.engine.risk import check_risk
from trading.engine.sets import SetDesk
from trading.execution.batches import Batches
from trading.execution.exits import Exits
from trading.execution.fills import fills_of
from trading.execution.requests import BatchFailed
from trading.simulation import shell
from trading.simulation.durable import Durable
from trading.simulation.process import Process
from trading.simulation.run import run_scenario
from trading.simulation.scenario import Scenario
from trading.simulation.venue import WatchedChain
from trading.simulator.accounts import Chain

pytestmark = pytest.mark.slow


def violation(*faults, seeds=range(1, 9), trading_ms=40_000):
    for seed in seeds:
        result = run_scenario(Scenario(seed=seed, faults=faults, trading_ms=trading_ms))
        if result.violation:
            return result.violation
    return ""


def test_an_order_that_leaves_before_its_intent_is_committed(monkeypatch):
    monkeypatch.setattr(Durable, "keep", lambda self, done: done(True))

    assert "arrived without a committed intent" in violation()


def test_an_order_that_is_sent_again_because_nobody_answered(monkeypatch):
    failed = Batches.failed

    def resend(self, answer: BatchFailed, now_ms):
        orders = self._batches[answer.batch]
        again = failed(self, answer, now_ms)
        self._batches[answer.batch] = orders
        return [*again, shell.SendBatch(batch=answer.batch, entry=False, orders=orders)]

    monkeypatch.setattr(Batches, "failed", resend)

    assert "was sent twice" in violation("time_out_placed")


def test_an_entry_that_leaves_after_a_halt(monkeypatch):
    monkeypatch.setattr(shell.Shell, "_may_leave", lambda self, batch: True)

    assert "leaves after the halt" in violation("kill_file", "database_slow", seeds=range(1, 30))


def test_a_halt_that_the_process_never_hears_of(monkeypatch):
    monkeypatch.setattr(Process, "_look_at_kill_file", lambda self: None)

    assert "leaves after the halt" in violation("kill_file")


def test_money_that_appears_from_nowhere(monkeypatch):
    transact = Chain.transact

    def generous(self, moves, **more):
        transact(self, moves, **more)
        key = next(iter(moves))
        self.accounts[key[0]].chain[key[1]] += 1

    monkeypatch.setattr(Chain, "transact", generous)

    found = violation()
    assert "not conserved" in found or "not those of all sets" in found


def test_a_fill_that_the_desk_loses(monkeypatch):
    def forgetful(trade, ours, fee_of):
        return [fill for fill in fills_of(trade, ours, fee_of) if fill.price_micro % 20_000]

    monkeypatch.setattr("trading.execution.desk.fills_of", forgetful)

    assert "not at rest" in violation()


def test_a_fee_that_the_desk_gets_wrong(monkeypatch):
    monkeypatch.setattr("trading.execution.desk.fee_charged", lambda fee, price, size: 0)

    assert "unexplained" in violation()


def test_a_merge_that_is_booked_and_never_happened(monkeypatch):
    monkeypatch.setattr(WatchedChain, "split", lambda self, *args: None)

    assert "unexplained" in violation()


def test_a_merge_that_is_asked_for_twice_after_a_crash(monkeypatch):
    ask = Exits.ask
    monkeypatch.setattr(
        Exits, "ask", lambda self, wanted, resolve: ask(self, wanted, resolve=False)
    )

    assert violation("kill_merge_handed_over", "kill_after_receipt")


def test_a_half_filled_set_of_which_nobody_is_told(monkeypatch):
    monkeypatch.setattr(SetDesk, "_advance", lambda self, one, now_ns: None)
    monkeypatch.setattr(SetDesk, "_overdue", lambda self, one, now_ns: None)

    assert "nobody was told" in violation("leg_refused", trading_ms=100_000)


def test_a_position_above_its_limit(monkeypatch):
    def careless(request, state, limits, now_ns):
        return check_risk(request, replace(state, exposure_micro=0), limits, now_ns)

    monkeypatch.setattr("trading.engine.core.check_risk", careless)

    assert "dollars are at risk" in violation("settlement_late", "limits_changed")


@pytest.mark.parametrize("kind", ["clock_jumped", "venue_restart"])
def test_nothing_of_the_kind_is_found_in_an_honest_run(kind):
    assert violation(kind, seeds=range(1, 3)) == ""
