"""Time comes from one place, and a test can hold it still."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from polyarb_site.clock import Clock, SystemClock
from tests.helpers.clocks import EPOCH, NOON, FixedClock, to_ns


class TestSystemClock:
    def test_its_wall_time_is_now_in_utc(self):
        clock = SystemClock()

        before = datetime.now(UTC)
        seen = clock.now()
        after = datetime.now(UTC)

        assert before <= seen <= after
        assert seen.utcoffset() == timedelta(0)

    def test_its_two_wall_times_agree(self):
        clock = SystemClock()

        before_ns = clock.now_ns()
        seen_ns = to_ns(clock.now())
        after_ns = clock.now_ns()

        assert before_ns // 1000 <= seen_ns // 1000 <= after_ns // 1000

    def test_its_monotonic_time_never_goes_back(self):
        clock = SystemClock()

        readings = [clock.monotonic_ns() for _ in range(1000)]

        assert readings == sorted(readings)
        assert all(isinstance(reading, int) for reading in readings)

    def test_it_is_a_clock(self):
        clock: Clock = SystemClock()

        assert isinstance(clock.now_ns(), int)


class TestFixedClock:
    def test_it_stands_still(self):
        clock: Clock = FixedClock()

        assert clock.now() == clock.now() == NOON
        assert clock.now_ns() == clock.now_ns() == to_ns(NOON)
        assert clock.monotonic_ns() == clock.monotonic_ns()

    def test_time_passes_on_both_clocks(self):
        clock = FixedClock()
        monotonic_before_ns = clock.monotonic_ns()

        clock.advance(timedelta(seconds=1, microseconds=2))

        assert clock.now() == NOON + timedelta(seconds=1, microseconds=2)
        assert clock.monotonic_ns() - monotonic_before_ns == 1_000_002_000

    def test_time_does_not_pass_backwards(self):
        clock = FixedClock()

        with pytest.raises(ValueError, match="use set_wall"):
            clock.advance(timedelta(seconds=-1))

        assert clock.now() == NOON

    def test_a_set_wall_clock_leaves_monotonic_time_alone(self):
        clock = FixedClock()
        monotonic_before_ns = clock.monotonic_ns()

        clock.set_wall(NOON - timedelta(hours=1))

        assert clock.now() == NOON - timedelta(hours=1)
        assert clock.monotonic_ns() == monotonic_before_ns

    def test_a_start_without_a_zone_is_refused(self):
        with pytest.raises(ValueError, match="no time zone"):
            FixedClock(NOON.replace(tzinfo=None))

    def test_nanoseconds_are_exact_in_every_zone(self):
        tokyo = timezone(timedelta(hours=9))

        assert to_ns(EPOCH) == 0
        assert to_ns(datetime(2026, 10, 1, 21, 0, 0, 1, tzinfo=tokyo)) == to_ns(NOON) + 1000
