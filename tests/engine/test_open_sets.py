"""Which sets the desk says are open: every one that has not ended, oldest first."""

from tests.engine.builders import MARKET, delta, snapshot, spec
from tests.engine.live_rig import Live
from trading.engine.events import MarketListed

OTHER, YES_TOO, NO_TOO = "0xother", "2001", "2002"


def offer_another_market(live):
    """A second market with the same gap."""
    live.tell(MarketListed(spec=spec(OTHER, token_ids=(YES_TOO, NO_TOO))))
    for token, bids, asks in ((YES_TOO, "0.46", "0.48"), (NO_TOO, "0.52", "0.54")):
        live.tell(snapshot(token, bids=(f"{bids}x50",), asks=(f"{asks}x50",), condition_id=OTHER))
    live.tell(
        delta((YES_TOO, "0.53", "0.48", ("bid 0.53x40",)),
              (NO_TOO, "0.52", "0.47", ("ask 0.47x40",)), at_ms=1, condition_id=OTHER)
    )  # fmt: skip


def open_places(live):
    return [one.place_id for one in live.desk.open_sets()]


def test_there_are_none_before_one_is_opened():
    live = Live(access="NOT_RECONCILED")

    assert live.desk.open_sets() == []


def test_they_are_told_oldest_first():
    live = Live()
    offer_another_market(live)

    assert open_places(live) == [MARKET, OTHER]
    assert [one.set_id for one in live.desk.open_sets()] == ["v-s1", "v-s2"]


def test_one_that_has_ended_is_told_no_more():
    live = Live()
    offer_another_market(live)
    for order in live.orders()[:2]:
        live.kill(order)

    assert live.moves[-1] == "ABANDONED"
    assert open_places(live) == [OTHER]


def test_one_that_is_exposed_is_still_open():
    live = Live(leg_loss_max_micro=0)
    yes, no = live.orders()
    live.tell(
        delta(("1001", "0.1", "0.48", ("bid 0.53x0", "bid 0.46x0", "bid 0.1x50")),
              ("1002", "0.52", "0.9", ("ask 0.47x0", "ask 0.54x0", "ask 0.9x50")), at_ms=2)
    )  # fmt: skip
    live.fill(yes, "10")
    live.kill(no)
    live.confirm(yes)

    assert live.moves[-1] == "EXPOSED"
    assert open_places(live) == [MARKET]


def test_one_that_an_earlier_session_left_comes_before_those_of_this_one():
    live = Live()
    for order in live.orders():
        live.prepare(order)
    live.restart()
    offer_another_market(live)

    assert open_places(live) == [MARKET, OTHER]
    assert [one.set_id for one in live.desk.open_sets()] == ["v-s1", "vv-s1"]


def test_what_is_told_is_a_list_of_its_own():
    live = Live()
    live.desk.open_sets().clear()

    assert open_places(live) == [MARKET]
