"""The kinds of faults: a new one is a small class here with the decorator `fault`.

Its fields are what whoever begins it may say, by their names; `kind` says which class it is.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from random import Random
from typing import TYPE_CHECKING, Any

from trading.engine.codes import TradeState
from trading.simulator import answers
from trading.simulator.accounts import RevertedError
from trading.simulator.answers import Refusal
from trading.simulator.codes import VenueMode
from trading.simulator.faults import KINDS, Fault, FaultError, Frames, Lost, Timetable, fault
from trading.simulator.records import UserMessage

if TYPE_CHECKING:
    from trading.simulator.local_venue import LocalVenue

ORDER_PATHS = frozenset({"/order", "/orders"})
NUMBER_MAX = 86_400_000  # of ms or of occasions
_NAMES = {"int": int, "str": str, "bool": bool}


def make_fault(said: Mapping[str, Any]) -> Fault:
    """Return the fault that a mapping describes; raises FaultError naming what is wrong."""
    made = KINDS.get(str(said.get("kind")))
    if made is None:
        raise FaultError(f"kind is {said.get('kind')!r}, set it to one of {', '.join(KINDS)}")
    known = {one.name: one for one in fields(made) if not one.name.startswith("_")}
    for name, value in said.items():
        if name == "kind":
            continue
        if name not in known:
            raise FaultError(f"{name} is unknown to {made.kind}, which knows {', '.join(known)}")
        kind = _NAMES[str(getattr(known[name].type, "__name__", known[name].type))]
        if type(value) is not kind:
            raise FaultError(f"{name} is {value!r}, it has to be {kind.__name__}")
        if isinstance(value, int) and not 0 <= value <= NUMBER_MAX:
            raise FaultError(f"{name} is {value}, set it to 0 to {NUMBER_MAX}")
    for name, one in known.items():
        if one.default is MISSING and name not in said:
            raise FaultError(f"{name} is missing for {made.kind}")
    return made(**{name: value for name, value in said.items() if name != "kind"})


@fault("mode")
@dataclass(kw_only=True)
class Mode(Fault):
    """The venue restarts, or takes only some requests, or none."""

    mode: str

    def begin(self, venue: "LocalVenue", now_ms: int) -> None:
        """Change the mode, for a while or until the next change."""
        super().begin(venue, now_ms)
        if self.mode not in VenueMode.__members__:
            raise FaultError(f"mode is {self.mode!r}, set it to one of {', '.join(VenueMode)}")
        venue.exchange.set_mode(VenueMode(self.mode), now_ms, self.ms)


@fault("hold")
@dataclass(kw_only=True)
class Hold(Fault):
    """Limit orders of all users only rest in one market for a while, even when they cross."""

    condition_id: str

    def begin(self, venue: "LocalVenue", now_ms: int) -> None:
        """Hold the market."""
        super().begin(venue, now_ms)
        if self.condition_id not in venue.markets:
            raise FaultError(f"condition_id {self.condition_id!r} is no market of this venue")
        venue.exchange.hold(self.condition_id, venue.records.users, now_ms, self.ms)


@fault("resolve")
@dataclass(kw_only=True)
class Resolve(Fault):
    """A market ends before anybody expected it, and a token of it wins."""

    token_id: str
    count: int = 1

    def begin(self, venue: "LocalVenue", now_ms: int) -> None:
        """Resolve the market of the token."""
        super().begin(venue, now_ms)
        if venue.condition_of(self.token_id) is None:
            raise FaultError(f"token_id {self.token_id!r} is no token of this venue")
        try:
            venue.resolve(self.token_id, now_ms)
        except RevertedError as error:
            raise FaultError(f"token_id: {error}") from error
        self.had()


@fault("lag_leg")
@dataclass(kw_only=True)
class LagLeg(Fault):
    """Nothing is published about one token for a while, then all of it."""

    token_id: str

    def begin(self, venue: "LocalVenue", now_ms: int) -> None:
        """Let one token be late."""
        super().begin(venue, now_ms)
        condition_id = venue.condition_of(self.token_id)
        if condition_id is None:
            raise FaultError(f"token_id {self.token_id!r} is no token of this venue")
        venue.markets[condition_id].publisher.lag(self.token_id, now_ms + self.ms)


@dataclass(kw_only=True)
class _OnRequests(Fault):
    """Of the requests with a method and a path; left out: those that place orders."""

    count: int = 1
    method: str = "POST"
    path: str = ""

    def concerns(self, method: str, path: str) -> bool:
        """Say whether it meddles with a request."""
        paths = {self.path} if self.path else ORDER_PATHS
        return method == self.method and path in paths


@fault("request_lost")
@dataclass(kw_only=True)
class RequestLost(_OnRequests):
    """The connection is gone before the request is done."""

    hangs: bool = False

    def request(self, method: str, path: str) -> Lost | None:
        """Lose the request."""
        if not self.concerns(method, path):
            return None
        self.had()
        return Lost(hangs=self.hangs)


@fault("answer_lost")
@dataclass(kw_only=True)
class AnswerLost(_OnRequests):
    """The request is done, and the connection is gone before the answer."""

    hangs: bool = False

    def answer(self, method: str, path: str) -> Lost | None:
        """Lose the answer."""
        if not self.concerns(method, path):
            return None
        self.had()
        return Lost(hangs=self.hangs)


@fault("too_many_requests")
@dataclass(kw_only=True)
class TooManyRequests(_OnRequests):
    """The venue says 429 although nobody was too fast."""

    retry_after_s: int = 1

    def request(self, method: str, path: str) -> Refusal | None:
        """Refuse the request."""
        if not self.concerns(method, path):
            return None
        self.had()
        text = answers.TOO_MANY_REQUESTS
        return Refusal(http=429, text=text, retry_after_s=self.retry_after_s)


@fault("refuse_leg")
@dataclass(kw_only=True)
class RefuseLeg(Fault):
    """One leg of the next batches is refused inside a success."""

    count: int = 1
    leg_number: int = 0  # from 0
    text: str = answers.NOT_INSERTED

    def leg(self, index: int) -> str:
        """Refuse the leg."""
        if index != self.leg_number:
            return ""
        self.had()
        return self.text


@fault("fail_settlement")
@dataclass(kw_only=True)
class FailSettlement(Fault):
    """Trades are retried and fail."""

    count: int = 1

    def settlement(self, plan: Timetable) -> Timetable:
        """Let the trade fail when it would have been confirmed."""
        self.had()
        return ((plan[0][0], TradeState.RETRYING), (plan[-1][0], TradeState.FAILED))


@fault("retry_settlement")
@dataclass(kw_only=True)
class RetrySettlement(Fault):
    """Trades are retried once and then mined, `later_ms` later."""

    count: int = 1
    later_ms: int = 5_000

    def settlement(self, plan: Timetable) -> Timetable:
        """Let the trade be retried."""
        self.had()
        mined = ((at_ms + self.later_ms, state) for at_ms, state in plan)
        return (
            (plan[0][0], TradeState.RETRYING),
            *(step for step in mined if step[1] is not TradeState.RETRYING),
        )


@fault("slow_settlement")
@dataclass(kw_only=True)
class SlowSettlement(Fault):
    """Trades are settled later."""

    count: int = 1
    later_ms: int = 30_000

    def settlement(self, plan: Timetable) -> Timetable:
        """Let everything come later."""
        self.had()
        return tuple((at_ms + self.later_ms, state) for at_ms, state in plan)


@fault("stale_view")
@dataclass(kw_only=True)
class StaleView(Fault):
    """The venue sees a balance only when it is asked to look."""

    def hides_chain(self) -> bool:
        """Let the view be what it was."""
        self.had()
        return True


@fault("silent_market")
@dataclass(kw_only=True)
class SilentMarket(Fault):
    """The market channel is open and says nothing; what it would have said is lost."""

    def market_frames(self, frames: Frames) -> Frames:
        """Lose all frames."""
        return []


@fault("silent_user")
@dataclass(kw_only=True)
class SilentUser(Fault):
    """The user channel is open and says nothing; what it would have said is lost."""

    def user_messages(
        self, messages: list[UserMessage], random: Random, now_ms: int
    ) -> list[UserMessage]:
        """Lose all messages."""
        return []


@fault("drop_user")
@dataclass(kw_only=True)
class DropUser(Fault):
    """The next messages of the user channel are lost."""

    count: int = 1

    def user_messages(
        self, messages: list[UserMessage], random: Random, now_ms: int
    ) -> list[UserMessage]:
        """Lose so many."""
        lost = min(len(messages), self.count - self._had)
        self._had += lost
        return messages[lost:]


@fault("duplicate_user")
@dataclass(kw_only=True)
class DuplicateUser(Fault):
    """Messages of the user channel are said twice."""

    def user_messages(
        self, messages: list[UserMessage], random: Random, now_ms: int
    ) -> list[UserMessage]:
        """Say each twice."""
        self._had += len(messages)
        return [message for message in messages for _ in range(2)]


@fault("delay_user")
@dataclass(kw_only=True)
class DelayUser(Fault):
    """Messages of the user channel are said `later_ms` later, in their order."""

    later_ms: int = 2_000

    def __post_init__(self) -> None:
        """Begin with nothing kept back."""
        self._waiting: list[tuple[int, UserMessage]] = []

    def is_over(self, now_ms: int) -> bool:
        """Say whether it meddles no more, and has said all that it kept back."""
        return super().is_over(now_ms) and not self._waiting

    def user_messages(
        self, messages: list[UserMessage], random: Random, now_ms: int
    ) -> list[UserMessage]:
        """Keep these back, and say what is due."""
        self._had += len(messages)
        later_ms = 0 if super().is_over(now_ms) else self.later_ms
        # What comes after the end still waits for what came before it.
        due_ms = max([now_ms + later_ms, *(one[0] for one in self._waiting)])
        self._waiting += [(due_ms, message) for message in messages]
        due = [message for due_ms, message in self._waiting if due_ms <= now_ms]
        self._waiting = self._waiting[len(due) :]
        return due


@fault("reorder_user")
@dataclass(kw_only=True)
class ReorderUser(DelayUser):
    """Messages of the user channel come in any order, within `later_ms`."""

    def user_messages(
        self, messages: list[UserMessage], random: Random, now_ms: int
    ) -> list[UserMessage]:
        """Keep each back for a time of its own."""
        self._had += len(messages)
        later_ms = 0 if Fault.is_over(self, now_ms) else self.later_ms
        self._waiting += [(now_ms + random.randint(0, later_ms), one) for one in messages]
        random.shuffle(self._waiting)
        due = [message for due_ms, message in self._waiting if due_ms <= now_ms]
        self._waiting = [one for one in self._waiting if one[0] > now_ms]
        return due
