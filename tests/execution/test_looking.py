"""What is not known is settled by the venue's own words, never by time alone."""

from dataclasses import replace

from tests.execution.rig import (
    CONDITION,
    NO,
    YES,
    Rig,
    a_trade,
    events,
    failed_leg,
    failure,
    hash_of,
    matched,
    only,
    open_order,
)
from trading.engine.codes import Side, TradeState
from trading.engine.commands import OrderToResolve, ResolveOrders
from trading.engine.events import OrderAck, OrderClosed, TradeUpdate
from trading.engine.units import MICRO
from trading.execution.messages import MakerPart
from trading.execution.requests import BatchFailed, CancelByHash, LookFailed, LookUp


def unknown_pair():
    rig = Rig()
    rig.connect()
    rig.take(BatchFailed(batch=rig.send_pair().batch, failure=failure()))
    return rig


def an_old_order(*, matched_micro):
    return OrderToResolve(
        order_id="old-1",
        order_hash="0xold",
        condition_id=CONDITION,
        token_id=YES,
        side=Side.BUY,
        limit_micro=480_000,
        size_micro=10 * MICRO,
        matched_micro=matched_micro,
        purpose="ENTRY",
    )


class TestUnknown:
    def test_a_trade_settles_it(self):
        rig = unknown_pair()
        out = rig.found(rig.look(), trades=[a_trade("s1-1"), a_trade("s1-2", NO, price="0.47")])

        assert {one.order_id for one in events(out, TradeUpdate)} == {"s1-1", "s1-2"}
        assert {one.order_id for one in events(out, OrderClosed)} == {"s1-1", "s1-2"}

    def test_an_open_order_is_cancelled_and_then_told_closed(self):
        rig = unknown_pair()
        out = rig.found(rig.look(), orders={hash_of("s1-1"): open_order("s1-1")})

        assert only(out, OrderAck).resting
        assert only(out, CancelByHash).order_hashes == (hash_of("s1-1"),)

    def test_absence_needs_several_complete_reads_and_their_time(self):
        rig = unknown_pair()
        out = []
        for _ in range(3):
            out += rig.found(rig.look(5_000))
        assert not events(out, OrderClosed)

        out = rig.found(rig.look(6_000))

        assert {(one.order_id, one.matched_micro) for one in events(out, OrderClosed)} == {
            ("s1-1", 0),
            ("s1-2", 0),
        }

    def test_time_without_reads_proves_nothing(self):
        rig = unknown_pair()
        look = rig.look(60_000)
        rig.take(LookFailed(look=look.look, failure=failure()))
        out = rig.found(rig.look(600_000))

        assert not events(out, OrderClosed)

    def test_an_order_that_was_called_matched_is_never_called_absent(self):
        rig = Rig()
        rig.connect()
        rig.do(ResolveOrders(orders=(an_old_order(matched_micro=10 * MICRO),)))
        out = []
        for _ in range(10):
            out += rig.found(rig.look(20_000))

        assert not events(out, OrderClosed)

    def test_only_one_look_is_under_way_and_a_late_answer_of_another_counts_nothing(self):
        rig = unknown_pair()
        look = rig.look()
        assert not [one for one in rig.tick(5_000) if isinstance(one, LookUp)]
        assert rig.found(LookUp(look=look.look + 7, order_hashes=(), after_s=0)) == []


class TestMatchedWithoutFills:
    def test_fills_that_the_channel_does_not_tell_are_asked_for(self):
        rig = Rig()
        rig.connect()
        killed = failed_leg("FOK orders are filled or killed")
        rig.answer(rig.send_pair(), matched("s1-1"), killed)
        look = rig.look(1_000)
        out = rig.found(look, trades=[a_trade("s1-1")])

        assert look.order_hashes == ()  # it is out of the book: only its trades are of interest
        assert only(out, TradeUpdate).size_micro == 10 * MICRO

    def test_settlement_is_asked_for_more_often_while_the_channel_is_down(self):
        rig = Rig()
        rig.connect()
        rig.answer(rig.send_pair(), matched("s1-1"), failed_leg("FOK orders are killed"))
        rig.trade(a_trade("s1-1"))
        assert not [one for one in rig.tick(9_000) if isinstance(one, LookUp)]
        rig.desk.user_channel(connected=False, text="closed", now_ns=rig.now_ns)
        rig.found(rig.look(1_100))

        assert only(rig.tick(2_000), LookUp)

    def test_a_settled_order_is_not_asked_after_any_more(self):
        rig = Rig()
        rig.connect()
        rig.answer(rig.send_pair(), matched("s1-1"), failed_leg("FOK orders are killed"))
        rig.trade(a_trade("s1-1", state=TradeState.CONFIRMED))

        assert not [one for one in rig.tick(600_000) if isinstance(one, LookUp)]


