"""The orders that left us, or may have: what the venue said of each, and when to ask again.

Nothing here decides by time alone. An order whose outcome is unknown is over when the venue shows
it, shows its trades, or has said several times, completely and late enough, that it has neither.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from trading.engine.codes import Side, TradeState
from trading.engine.events import TradeUpdate
from trading.execution.settings import DeskSettings, backoff_ms

_SETTLED = frozenset({TradeState.CONFIRMED, TradeState.FAILED})


@dataclass(slots=True, kw_only=True)
class Tracked:
    """One order. Times in ms of UTC; `sent_ms` is when it can have left at the latest."""

    order_id: str
    order_hash: str
    condition_id: str
    token_id: str
    side: Side
    size_micro: int
    sent_ms: int
    unknown_ms: int = 0  # since when nobody knows, and nothing more of it can leave
    answered: bool = False  # False: its batch is still under way
    unknown: bool = False
    resting: bool = False
    closed: bool = False  # nothing more can match
    matched_micro: int = 0  # as told, with or without fills
    absent_reads: int = 0
    looks: int = 0
    next_look_ms: int = 0
    fills: dict[str, TradeUpdate] = field(default_factory=dict)

    @property
    def filled_micro(self) -> int:
        """Shares of all fills that are known, also failed ones."""
        return sum(fill.size_micro for fill in self.fills.values())

    @property
    def is_open(self) -> bool:
        """Whether the venue may still have it."""
        return not self.closed

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected: closed, every fill known and settled."""
        settled = all(fill.state in _SETTLED for fill in self.fills.values())
        return self.closed and self.filled_micro >= self.matched_micro and settled

    def close(self, matched_micro: int) -> None:
        """Take the venue's word that it is out of the book, with its final total."""
        self.closed = self.answered = True
        self.unknown = self.resting = False
        self.matched_micro = max(self.matched_micro, matched_micro, self.filled_micro)


class Tracking:
    """All orders of a desk by id and by hash; the ended ones are kept for late news."""

    def __init__(self, settings: DeskSettings) -> None:
        self._settings = settings
        self._by_id: dict[str, Tracked] = {}
        self._ids: dict[str, str] = {}  # by hash, open and ended
        self._ended: dict[str, Tracked] = {}  # by id, oldest first

    @property
    def ids_by_hash(self) -> dict[str, str]:
        """Order ids by hash, of all orders that are or were ours."""
        return self._ids

    def add(self, order: Tracked) -> None:
        """Follow an order."""
        self._by_id[order.order_id] = order
        self._ids[order.order_hash] = order.order_id

    def by_hash(self, order_hash: str) -> Tracked | None:
        """Return an order of ours, also one that is over."""
        order_id = self._ids.get(order_hash)
        if order_id is None:
            return None
        return self.any(order_id)

    def by_id(self, order_id: str) -> Tracked | None:
        """Return an order that is followed."""
        return self._by_id.get(order_id)

    def any(self, order_id: str) -> Tracked | None:
        """Return an order, also one that is over."""
        return self._by_id.get(order_id) or self._ended.get(order_id)

    def open_orders(self) -> list[Tracked]:
        """Return those that the venue may still have."""
        return [one for one in self._by_id.values() if one.is_open]

    def followed(self) -> Iterable[Tracked]:
        """Return all that are not over."""
        return self._by_id.values()

    def settle(self, order: Tracked) -> None:
        """Stop asking after an order that is over."""
        if not order.is_over or order.order_id not in self._by_id:
            return
        del self._by_id[order.order_id]
        self._ended[order.order_id] = order
        while len(self._ended) > self._settings.ended_kept_max:
            oldest = self._ended.pop(next(iter(self._ended)))
            del self._ids[oldest.order_hash]

    def plan_look(self, order: Tracked, now_ms: int, *, blind: bool) -> None:
        """Set when an order has to be asked after, by what is missing of it."""
        settings = self._settings
        if order.unknown:
            wait_ms = backoff_ms(settings.look_again_ms, settings.look_again_ms_max, order.looks)
            wait_ms = wait_ms if order.looks else 0
        elif order.closed and order.filled_micro < order.matched_micro:
            wait_ms = settings.fills_after_ms
        else:
            wait_ms = settings.blind_look_ms if blind else settings.settling_look_ms
        order.next_look_ms = now_ms + wait_ms

    def due(self, now_ms: int) -> Iterator[Tracked]:
        """Yield what has to be asked after now."""
        for order in self._by_id.values():
            if order.answered and order.next_look_ms <= now_ms:
                yield order

    def since_s(self, orders: Iterable[Tracked]) -> int:
        """Return since when trades of these orders can exist, in seconds of the venue's clock."""
        first_ms = min((order.sent_ms for order in orders), default=0)
        return max(0, first_ms // 1_000 - self._settings.clock_skew_s)
