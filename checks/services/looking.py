"""Carries out checks side by side, each within its time; what hangs is left behind.

Theory of operation. Each check looks in a thread of its own with a database connection of its own,
and puts what it saw into one queue. The caller's thread alone decides: an answer that comes after
the time of its check finds nobody waiting. A thread cannot be ended from outside, so one that hangs
stays until it ends or its process does; the threads are daemons, so that no process waits for them.
"""

import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import connections

from checks.catalogue.base import Check, Priority, Scene, Seen, Status, unknown

SIDE_BY_SIDE = 16
RUN_MS_MAX = 7_000  # all of them together: people and programs wait for it
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One check of a run: its place in the catalogue and its priority in the phase."""

    order: int
    check: Check
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one check saw, secrets included, and how long that took."""

    asked: Asked
    seen: Seen
    took_ms: int


@dataclass(slots=True)
class _Running:
    asked: Asked
    began_ns: int
    ends_ns: int


@dataclass(slots=True)
class Looking:
    """One round over checks. `batches` can be read once."""

    scene: Scene
    run_ms_max: int = RUN_MS_MAX
    side_by_side: int = SIDE_BY_SIDE
    _answers: "queue.SimpleQueue[tuple[int, Seen]]" = field(default_factory=queue.SimpleQueue)
    _running: dict[int, _Running] = field(default_factory=dict)  # by order

    def batches(self, asked: Sequence[Asked]) -> Iterator[list[Looked]]:
        """Yield what was seen, as it arrives. Ends, whatever the checks do.

        Those that may take longest begin first.
        """
        ends_ns = self._now_ns() + self.run_ms_max * NS_PER_MS
        waiting = deque(sorted(asked, key=lambda one: -one.check.time_ms_max))
        while waiting or self._running:
            while waiting and len(self._running) < self.side_by_side and self._now_ns() < ends_ns:
                self._begin(waiting.popleft(), ends_ns)
            batch = [*self._wait(), *self._overdue()]
            if self._now_ns() >= ends_ns:
                batch += [self._no_turn(one) for one in waiting]
                waiting.clear()
            if batch:
                yield batch

    def _begin(self, asked: Asked, run_ends_ns: int) -> None:
        now_ns = self._now_ns()
        ends_ns = min(now_ns + asked.check.time_ms_max * NS_PER_MS, run_ends_ns)
        self._running[asked.order] = _Running(asked=asked, began_ns=now_ns, ends_ns=ends_ns)
        threading.Thread(
            target=_look,
            args=(asked.order, asked.check, self.scene, self._answers),
            name=f"check-{asked.check.id}",
            daemon=True,
        ).start()

    def _wait(self) -> list[Looked]:
        """Wait for an answer, no longer than for the next check to be overdue; take all there."""
        if not self._running:
            return []
        next_ns = min(one.ends_ns for one in self._running.values())
        found = []
        try:
            wait_s = max(0, next_ns - self._now_ns()) / 1e9
            while True:
                order, seen = self._answers.get(timeout=wait_s)
                wait_s = 0
                running = self._running.pop(order, None)
                if running is not None:  # else its time was over
                    found.append(self._looked(running, seen))
        except queue.Empty:
            return found

    def _overdue(self) -> list[Looked]:
        now_ns = self._now_ns()
        late = [order for order, one in self._running.items() if now_ns >= one.ends_ns]
        found = []
        for order in late:
            running = self._running.pop(order)
            given_ms = (running.ends_ns - running.began_ns) // NS_PER_MS
            found.append(self._looked(running, unknown(f"did not answer within {given_ms:,} ms")))
        return found

    def _no_turn(self, asked: Asked) -> Looked:
        seen = unknown(f"its turn did not come within {self.run_ms_max:,} ms")
        return Looked(asked=asked, seen=seen, took_ms=0)

    def _looked(self, running: _Running, seen: Seen) -> Looked:
        took_ms = (self._now_ns() - running.began_ns) // NS_PER_MS
        return Looked(asked=running.asked, seen=seen, took_ms=took_ms)

    def _now_ns(self) -> int:
        return self.scene.clock.monotonic_ns()


def _look(
    order: int, check: Check, scene: Scene, answers: "queue.SimpleQueue[tuple[int, Seen]]"
) -> None:
    try:
        seen = check.look(scene)
        if seen.status not in tuple(Status):
            seen = unknown("the check gave no answer that is known")
    except Exception as error:  # noqa: BLE001 - a check that fails is an answer, and a run goes on
        seen = unknown(f"the check itself failed: {type(error).__name__}: {error}")
    finally:
        connections.close_all()  # of this thread
    answers.put((order, seen))
