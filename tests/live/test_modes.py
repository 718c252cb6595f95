"""A venue that takes no orders now: no sets meanwhile, trading again after."""

import pytest

from trading.models import ArbitrageSet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_while_the_venue_takes_no_orders_there_are_no_sets_and_after_it_there_are(rig):
    with rig.trading():
        for done, mode in enumerate(("CANCEL_ONLY", "DISABLED", "POST_ONLY", "RESTARTING")):
            before = rig.venue.holds(rig.wallet), len(rig.venue.trades(rig.owner))
            rig.venue.fault("mode", mode=mode)
            rig.venue.gap()
            rig.ended("ABANDONED", sets=done + 1)
            rig.refused("VENUE_MODE", times=done + 1)
            rig.agree()
            assert (rig.venue.holds(rig.wallet), len(rig.venue.trades(rig.owner))) == before

            rig.venue.fault("mode", mode="OPEN")
            rig.venue.gap()
            rig.ended("MERGED", sets=done + 1)
            rig.venue.no_gap()
            rig.rests()
            rig.agree()


def test_a_restart_goes_on_with_what_was_bought(rig):
    with rig.trading():
        rig.venue.fault("slow_settlement", count=2, later_ms=300)
        rig.venue.gap()
        rig.ended("SETTLING")
        rig.venue.stop()
        rig.venue.start()

        rig.ended("MERGED", seconds=20)
        rig.agree()
        rig.ready()
        rig.venue.gap()
        rig.ended("MERGED", sets=2)
        rig.agree()

    assert len(rig.venue.batches()) == 2
    assert ArbitrageSet.objects.count() == 2
