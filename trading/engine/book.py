"""One token's order book: levels, the best of each side, integrity, and what paper fills took.

A book is a dict of price to size a side plus the best price: measured against sorted containers and
arrays of slots, this is the fastest form that also holds ticks of 0.0001. It is sorted only when
a walk is due, which is rare.

Integrity: the venue sends its own best bid and ask with every change. A book that disagrees, that
is told to remove a level it does not have, or that sees an older instant after a newer one has
missed something. Such a book is not repaired by guessing: it is invalid until the next snapshot.
"""

from trading.engine.events import BookDelta, BookSnapshot, Levels
from trading.engine.units import MICRO

PENDING_MAX = 512  # messages kept while a snapshot is awaited; more than that waits for a newer one


class Book:
    """The book of one token. Prices and sizes in millionths, `venue_ms` of the last change."""

    __slots__ = (
        "asks",
        "best_ask",
        "best_bid",
        "bids",
        "invalid_reason",
        "pending",
        "read_ns",
        "taken",
        "taken_bids",
        "token_id",
        "updated_ns",
        "venue_ms",
    )

    def __init__(self, token_id: str) -> None:
        self.token_id = token_id
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.best_bid = 0
        self.best_ask = MICRO
        self.venue_ms = 0
        self.updated_ns = 0
        self.read_ns = 0  # when a control read last agreed with or replaced this book
        self.invalid_reason = "no snapshot yet"  # empty: valid
        self.pending: list[BookDelta] = []
        # Paper fills take liquidity that the venue still shows: price to size taken, of asks and of
        # bids. It stays taken until the level leaves the book.
        self.taken: dict[int, int] = {}
        self.taken_bids: dict[int, int] = {}

    def invalidate(self, reason: str) -> None:
        """Trust nothing in this book until a snapshot."""
        if not self.invalid_reason:
            self.pending.clear()
        self.invalid_reason = reason
        self.bids.clear()
        self.asks.clear()
        self.best_bid = 0
        self.best_ask = MICRO

    def load(self, snapshot: BookSnapshot, now_ns: int) -> bool:
        """Replace the book; deltas that came after the snapshot's instant are applied again.

        Returns False when the snapshot is older than what a valid book already holds, or older than
        deltas that could not be kept: then nothing changes.
        """
        if not self.invalid_reason and snapshot.venue_ms < self.venue_ms:
            return False
        pending = self.pending
        if len(pending) >= PENDING_MAX and snapshot.venue_ms < pending[-1].venue_ms:
            return False
        self.bids = dict(snapshot.bids)
        self.asks = dict(snapshot.asks)
        self.best_bid = max(self.bids, default=0)
        self.best_ask = min(self.asks, default=MICRO)
        self.venue_ms = snapshot.venue_ms
        self.updated_ns = now_ns
        if snapshot.from_read:
            self.read_ns = now_ns
        self.invalid_reason = ""
        if self.taken:
            self.taken = {p: size for p, size in self.taken.items() if p in self.asks}
        if self.taken_bids:
            self.taken_bids = {p: size for p, size in self.taken_bids.items() if p in self.bids}
        if pending:
            self.pending = []
            for delta in pending:
                if delta.venue_ms > snapshot.venue_ms:  # the snapshot has its own instant already
                    for token_id, is_ask, price, size, _, _ in delta.changes:
                        if token_id == self.token_id:
                            self.change(is_ask, price, size)
                    self.venue_ms = delta.venue_ms
        return True

    def change(self, is_ask: bool, price: int, size: int) -> bool:
        """Apply one level; returns False when it removes a level that we do not have."""
        levels = self.asks if is_ask else self.bids
        if size:
            levels[price] = size
            if is_ask:
                if price < self.best_ask:
                    self.best_ask = price
            elif price > self.best_bid:
                self.best_bid = price
            return True
        if levels.pop(price, None) is None:
            return False
        if is_ask:
            if price == self.best_ask:
                self.best_ask = min(levels, default=MICRO)
            if self.taken:
                self.taken.pop(price, None)
        else:
            if price == self.best_bid:
                self.best_bid = max(levels, default=0)
            if self.taken_bids:
                self.taken_bids.pop(price, None)
        return True

    def keep(self, delta: BookDelta) -> None:
        """Remember a message that came while this book waits for its snapshot."""
        if len(self.pending) < PENDING_MAX:
            self.pending.append(delta)
        else:
            self.pending[-1] = delta

    def asks_left(self) -> Levels:
        """Asks best first, less what paper fills already took."""
        return tuple(sorted(_left(self.asks, self.taken)))

    def bids_left(self) -> Levels:
        """Bids best first, less what paper fills already took."""
        return tuple(sorted(_left(self.bids, self.taken_bids), reverse=True))


