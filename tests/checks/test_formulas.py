"""The formulas: by hand, and against independent ones in the standard library."""

import statistics
from decimal import Decimal, getcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.criteria.formulas import (
    covered_seconds,
    daily_returns,
    days_in_a_row,
    deepest_fall,
    percentile,
    sharpe_micro,
    slippage,
)

amounts = st.integers(-50_000_000, 50_000_000)


class TestSharpe:
    def test_by_hand(self):
        # Returns of 1 % and 3 %: mean 2 %, deviation sqrt(2) %, so sqrt(2) * sqrt(365).
        assert sharpe_micro([Fraction(1, 100), Fraction(3, 100)]) == 27_018_512

    def test_a_loss_is_rounded_down_too(self):
        assert sharpe_micro([Fraction(-1, 100), Fraction(-3, 100)]) == -27_018_513

    def test_a_mean_of_nothing_is_nothing(self):
        assert sharpe_micro([Fraction(1, 100), Fraction(-1, 100)]) == 0

    @pytest.mark.parametrize(
        "returns", [[], [Fraction(1)], [Fraction(1, 9)] * 30, [Fraction(0)] * 30]
    )
    def test_without_a_deviation_there_is_none(self, returns):
        with pytest.raises(ValueError, match=r"fewer than two|are equal"):
            sharpe_micro(returns)

    @given(st.lists(st.fractions(-1, 1, max_denominator=10_000), min_size=2, max_size=40))
    def test_is_what_the_standard_library_computes(self, returns):
        if len(set(returns)) == 1:
            return
        getcontext().prec = 60
        mean = statistics.mean(returns)
        variance = statistics.variance(returns)
        ratio = Fraction(mean) ** 2 * 365 / Fraction(variance)
        root = (Decimal(ratio.numerator) / Decimal(ratio.denominator)).sqrt()
        expected = root if mean >= 0 else -root

        assert abs(Decimal(sharpe_micro(returns)) - expected * 1_000_000) <= 1
        assert sharpe_micro(returns) <= expected * 1_000_000 + Decimal("1e-20")


class TestDailyReturns:
    def test_by_hand(self):
        # 100 $ earn 10, of 110 a loss of 11; 40 paid in on the second day work on the third.
        days = [(10, 0), (-11, 40), (139, 0)]

        assert daily_returns(100, days) == [Fraction(1, 10), Fraction(-1, 10), Fraction(1)]

    @pytest.mark.parametrize("start", [0, -1])
    def test_a_day_without_capital_has_no_return(self, start):
        with pytest.raises(ValueError, match="without capital"):
            daily_returns(start, [(1, 0)])


class TestDeepestFall:
    def test_by_hand(self):
        # 100, 120, 90, 130, 104: 30 of 120 is a quarter, 26 of 130 a fifth.
        assert deepest_fall(100, [(20, 0), (-30, 0), (40, 0), (-26, 0)]) == (120, 90)

    def test_a_loss_at_the_beginning_is_a_fall(self):
        assert deepest_fall(100, [(-20, 0), (50, 0)]) == (100, 80)

    def test_a_withdrawal_is_none(self):
        assert deepest_fall(100, [(0, -60)]) == (100, 100)

    def test_what_is_paid_in_first_is_fallen_from(self):
        assert deepest_fall(0, [(0, 100), (-25, 0)]) == (100, 75)

    @given(st.lists(amounts, max_size=60))
    def test_no_pair_of_moments_is_deeper(self, moves):
        start = 3_000_000_001
        equity = [start]
        for move in moves:
            equity.append(equity[-1] + move)
        falls = [Fraction(high - low, high) for i, high in enumerate(equity) for low in equity[i:]]

        peak, bottom = deepest_fall(start, [(move, 0) for move in moves])

        assert Fraction(peak - bottom, peak) == max(falls)


class TestPercentile:
    @pytest.mark.parametrize(
        ("counts", "expected"),
        [([(7, 1)], 7), ([(10, 95), (900, 5)], 10), ([(10, 94), (900, 6)], 900)],
    )
    def test_by_hand(self, counts, expected):
        assert percentile(counts, 95) == expected

    @given(st.lists(st.integers(0, 2_000), min_size=1, max_size=200))
    def test_is_the_sorted_list_at_its_rank(self, values):
        rank = -(-len(values) * 95 // 100)

        assert percentile([(value, 1) for value in values], 95) == sorted(values)[rank - 1]

    def test_of_nothing_there_is_none(self):
        with pytest.raises(ValueError, match="nothing was measured"):
            percentile([], 95)


class TestSlippage:
    def test_by_hand(self):
        # Planned: 5 shares for 2.40, so 48 cents; bought at 49.2 cents.
        assert slippage(492_000, 2_400_000, 5_000_000) == Fraction(25, 1000)

    def test_cheaper_is_negative(self):
        assert slippage(456_000, 2_400_000, 5_000_000) == Fraction(-5, 100)

    @pytest.mark.parametrize(("cost", "size"), [(0, 5), (5, 0), (-1, 5)])
    def test_a_plan_of_nothing_has_none(self, cost, size):
        with pytest.raises(ValueError, match="no price"):
            slippage(480_000, cost, size)


class TestDaysInARow:
    LIMIT = Fraction(1, 5)

    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            ([], 0),
            ([(1, 10), (1, 10), (1, 10)], 3),
            ([(1, 10), (2, 10), (1, 10)], 1),  # exactly the limit is not below it
            ([(1, 10), (0, 0), (1, 10)], 2),  # a day without orders says nothing
            ([(1, 10), (1, 10), (9, 10)], 0),
        ],
    )
    def test_by_hand(self, days, expected):
        assert days_in_a_row(days, self.LIMIT) == expected


class TestCoveredSeconds:
    def test_by_hand(self):
        assert covered_seconds([(0, 10), (5, 12), (20, 30), (21, 22)]) == 22

    @given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12))
    def test_is_what_counting_each_second_gives(self, spans):
        seconds = {second for begin, end in spans for second in range(begin, end)}

        assert covered_seconds(spans) == len(seconds)
