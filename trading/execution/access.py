"""Whether orders can be trusted to work now: user channel, heartbeat, signer, reconciliation, mode.

Each cause has a code of its own; the gravest one is told to the engine, which opens no new sets
while there is any. What the venue accepts (its mode) is told by its refusals only, so a mode is
left again after a while, longer each time in a row: the next refusal brings it back.
"""

from trading.engine.codes import Refusal, VenueMode
from trading.engine.events import AccessChanged, Event, VenueModeChanged
from trading.execution.requests import CallFailed, FailureKind, SendHeartbeat
from trading.execution.settings import DeskSettings, backoff_ms

_GRAVEST_FIRST = (
    Refusal.SIGNER_DOWN,
    Refusal.NOT_RECONCILED,
    Refusal.USER_CHANNEL_DOWN,
    Refusal.HEARTBEAT_LOST,
    Refusal.VENUE_RATE_LIMIT,
)


class Access:
    """The causes that stand, and what was told of them. Times in ms."""

    def __init__(self, settings: DeskSettings) -> None:
        self._settings = settings
        self._causes: dict[Refusal, str] = {
            Refusal.NOT_RECONCILED: "nothing has been compared with the venue yet",
            Refusal.USER_CHANNEL_DOWN: "the user channel is not connected yet",
            Refusal.HEARTBEAT_LOST: "no heartbeat was accepted yet",
        }
        self._told: Refusal | None = Refusal.NOT_RECONCILED  # what a live engine starts with
        self._limited_until_ms = 0
        self.mode = VenueMode.OPEN
        self._mode_until_ms = 0
        self._mode_times = 0

    @property
    def problem(self) -> Refusal | None:
        """The gravest cause that stands."""
        return next((cause for cause in _GRAVEST_FIRST if cause in self._causes), None)

    @property
    def standing(self) -> tuple[str, str]:
        """Return code and words of what stands against new sets, both empty when nothing does."""
        problem = self.problem
        if problem is not None:
            return problem.value, self._causes[problem]
        if self.mode is not VenueMode.OPEN:
            return Refusal.VENUE_MODE.value, f"the venue is {self.mode.replace('_', ' ').lower()}"
        return "", ""

    def set(self, cause: Refusal, text: str) -> None:
        """Let a cause stand, or with an empty text not any more."""
        if text:
            self._causes[cause] = text
        else:
            self._causes.pop(cause, None)

    def news(self) -> list[Event]:
        """Return what the engine has to hear, once."""
        problem = self.problem
        if problem is self._told:
            return []
        self._told = problem
        text = self._causes[problem] if problem is not None else ""
        return [AccessChanged(problem=problem.value if problem else "", text=text[:200])]

    def rate_limited(self, failure: CallFailed, now_ms: int) -> None:
        """The venue asked us to stay away."""
        wait_ms = max(failure.retry_after_ms, self._settings.rate_limit_ms)
        self._limited_until_ms = max(self._limited_until_ms, now_ms + wait_ms)
        self.set(Refusal.VENUE_RATE_LIMIT, f"too many requests, {wait_ms} ms to wait")

    def mode_told(self, mode: VenueMode, failure: CallFailed, now_ms: int) -> list[Event]:
        """A refusal told what the venue accepts now."""
        settings = self._settings
        wait_ms = failure.retry_after_ms or backoff_ms(
            settings.mode_again_ms, settings.mode_again_ms_max, self._mode_times
        )
        self._mode_times += 1
        self._mode_until_ms = now_ms + wait_ms
        if mode is self.mode:
            return []
        self.mode = mode
        return [VenueModeChanged(mode=mode, text=failure.text[:200])]

    def orders_taken(self) -> None:
        """The venue took orders: whatever it refused before is over."""
        self._mode_times = 0

    def tick(self, now_ms: int) -> list[Event]:
        """Let waiting times end."""
        if self._limited_until_ms and now_ms >= self._limited_until_ms:
            self._limited_until_ms = 0
            self.set(Refusal.VENUE_RATE_LIMIT, "")
        if self.mode is not VenueMode.OPEN and now_ms >= self._mode_until_ms:
            self.mode = VenueMode.OPEN
            return [VenueModeChanged(mode=VenueMode.OPEN, text="tried again after a while")]
        return []


class Heartbeat:
    """The venue's dead-man switch: it cancels everything when we stop beating. Times in ms."""

    def __init__(self, settings: DeskSettings, access: Access) -> None:
        self._settings = settings
        self._access = access
        self._id = ""
        self._under_way = False
        self._next_ms = 0
        self._accepted_ms = 0

    def tick(self, now_ms: int) -> list[SendHeartbeat]:
        """Beat when it is time; a beat that is under way is not overtaken."""
        if self._accepted_ms and now_ms - self._accepted_ms > self._settings.heartbeat_lost_ms:
            silent_ms = now_ms - self._accepted_ms
            self._access.set(
                Refusal.HEARTBEAT_LOST, f"no heartbeat was accepted for {silent_ms // 1_000} s"
            )
        if self._under_way or now_ms < self._next_ms:
            return []
        self._under_way = True
        self._next_ms = now_ms + self._settings.heartbeat_every_ms
        return [SendHeartbeat(heartbeat_id=self._id)]

    def answered(self, result: str | CallFailed, now_ms: int) -> None:
        """Take the next id, or correct the one that the venue did not expect."""
        self._under_way = False
        if isinstance(result, str):
            self._id = result
            self._accepted_ms = now_ms
            self._access.set(Refusal.HEARTBEAT_LOST, "")
            return
        if result.kind is FailureKind.REFUSED and result.heartbeat_id != self._id:
            self._id = result.heartbeat_id
            self._next_ms = now_ms
        else:
            self._next_ms = min(self._next_ms, now_ms + self._settings.cancel_again_ms)