def _left(levels: dict[int, int], taken: dict[int, int]) -> Levels:
    if not taken:
        return tuple(levels.items())
    left = ((price, size - taken.get(price, 0)) for price, size in levels.items())
    return tuple((price, size) for price, size in left if size > 0)


def take_asks(book: Book, sibling: Book, price_micro: int, size_micro: int) -> None:
    """A paper fill took this much of an ask, which the sibling's book shows as a bid."""
    _take(book.taken, price_micro, size_micro)
    _take(sibling.taken_bids, MICRO - price_micro, size_micro)


def take_bids(book: Book, sibling: Book, price_micro: int, size_micro: int) -> None:
    """A paper fill took this much of a bid, which the sibling's book shows as an ask."""
    _take(book.taken_bids, price_micro, size_micro)
    _take(sibling.taken, MICRO - price_micro, size_micro)


def _take(taken: dict[int, int], price_micro: int, size_micro: int) -> None:
    taken[price_micro] = taken.get(price_micro, 0) + size_micro


def apply_delta(first: Book, second: Book, delta: BookDelta, now_ns: int) -> str:
    """Apply one message to the books of its market; return what is wrong, or an empty text.

    After all changes of a token the venue's own best bid and ask must be ours. A token that is not
    of this market is an error too: somebody mixed up ids.
    """
    venue_ms = delta.venue_ms
    first_id, second_id = first.token_id, second.token_id
    problem = ""
    agreed = True
    for token_id, is_ask, price, size, bid, ask in delta.changes:
        if token_id == first_id:
            book = first
        elif token_id == second_id:
            book = second
        else:
            problem = f"a change of token {token_id:.20} that is not of this market"
            continue
        if book.invalid_reason:
            agreed = False
            continue
        if venue_ms < book.venue_ms or not book.change(is_ask, price, size):
            problem = "a level was removed that we did not have"
            if venue_ms < book.venue_ms:
                problem = "an older instant came after a newer one"
            book.invalidate(problem)
            continue
        book.venue_ms = venue_ms
        book.updated_ns = now_ns
        if bid != book.best_bid or ask != book.best_ask:
            agreed = False  # rightly so, if more changes of this token follow
    if agreed and not problem:
        return ""
    return _disagreement(first, delta) or _disagreement(second, delta) or problem


def _disagreement(book: Book, delta: BookDelta) -> str:
    """Compare a book with the last word of a message on it; keep the message for a waiting book."""
    words = [
        (bid, ask) for token_id, _, _, _, bid, ask in delta.changes if token_id == book.token_id
    ]
    if not words:
        return ""
    problem = ""
    if not book.invalid_reason:
        bid, ask = words[-1]
        if (bid != book.best_bid and bid >= 0) or (ask != book.best_ask and ask >= 0):
            problem = (
                f"the venue's best bid and ask {bid}, {ask} are not ours, "
                f"{book.best_bid}, {book.best_ask} (micro)"
            )
        elif book.best_bid >= book.best_ask and (bid < 0 or ask < 0):
            # The venue's books do cross for moments; only its own word tells that from our fault.
            problem = "crossed, and the venue did not say so itself"
    if problem:
        book.invalidate(problem)
    if book.invalid_reason:
        book.keep(delta)
    return problem
