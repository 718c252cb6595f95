"""What stands before the book: the venue's mode, its rate limits, and the dead-man's heartbeat.

Source: polymarket.md sections 4 (heartbeat), 5.6 and 10.
"""

from dataclasses import dataclass

from trading.engine.units import divide_down, divide_up
from trading.simulator import answers
from trading.simulator.answers import Refusal
from trading.simulator.codes import VenueMode

MILLI = 1_000
POST_ONLY_AFTER_RESTART_MS = 120_000
HEARTBEAT_TIMEOUT_MS = 10_000
HEARTBEAT_SLACK_MS_MAX = 5_000  # the venue looks only now and then


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """How much one signer may do: orders and cancels per second, and at once.

    So many of the latest order ids of each account are remembered to refuse a repetition.
    """

    orders_per_s: int = 40
    orders_burst: int = 60
    cancels_per_s: int = 80
    cancels_burst: int = 120
    ids_max: int = 100_000
    name: str = "Standard"


STANDARD = Tier()


class TokenBucket:
    """A rate limit: refilled evenly, never above the burst, which a single cost can never pass."""

    __slots__ = ("_burst", "_level_milli", "_per_s", "_seen_ms")

    def __init__(self, per_s: int, burst: int, now_ms: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._level_milli = burst * MILLI
        self._seen_ms = now_ms

    def left(self, now_ms: int) -> tuple[int, int]:
        """Return how many tokens there are, and in how many seconds there are as many as can be."""
        self._refill(now_ms)
        missing_milli = self._burst * MILLI - self._level_milli
        return divide_down(self._level_milli, MILLI), divide_up(missing_milli, self._per_s * MILLI)

    def take(self, cost: int, now_ms: int) -> Refusal | None:
        """Take so many tokens, or return the refusal and take none."""
        self._refill(now_ms)
        missing_milli = cost * MILLI - self._level_milli
        if missing_milli > 0:
            wait_s = divide_up(missing_milli, self._per_s * MILLI)
            return Refusal(http=429, text=answers.TOO_MANY_REQUESTS, retry_after_s=wait_s)
        self._level_milli -= cost * MILLI
        return None

    def _refill(self, now_ms: int) -> None:
        grown = self._level_milli + (now_ms - self._seen_ms) * self._per_s
        self._level_milli = min(grown, self._burst * MILLI)
        self._seen_ms = now_ms

    def spend(self, cost: int) -> None:
        """Take tokens for what was done already, down to none at all."""
        self._level_milli = max(0, self._level_milli - cost * MILLI)


class Signer:
    """The limits and the heartbeat of who signs, for one account or for several."""

    __slots__ = ("cancels", "heartbeat_due_ms", "heartbeat_id", "orders", "tier")

    def __init__(self, tier: Tier, now_ms: int) -> None:
        self.tier = tier
        self.orders = TokenBucket(tier.orders_per_s, tier.orders_burst, now_ms)
        self.cancels = TokenBucket(tier.cancels_per_s, tier.cancels_burst, now_ms)
        self.heartbeat_id = ""
        self.heartbeat_due_ms = 0  # 0: never armed


class ModeGate:
    """What the venue accepts now, and until when when it knows."""

    __slots__ = ("mode", "until_ms")

    def __init__(self) -> None:
        self.mode = VenueMode.OPEN
        self.until_ms = 0

    def set(self, mode: VenueMode, until_ms: int) -> None:
        """Change the mode; `until_ms` 0 means until further notice."""
        self.mode = mode
        self.until_ms = until_ms

    def refuse_order(self, now_ms: int, *, post_only: bool) -> Refusal | None:
        """Return why a new order is refused now, or None."""
        if self.mode is VenueMode.POST_ONLY and not post_only:
            left_ms = max(0, self.until_ms - now_ms)
            return Refusal(
                http=503,
                text=answers.POST_ONLY_MODE,
                code="post_only_mode",
                retry_after_s=divide_up(left_ms, MILLI),
            )
        if self.mode is VenueMode.CANCEL_ONLY:
            return Refusal(http=503, text=answers.CANCEL_ONLY)
        return self.refuse_cancel()

    def refuse_cancel(self) -> Refusal | None:
        """Return why even a cancel is refused now, or None."""
        if self.mode is VenueMode.RESTARTING:
            return Refusal(http=425, text=answers.RESTARTING)
        if self.mode is VenueMode.DISABLED:
            return Refusal(http=503, text=answers.DISABLED)
        return None
