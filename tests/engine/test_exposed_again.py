"""An exposed set is not given up: when the books offer a way out within the bound, it is taken."""

from tests.engine.builders import NO, YES, delta, m, snapshot
from tests.engine.live_rig import one_leg_filled


def dear(live, at_ms=2_000):
    """Neither completing nor selling stays within 0.50 dollars any more."""
    live.tell(snapshot(YES, bids=("0.30x100",), asks=("0.32x50",), at_ms=at_ms))
    live.tell(snapshot(NO, bids=("0.68x50",), asks=("0.70x100",), at_ms=at_ms))


def exposed():
    """Both ways were tried in vain, and the books have moved away."""
    live = one_leg_filled(leg_loss_max_micro=m("0.5"))
    (order,) = live.orders("COMPLETE")
    dear(live)
    live.kill(order)
    assert live.moves[-1] == "EXPOSED"
    return live


def fair(live, at_ms=3_000):
    live.books(at_ms=at_ms)


class TestWhileTheBooksAreDear:
    def test_nothing_is_sent_and_nobody_is_told_again(self):
        live = exposed()
        before = len(live.moves)
        live.wait(60_000)

        assert len(live.moves) == before
        assert live.alerts.count("LEG_EXPOSED") == 1


class TestWhenTheyComeBack:
    def test_it_is_completed_within_the_bound(self):
        live = exposed()
        fair(live)
        live.wait(5_000)
        order = live.orders("COMPLETE")[-1]

        assert live.moves[-1] == "COMPLETING"
        assert (order.token_id, order.limit_micro) == (NO, m("0.54"))

    def test_a_try_in_vain_is_exposed_again_quietly_and_tried_later(self):
        live = exposed()
        for again in range(1, 4):
            fair(live, at_ms=3_000 * again)
            live.wait(5_000)
            assert live.moves[-1] == "COMPLETING"
            dear(live, at_ms=3_000 * again + 1)
            live.kill(live.orders("COMPLETE")[-1])
            assert live.moves[-1] == "EXPOSED"

        assert live.alerts.count("LEG_EXPOSED") == 1
        assert live.alerts.count("CIRCUIT_BREAKER_OPEN") == 0

    def test_not_oftener_than_every_five_seconds(self):
        live = exposed()
        live.wait(5_000)
        fair(live)
        live.wait(4_900)
        assert live.moves[-1] == "EXPOSED"
        live.wait(100)
        assert live.moves[-1] == "COMPLETING"

    def test_a_set_that_became_whole_is_merged(self):
        live = exposed()
        fair(live)
        live.wait(5_000)
        order = live.orders("COMPLETE")[-1]
        live.fill(order, "10", trade="t2")
        live.confirm(order, trade="t2")

        assert live.moves[-1] == "MERGING"

    def test_what_was_lost_before_leaves_less_of_the_bound(self):
        live = exposed()
        one = next(iter(live.desk._open.values()))
        one.realised_micro = -m("0.4")  # of an earlier partial sale
        fair(live)
        live.wait(10_000)

        assert live.moves[-1] == "EXPOSED"


def test_a_book_that_is_not_valid_offers_no_way_out():
    live = exposed()
    live.tell(delta((YES, "0.90", "0.10", ("bid 0.90x40",)), at_ms=4_000))
    live.wait(10_000)

    assert live.moves[-1] == "EXPOSED"
