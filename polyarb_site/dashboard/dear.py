"""What takes long to count is counted less often: open pages must not load the machine that trades.

What was quick is never kept. What was not is kept for twenty times as long as it took, so that
counting takes at most a twentieth of one processor, however many pages ask.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from polyarb_site.clock import Clock

T = TypeVar("T")

QUICK_NS = 50_000_000
KEPT_FACTOR = 20
KEPT_NS_MAX = 60_000_000_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Counted(Generic[T]):
    """An answer, and in how many milliseconds there can be a newer one: 0 if it is from now."""

    answer: T
    renew_ms: int


class Dear(Generic[T]):
    """The last answer to each question, while it is worth keeping. Shared by threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[int, T]] = {}  # until when, and the answer

    def ask(self, question: str, count: Callable[[], T]) -> Counted[T]:
        """Return the answer that is kept, or count it anew. One thread at a time counts.

        Who shows a kept answer asks again in its `renew_ms`: else what happened since is not
        shown until something happens again.
        """
        with self._lock:
            until_ns, answer = self._kept.get(question, (0, None))
            began_ns = self._clock.monotonic_ns()
            if answer is not None and began_ns < until_ns:
                return Counted(answer, (until_ns - began_ns) // NS_PER_MS + 1)
            fresh = count()
            now_ns = self._clock.monotonic_ns()
            took_ns = now_ns - began_ns
            self._kept.clear()  # yesterday's questions are not asked again
            if took_ns > QUICK_NS:
                kept_ns = min(took_ns * KEPT_FACTOR, KEPT_NS_MAX)
                self._kept[question] = (now_ns + kept_ns, fresh)
            return Counted(fresh, 0)
