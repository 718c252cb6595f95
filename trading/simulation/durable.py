"""Journal and database of one session: what is taken first reaches the disk, then the database.

Groups are an input with all facts that it led to, as the journal writes them: a crash loses whole
groups at the end, never the middle of one. A session that died left what reached the disk; its
successor brings that into the database before it starts.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trading.engine.facts import Fact
from trading.simulation.clockwork import MS_NS

if TYPE_CHECKING:
    from trading.simulation.world import World

DURABLE_MS_MAX = 5_000
Kept = Callable[[bool], None]


class Durable:
    """The facts of one session in their order."""

    def __init__(self, world: "World", later: Callable[[int, Callable[[], None]], None]) -> None:
        self.taken = 0  # groups
        self._world = world
        self._later = later
        self._groups: list[tuple[Fact, ...]] = []  # not committed yet
        self._committed = 0
        self._synced = 0
        self._flushing = False
        self._waiting: list[tuple[int, Kept]] = []

    def put(self, facts: tuple[Fact, ...]) -> None:
        """Take the facts of one input."""
        self.taken += 1
        self._groups.append(facts)
        self._flush()

    def keep(self, done: Kept) -> None:
        """Say when everything taken so far is committed, or that it took too long."""
        if self._committed >= self.taken:
            done(True)
            return
        told = [False]

        def once(kept: bool) -> None:
            if not told[0]:
                told[0] = True
                done(kept)

        self._waiting.append((self.taken, once))
        self._later(DURABLE_MS_MAX * MS_NS, lambda: once(False))

    @property
    def is_empty(self) -> bool:
        """Whether everything taken is committed."""
        return self._committed >= self.taken

    def close(self) -> None:
        """Commit everything: the session ends in order."""
        self._synced = self.taken
        self._commit(self.taken)

    def recover(self) -> None:
        """Bring in what a dead session left: all that surely reached the disk, perhaps more."""
        left = len(self._groups)
        surely = self._synced - self._committed
        survive = self._world.chance.randint(surely, left)
        self._commit(self._committed + survive)
        self._groups.clear()

    def _flush(self) -> None:
        if self._flushing:
            return
        self._flushing = True
        world = self._world
        self._later(world.span(world.scenario.delays.disk_us), self._sync)

    def _sync(self) -> None:
        self._synced = self.taken
        world = self._world
        delay_ns = world.faults.commit_ns(world.span(world.scenario.delays.commit_us))
        through = self.taken
        self._later(delay_ns, lambda: self._committed_through(through))

    def _committed_through(self, through: int) -> None:
        self._flushing = False
        self._commit(through)
        if self._committed < self.taken:
            self._flush()
        ready = [kept for until, kept in self._waiting if until <= self._committed]
        self._waiting = [one for one in self._waiting if one[0] > self._committed]
        for kept in ready:
            kept(True)

    def _commit(self, through: int) -> None:
        count = through - self._committed
        for group in self._groups[:count]:
            for fact in group:
                self._world.ledger.commit(fact)
        del self._groups[:count]
        self._committed = through
