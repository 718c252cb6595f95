"""How many sets to buy, and every reason not to."""

import pytest

from tests.engine.walk_builders import (
    FREE,
    POLITICS,
    SPORTS,
    bounds,
    leg,
    micro,
    refused,
    walked,
)
from trading.engine.codes import Refusal
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO
from trading.engine.walk import touch_edge, walk_sets


class TestOneLevel:
    def test_a_pair_pays_one_dollar_and_not_one_per_token(self):
        # E1: 10 + 10 shares at 0.48 and 0.50 in a market with fees lose; upstream booked +9.77.
        outcome = refused([leg("y", "0.48 x 10", fee=SPORTS), leg("n", "0.50 x 10", fee=SPORTS)])

        assert outcome.code is Refusal.EDGE_NOT_POSITIVE
        assert "-0.0249" in outcome.reason  # for the smallest set, where the loss is smallest

    def test_without_fees_the_same_pair_earns_two_cents_a_set(self):
        walk = walked([leg("y", "0.48 x 10"), leg("n", "0.50 x 10")])

        assert walk.size_micro == micro("10")
        assert walk.cost_micro == micro("9.8")
        assert walk.net_micro == micro("0.2")
        assert walk.fee_micro == 0

    def test_fees_of_both_legs_are_in_the_cost(self):
        walk = walked([leg("y", "0.40 x 100", fee=POLITICS), leg("n", "0.57 x 100", fee=POLITICS)])

        # The worked example of polymarket.md section 6.
        assert walk.cost_micro == micro("98.9404")
        assert walk.fee_micro == micro("1.9404")
        assert walk.net_micro == micro("1.0596")
        assert [one.cost_micro for one in walk.legs] == [micro("40"), micro("57")]
        assert [one.fee_micro for one in walk.legs] == [micro("0.96"), micro("0.9804")]

    def test_size_is_shares_and_the_same_on_every_leg(self):
        # E2 and E3: a book 12 shares deep has room for 10 shares, whatever they cost.
        walk = walked([leg("y", "0.45 x 12"), leg("n", "0.50 x 10")])

        assert [one.size_micro for one in walk.legs] == [micro("10"), micro("10")]
        assert walk.legs[0].fills == ((micro("0.45"), micro("10")),)

    def test_gas_is_paid_once_whatever_the_size(self):
        # E8: upstream counted no gas at all.
        walk = walked([leg("y", "0.48 x 10"), leg("n", "0.50 x 10")], gas_per_set="0.05")

        assert walk.net_micro == micro("0.15")

    def test_the_slippage_allowance_is_a_share_of_the_cost_rounded_against_us(self):
        walk = walked(
            [leg("y", "0.48 x 10"), leg("n", "0.50 x 10")], slippage_allowance_ratio="0.001001"
        )

        assert walk.net_micro == micro("0.2") - 9_810  # 9.8 * 0.001001 = 0.0098098

    def test_the_slippage_limit_itself_costs_nothing(self):
        # E5 and E6: upstream took its 2 % limit off every fill.
        legs = [leg("y", "0.48 x 10"), leg("n", "0.50 x 10")]

        assert walked(legs, slippage_max_ratio="0.02") == walked(legs, slippage_max_ratio="0")


