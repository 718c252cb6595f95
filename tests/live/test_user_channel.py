"""The user channel is silent, slow, talks twice, or is gone: nothing is lost and nothing twice."""

import pytest

from trading.models import ArbitrageSet, LedgerEntry, Order, Trade

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


UNSAID = (
    ("silent_user", {}),
    ("drop_user", {"count": 3}),
    ("duplicate_user", {}),
    ("reorder_user", {"later_ms": 500}),
    ("delay_user", {"later_ms": 700}),
)


def bought_once(rig, sets=1):
    """So many sets, each with two fills, and everything of them booked once."""
    rig.agree()
    assert ArbitrageSet.objects.count() == sets
    assert Order.objects.count() == 2 * sets
    assert set(Trade.objects.values_list("state", flat=True)) == {"CONFIRMED"}
    kinds = list(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds.count("MERGE") == sets
    assert len(rig.venue.batches()) == sets


def test_what_the_channel_does_not_say_once_and_in_order_is_looked_up(rig):
    with rig.trading():
        for sets, (kind, values) in enumerate(UNSAID, start=1):
            rig.venue.fault(kind, **values)
            rig.venue.gap()
            rig.ended("MERGED", sets=sets)
            rig.venue.end_faults()
            bought_once(rig, sets)


def test_without_the_channel_no_set_is_begun_and_with_it_again(rig):
    with rig.trading():
        rig.venue.close_user_channel()
        rig.refused_now("USER_CHANNEL_DOWN")
        assert ArbitrageSet.objects.count() == 0
        assert rig.venue.batches() == []

        rig.venue.open_user_channel()
        rig.ready()
        rig.venue.gap()
        rig.ended("MERGED")
        bought_once(rig)


def test_a_channel_that_is_lost_in_the_middle_of_a_set_catches_up(rig):
    with rig.trading():
        rig.venue.fault("slow_settlement", count=2, later_ms=400)
        rig.venue.gap()
        rig.ended("SETTLING", "BOTH_MATCHED")
        rig.venue.close_user_channel()
        rig.ended("MERGED")
        rig.venue.open_user_channel()
        rig.ready()
        bought_once(rig)
