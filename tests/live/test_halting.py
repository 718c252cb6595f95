"""A halt on the way: before the post nothing leaves, after it what is open is still ended."""

import time

import pytest

from tests.live.test_sets import ledger_gate
from trading.models import ArbitrageSet, Order
from trading.services import halt

__all__ = ["ledger_gate"]
pytestmark = pytest.mark.django_db(transaction=True)


def halted(rig):
    halt("main", by=None, by_name="test", code="MANUAL", reason="a bad feeling")


def test_a_halt_between_intent_and_post_keeps_the_orders_here(rig, ledger_gate):
    with rig.trading() as shift:
        before = rig.venue.holds(rig.wallet)
        ledger_gate.clear()
        rig.venue.gap()
        shift.join_not(0.3)
        halted(rig)
        shift.join_not(0.2)
        ledger_gate.set()

        one = rig.ended("ABANDONED")
        rig.agree()
        rig.venue.no_gap()

        assert rig.venue.batches() == []
        assert rig.venue.holds(rig.wallet) == before
        assert {order.state for order in Order.objects.all()} == {"REFUSED"}
        assert all("halted meanwhile" in order.reason for order in Order.objects.all())
        assert one.realised_micro in (None, 0)


@pytest.mark.slow
def test_a_halt_while_the_orders_wait_for_their_place_within_the_limits_keeps_them_here(rig):
    with rig.trading() as shift:
        before = rig.venue.holds(rig.wallet)
        limiter = rig.ports._open.private._ends["batch"].limiter
        limiter.block(time.monotonic_ns() + 1_500_000_000)
        rig.venue.gap()
        shift.join_not(0.6)
        halted(rig)

        rig.ended("ABANDONED")
        rig.agree()
        rig.venue.no_gap()

        assert rig.venue.batches() == []
        assert rig.venue.holds(rig.wallet) == before
        assert all("halted meanwhile" in order.reason for order in Order.objects.all())
        assert rig._side().entry_sent_ns is None  # the evidence of a stop is when orders left


@pytest.mark.slow
def test_after_a_halt_a_half_filled_set_is_still_ended_and_no_new_one_begins(rig):
    with rig.trading():
        rig.venue.fault("refuse_leg", leg_number=1)
        rig.venue.gap()
        rig.ended("SETTLING", "ONE_MATCHED", "COMPLETING", "FAILED_LEG")
        halted(rig)

        rig.ended("MERGED", "UNWOUND")
        rig.agree()
        rig.venue.gap()
        rig.refused("HALTED")

        assert ArbitrageSet.objects.count() == 1
