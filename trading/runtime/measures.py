"""What the runtime measures: how long decisions take, and a time that never jumps."""

from polyarb_site.clock import Clock

# Bounds of the buckets in nanoseconds: 24 to a decade, from 1 us to 10 s. A percentile is told as
# the upper bound of its bucket, so it is at most a tenth too high and never too low.
_FIRST_NS, _PER_DECADE, _DECADES = 1_000, 24, 7
BOUNDS_NS = tuple(
    round(_FIRST_NS * 10 ** (step / _PER_DECADE)) for step in range(_PER_DECADE * _DECADES + 1)
)
_BITS = 48


def _buckets() -> tuple[int, ...]:
    """Return for each bit length of a duration the first bucket that it can be in."""
    first = []
    for bits in range(_BITS + 1):
        lowest_ns = 1 << max(bits - 1, 0)
        first.append(next((i for i, b in enumerate(BOUNDS_NS) if b >= lowest_ns), len(BOUNDS_NS)))
    return tuple(first)


_START = _buckets()


class Histogram:
    """Counts durations. Adding one costs less than a microsecond."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_NS) + 1)
        self.count = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration."""
        bucket = _START[min(duration_ns.bit_length(), _BITS)]
        while bucket < len(BOUNDS_NS) and BOUNDS_NS[bucket] < duration_ns:
            bucket += 1
        self._counts[bucket] += 1
        self.count += 1

    def percentile_us(self, percent: int) -> int | None:
        """Return a percentile in whole microseconds, rounded up; None when nothing was counted."""
        if not self.count:
            return None
        wanted = -(-self.count * percent // 100)
        bucket = 0
        while (wanted := wanted - self._counts[bucket]) > 0:
            bucket += 1
        return -(-BOUNDS_NS[min(bucket, len(BOUNDS_NS) - 1)] // 1_000)

    def clear(self) -> None:
        """Begin anew."""
        self._counts = [0] * (len(BOUNDS_NS) + 1)
        self.count = 0


class ShiftTime:
    """UTC as it was when the shift began, carried on by the monotonic clock.

    Somebody who sets the host's clock would else make every book stale or every deadline wait. How
    far the wall clock has gone off since is told by `drift_ms`; a shift that finds it too much
    ends, and the next one begins with the right time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset_ns = clock.now_ns() - clock.monotonic_ns()

    def now_ns(self) -> int:
        """Return nanoseconds of UTC. Never goes back."""
        return self._clock.monotonic_ns() + self.offset_ns

    def drift_ms(self) -> int:
        """Return how far the wall clock is ahead of us, in milliseconds."""
        return (self._clock.now_ns() - self.now_ns()) // 1_000_000
