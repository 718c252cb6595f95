"""What a session's loop is made of, and what it needs of the world around it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from polyarb_site.clock import Clock
from trading.adapters.feed import FeedStatus
from trading.engine.commands import Command, RaiseAlert
from trading.engine.events import Event, HaltRequested
from trading.journal import JournalWriter
from trading.ledger import FactWriter
from trading.runtime.measures import ShiftTime


class Engine(Protocol):
    """What the loop drives."""

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """Take one event and return what has to be done."""
        ...


class Decoder(Protocol):
    """What turns frames into events."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of each kind and of each fault were seen."""
        ...

    def decode(self, raw: bytes) -> list[Event]:
        """Return the events of one frame."""
        ...


class Observer(Protocol):
    """Somebody who watches the engine from within its process, such as the alert rules.

    Told once a second of all figures by name, and of each alert that the engine raises. What it
    returns stops trading in the same call. It must not wait for anything.
    """

    def on_figures(self, figures: Mapping[str, Any], now_ns: int) -> Iterable[HaltRequested]:
        """Judge the figures of one second."""
        ...

    def on_alert(self, alert: RaiseAlert, now_ns: int) -> Iterable[HaltRequested]:
        """Hear of an alert that the engine raised."""
        ...


class Lease(Protocol):
    """Whether this process is surely still the owner."""

    account: str

    def may_work(self) -> bool:
        """Return whether it is, without asking anybody."""
        ...


class Carrier(Protocol):
    """Carries out what only real orders need. None of it may wait."""

    def carry_out(self, command: Command, now_ns: int) -> None:
        """Take a command of the engine."""
        ...

    def tick(self, now_ns: int) -> None:
        """Let time pass."""
        ...


class World(Protocol):
    """What the loop asks of its shift. None of it may wait."""

    def request_snapshot(self, condition_id: str, token_ids: tuple[str, ...]) -> None:
        """Ask the feed for whole books."""
        ...

    def halt_mandate(self, code: str, reason: str, by_name: str) -> None:
        """Make the mandate say that trading is halted, in the background."""
        ...

    def feed_status(self) -> FeedStatus | None:
        """Return how the feed is doing."""
        ...

    def more_figures(self) -> dict[str, Any]:
        """Return what else is measured once a second."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that one session's loop works with."""

    session_key: str
    engine: Engine
    decoder: Decoder
    journal: JournalWriter
    ledger: FactWriter
    lease: Lease
    world: World
    clock: Clock
    time: ShiftTime
    kill_path: Path
    tick_ms: int
    observers: tuple[Observer, ...] = ()
    live: Carrier | None = None  # None: on paper, inside the engine
