"""Balances and exits: a view that lags, a merge that reverts, a market that ends, a difference."""

import pytest

from polyarb_site.clock import SystemClock
from tests.helpers.installation import wait_for
from tests.live.rig import COMPARING
from trading.adapters.clob_private import ClobPrivate
from trading.models import ArbitrageSet, Incident, Mandate, Market, ReconciliationRun, SetMove
from trading.services import (
    ServiceRefused,
    halt,
    resolve_incident,
    resume,
    start_simulated,
    stop_engine,
)
from trading.simulator.codes import COLLATERAL

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
MORE_MICRO = 5_000_001


@pytest.fixture
def quick_looks(monkeypatch):
    monkeypatch.setattr("trading.reconciling.gather.AGAIN_AFTER_S", 0.1)
    monkeypatch.setattr("trading.runtime.live.RECONCILE_AGAIN_S", 0.3)


def test_a_stale_view_of_the_balance_is_read_anew(rig):
    with rig.trading():
        rig.venue.fault("stale_view")
        for sets in (1, 2, 3):
            rig.venue.gap()
            rig.ended("MERGED", sets=sets)
        account = rig.venue.venue.exchange.chain.accounts[rig.wallet]
        wait_for(lambda: account.view == account.chain, 5, "a view that is true")
        rig.agree()

    assert ArbitrageSet.objects.exclude(state="MERGED").count() == 0


def test_a_merge_that_reverted_is_done_again(rig):
    rig.venue.reverts = 1
    with rig.trading():
        rig.venue.gap()
        one = rig.ended("MERGED")
        rig.agree()

    assert rig.moves(one).count("SETTLED") == 2
    assert rig.venue.reverts == 0


def test_a_clock_that_is_wrong_keeps_merges_from_being_sent_and_is_named(rig, monkeypatch):
    async def ten_minutes_on(_private):
        return SystemClock().now_ns() // 1_000_000_000 + 600

    with rig.trading():
        with monkeypatch.context() as wrong:
            wrong.setattr(ClobPrivate, "server_time_s", ten_minutes_on)
            rig.venue.gap()
            told = SetMove.objects.filter(state_to="SETTLED", reason__contains="CLOCK_OFF")
            one = wait_for(told.first, 10, "a merge that was not sent")[0]
        rig.ended("MERGED")
        rig.agree()

    assert "this machine's clock is 600 s behind the venue's" in one.reason


def test_shares_of_a_market_that_resolves_are_redeemed(rig):
    rig.venue.reverts = 1_000
    with rig.trading():
        rig.venue.gap()
        wait_for(lambda: rig.venue.reverts < 1_000, 10, "a merge that reverted")
        rig.venue.fault("resolve", token_id=rig.venue.listing.token_ids[0])
        wait_for(Market.objects.filter(state="RESOLVED").exists, 10, "the news")
        rig.venue.reverts = 0
        one = rig.ended("REDEEMED")
        rig.agree()

    assert one.realised_micro > 0
    assert list(rig.venue.holds(rig.wallet)) == [COLLATERAL]


def give(rig, amount_micro):
    """Let money come or go behind the ledger's back."""

    def move(_now_ms):
        chain = rig.venue.venue.exchange.chain
        chain.accounts[rig.wallet].chain[COLLATERAL] += amount_micro
        chain.deposited_micro += amount_micro
        chain.refresh(rig.wallet, COLLATERAL)

    rig.venue.do(move)


@pytest.mark.parametrize("amount_micro", [MORE_MICRO, -1])
def test_a_difference_halts_with_its_exact_amount_until_it_is_cleared_up(
    rig, quick_looks, amount_micro
):
    with rig.trading(times=COMPARING):
        give(rig, amount_micro)
        run = rig.compared("MISMATCH")
        wait_for(lambda: Mandate.objects.get().halted, 5, "the halt")
        # A set that is begun between the halt and the engine's hearing of it is not sent either,
        # and there is a row of it: tests/live/test_halting.py.
        wait_for(lambda: rig.state()[0] == "HALTED", 5, "the engine's own halt")
        rig.venue.gap()
        rig.refused()

        incident = Incident.objects.get()
        assert Mandate.objects.get().halt_code == "RECONCILIATION_MISMATCH"
        assert str(abs(amount_micro)).rjust(7, "0")[-6:] in str(run.differences).replace(".", "")
        assert ArbitrageSet.objects.count() == 0
        with pytest.raises(ServiceRefused, match="is open"):
            resume("main", by=None, by_name="test", reason="I want to")
        resolve_incident(incident, by=None, by_name="test", note="looked at it")
        with pytest.raises(ServiceRefused):
            resume("main", by=None, by_name="test", reason="I want to")

        rig.venue.no_gap()
        give(rig, -amount_micro)
        rig.compared("MATCH", after=ReconciliationRun.objects.first().pk)
        for again in Incident.objects.filter(state="OPEN"):
            resolve_incident(again, by=None, by_name="test", note="the money is gone again")
        resume("main", by=None, by_name="test", reason="it matches")
        rig.ready()
        rig.venue.gap()
        rig.ended("MERGED")
        rig.agree()


def test_an_engine_that_was_stopped_after_a_difference_compares_again_and_trades_in_the_end(
    rig, quick_looks
):
    """Resuming waits for a match, a match for an engine: it starts halted, and only compares."""
    with rig.trading(times=COMPARING):
        give(rig, MORE_MICRO)
        rig.compared("MISMATCH")
        wait_for(lambda: Mandate.objects.get().halted, 5, "the halt")
        stop_engine("main", by=None, by_name="test")
    give(rig, -MORE_MICRO)
    resolve_incident(Incident.objects.get(), by=None, by_name="test", note="the money is gone")
    mismatch = rig.newest_run()
    with pytest.raises(ServiceRefused, match="no match"):
        resume("main", by=None, by_name="test", reason="I want to")

    start_simulated("main", profile_name="simulated_atomic_v1", by=None, by_name="test")
    with rig.trading(times=COMPARING, wait=False):
        rig.compared("MATCH", after=mismatch)
        rig.venue.gap()
        rig.refused()
        assert ArbitrageSet.objects.count() == 0
        assert Mandate.objects.get().halted
        rig.venue.no_gap()

        resume("main", by=None, by_name="test", reason="ledger and venue agree again")
        rig.ready()
        rig.venue.gap()
        rig.ended("MERGED")
        rig.agree()


def test_a_halt_by_hand_needs_no_incident(rig):
    with rig.trading(times=COMPARING):
        halt("main", by=None, by_name="test", code="MANUAL", reason="a look")
        rig.compared("MATCH", after=rig.newest_run())
        resume("main", by=None, by_name="test", reason="looked")
        rig.ready()
        assert Incident.objects.count() == 0
