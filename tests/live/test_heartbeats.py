"""The venue's dead-man switch: armed and kept while the engine lives, let go when it does not."""

import time
from dataclasses import replace

import pytest

from tests.live.rig import TIMES
from trading.engine.codes import Side
from trading.simulator.codes import OrderType
from trading.simulator.orders import NewOrder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TIMEOUT_MS = 900


@pytest.fixture
def quick_switch(monkeypatch):
    monkeypatch.setattr("trading.simulator.exchange.HEARTBEAT_TIMEOUT_MS", TIMEOUT_MS)
    monkeypatch.setattr("trading.simulator.exchange.HEARTBEAT_SLACK_MS_MAX", 50)


def rest_an_order(rig):
    """Let an order of the wallet rest in the book, as if the engine had left one."""
    order = NewOrder(
        order_id=f"0x{7:064x}",
        account_id=rig.wallet,
        token_id=rig.venue.listing.token_ids[0],
        side=Side.BUY,
        order_type=OrderType.GTC,
        maker_micro=1_000_000,
        taker_micro=10_000_000,
    )
    rig.venue.do(lambda now_ms: rig.venue.venue.exchange.place(order, now_ms))
    assert len(rig.venue.open_orders(rig.owner)) == 1


def test_it_is_kept_while_the_engine_lives_and_cancels_when_it_is_gone(rig, quick_switch):
    with rig.trading(times=replace(TIMES, reconcile_ms=60_000)):
        rest_an_order(rig)
        time.sleep(2 * TIMEOUT_MS / 1_000)
        assert len(rig.venue.open_orders(rig.owner)) == 1
        beats = [one for one in rig.venue.asked if one.path == "/v1/heartbeats"]
        assert len([one for one in beats if one.status == 200]) >= 3

    time.sleep(1.5 * TIMEOUT_MS / 1_000)
    assert rig.venue.open_orders(rig.owner) == []
