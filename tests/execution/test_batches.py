"""Orders on their way out: hash first, whole batches only, and each answer taken for itself."""

import pytest

from tests.execution.rig import (
    Rig,
    a_trade,
    events,
    failed_leg,
    failure,
    hash_of,
    matched,
    only,
    pair,
)
from trading.engine.codes import VenueMode
from trading.engine.events import (
    OrderAck,
    OrderClosed,
    OrderPrepared,
    OrderRefused,
    OrderUnknown,
    TradeUpdate,
    VenueModeChanged,
)
from trading.engine.units import MICRO
from trading.execution.messages import PlacedLeg
from trading.execution.requests import (
    BatchFailed,
    CancelByHash,
    FailureKind,
    LookUp,
    Request,
    SendBatch,
)


class TestBeforeAnythingLeaves:
    def test_the_hashes_are_told_before_the_batch_is_asked_for(self):
        out = Rig().do(pair())

        assert [type(one) for one in out] == [OrderPrepared, OrderPrepared, SendBatch]
        assert [one.order_hash for one in out[:2]] == [hash_of("s1-1"), hash_of("s1-2")]

    def test_when_one_order_cannot_be_prepared_none_of_the_batch_is_sent(self):
        out = Rig().do(pair(size=1_001))

        assert not [one for one in out if isinstance(one, Request)]
        assert {(one.order_id, one.local) for one in events(out, OrderRefused)} == {
            ("s1-1", True),
            ("s1-2", True),
        }

    def test_nothing_is_sent_in_a_market_whose_parameters_are_not_known(self):
        out = Rig(spec=None).do(pair())

        assert [one.code for one in events(out)] == ["MARKET_UNKNOWN", "MARKET_UNKNOWN"]

    def test_a_batch_says_whether_it_opens_a_set_or_ends_one(self):
        assert Rig().send_pair().entry
        assert not Rig().send_pair(purpose="COMPLETE").entry


class TestAnswers:
    def test_both_matched_is_told_with_shares(self):
        rig = Rig()
        out = rig.answer(rig.send_pair(), matched("s1-1"), matched("s1-2"))

        assert [(e.order_id, e.resting, e.matched_micro) for e in events(out, OrderAck)] == [
            ("s1-1", False, 10 * MICRO),
            ("s1-2", False, 10 * MICRO),
        ]

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("order couldn't be fully filled. FOK orders are fully filled or killed.", "KILLED"),
            ("not enough balance / allowance: the allowance is not enough -> spender: 0x1",
             "ALLOWANCE_TOO_LOW"),
            ("not enough balance / allowance", "BALANCE_TOO_LOW"),
            ("order 0x1 is invalid. Price (0.481) breaks minimum tick size rule: 0.01",
             "TICK_CHANGED"),
            ("something that nobody has seen", "VENUE_REFUSED"),
        ],
    )  # fmt: skip
    def test_an_error_inside_a_success_is_a_refusal(self, text, code):
        rig = Rig()
        out = rig.answer(rig.send_pair(), matched("s1-1"), failed_leg(text))

        assert only(out, OrderAck).order_id == "s1-1"
        assert (only(out, OrderRefused).order_id, only(out, OrderRefused).code) == ("s1-2", code)

    @pytest.mark.parametrize(
        "leg",
        [
            failed_leg("order 0x1 is invalid. Duplicated."),
            PlacedLeg(success=True, error="", order_hash="0xanother", status="matched",
                      making_micro=1, taking_micro=1, trade_ids=()),
            PlacedLeg(success=True, error="", order_hash=hash_of("s1-2"), status="new word",
                      making_micro=0, taking_micro=0, trade_ids=()),
            PlacedLeg(success=True, error="", order_hash=hash_of("s1-2"), status="matched",
                      making_micro=0, taking_micro=0, trade_ids=()),
        ],
        ids=["a repetition", "another order", "an unknown status", "matched and not how much"],
    )  # fmt: skip
    def test_an_answer_that_does_not_settle_it_leaves_the_order_unknown(self, leg):
        rig = Rig()
        out = rig.answer(rig.send_pair(), matched("s1-1"), leg)

        assert only(out, OrderUnknown).order_id == "s1-2"

    def test_too_few_answers_leave_every_order_unknown(self):
        rig = Rig()
        out = rig.answer(rig.send_pair(), matched("s1-1"))

        assert [one.order_id for one in events(out, OrderUnknown)] == ["s1-1", "s1-2"]

    def test_an_order_that_rests_against_its_kind_is_cancelled(self):
        rig = Rig()
        resting = PlacedLeg(
            success=True,
            error="",
            order_hash=hash_of("s1-2"),
            status="live",
            making_micro=0,
            taking_micro=0,
            trade_ids=(),
        )
        out = rig.answer(rig.send_pair(), matched("s1-1"), resting)

        assert only(out, CancelByHash).order_hashes == (hash_of("s1-2"),)

    def test_a_kill_that_the_user_channel_told_first_is_not_told_again(self):
        rig = Rig()
        batch = rig.send_pair()
        first = rig.news("s1-2", status="CANCELED_order couldn't be fully filled")
        out = rig.answer(batch, matched("s1-1"), failed_leg("FOK orders are filled or killed"))

        assert only(first, OrderClosed).matched_micro == 0
        assert [one.order_id for one in events(out)] == ["s1-1"]

    def test_a_fill_may_come_before_the_answer(self):
        rig = Rig()
        batch = rig.send_pair()
        early = rig.trade(a_trade("s1-1"))
        out = rig.answer(batch, matched("s1-1"), matched("s1-2"))

        assert only(early, TradeUpdate).order_id == "s1-1"
        assert len(events(out, OrderAck)) == 2


class TestNoAnswer:
    def test_a_time_out_leaves_the_orders_unknown_and_asks_at_once(self):
        rig = Rig()
        rig.connect()
        out = rig.take(BatchFailed(batch=rig.send_pair().batch, failure=failure()))

        assert [one.order_id for one in events(out, OrderUnknown)] == ["s1-1", "s1-2"]
        assert only(rig.tick(0), LookUp).order_hashes == (hash_of("s1-1"), hash_of("s1-2"))

    @pytest.mark.parametrize(
        ("kind", "local"), [(FailureKind.NOT_SENT, True), (FailureKind.REFUSED, False)]
    )
    def test_what_surely_did_not_arrive_is_refused_and_never_asked_after(self, kind, local):
        rig = Rig()
        rig.connect()
        out = rig.take(BatchFailed(batch=rig.send_pair().batch, failure=failure(kind, status=400)))

        assert [(one.order_id, one.local) for one in events(out, OrderRefused)] == [
            ("s1-1", local),
            ("s1-2", local),
        ]
        assert not [one for one in rig.tick(60_000) if isinstance(one, LookUp)]

    def test_a_refusal_that_tells_the_venues_mode_is_told_and_left_again_later(self):
        rig = Rig()
        refused = failure(FailureKind.REFUSED, status=425, venue_mode=VenueMode.RESTARTING)
        out = rig.take(BatchFailed(batch=rig.send_pair().batch, failure=refused))

        assert only(out, VenueModeChanged).mode is VenueMode.RESTARTING
        assert not events(rig.tick(9_000), VenueModeChanged)
        assert only(rig.tick(1_100), VenueModeChanged).mode is VenueMode.OPEN
