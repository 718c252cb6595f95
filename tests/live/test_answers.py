"""What the venue's answer to a batch may be: lost, never arrived, half a refusal, too many."""

import pytest

from trading.engine.units import MICRO
from trading.models import ArbitrageSet, LedgerPosting, Order, Trade
from trading.simulator.codes import COLLATERAL

pytestmark = pytest.mark.django_db(transaction=True)
LEG_LOSS_MAX_MICRO = 500_000  # LEG_LOSS_MAX of the profile


def no_ghosts(rig):
    """Nobody says that there are shares, but for what is too little to be traded."""
    rig.agree()
    held = rig.venue.holds(rig.wallet)
    assert held.pop(COLLATERAL)
    assert sum(held.values()) < MICRO


def test_an_answer_that_is_lost_is_looked_up_and_the_set_completes(rig):
    with rig.trading():
        rig.venue.fault("answer_lost")
        rig.venue.gap()
        rig.ended("MERGED")
        no_ghosts(rig)

    assert len(rig.venue.batches()) == 1  # nothing was sent a second time
    assert Order.objects.count() == 2


@pytest.mark.slow
def test_an_answer_that_never_comes_is_looked_up_as_well(rig, monkeypatch):
    monkeypatch.setattr("trading.live_ports.POST_READ_MS", 400)
    with rig.trading():
        rig.venue.fault("answer_lost", hangs=True)
        rig.venue.fault("silent_user", ms=600)
        rig.venue.gap()
        one = rig.ended("MERGED")
        no_ghosts(rig)

    assert "UNKNOWN" in rig.moves(one)
    assert len(rig.venue.batches()) == 1


@pytest.mark.slow
def test_a_request_that_is_lost_ends_with_nothing_bought(rig):
    with rig.trading():
        before = rig.venue.holds(rig.wallet)
        rig.venue.fault("request_lost")
        rig.venue.gap()
        one = rig.ended("ABANDONED")
        rig.agree()

        assert rig.venue.holds(rig.wallet) == before
        assert "UNKNOWN" in rig.moves(one)
        assert rig.venue.trades(rig.owner) == []
        rig.ended("MERGED")  # the gap is still there
        no_ghosts(rig)


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_set_of_which_one_leg_is_refused_is_completed(rig, number):
    with rig.trading():
        rig.venue.fault("refuse_leg", leg_number=number)
        rig.venue.gap()
        one = rig.ended("MERGED", "UNWOUND")
        no_ghosts(rig)

    assert one.state == "MERGED"
    assert "COMPLETING" in rig.moves(one)
    assert one.realised_micro >= -LEG_LOSS_MAX_MICRO
    assert len(rig.venue.batches()) == 2


@pytest.mark.slow
def test_what_cannot_be_completed_is_sold(rig):
    with rig.trading():
        rig.venue.fault("refuse_leg", leg_number=1)
        rig.venue.gap()
        rig.ended("SETTLING", "ONE_MATCHED", "FAILED_LEG", "COMPLETING")
        rig.venue.fault("refuse_leg", leg_number=0)
        one = rig.ended("UNWOUND")
        no_ghosts(rig)

    assert one.realised_micro >= -LEG_LOSS_MAX_MICRO
    sides = Trade.objects.filter(state="CONFIRMED").values_list("side", flat=True)
    assert set(sides) == {"BUY", "SELL"}


@pytest.mark.slow
def test_a_fill_that_fails_to_settle_leaves_no_ghost_shares(rig):
    with rig.trading():
        rig.venue.fault("fail_settlement", count=1)
        rig.venue.gap()
        one = rig.ended("MERGED", "UNWOUND")
        no_ghosts(rig)

    assert sorted(set(Trade.objects.values_list("state", flat=True))) == ["CONFIRMED", "FAILED"]
    assert one.realised_micro >= -LEG_LOSS_MAX_MICRO
    assert sum(LedgerPosting.objects.values_list("amount_micro", flat=True)) == 0


@pytest.mark.slow
def test_what_could_lose_more_than_the_bound_is_held_and_told(rig):
    with rig.trading():
        rig.venue.fault("fail_settlement", count=1)
        rig.venue.gap(shares=12)
        one = rig.ended("EXPOSED", "MERGED", "UNWOUND")
        rig.agree()

        assert one.state == "EXPOSED"
        assert len(rig.venue.holds(rig.wallet)) == 2  # the leg is still there, and in the ledger
        rig.venue.gap(shares=12)
        rig.refused("LEG_EXPOSED", "ATTEMPT_IN_PROGRESS")


@pytest.mark.slow
def test_a_set_whose_fills_all_fail_was_never_bought(rig):
    with rig.trading():
        before = rig.venue.holds(rig.wallet)
        rig.venue.fault("fail_settlement", count=2)
        rig.venue.gap()
        rig.ended("ABANDONED")
        rig.agree()

        assert rig.venue.holds(rig.wallet) == before
        assert set(Trade.objects.values_list("state", flat=True)) == {"FAILED"}


@pytest.mark.slow
def test_a_late_settlement_is_waited_for(rig):
    with rig.trading():
        rig.venue.fault("slow_settlement", count=1, later_ms=1_500)
        rig.venue.fault("retry_settlement", count=1, later_ms=500)
        rig.venue.gap()
        rig.ended("MERGED")
        no_ghosts(rig)

    assert ArbitrageSet.objects.count() == 1
    assert len(rig.venue.batches()) == 1


@pytest.mark.slow
def test_after_a_429_the_venue_is_left_alone_for_a_while(rig):
    with rig.trading():
        rig.venue.fault("too_many_requests", retry_after_s=1)
        rig.venue.gap()
        rig.ended("ABANDONED")
        rig.refused("VENUE_RATE_LIMIT")
        assert len(rig.venue.batches()) == 1

        rig.ended("MERGED")
        no_ghosts(rig)

    first, second = rig.venue.batches()
    assert second.at_ns - first.at_ns >= 1_000_000_000
