"""The only code that asks the machine for the time.

Everything else is handed a Clock, so that a test can say what time it is and a replay can run a day
in seconds. The engine gets no clock at all: it is told `now_ns` with each event.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the time is, in the three forms that are asked for."""

    def now_ns(self) -> int:
        """Return the wall time as nanoseconds since 1970 UTC. It may jump when the host is set."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds since some moment. It never goes back: for ages and deadlines."""
        ...

    def now(self) -> datetime:
        """Return the wall time as an aware datetime in UTC."""
        ...


class SystemClock:
    """The machine's own time."""

    def now_ns(self) -> int:
        """Return the wall time as nanoseconds since 1970 UTC. It may jump when the host is set."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds since the host started. It never goes back."""
        return time.monotonic_ns()

    def now(self) -> datetime:
        """Return the wall time as an aware datetime in UTC."""
        return datetime.now(UTC)
