"""The process dies, at a named point of a set's life or anywhere.

One class for each point, so that each is counted for itself.
"""

from typing import ClassVar

from trading.simulation.faults.registry import fault
from trading.simulation.seams import Fault

POINTS = (
    "after_prepared",
    "after_durable",
    "after_signed",
    "before_post",
    "after_post_placed",
    "after_answer",
    "after_fill",
    "before_merge",
    "merge_handed_over",
    "after_receipt",
)


class Crash(Fault):
    """Kills at some of the times that one point is passed."""

    point: ClassVar[str]
    every: ClassVar[tuple[int, int]] = (1, 25)
    times_max: ClassVar[int] = 3

    def begin(self) -> None:
        """Draw how often it is passed before the first death."""
        self._left = self.chance.randint(*self.every)
        self._times = self.chance.randint(1, self.times_max)

    def kills(self, point: str) -> bool:
        """Count the passes; at zero it is over."""
        if point != self.point or self.world.resting or not self._times:
            return False
        self._left -= 1
        if self._left:
            return False
        self._left = self.chance.randint(*self.every)
        self._times -= 1
        self.happened()
        return True


for _point in POINTS:
    fault(type(f"Crash_{_point}", (Crash,), {"kind": f"kill_{_point}", "point": _point}))


@fault
class CrashAnywhere(Crash):
    """Kills in the middle of any input, between any two commands."""

    kind = "kill_anywhere"
    point = "anywhere"
    every = (1, 4_000)
    times_max = 4
