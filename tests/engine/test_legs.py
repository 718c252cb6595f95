"""The life of a set, and what is done with a leg whose counterpart did not fill."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.engine.codes import SetState as S
from trading.engine.fees import fee_ceiling
from trading.engine.legs import (
    SET_ENDS,
    SET_MOVES,
    Complete,
    HeldLeg,
    Hold,
    IllegalMove,
    MissingLeg,
    Unwind,
    decide_leg_action,
    move,
)
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, cost_up, micro_from_text, proceeds_down

FREE = FeeSchedule(rate_micro=0, exponent=1)
POLITICS = FeeSchedule(rate_micro=40_000, exponent=1)

ALLOWED = {
    S.SEEN: "CONFIRMED",
    S.CONFIRMED: "ALLOWED",
    S.ALLOWED: "INTENT",
    S.INTENT: "SUBMITTED UNKNOWN ABANDONED",
    S.SUBMITTED: "BOTH_MATCHED ONE_MATCHED NONE_MATCHED UNKNOWN",
    S.UNKNOWN: "BOTH_MATCHED ONE_MATCHED NONE_MATCHED",
    S.BOTH_MATCHED: "SETTLING",
    S.ONE_MATCHED: "BOTH_MATCHED SETTLING COMPLETING UNWINDING EXPOSED",
    S.NONE_MATCHED: "ABANDONED ONE_MATCHED BOTH_MATCHED",
    S.SETTLING: "SETTLED FAILED_LEG EXPOSED",
    S.SETTLED: "MERGING REDEEMED",
    S.FAILED_LEG: "COMPLETING UNWINDING EXPOSED ABANDONED SETTLING",
    S.COMPLETING: "SETTLING FAILED_LEG UNWINDING EXPOSED",
    S.UNWINDING: "UNWOUND SETTLING FAILED_LEG EXPOSED",
    S.EXPOSED: "COMPLETING UNWINDING SETTLED REDEEMED",
    S.MERGING: "MERGING MERGED SETTLED REDEEMED EXPOSED",
    S.MERGED: "",
    S.REDEEMED: "",
    S.UNWOUND: "",
    S.ABANDONED: "",
}


class TestTable:
    def test_every_state_has_a_row(self):
        assert set(SET_MOVES) == set(S)

    @pytest.mark.parametrize("state", S)
    def test_a_move_is_allowed_exactly_when_its_row_says_so(self, state):
        for to in S:
            if to in ALLOWED[state].split():
                assert move(state, to) is to
            else:
                with pytest.raises(IllegalMove, match=f"{state} cannot move to {to}"):
                    move(state, to)

    def test_four_states_are_ends(self):
        assert {S.MERGED, S.REDEEMED, S.UNWOUND, S.ABANDONED} == SET_ENDS

    @pytest.mark.parametrize("state", S)
    def test_an_end_can_be_reached_from_everywhere(self, state):
        reached, new = {state}, {state}
        while new:
            new = {to for one in new for to in SET_MOVES[one]} - reached
            reached |= new

        assert reached & SET_ENDS

    def test_nothing_is_abandoned_after_it_was_bought_and_settled(self):
        bought = {S.SETTLED, S.MERGING, S.COMPLETING, S.UNWINDING, S.EXPOSED}

        assert all(S.ABANDONED not in SET_MOVES[state] for state in bought)


def micro(text: str) -> int:
    return micro_from_text(text)


def levels(*texts):
    pairs = [text.split(" x ") for text in texts]
    return tuple((micro(price), micro(size)) for price, size in pairs)


def held(size="10", cost="4.8", bids=("0.45 x 100",), **changes):
    leg = HeldLeg(
        token_id="yes",
        size_micro=micro(size),
        cost_micro=micro(cost),
        bids=levels(*bids),
        fee=FREE,
        tick_micro=10_000,
        min_order_size_micro=5 * MICRO,
    )
    return replace(leg, **changes)


def missing(size="10", asks=("0.55 x 100",), **changes):
    leg = MissingLeg(
        token_id="no",
        size_micro=micro(size),
        asks=levels(*asks),
        fee=FREE,
        tick_micro=10_000,
        min_order_size_micro=5 * MICRO,
    )
    return replace(leg, **changes)


def decide(held_leg, missing_leg, loss_max="1", *, size="10", payout="1"):
    return decide_leg_action(
        [held_leg],
        [missing_leg],
        size_micro=micro(size),
        payout_micro=micro(payout),
        leg_loss_max_micro=micro(loss_max),
    )


class TestCompleting:
    def test_missing_shares_are_bought_while_the_loss_is_within_the_bound(self):
        # 4.80 held and 5.50 to pay for 10 dollars: a loss of 0.30.
        action = decide(held(), missing(), "0.3")

        assert isinstance(action, Complete)
        assert action.loss_micro == micro("0.3")
        (order,) = action.orders
        assert (order.token_id, order.size_micro) == ("no", micro("10"))
        assert (order.limit_micro, order.amount_micro) == (micro("0.55"), micro("5.5"))

    def test_one_micro_beyond_the_bound_they_are_not(self):
        action = decide(held(), missing(), "0.299999")

        assert not isinstance(action, Complete)

    def test_completing_may_still_earn(self):
        action = decide(held(), missing(asks=("0.50 x 100",)), "0")

        assert isinstance(action, Complete)
        assert action.loss_micro == micro("-0.2")

    def test_fees_count(self):
        action = decide(held(), missing(fee=POLITICS), "0.398999")

        assert not isinstance(action, Complete)
        action = decide(held(), missing(fee=POLITICS), "0.399")
        assert isinstance(action, Complete)  # 10 * 0.04 * 0.2475 = 0.099 more

    def test_completing_goes_before_selling_even_if_selling_loses_less(self):
        action = decide(held(bids=("0.48 x 100",)), missing(), "0.3")

        assert isinstance(action, Complete)

    def test_the_limit_is_the_worst_level_and_all_is_counted_at_it(self):
        action = decide(held(), missing(asks=("0.50 x 4", "0.54 x 100")), "0.2")

        assert isinstance(action, Complete)
        assert action.orders[0].limit_micro == micro("0.54")
        assert action.orders[0].amount_micro == micro("5.4")

    def test_a_size_that_is_no_whole_cents_at_the_new_price_leaves_dust(self):
        # 5.5 at 0.51 would be 2.805 dollars, which the venue does not take.
        action = decide(
            held("5.5", "2.64"), missing("5.5", asks=("0.51 x 100",)), "0.19", size="5.5"
        )

        assert isinstance(action, Complete)
        assert action.orders[0].size_micro == micro("5")
        assert action.loss_micro == micro("0.19")  # 2.64 + 2.55 - 5: the dust counts as lost

    @pytest.mark.parametrize(
        "leg",
        [
            pytest.param(missing(asks=()), id="nobody offers"),
            pytest.param(missing(asks=("0.55 x 4",)), id="less than the smallest size"),
            pytest.param(missing("4"), id="less is missing than the smallest size"),
            pytest.param(missing(asks=("0.09 x 100",)), id="less than one dollar"),
            pytest.param(missing(asks=("0.555 x 100",)), id="off the tick"),
        ],
    )
    def test_what_the_venue_would_not_take_is_not_tried(self, leg):
        assert not isinstance(decide(held(), leg, "100"), Complete)

    def test_a_part_of_the_depth_is_bought_if_the_rest_may_be_lost(self):
        action = decide(held(), missing(asks=("0.50 x 6",)), "1.8")

        assert isinstance(action, Complete)
        assert action.orders[0].size_micro == micro("6")
        assert action.loss_micro == micro("1.8")  # 4.8 + 3 - 6

    def test_several_missing_legs_are_bought_together(self):
        legs = [replace(missing(asks=("0.30 x 100",)), token_id=name) for name in ("b", "c")]

        action = decide_leg_action(
            [held(cost="3.5")],
            legs,
            size_micro=micro("10"),
            payout_micro=MICRO,
            leg_loss_max_micro=0,
        )

        assert isinstance(action, Complete)
        assert [order.token_id for order in action.orders] == ["b", "c"]
        assert action.loss_micro == micro("-0.5")

    def test_one_leg_that_cannot_be_bought_stops_all(self):
        legs = [missing(), replace(missing(asks=()), token_id="c")]

        action = decide_leg_action(
            [held()], legs, size_micro=micro("10"), payout_micro=2 * MICRO, leg_loss_max_micro=0
        )

        assert isinstance(action, Hold)


class TestUnwinding:
    DEAR = ("0.90 x 100",)

    def test_held_shares_are_sold_where_completing_loses_too_much(self):
        action = decide(held(), missing(asks=self.DEAR), "0.3")

        assert isinstance(action, Unwind)
        assert action.loss_micro == micro("0.3")  # 4.80 - 4.50
        (order,) = action.orders
        assert (order.token_id, order.size_micro) == ("yes", micro("10"))
        assert (order.limit_micro, order.amount_micro) == (micro("0.45"), micro("4.5"))

    def test_one_micro_beyond_the_bound_they_are_held(self):
        action = decide(held(), missing(asks=self.DEAR), "0.299999")

        assert isinstance(action, Hold)
        assert "completing could lose 3.8 dollars" in action.reason
        assert "selling could lose 0.3 dollars" in action.reason
        assert "0.299999 dollars is allowed" in action.reason

    def test_the_fee_comes_out_of_the_proceeds(self):
        action = decide(held(fee=POLITICS), missing(asks=self.DEAR), "1")

        assert isinstance(action, Unwind)
        assert action.orders[0].amount_micro == micro("4.401")  # 10 * 0.04 * 0.2475 less

    def test_a_fraction_of_a_hundredth_is_not_sold(self):
        action = decide(held("10.005"), missing("10.005", asks=self.DEAR), "1", size="10.005")

        assert isinstance(action, Unwind)
        assert action.orders[0].size_micro == micro("10")

    def test_of_two_depths_the_one_that_is_sure_to_bring_more_is_sold(self):
        deep = held(bids=("0.45 x 8", "0.44 x 2"))
        cliff = held(bids=("0.45 x 8", "0.01 x 2"))

        both = decide(deep, missing(asks=self.DEAR), "1")
        top = decide(cliff, missing(asks=self.DEAR), "2")

        assert isinstance(both, Unwind)
        assert both.orders[0].size_micro == micro("10")
        assert both.orders[0].limit_micro == micro("0.44")
        assert isinstance(top, Unwind)
        assert top.orders[0].size_micro == micro("8")

    @pytest.mark.parametrize(
        "leg",
        [
            pytest.param(held(bids=()), id="nobody bids"),
            pytest.param(held("4"), id="less than the smallest size"),
            pytest.param(held(bids=("0.45 x 4",)), id="bids for less than the smallest size"),
            pytest.param(held(bids=("0.455 x 100",)), id="off the tick"),
        ],
    )
    def test_what_cannot_be_sold_is_held(self, leg):
        action = decide(leg, missing(asks=self.DEAR), "1")

        assert isinstance(action, Hold)
        assert "selling is not possible" in action.reason


class TestWrongCalls:
    @pytest.mark.parametrize(("held_legs", "missing_legs"), [([], [missing()]), ([held()], [])])
    def test_without_a_surplus_or_a_lack_there_is_nothing_to_decide(self, held_legs, missing_legs):
        with pytest.raises(ValueError, match="something is held and something missing"):
            decide_leg_action(
                held_legs, missing_legs, size_micro=1, payout_micro=1, leg_loss_max_micro=1
            )


CENT = 10_000
PRICES = st.integers(1, 99).map(lambda cents: cents * CENT)
SIZES = st.integers(1, 2_000).map(lambda hundredths: hundredths * 10_000)
SIDE = st.lists(st.tuples(PRICES, SIZES), max_size=4)
SCHEDULES = st.builds(
    FeeSchedule, rate_micro=st.sampled_from([0, 40_000, 70_000]), exponent=st.integers(0, 2)
)


@st.composite
def situations(draw):
    size_micro = draw(SIZES)
    one = held(
        cost="0",
        bids=(),
        size_micro=size_micro,
        cost_micro=draw(st.integers(0, size_micro)),
        fee=draw(SCHEDULES),
    )
    other = missing(asks=(), size_micro=size_micro, fee=draw(SCHEDULES))
    one = replace(one, bids=tuple(sorted(draw(SIDE), reverse=True)))
    other = replace(other, asks=tuple(sorted(draw(SIDE))))
    return one, other, draw(st.integers(0, 3 * MICRO))


class TestProperties:
    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(situations(), st.data())
    def test_no_fill_at_the_limit_or_better_loses_more_than_the_bound(self, situation, data):
        one, other, loss_max_micro = situation
        action = decide_leg_action(
            [one],
            [other],
            size_micro=one.size_micro,
            payout_micro=MICRO,
            leg_loss_max_micro=loss_max_micro,
        )
        if isinstance(action, Hold):
            return
        (order,) = action.orders
        assert action.loss_micro <= loss_max_micro
        assert order.size_micro <= one.size_micro
        if isinstance(action, Complete):
            price_micro = CENT * data.draw(st.integers(1, order.limit_micro // CENT))
            paid_micro = cost_up(price_micro, order.size_micro)
            paid_micro += fee_ceiling(other.fee, price_micro, order.size_micro)
            worth_micro = proceeds_down(MICRO, order.size_micro)
            assert one.cost_micro + paid_micro - worth_micro <= loss_max_micro
            assert order.limit_micro * order.size_micro % (10_000 * MICRO) == 0
        else:
            price_micro = CENT * data.draw(st.integers(order.limit_micro // CENT, 99))
            got_micro = proceeds_down(price_micro, order.size_micro)
            got_micro -= fee_ceiling(one.fee, price_micro, order.size_micro)
            assert one.cost_micro - got_micro <= loss_max_micro

    @settings(max_examples=40, deadline=None, database=None, derandomize=True)
    @given(situations(), st.integers(0, 3 * MICRO))
    def test_a_wider_bound_never_turns_an_action_into_holding(self, situation, more_micro):
        one, other, loss_max_micro = situation

        def ask(loss_micro):
            return decide_leg_action(
                [one],
                [other],
                size_micro=one.size_micro,
                payout_micro=MICRO,
                leg_loss_max_micro=loss_micro,
            )

        if isinstance(ask(loss_max_micro + more_micro), Hold):
            assert isinstance(ask(loss_max_micro), Hold)
