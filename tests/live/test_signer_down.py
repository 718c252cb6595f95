"""Without the signer nothing leaves; when it is back, trading goes on by itself."""

import pytest

from tests.live.rig import KEY, address_of
from trading.models import ArbitrageSet, Order
from trading.simulator.signatures import deposit_wallet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_a_killed_signer_stops_new_sets_until_it_is_back(rig, signers, settings):
    own = signers(KEY, deposit_wallet(address_of(KEY)))
    settings.SIGNER_PLAY_SOCKET = own.socket
    with rig.trading():
        own.kill()
        rig.venue.gap()
        rig.ended("ABANDONED")
        rig.refused("SIGNER_DOWN")
        rig.agree()

        assert rig.venue.batches() == []
        assert set(Order.objects.values_list("state", flat=True)) == {"REFUSED"}
        assert ArbitrageSet.objects.count() == 1
        rig.venue.no_gap()
        own.start()
        rig.ready()
        rig.venue.gap()
        rig.ended("MERGED")
        rig.agree()
