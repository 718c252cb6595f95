"""The relayer's queue: one action of a wallet at a time, each on its way from new to confirmed.

Pure and seeded: what an action does when its time comes is a function that is handed in. Source:
polymarket.md section 9. How long each step takes at the venue is not on record; a minute or less.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from trading.engine.units import divide_up
from trading.simulator import answers
from trading.simulator.accounts import RevertedError
from trading.simulator.answers import Refusal

MINUTE_MS = 60_000
KEPT_MAX = 10_000  # actions that can be asked about; the oldest are forgotten


class RelayState(StrEnum):
    """How far an action is. CONFIRMED and FAILED are ends."""

    NEW = "STATE_NEW"
    EXECUTED = "STATE_EXECUTED"
    MINED = "STATE_MINED"
    CONFIRMED = "STATE_CONFIRMED"
    FAILED = "STATE_FAILED"


# Where an action goes when its time comes; only what was not executed yet can fail.
NEXT = {
    RelayState.NEW: RelayState.EXECUTED,
    RelayState.EXECUTED: RelayState.MINED,
    RelayState.MINED: RelayState.CONFIRMED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """Times in ms, drawn evenly for each step, both ends included; submissions of each owner."""

    step_ms_min: int = 300
    step_ms_max: int = 2_000
    per_minute: int = 25

    def __post_init__(self) -> None:
        """Refuse times and limits without sense; raises ValueError."""
        if not 0 <= self.step_ms_min <= self.step_ms_max:
            raise ValueError(f"not a span in ms: {self.step_ms_min} to {self.step_ms_max}")
        if self.per_minute < 1:
            raise ValueError(f"per_minute is {self.per_minute}, set it to 1 or more")


@dataclass(slots=True, kw_only=True)
class Action:
    """One submission. `run` is called once and returns the hash, or raises RevertedError."""

    transaction_id: str
    owner: str
    wallet: str
    run: Callable[[], str]
    due_ms: int
    state: RelayState = RelayState.NEW
    transaction_hash: str = ""
    error: str = ""


class RelayQueue:
    """All actions, and who may submit another one."""

    __slots__ = ("_actions", "_active", "_random", "_settings", "_submitted_ms")

    def __init__(self, random: Random, settings: RelaySettings | None = None) -> None:
        self._random = random
        self._settings = settings or RelaySettings()
        self._actions: OrderedDict[str, Action] = OrderedDict()
        self._active: dict[str, Action] = {}  # by wallet
        self._submitted_ms: dict[str, deque[int]] = {}  # by owner, of the last minute

    def count(self, owner: str, now_ms: int) -> Refusal | None:
        """Count a submission against its owner's limit, or return the refusal."""
        times = self._submitted_ms.setdefault(owner, deque())
        while times and times[0] <= now_ms - MINUTE_MS:
            times.popleft()
        if len(times) >= self._settings.per_minute:
            wait_s = divide_up(times[0] + MINUTE_MS - now_ms, 1_000)
            return Refusal(http=429, text=answers.TOO_MANY_REQUESTS, retry_after_s=wait_s)
        times.append(now_ms)
        return None

    def busy(self, wallet: str) -> Refusal | None:
        """Return the refusal of a second action of a wallet, None when it has none."""
        active = self._active.get(wallet)
        if active is None:
            return None
        return answers.bad(f"wallet busy: active action {active.transaction_id}")

    def accept(self, owner: str, wallet: str, run: Callable[[], str], now_ms: int) -> Action:
        """Take an action of a wallet that is not busy."""
        text = f"{self._random.getrandbits(128):032x}"
        action = Action(
            transaction_id="-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])),
            owner=owner,
            wallet=wallet,
            run=run,
            due_ms=now_ms + self._step_ms(),
        )
        self._actions[action.transaction_id] = self._active[wallet] = action
        if len(self._actions) > KEPT_MAX:
            self._actions.popitem(last=False)
        return action

    def find(self, transaction_id: str) -> Action | None:
        """Return an action by its id, None for one that is not known or forgotten."""
        return self._actions.get(transaction_id)

    def advance(self, now_ms: int) -> None:
        """Let every step happen that is due by then, in the order of their times."""
        while self._active:
            action = min(self._active.values(), key=lambda one: one.due_ms)
            if action.due_ms > now_ms:
                return
            self._step(action)

    def _step(self, action: Action) -> None:
        state = NEXT[action.state]
        if state is RelayState.EXECUTED:
            try:
                action.transaction_hash = action.run()
            except RevertedError as error:
                state, action.error = RelayState.FAILED, f"execution reverted: {error}"
        action.state = state
        action.due_ms += self._step_ms()
        if state not in NEXT:
            del self._active[action.wallet]

    def _step_ms(self) -> int:
        return self._random.randint(self._settings.step_ms_min, self._settings.step_ms_max)
