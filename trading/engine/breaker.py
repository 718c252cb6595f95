"""The circuit breaker: after too many failed sets nothing is tried for a while, then one at a time.

CLOSED: sets are allowed. OPEN: none until `breaker_open_ms` have passed. HALF_OPEN: exactly one
set, the probe, is let through; its success closes the breaker and forgets the past, its failure
opens it anew. Whoever opens a set says `probe_started` once it is really on its way, because a set
that risk refuses afterwards has probed nothing, and records how every opened set ended.
"""

from collections import deque
from enum import StrEnum

from trading.engine.codes import BreakerState
from trading.engine.limits import Limits
from trading.engine.units import MICRO

MS_NS = 1_000_000


class Permit(StrEnum):
    """Whether a new set may be opened."""

    ALLOW = "ALLOW"
    REFUSE_OPEN = "REFUSE_OPEN"
    REFUSE_PROBING = "REFUSE_PROBING"


class Breaker:
    """Counts how sets ended. Set `limits` whenever the mandate changes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._state = BreakerState.CLOSED
        self._ended: deque[bool] = deque()  # the last sets, True for a failed one
        self._failures_in_a_row = 0
        self._changed_ns = 0
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """The state as of the last call that carried a time."""
        return self._state

    @property
    def changed_ns(self) -> int:
        """When the state last changed, 0 for never."""
        return self._changed_ns

    @property
    def limits(self) -> Limits:
        """The bounds in force. New ones count from the next set that ends."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        self._forget_old()

    def permit(self, now_ns: int) -> Permit:
        """Say whether a new set may be opened now, after letting time act on the state."""
        if self._state is BreakerState.OPEN and self._waited(now_ns):
            self._move(BreakerState.HALF_OPEN, now_ns)
        if self._state is BreakerState.OPEN:
            return Permit.REFUSE_OPEN
        return Permit.REFUSE_PROBING if self._probing else Permit.ALLOW

    def probe_started(self) -> None:
        """A set was opened. In HALF_OPEN it is the probe, and no other may follow it."""
        if self._state is BreakerState.HALF_OPEN:
            self._probing = True

    def record(self, ok: bool, now_ns: int) -> None:
        """Take in how a set ended.

        Sets that were under way when the breaker opened end later: they are counted and do not
        close it. A failure in HALF_OPEN opens it anew even when it is not the probe's.
        """
        self._ended.append(not ok)
        self._forget_old()
        self._failures_in_a_row = 0 if ok else self._failures_in_a_row + 1
        if self._state is BreakerState.HALF_OPEN:
            if not ok:
                self._move(BreakerState.OPEN, now_ns)
            elif self._probing:
                self.reset(now_ns)
        elif self._state is BreakerState.CLOSED and not ok and self._too_many():
            self._move(BreakerState.OPEN, now_ns)

    def reset(self, now_ns: int) -> None:
        """Close the breaker and forget the past: a person did it, or a probe succeeded."""
        self._move(BreakerState.CLOSED, now_ns)
        self._ended.clear()
        self._failures_in_a_row = 0

    def _move(self, state: BreakerState, now_ns: int) -> None:
        self._state = state
        self._changed_ns = now_ns
        self._probing = False

    def _waited(self, now_ns: int) -> bool:
        return now_ns - self._changed_ns >= self._limits.breaker_open_ms * MS_NS

    def _too_many(self) -> bool:
        if self._failures_in_a_row >= self._limits.breaker_failures_max:
            return True
        ended = len(self._ended)
        # A sample that the window can never hold must not switch the ratio off.
        if ended < min(self._limits.breaker_sample_min, self._limits.breaker_window):
            return False
        return sum(self._ended) * MICRO >= self._limits.breaker_fail_ratio_micro * ended

    def _forget_old(self) -> None:
        while len(self._ended) > max(self._limits.breaker_window, 1):
            self._ended.popleft()
