"""What the engine keeps about one market, and about one neg-risk event of several markets."""

from dataclasses import dataclass, field

from trading.engine.book import Book
from trading.engine.codes import MarketState
from trading.engine.market import MarketSpec
from trading.engine.walk import LegBook


@dataclass(slots=True)
class Episode:
    """One gap for as long as it stands unchanged: the same verdict on the same prices and sizes."""

    opportunity_id: str
    key: tuple[object, ...]
    frames: int = 1
    last_seen_ns: int = 0


@dataclass(slots=True)
class Watch:
    """One watched market: its parameters, both books, and what is going on in it."""

    spec: MarketSpec
    books: tuple[Book, Book]
    state: MarketState = MarketState.OPEN
    stale: bool = False
    resync_ns: int = 0  # when a snapshot was last asked for
    gap_since_ns: int = 0  # 0: no gap now
    episode: Episode | None = None
    set_id: str = ""  # the open set, at most one per market
    cooldown_until_ns: int = 0
    event: "EventWatch | None" = None

    @property
    def ready(self) -> bool:
        """Whether both books are valid and not stale."""
        first, second = self.books
        return not (self.stale or first.invalid_reason or second.invalid_reason)


@dataclass(slots=True)
class EventWatch:
    """One neg-risk event: its markets in a fixed order, and the gap in it."""

    event_id: str
    legs_total: int
    augmented: bool
    watches: list[Watch] = field(default_factory=list)
    resync_ns: int = 0
    gap_since_ns: int = 0
    episode: Episode | None = None
    set_id: str = ""
    cooldown_until_ns: int = 0


def new_watch(spec: MarketSpec) -> Watch:
    """Return a watch with two books that wait for their snapshots."""
    yes, no = spec.token_ids
    return Watch(spec=spec, books=(Book(yes), Book(no)))


def leg_book(watch: Watch, index: int) -> LegBook | None:
    """Return what walking needs of one token's book, or None when the fee is unknown."""
    spec = watch.spec
    if spec.fee is None:
        return None
    book = watch.books[index]
    return LegBook(
        token_id=book.token_id,
        asks=book.asks_left(),
        fee=spec.fee,
        tick_micro=spec.tick_micro,
        min_order_size_micro=spec.min_order_size_micro,
    )