class TestFills:
    def test_a_fill_is_told_once_for_each_state(self):
        rig = Rig()
        rig.answer(rig.send_pair(), matched("s1-1"), matched("s1-2"))
        states = (TradeState.MATCHED, TradeState.MATCHED, TradeState.MINED, TradeState.CONFIRMED)
        told = [rig.trade(a_trade("s1-1", state=state)) for state in (*states, states[-1])]

        assert [len(events(one, TradeUpdate)) for one in told] == [1, 0, 1, 1, 0]

    def test_each_maker_is_a_fill_at_its_own_price_also_across_tokens(self):
        parts = (
            MakerPart(order_hash="0xb", token_id=NO, side=Side.BUY, price_micro=530_000,
                      size_micro=4 * MICRO),
            MakerPart(order_hash="0xa", token_id=YES, side=Side.SELL, price_micro=480_000,
                      size_micro=6 * MICRO),
        )  # fmt: skip
        rig = Rig()
        rig.answer(rig.send_pair(), matched("s1-1"), matched("s1-2"))
        fills = events(rig.trade(a_trade("s1-1", parts=parts)), TradeUpdate)

        assert [(f.trade_id, f.price_micro, f.size_micro, f.fee_micro) for f in fills] == [
            ("t-s1-1:1", 480_000, 6 * MICRO, 104_830),
            ("t-s1-1:2", 470_000, 4 * MICRO, 69_740),
        ]

    def test_our_part_as_a_maker_costs_no_fee(self):
        ours = MakerPart(
            order_hash=hash_of("s1-1"),
            token_id=YES,
            side=Side.BUY,
            price_micro=480_000,
            size_micro=10 * MICRO,
        )
        rig = Rig()
        rig.send_pair()
        fill = only(rig.trade(a_trade("theirs", parts=(ours,))), TradeUpdate)

        assert (fill.order_id, fill.fee_micro, fill.side) == ("s1-1", 0, Side.BUY)

    def test_a_fill_whose_fee_is_not_known_waits_until_it_is(self):
        rig = Rig()
        rig.send_pair()
        rig.spec, known = None, rig.spec
        assert rig.trade(a_trade("s1-1")) == []
        assert not events(rig.tick(), TradeUpdate)
        rig.spec = known

        assert only(rig.tick(), TradeUpdate).order_id == "s1-1"

    def test_trades_of_others_are_nobodys_fill(self):
        assert Rig().trade(a_trade("theirs")) == []


class TestRestored:
    def test_an_order_without_a_hash_never_left(self):
        rig = Rig()
        rig.connect()
        out = rig.do(ResolveOrders(orders=(replace(an_old_order(matched_micro=0), order_hash=""),)))

        assert only(out, OrderClosed).matched_micro == 0
        assert not [one for one in rig.tick(60_000) if isinstance(one, LookUp)]

    def test_an_order_of_an_earlier_session_is_settled_by_its_trade_of_then(self):
        rig = Rig()
        rig.connect()
        rig.do(ResolveOrders(orders=(an_old_order(matched_micro=0),)))
        look = rig.look(100)
        out = rig.found(look, trades=[replace(a_trade("old-1"), taker_order_hash="0xold")])

        assert look.after_s < rig.now_ms // 1_000 - 80_000
        assert only(out, TradeUpdate).order_id == "old-1"
        assert only(out, OrderClosed).matched_micro == 10 * MICRO
