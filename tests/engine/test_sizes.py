"""Which sizes the venue takes: minimum, one dollar, whole cents, depth."""

import pytest

from tests.engine.walk_builders import POLITICS, SPORTS, leg, micro, refused, walked
from trading.engine.codes import Refusal
from trading.engine.walk import smallest_set_micro


class TestVenueMinimum:
    LEGS = (leg("y", "0.48 x 100"), leg("n", "0.50 x 100"))

    def test_five_shares_at_the_middle_cost_about_five_dollars(self):
        assert smallest_set_micro(self.LEGS) == micro("5")
        assert walked(self.LEGS, cost_max="4.9").size_micro == micro("5")

    def test_a_trade_size_below_it_is_refused_and_never_raised(self):
        outcome = refused(self.LEGS, cost_max="4.899999")

        assert outcome.code is Refusal.BELOW_VENUE_MINIMUM
        assert "5 shares for 4.9 dollars" in outcome.reason
        assert "4.899999" in outcome.reason

    def test_paper_raises_to_it_and_says_so(self):
        walk = walked(self.LEGS, cost_max="1", raise_to_minimum=True)

        assert walk.raised
        assert walk.size_micro == micro("5")
        assert walk.cost_micro == micro("4.9")

    def test_nothing_is_raised_that_fits(self):
        assert not walked(self.LEGS, cost_max="4.9", raise_to_minimum=True).raised

    def test_a_cheap_leg_needs_a_dollar(self):
        legs = [leg("y", "0.04 x 100"), leg("n", "0.90 x 100")]

        assert smallest_set_micro(legs) == micro("25")
        assert refused(legs, cost_max="20").code is Refusal.BELOW_VENUE_MINIMUM
        assert walked(legs, cost_max="23.5").size_micro == micro("25")

    @pytest.mark.parametrize("minimums", [("15", "5"), ("5", "15")])
    def test_the_larger_minimum_of_the_legs_counts(self, minimums):
        first, second = minimums
        legs = [leg("y", "0.48 x 100", size_min=first), leg("n", "0.50 x 100", size_min=second)]

        assert smallest_set_micro(legs) == micro("15")

    def test_a_set_raised_without_an_edge_is_refused_for_the_edge(self):
        legs = [leg("y", "0.48 x 100", fee=SPORTS), leg("n", "0.50 x 100", fee=SPORTS)]

        outcome = refused(legs, cost_max="1", raise_to_minimum=True)

        assert outcome.code is Refusal.EDGE_NOT_POSITIVE

    def test_a_set_raised_below_the_profit_is_refused_for_the_profit(self):
        outcome = refused(self.LEGS, cost_max="1", raise_to_minimum=True, min_profit_ratio="0.0205")

        assert outcome.code is Refusal.BELOW_MIN_PROFIT

    def test_the_smallest_set_may_lie_in_a_deeper_level(self):
        legs = [
            leg("y", "0.48 x 3", "0.495 x 97", tick="0.005"),
            leg("n", "0.50 x 100", tick="0.005"),
        ]

        assert smallest_set_micro(legs) == micro("6")  # 0.495 wants even shares

    def test_without_depth_there_is_no_smallest_set(self):
        assert smallest_set_micro([leg("y", "0.48 x 4.99"), leg("n", "0.50 x 100")]) is None
        assert smallest_set_micro([leg("y"), leg("n", "0.50 x 100")]) is None
        assert smallest_set_micro([]) is None


class TestDepth:
    def test_a_leg_that_nobody_offers_is_no_depth(self):
        assert refused([leg("y", "0.40 x 10"), leg("n")]).code is Refusal.NO_DEPTH

    def test_less_than_the_smallest_set_is_no_depth(self):
        outcome = refused([leg("y", "0.48 x 4.99"), leg("n", "0.50 x 100")])

        assert outcome.code is Refusal.NO_DEPTH
        assert "4.99 shares" in outcome.reason
        assert "5 shares" in outcome.reason

    def test_exactly_the_smallest_set_is_enough(self):
        assert walked([leg("y", "0.48 x 5"), leg("n", "0.50 x 100")]).size_micro == micro("5")

    def test_a_best_ask_off_the_tick_is_an_unknown_tick(self):
        outcome = refused([leg("y", "0.485 x 10"), leg("n", "0.50 x 10")])

        assert outcome.code is Refusal.UNKNOWN_TICK
        assert "0.485" in outcome.reason


class TestRounding:
    """Six shares at 0.57 owe 0.058824 dollars in fees and are billed 0.05883."""

    LEGS = (leg("y", "0.57 x 6", fee=POLITICS), leg("n", "0.40 x 100"))

    def test_a_size_that_fits_only_before_its_fee_is_rounded_up_does_not_fit(self):
        assert walked(self.LEGS, cost_max="5.87883").size_micro == micro("6")
        assert walked(self.LEGS, cost_max="5.878829").size_micro == micro("5")

    def test_a_size_that_earns_enough_only_before_its_fee_is_rounded_up_does_not(self):
        # 0.12117 on 5.87883 and, of five shares whose fee is even, 0.10098 on 4.89902.
        assert walked(self.LEGS, min_profit_ratio="0.020611").size_micro == micro("6")
        assert walked(self.LEGS, min_profit_ratio="0.020612").size_micro == micro("5")


class TestGridBetweenLevels:
    def test_a_finer_grid_beyond_a_level_may_be_worth_a_loss_on_the_last_shares(self):
        # At 0.482 only fives are whole cents: 5 shares, or 10 of which the last tenth loses.
        legs = [
            leg("y", "0.482 x 9.9", "0.6 x 100", tick="0.001"),
            leg("n", "0.5 x 200", tick="0.001"),
        ]

        walk = walked(legs)

        assert walk.size_micro == micro("10")
        assert walk.net_micro == micro("0.1682")
        assert walked(legs, slippage_max_ratio="0.2").size_micro == micro("5")

    def test_a_losing_level_without_a_size_of_its_own_does_not_end_the_search(self):
        legs = [
            leg("y", "0.482 x 9.9", "0.6 x 0.05", "0.61 x 100", tick="0.001"),
            leg("n", "0.5 x 200", tick="0.001"),
        ]

        walk = walked(legs)

        assert walk.size_micro == micro("10")
        assert walk.net_micro == micro("0.1677")
