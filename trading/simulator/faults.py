"""What goes wrong on purpose: the seams at which a fault may meddle, and those that do so now.

A seam is a method of Fault that changes nothing there. Faults are begun one by one and are over
after so many occasions or so much time; the same faults at the same times with the same seed do the
same. Trades and balances of the invented flow are never meddled with. The kinds that exist are in
fault_kinds.py.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeVar

from trading.engine.codes import TradeState
from trading.simulator.answers import Refusal
from trading.simulator.records import UserMessage

if TYPE_CHECKING:
    from trading.simulator.local_venue import LocalVenue

Timetable: TypeAlias = tuple[tuple[int, TradeState], ...]  # (at_ms, state) in order
Frames: TypeAlias = list[tuple[str, str]]  # (condition_id, frame)
ACTIVE_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Instead of an answer: the connection is dropped, or hangs until the client leaves."""

    hangs: bool = False


class FaultError(ValueError):
    """What was asked for is no fault; the message names the field and what it may be."""


@dataclass(kw_only=True)
class Fault:
    """One thing that goes wrong. Without `ms` (of its duration) it does not end by time."""

    kind: ClassVar[str] = ""
    ms: int = 0
    count: int = 0  # occasions; 0: no limit
    _until_ms: int = 0
    _had: int = 0

    def begin(self, venue: "LocalVenue", now_ms: int) -> None:
        """Begin now; what has its effect at once has it here. Raises FaultError."""
        self._until_ms = now_ms + self.ms if self.ms else 0

    def is_over(self, now_ms: int) -> bool:
        """Say whether it meddles no more."""
        done = self.count and self._had >= self.count
        return bool(done or (self._until_ms and now_ms >= self._until_ms))

    def had(self) -> None:
        """Count one occasion."""
        self._had += 1

    # The seams

    def request(self, method: str, path: str) -> Refusal | Lost | None:
        """Return what a private request gets instead of being done, None to let it be done."""
        return None

    def answer(self, method: str, path: str) -> Lost | None:
        """Return what a request gets instead of its answer, None for the answer."""
        return None

    def leg(self, index: int) -> str:
        """Return why a leg of a batch is refused, empty when it is not; they count from 0."""
        return ""

    def settlement(self, plan: Timetable) -> Timetable:
        """Return when a new trade of a user moves, and to what."""
        return plan

    def hides_chain(self) -> bool:
        """Say whether the venue does not see now what a trade changed on the chain."""
        return False

    def market_frames(self, frames: Frames) -> Frames:
        """Return what of these is published."""
        return frames

    def user_messages(
        self,
        messages: list[UserMessage],
        random: Random,
        now_ms: int,
    ) -> list[UserMessage]:
        """Return what of these, and of what was kept back before, users are told."""
        return messages


KINDS: dict[str, type[Fault]] = {}
_Kind = TypeVar("_Kind", bound=type[Fault])


def fault(kind: str) -> Callable[[_Kind], _Kind]:
    """Let a class be begun by its kind."""

    def register(made: _Kind) -> _Kind:
        made.kind = kind
        KINDS[kind] = made
        return made

    return register


class Faults:
    """The faults of one venue. Until `users` is set nobody is one."""

    def __init__(self, random: Random) -> None:
        self.users: Set[str] = frozenset()
        self._random = random
        self._active: list[Fault] = []

    def begin(self, made: Fault, venue: "LocalVenue", now_ms: int) -> None:
        """Begin a fault; raises FaultError when it makes no sense or there are too many."""
        if len(self.active(now_ms)) >= ACTIVE_MAX:
            raise FaultError(f"{ACTIVE_MAX} faults go on already; end them first")
        made.begin(venue, now_ms)
        self._active.append(made)

    def end_all(self) -> None:
        """Let nothing go wrong any more, except what had its effect at once."""
        self._active.clear()

    def active(self, now_ms: int) -> list[Fault]:
        """Return what goes wrong now, in the order in which it was begun."""
        self._active = [one for one in self._active if not one.is_over(now_ms)]
        return self._active.copy()

    def request(self, method: str, path: str, now_ms: int) -> Refusal | Lost | None:
        """Return what a private request gets instead of being done, None to let it be done."""
        for one in self.active(now_ms):
            if (instead := one.request(method, path)) is not None:
                return instead
        return None

    def answer(self, method: str, path: str, now_ms: int) -> Lost | None:
        """Return what a request gets instead of its answer, None for the answer."""
        for one in self.active(now_ms):
            if (instead := one.answer(method, path)) is not None:
                return instead
        return None

    def leg(self, index: int, now_ms: int) -> str:
        """Return why a leg of a batch is refused, empty when it is not."""
        return next((text for one in self.active(now_ms) if (text := one.leg(index))), "")

    def settlement(self, plan: Timetable, parties: Set[str], now_ms: int) -> Timetable:
        """Return when a new trade moves, and to what."""
        if parties & self.users:
            for one in self.active(now_ms):
                plan = one.settlement(plan)
        return plan

    def hides_chain(self, account_id: str, now_ms: int) -> bool:
        """Say whether the venue does not see now what a trade changed in an account."""
        return account_id in self.users and any(one.hides_chain() for one in self.active(now_ms))

    def market_frames(self, frames: Frames, now_ms: int) -> Frames:
        """Return what of these is published."""
        for one in self.active(now_ms):
            frames = one.market_frames(frames)
        return frames

    def user_messages(self, messages: list[UserMessage], now_ms: int) -> list[UserMessage]:
        """Return what users are told now."""
        for one in self.active(now_ms):
            messages = one.user_messages(messages, self._random, now_ms)
        return messages
