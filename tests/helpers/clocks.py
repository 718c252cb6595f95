"""A clock that shows what the test says."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


def to_ns(moment: datetime) -> int:
    """Return an aware datetime as nanoseconds since 1970 UTC, without a detour over floats."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


class FixedClock:
    """Stands still until it is told to move. Wall time may be set back, monotonic time may not."""

    def __init__(self, start: datetime = NOON, *, monotonic_ns: int = 1_000_000_000) -> None:
        if start.tzinfo is None:
            raise ValueError("start has no time zone; give an aware datetime")
        self._now_ns = to_ns(start)
        self._monotonic_ns = monotonic_ns

    def now_ns(self) -> int:
        """Return the wall time as nanoseconds since 1970 UTC."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """Return nanoseconds since an invented start of the host."""
        return self._monotonic_ns

    def now(self) -> datetime:
        """Return the wall time as an aware datetime in UTC, cut to microseconds."""
        return EPOCH + timedelta(microseconds=self._now_ns // 1000)

    def advance(self, step: timedelta) -> None:
        """Let time pass: both clocks move on by `step`."""
        step_ns = step // timedelta(microseconds=1) * 1000
        if step_ns < 0:
            raise ValueError(f"step is {step}: time does not pass backwards; use set_wall")
        self._now_ns += step_ns
        self._monotonic_ns += step_ns

    def set_wall(self, moment: datetime) -> None:
        """Set the wall clock, also back, as an operator or NTP does. Monotonic time stays."""
        self._now_ns = to_ns(moment)
