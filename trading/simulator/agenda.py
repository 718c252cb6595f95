"""What is due later, in the order in which it is due. The only time is the one handed in."""

import heapq
from collections.abc import Callable
from typing import TypeAlias

Action: TypeAlias = Callable[[int], None]  # called with the time at which it was due, in ms


class Agenda:
    """Actions by due time; those of the same millisecond run in the order they were entered."""

    __slots__ = ("_count", "_due", "now_ms")

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._due: list[tuple[int, int, Action]] = []
        self._count = 0

    def at(self, due_ms: int, action: Action) -> None:
        """Enter an action; what is due already runs with the next advance."""
        self._count += 1
        heapq.heappush(self._due, (due_ms, self._count, action))

    def advance(self, now_ms: int) -> None:
        """Run all that is due up to and at a time; raises ValueError when time runs backwards."""
        if now_ms < self.now_ms:
            raise ValueError(f"time runs backwards: {now_ms} after {self.now_ms}")
        while self._due and self._due[0][0] <= now_ms:
            due_ms, _, action = heapq.heappop(self._due)
            self.now_ms = max(self.now_ms, due_ms)
            action(self.now_ms)
        self.now_ms = now_ms

    def next_ms(self) -> int | None:
        """Return when the next action is due, None when there is none."""
        return self._due[0][0] if self._due else None
