"""The virtual clock: what is due next, and the log of what was done, with its hash.

Times are nanoseconds of UTC, as the engine counts them. Actions of the same instant run in the
order in which they were entered.
"""

import heapq
from collections import deque
from collections.abc import Callable
from hashlib import sha256
from typing import TypeAlias

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
KEPT_STEPS = 40  # shown of a run that failed

Action: TypeAlias = Callable[[], None]


class Clockwork:
    """Time, which passes only by doing what is due."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self._due: list[tuple[int, int, Action]] = []
        self._count = 0

    def later(self, delay_ns: int, action: Action) -> None:
        """Do something after a while."""
        self._count += 1
        heapq.heappush(self._due, (self.now_ns + max(0, delay_ns), self._count, action))

    def next_ns(self) -> int | None:
        """Return when something is due next, None for never."""
        return self._due[0][0] if self._due else None

    def take(self) -> Action:
        """Let time pass to what is due next and return it."""
        due_ns, _, action = heapq.heappop(self._due)
        self.now_ns = max(self.now_ns, due_ns)
        return action


class StepLog:
    """Every step of a run: the last ones to be read, all of them in one hash."""

    def __init__(self, clock: Clockwork) -> None:
        self.count = 0
        self._clock = clock
        self._began_ns = clock.now_ns
        self._last: deque[tuple[int, str, str]] = deque(maxlen=KEPT_STEPS)
        self._hash = sha256()

    def add(self, what: str, detail: str = "") -> None:
        """Note a step."""
        self.count += 1
        now_ns = self._clock.now_ns
        self._last.append((now_ns, what, detail))
        self._hash.update(f"{now_ns} {what} {detail}\n".encode())

    def mix(self, text: str) -> None:
        """Let a step count in the hash that nobody would want to read, such as a frame."""
        self._hash.update(text.encode())

    def digest(self) -> str:
        """Return the hash of all steps so far."""
        return self._hash.hexdigest()

    def last(self) -> list[str]:
        """Return the last steps in words, with the seconds since the run began."""
        return [
            f"{(at_ns - self._began_ns) // MS_NS / 1_000:>9.3f} s  {what:<14} {detail}"
            for at_ns, what, detail in self._last
        ]
