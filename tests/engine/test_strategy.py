"""What a set pays, and which sets are none."""

from dataclasses import replace

import pytest

from trading.engine.codes import Refusal
from trading.engine.market import LEGS_MAX, FeeSchedule
from trading.engine.outcome import Refused
from trading.engine.strategy.neg_risk import decide_neg_risk
from trading.engine.strategy.pair import decide_pair_buy
from trading.engine.units import MICRO
from trading.engine.walk import Bounds, LegBook, Walk

BOUNDS = Bounds(
    payout_micro=MICRO,
    cost_max_micro=1_000 * MICRO,
    min_profit_ratio_micro=0,
    slippage_max_ratio_micro=MICRO,
    slippage_allowance_ratio_micro=0,
    gas_per_set_micro=0,
    raise_to_minimum=False,
)


def leg(token_id, price_micro):
    return LegBook(
        token_id=token_id,
        asks=((price_micro, 10 * MICRO),),
        fee=FeeSchedule(rate_micro=0, exponent=1),
        tick_micro=10_000,
        min_order_size_micro=5 * MICRO,
    )


def neg_risk(prices_micro, *, side, outcomes=None, augmented=False, payout_micro=None):
    legs = [leg(f"token-{index}", price) for index, price in enumerate(prices_micro)]
    if payout_micro is None:
        payout_micro = (len(legs) - 1) * MICRO if side == "NO" else MICRO
    return decide_neg_risk(
        legs,
        outcomes_total=len(legs) if outcomes is None else outcomes,
        augmented=augmented,
        side=side,
        bounds=replace(BOUNDS, payout_micro=payout_micro),
    )


class TestPair:
    def test_both_legs_are_bought_at_one_size(self):
        walk = decide_pair_buy(leg("yes", 480_000), leg("no", 500_000), BOUNDS)

        assert isinstance(walk, Walk)
        assert [one.token_id for one in walk.legs] == ["yes", "no"]
        assert walk.net_micro == 200_000

    def test_a_gap_of_nothing_is_refused(self):
        outcome = decide_pair_buy(leg("yes", 500_000), leg("no", 500_000), BOUNDS)

        assert isinstance(outcome, Refused)
        assert outcome.code is Refusal.EDGE_NOT_POSITIVE

    def test_a_pair_that_is_said_to_pay_two_dollars_is_a_bug(self):
        # E1: one dollar per pair, not per token.
        with pytest.raises(ValueError, match="a pair pays"):
            decide_pair_buy(
                leg("yes", 480_000), leg("no", 500_000), replace(BOUNDS, payout_micro=2 * MICRO)
            )


class TestNegRisk:
    def test_no_of_every_outcome_pays_all_but_one_dollar(self):
        walk = neg_risk([600_000, 650_000, 700_000], side="NO")

        assert isinstance(walk, Walk)
        assert walk.net_micro == 10 * (2 * MICRO - 1_950_000)

    def test_yes_of_every_outcome_pays_one_dollar(self):
        walk = neg_risk([300_000, 310_000, 320_000], side="YES")

        assert isinstance(walk, Walk)
        assert walk.net_micro == 10 * 70_000

    def test_yes_of_every_outcome_never_pays_a_dollar_each(self):
        # E29: four at 0.98 were a "profit" of 3.02 dollars.
        outcome = neg_risk([980_000] * 4, side="YES")

        assert isinstance(outcome, Refused)
        assert outcome.code is Refusal.EDGE_NOT_POSITIVE

    def test_an_augmented_event_is_refused_and_its_twin_is_not(self):
        prices = [300_000, 310_000, 320_000]

        outcome = neg_risk(prices, side="YES", augmented=True)

        assert isinstance(outcome, Refused)
        assert outcome.code is Refusal.NEG_RISK_AUGMENTED
        assert isinstance(neg_risk(prices, side="YES", augmented=False), Walk)

    @pytest.mark.parametrize("outcomes", [2, 4])
    def test_a_set_that_misses_an_outcome_is_refused(self, outcomes):
        outcome = neg_risk([300_000, 310_000, 320_000], side="YES", outcomes=outcomes)

        assert isinstance(outcome, Refused)
        assert outcome.code is Refusal.NEG_RISK_INCOMPLETE
        assert f"3 of {outcomes}" in outcome.reason

    def test_one_outcome_is_no_event(self):
        outcome = neg_risk([300_000], side="YES")

        assert isinstance(outcome, Refused)
        assert outcome.code is Refusal.NEG_RISK_INCOMPLETE

    def test_fifteen_legs_are_the_most(self):
        fits = neg_risk([900_000] * LEGS_MAX, side="NO")
        outcome = neg_risk([900_000] * (LEGS_MAX + 1), side="NO")

        assert isinstance(fits, Walk)
        assert isinstance(outcome, Refused)
        assert outcome.code is Refusal.TOO_MANY_LEGS

    @pytest.mark.parametrize(
        ("side", "payout_micro"), [("NO", 3 * MICRO), ("NO", MICRO), ("YES", 2 * MICRO)]
    )
    def test_another_payout_than_the_sets_is_a_bug(self, side, payout_micro):
        with pytest.raises(ValueError, match="this set pays"):
            neg_risk([300_000] * 3, side=side, payout_micro=payout_micro)

    def test_a_third_side_is_a_bug(self):
        with pytest.raises(ValueError, match="of YES or of NO"):
            neg_risk([300_000] * 3, side="no", payout_micro=MICRO)
