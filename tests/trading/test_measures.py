"""Percentiles that are never too low, and a time that never jumps."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.clocks import NOON, FixedClock, to_ns
from trading.runtime.measures import BOUNDS_NS, Histogram, ShiftTime


def exact(durations, percent):
    ordered = sorted(durations)
    return ordered[-(-len(ordered) * percent // 100) - 1]


class TestHistogram:
    def test_nothing_counted_is_no_zero(self):
        assert Histogram().percentile_us(50) is None

    @given(
        st.lists(st.integers(min_value=0, max_value=9 * 10**9), min_size=1, max_size=200),
        st.sampled_from([1, 50, 95, 99, 100]),
    )
    def test_a_percentile_is_at_most_a_tenth_too_high_and_never_too_low(self, durations, percent):
        histogram = Histogram()
        for duration in durations:
            histogram.add(duration)

        told_us, true_ns = histogram.percentile_us(percent), exact(durations, percent)

        assert told_us * 1_000 >= true_ns
        assert told_us <= max(true_ns * 1.11 / 1_000, 1) + 1

    def test_beyond_the_last_bucket_it_tells_the_last_bound(self):
        histogram = Histogram()
        histogram.add(10**13)

        assert histogram.percentile_us(50) == BOUNDS_NS[-1] // 1_000

    def test_clearing_begins_anew(self):
        histogram = Histogram()
        histogram.add(5_000)
        histogram.clear()
        histogram.add(80_000)

        assert (histogram.count, histogram.percentile_us(1)) == (1, histogram.percentile_us(99))

    def test_order_makes_no_difference(self):
        durations = [random.Random(1).randrange(10**7) for _ in range(500)]
        forth, back = Histogram(), Histogram()
        for duration in durations:
            forth.add(duration)
        for duration in reversed(durations):
            back.add(duration)

        assert forth.percentile_us(95) == back.percentile_us(95)


class TestShiftTime:
    @pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=-3)])
    def test_setting_the_hosts_clock_moves_it_not_and_is_told(self, jump):
        clock = FixedClock(NOON)
        time = ShiftTime(clock)
        clock.advance(timedelta(seconds=5))
        clock.set_wall(clock.now() + jump)

        assert time.now_ns() == to_ns(NOON) + 5_000_000_000
        assert time.drift_ms() == jump // timedelta(milliseconds=1)

    def test_it_begins_at_the_wall_time(self):
        assert ShiftTime(FixedClock(NOON)).now_ns() == to_ns(NOON)
