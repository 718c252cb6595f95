"""Where a fault can act. A fault is a class that answers at one or more of these seams.

Adding one means writing one class with a `kind` in a file of trading/simulation/faults. Whatever a
fault does not answer goes on as if it were not there.
"""

from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, ClassVar

from trading.execution.requests import CallFailed, OutgoingOrder, SendExit
from trading.simulation.clockwork import MS_NS

if TYPE_CHECKING:
    from trading.simulation.scenario import Scenario
    from trading.simulation.world import World


class Channel(Enum):
    """What the venue tells without being asked."""

    MARKET = "market"
    USER = "user"


class Fate(Enum):
    """What becomes of a call."""

    PASSES = "passes"
    NOT_SENT = "not sent"  # no connection: surely nothing arrived
    LOST = "lost"  # a time-out, and it never arrived
    ANSWER_LOST = "answer lost"  # a time-out, and it was done


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """How one call goes. A `refusal` is the venue's answer instead of doing it."""

    fate: Fate = Fate.PASSES
    extra_ns: int = 0  # on the way there
    refusal: CallFailed | None = None


PASSES = CallPlan()


class Fault:
    """One thing that goes wrong in a run. `kind` names it in every report."""

    kind: ClassVar[str] = ""

    def __init__(self, world: "World", chance: Random) -> None:
        self.world = world
        self.chance = chance

    @classmethod
    def adjust(cls, scenario: "Scenario", chance: Random) -> "Scenario":  # noqa: ARG003
        """Change what the run is like before it begins."""
        return scenario

    def begin(self) -> None:
        """Plan when it happens: the run begins."""

    def copies(self, channel: Channel, text: str) -> tuple[int, ...] | None:  # noqa: ARG002
        """Return for each copy of a message how much later it comes (ns), None for as usual."""
        return None

    def call(self, name: str) -> CallPlan | None:  # noqa: ARG002
        """Return what becomes of a call, None for as usual."""
        return None

    def kills(self, point: str) -> bool:  # noqa: ARG002
        """Say whether the process dies here."""
        return False

    def refused_legs(self, orders: tuple[OutgoingOrder, ...]) -> dict[str, str]:  # noqa: ARG002
        """Return errors by order hash that the venue gives for legs that it does not take."""
        return {}

    def reverts(self, wanted: SendExit) -> bool:  # noqa: ARG002
        """Say whether this exit fails on the chain."""
        return False

    def balances(self, held: dict[str, int]) -> dict[str, int] | CallFailed | None:  # noqa: ARG002
        """Return what the RPC says instead of what is held, None for the truth."""
        return None

    def lies(self) -> bool:
        """Say whether what is read from outside may be wrong now, because of this fault."""
        return False

    def stale_view(self) -> bool:
        """Say whether the venue does not look at the chain although it is asked to."""
        return False

    def signer(self) -> str | None:
        """Return why the signer does not answer, None when it does."""
        return None

    def commit_ns(self) -> int:
        """Return how much longer the database takes."""
        return 0

    # For those who write faults

    def happened(self) -> None:
        """Count that it really happened, and note it as a step."""
        self.world.fault_counts[self.kind] += 1
        self.world.log.add("FAULT", self.kind)

    def moment_ns(self) -> int:
        """Draw a moment of the trading, from the run's beginning."""
        return self.chance.randrange(self.world.scenario.trading_ms) * MS_NS


class WindowFault(Fault):
    """A fault that lasts: `active` in one or more windows of the trading."""

    windows: ClassVar[tuple[int, int]] = (1, 3)
    lasts_ms: ClassVar[tuple[int, int]] = (500, 8_000)

    def __init__(self, world: "World", chance: Random) -> None:
        super().__init__(world, chance)
        self.active = False
        self._ends_ns = 0

    def begin(self) -> None:
        """Plan the windows; the last one ends with the trading."""
        for _ in range(self.chance.randint(*self.windows)):
            self.world.clock.later(self.moment_ns(), self._start)

    def _start(self) -> None:
        world = self.world
        lasts_ns = self.chance.randint(*self.lasts_ms) * MS_NS
        ends_ns = min(world.clock.now_ns + lasts_ns, world.rest_ns)
        if ends_ns <= self._ends_ns:
            return
        self._ends_ns, before, self.active = ends_ns, self.active, True
        if not before:
            world.log.add("FAULT", f"{self.kind} begins")
            self.started()
        world.clock.later(ends_ns - world.clock.now_ns, self._end)

    def _end(self) -> None:
        if self.active and self.world.clock.now_ns >= self._ends_ns:
            self.active = False
            self.world.log.add("FAULT", f"{self.kind} ends")
            self.ended()

    def started(self) -> None:
        """A window has begun."""

    def ended(self) -> None:
        """A window is over."""


class Faults:
    """All faults of a run, asked in the order of their names at every seam."""

    def __init__(self, faults: list[Fault]) -> None:
        self._all = faults
        self._copies = [one for one in faults if type(one).copies is not Fault.copies]
        self._calls = [one for one in faults if type(one).call is not Fault.call]
        self._kills = [one for one in faults if type(one).kills is not Fault.kills]

    def begin(self) -> None:
        """Let each plan when it happens."""
        for one in self._all:
            one.begin()

    def copies(self, channel: Channel, text: str) -> tuple[int, ...]:
        """Return for each copy of a message how much later it comes."""
        for one in self._copies:
            found = one.copies(channel, text)
            if found is not None:
                return found
        return (0,)

    def call(self, name: str) -> CallPlan:
        """Return what becomes of a call."""
        for one in self._calls:
            found = one.call(name)
            if found is not None:
                return found
        return PASSES

    def kills(self, point: str) -> bool:
        """Say whether the process dies here."""
        return any(one.kills(point) for one in self._kills)

    def refused_legs(self, orders: tuple[OutgoingOrder, ...]) -> dict[str, str]:
        """Return the errors of legs that the venue does not take, by order hash."""
        found: dict[str, str] = {}
        for one in self._all:
            found |= one.refused_legs(orders)
        return found

    def reverts(self, wanted: SendExit) -> bool:
        """Say whether an exit fails on the chain."""
        return any(one.reverts(wanted) for one in self._all)

    def balances(self, held: dict[str, int]) -> dict[str, int] | CallFailed:
        """Return what the RPC says is held."""
        for one in self._all:
            found = one.balances(held)
            if found is not None:
                return found
        return held

    def lies(self) -> bool:
        """Say whether somebody may lie now."""
        return any(one.lies() for one in self._all)

    def stale_view(self) -> bool:
        """Say whether the venue does not look at the chain."""
        return any(one.stale_view() for one in self._all)

    def signer(self) -> str | None:
        """Return why the signer does not answer."""
        return next((why for one in self._all if (why := one.signer()) is not None), None)

    def commit_ns(self, usual_ns: int) -> int:
        """Return how long the database takes."""
        return usual_ns + sum(one.commit_ns() for one in self._all)