class TestSeveralLevels:
    LEGS = (
        leg("y", "0.40 x 10", "0.45 x 10", "0.49 x 50"),
        leg("n", "0.50 x 15", "0.52 x 20", "0.60 x 50"),
    )

    def test_levels_are_added_up_each_at_its_own_price(self):
        # E4: upstream booked 5.66 dollars for an order of 4.55.
        walk = walked(self.LEGS, cost_max="14.3")
        yes, no = walk.legs

        assert walk.size_micro == micro("15")
        assert yes.fills == ((micro("0.40"), micro("10")), (micro("0.45"), micro("5")))
        assert no.fills == ((micro("0.50"), micro("15")),)
        assert yes.cost_micro == micro("6.25")
        assert yes.limit_micro == micro("0.45")
        assert no.limit_micro == micro("0.50")
        assert walk.net_micro == micro("1.25")

    def test_it_grows_while_one_set_more_still_earns(self):
        walk = walked(self.LEGS)

        # 0.45 + 0.52 earns up to 20 sets; 0.49 + 0.52 does not.
        assert walk.size_micro == micro("20")
        assert walk.net_micro == micro("10") + micro("10") - micro("8.5") - micro("10.1")

    def test_a_level_that_neither_earns_nor_costs_is_left_alone(self):
        walk = walked([leg("y", "0.40 x 10", "0.50 x 10"), leg("n", "0.50 x 20")])

        assert walk.size_micro == micro("10")

    def test_a_deeper_level_changes_the_limit_and_with_it_the_sizes(self):
        # 0.48 and 0.50 allow half shares. From the second level on the limit is 0.51, which wants
        # whole shares: 6.5 would be 3.315 dollars.
        legs = [leg("y", "0.48 x 20"), leg("n", "0.50 x 6.5", "0.51 x 0.9")]

        assert walked(legs).size_micro == micro("7")
        assert walked(legs, cost_max="6.5").size_micro == micro("6.5")

    def test_where_the_deeper_grid_is_too_coarse_the_size_stays_in_the_level_before(self):
        # At a limit of 0.483 only tens of shares are whole cents.
        legs = [
            leg("y", "0.48 x 9.75", "0.483 x 9", tick="0.001"),
            leg("n", "0.5 x 100", tick="0.001"),
        ]

        assert walked(legs).size_micro == micro("10")
        assert walked(legs, cost_max="9.7").size_micro == micro("9.5")

    def test_fees_are_taken_level_by_level(self):
        walk = walked(
            [
                leg("y", "0.40 x 10", "0.45 x 10", fee=POLITICS),
                leg("n", "0.45 x 20", fee=POLITICS),
            ]
        )

        # The rate is 0.04: ten shares at 0.24 and ten at 0.2475, and twenty at 0.2475.
        assert [one.fee_micro for one in walk.legs] == [micro("0.195"), micro("0.198")]

    def test_a_level_off_the_tick_is_bought_through_but_is_no_limit(self):
        # After the tick grew from 0.001 to 0.01 an old level may still stand between.
        legs = [leg("y", "0.40 x 10", "0.405 x 10", "0.41 x 10"), leg("n", "0.5 x 30")]

        walk = walked(legs, cost_max="25")

        assert walk.legs[0].limit_micro == micro("0.41")
        assert walked(legs, cost_max="15").size_micro == micro("10")


class TestCostMax:
    LEGS = (leg("y", "0.48 x 100"), leg("n", "0.50 x 100"))

    def test_legs_and_fees_together_may_reach_it(self):
        legs = [leg("y", "0.40 x 100", fee=POLITICS), leg("n", "0.57 x 100", fee=POLITICS)]

        assert walked(legs, cost_max="98.9404").size_micro == micro("100")
        assert walked(legs, cost_max="98.940399").size_micro == micro("99")

    def test_gas_is_not_part_of_it(self):
        assert walked(self.LEGS, cost_max="9.8", gas_per_set="0.1").size_micro == micro("10")

    def test_the_size_goes_down_to_the_grid(self):
        assert walked(self.LEGS, cost_max="10").size_micro == micro("10")
        assert walked(self.LEGS, cost_max="9.79").size_micro == micro("9.5")


class TestProfit:
    LEGS = (leg("y", "0.48 x 10"), leg("n", "0.52 x 10"))

    def test_no_gap_is_no_edge(self):
        assert refused(self.LEGS).code is Refusal.EDGE_NOT_POSITIVE

    def test_an_edge_that_gas_eats_is_none_and_one_micro_more_is_one(self):
        legs = [leg("y", "0.48 x 10"), leg("n", "0.50 x 10")]

        assert refused(legs, gas_per_set="0.2").code is Refusal.EDGE_NOT_POSITIVE
        assert walked(legs, gas_per_set="0.199999").net_micro == 1

    def test_the_least_profit_is_reached_at_its_bound_and_missed_below(self):
        legs = [leg("y", "0.30 x 10"), leg("n", "0.50 x 10")]  # 2 dollars on 8

        assert walked(legs, min_profit_ratio="0.25").net_micro == micro("2")
        outcome = refused(legs, min_profit_ratio="0.250001")
        assert outcome.code is Refusal.BELOW_MIN_PROFIT
        assert "a ratio of 0.25;" in outcome.reason
        assert "0.250001 is needed" in outcome.reason

    def test_a_size_that_keeps_the_profit_is_preferred_to_one_that_dilutes_it(self):
        # 10 sets earn 10 %; 90 more would earn 1 % each and drag the ratio below 5 %.
        legs = [leg("y", "0.40 x 10", "0.49 x 90"), leg("n", "0.50 x 100")]

        walk = walked(legs, min_profit_ratio="0.05")

        assert micro("10") < walk.size_micro < micro("100")
        assert walk.net_micro * MICRO >= micro("0.05") * walk.cost_micro
        assert walked(legs).size_micro == micro("100")

    def test_a_larger_size_may_be_needed_to_carry_the_gas(self):
        legs = [leg("y", "0.45 x 100"), leg("n", "0.50 x 100")]

        walk = walked(legs, gas_per_set="1", min_profit_ratio="0.04")

        assert walk.size_micro == micro("100")
        assert refused(legs, gas_per_set="1", min_profit_ratio="0.05").code is (
            Refusal.BELOW_MIN_PROFIT
        )


