"""What a set may still need is not free for another one."""

from dataclasses import replace

from tests.engine.builders import m
from tests.engine.live_rig import Live
from trading.engine.codes import TradeState


def test_what_completing_saves_is_not_another_set_s_room_until_it_is_confirmed():
    """A fill that failed to settle was bought again, and with another set it was too much."""
    live = Live()
    yes, no = live.orders()
    live.fill(yes, "10")
    live.kill(no)
    live.confirm(yes)
    planned_micro = live.desk.exposure_micro
    (order,) = live.orders("COMPLETE")
    cheap = replace(order, limit_micro=m("0.20"))
    live.fill(cheap, "10", trade="t9")
    assert live.moves[-1] == "SETTLING"
    assert live.desk.exposure_micro >= m("9.5")
    assert planned_micro >= m("9.5")
    live.fill(cheap, "10", TradeState.CONFIRMED, trade="t9")
    assert live.moves[-1] == "MERGING"
    assert live.desk.exposure_micro < m("9.5")
