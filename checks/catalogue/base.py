"""What a check is: a question with an id, asked of the machine, answered with what was seen."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, cast

from polyarb_site.clock import Clock

Found = TypeVar("Found")


class Category(StrEnum):
    """What a check is about."""

    SECURITY = "security"
    SYSTEM = "system"
    DATA = "data"
    OPERATIONS = "operations"
    DOCUMENTS = "documents"


class Priority(StrEnum):
    """How much a failure weighs: every P0 has to pass, at most two P1 may fail."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class Status(StrEnum):
    """How a check came out. Unknown counts as failed."""

    PASS = "PASS"  # noqa: S105 - a word, no password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


class Shared:
    """What several checks of one run look at: the first who asks looks, the others wait for it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._found: dict[str, object] = {}

    def once(self, name: str, look: Callable[[], Found]) -> Found:
        """Return what `look` returned for the first who asked; one that raised is asked again."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._found:
                self._found[name] = look()
            return cast("Found", self._found[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is asked about."""

    account: str
    phase: int  # that trading is to start in
    venue: str  # the feed that it is to trade on: recorded, simulator or polymarket
    now: datetime
    clock: Clock
    shared: Shared = field(default_factory=Shared, compare=False, repr=False)

    @property
    def live(self) -> bool:
        """Whether money moves in this phase."""
        return self.phase > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a check saw. `reason` is one sentence with the value seen."""

    status: Status
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)  # plain JSON, no secret
    remedy: str = ""  # overrides the check's own, for what depends on what was seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One entry of the catalogue. A phase that `priorities` does not name does not ask it."""

    id: str
    category: Category
    title: str  # what is asked, such as "The journal has no gap"
    needed: str  # what has to be seen, with its unit
    remedy: str  # one sentence, with the command or page where it can be put right
    runbook: str  # anchor of a section of docs/PRODUCTION_RUNBOOK.md
    priorities: Mapping[int, Priority]  # by phase
    look: Callable[[Scene], Seen]  # runs in a thread of its own, with its own connection
    time_ms_max: int = 3_000


ALL_PHASES = (0, 1, 2, 3)
LIVE_PHASES = (1, 2, 3)


def everywhere(priority: Priority) -> Mapping[int, Priority]:
    """Return the priority for all phases."""
    return dict.fromkeys(ALL_PHASES, priority)


def when_live(priority: Priority) -> Mapping[int, Priority]:
    """Return the priority for the live phases; phase 0 does not ask."""
    return dict.fromkeys(LIVE_PHASES, priority)


def passed(reason: str, **evidence: Any) -> Seen:
    """Return a pass."""
    return Seen(status=Status.PASS, reason=reason, evidence=evidence)


def failed(reason: str, *, remedy: str = "", **evidence: Any) -> Seen:
    """Return a failure."""
    return Seen(status=Status.FAIL, reason=reason, evidence=evidence, remedy=remedy)


def unknown(reason: str, *, remedy: str = "", **evidence: Any) -> Seen:
    """Return that it could not be seen."""
    return Seen(status=Status.UNKNOWN, reason=reason, evidence=evidence, remedy=remedy)