class TestSlippage:
    LEGS = (leg("y", "0.50 x 4", "0.51 x 100"), leg("n", "0.40 x 100"))

    def test_levels_within_the_bound_are_used(self):
        assert walked(self.LEGS, slippage_max_ratio="0.02").size_micro == micro("100")

    def test_a_bound_that_alone_stands_in_the_way_is_named(self):
        outcome = refused(self.LEGS, slippage_max_ratio="0.019999")

        assert outcome.code is Refusal.SLIPPAGE_LIMIT
        assert "0.51 from a best ask of 0.5" in outcome.reason
        assert "a slippage of 0.02; 0.019999 is allowed" in outcome.reason

    def test_growth_stops_at_it(self):
        legs = [leg("y", "0.50 x 10", "0.51 x 100"), leg("n", "0.40 x 100")]

        assert walked(legs, slippage_max_ratio="0.01").size_micro == micro("10")

    def test_where_deeper_levels_would_not_help_either_their_reason_is_given(self):
        no_edge = [leg("y", "0.50 x 4", "0.62 x 100"), leg("n", "0.49 x 100")]
        no_depth = [leg("y", "0.50 x 4", "0.51 x 0.5"), leg("n", "0.40 x 100")]

        assert refused(no_edge, slippage_max_ratio="0").code is Refusal.EDGE_NOT_POSITIVE
        assert refused(no_depth, slippage_max_ratio="0").code is Refusal.NO_DEPTH


class TestMoreLegs:
    def test_four_no_shares_of_four_outcomes_pay_three_dollars(self):
        # E29: upstream paid one dollar per outcome.
        legs = [leg(f"n{index}", "0.74 x 10") for index in range(4)]

        walk = walked(legs, payout="3")

        assert walk.size_micro == micro("10")
        assert walk.net_micro == micro("0.4")

    def test_four_no_shares_at_98_cents_lose(self):
        legs = [leg(f"n{index}", "0.98 x 10") for index in range(4)]

        assert refused(legs, payout="3").code is Refusal.EDGE_NOT_POSITIVE

    def test_legs_of_different_ticks_share_one_grid(self):
        legs = [
            leg("a", "0.3 x 100"),
            leg("b", "0.255 x 100", tick="0.001"),
            leg("c", "0.4 x 100"),
        ]

        # 0.255 wants twos, the others less.
        assert walked(legs, cost_max="9").size_micro == micro("8")


class TestTouchEdge:
    def test_it_is_what_one_set_leaves_after_fees(self):
        asks = [(micro("0.40"), POLITICS), (micro("0.57"), POLITICS)]

        assert touch_edge(asks, MICRO) == micro("0.010596")

    def test_it_is_rounded_down(self):
        # 0.04 * 0.4001 * 0.5999 = 0.00960079...
        assert touch_edge([(micro("0.4001"), POLITICS)], MICRO) == micro("0.590299")
        assert touch_edge([(micro("0.9999"), POLITICS)], MICRO) == micro("0.000096")

    def test_it_can_be_negative(self):
        assert touch_edge([(micro("0.48"), SPORTS), (micro("0.50"), SPORTS)], MICRO) == -4_980

    def test_an_unknown_fee_makes_the_edge_unknown(self):
        assert touch_edge([(micro("0.40"), POLITICS), (micro("0.5"), None)], MICRO) is None

    def test_an_empty_side_counts_as_a_whole_dollar(self):
        assert touch_edge([(micro("0.40"), FREE), (MICRO, FREE)], 2 * MICRO) == micro("0.6")

    def test_schedules_of_different_exponents_are_added_exactly(self):
        cubed = FeeSchedule(rate_micro=MICRO, exponent=3)
        asks = [(micro("0.5"), cubed), (micro("0.4"), POLITICS)]

        # 0.1 - 0.015625 - 0.0096
        assert touch_edge(asks, MICRO) == micro("0.074775")


class TestWrongCalls:
    def test_no_legs_raise(self):
        with pytest.raises(ValueError, match="needs legs"):
            walk_sets([], bounds())

    def test_one_token_twice_raises(self):
        with pytest.raises(ValueError, match="each of another token"):
            walk_sets([leg("y", "0.4 x 10"), leg("y", "0.4 x 10")], bounds())
