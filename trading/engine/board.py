"""The books of every watched market, and the moment at which a gap shows in them.

Frames change books; after each change the two best asks of the market are added up, and only when
they sum to less than a dollar is anybody called. Everything that makes a book doubtful ends in one
place: the book is invalid and a snapshot is asked for, at most once per market in
`resync_every_ms`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from trading.engine.book import Book, apply_delta
from trading.engine.codes import MarketState
from trading.engine.commands import Command, RequestSnapshot
from trading.engine.events import (
    BookDelta,
    BookSnapshot,
    BookSuspect,
    FeedChanged,
    MarketListed,
    MarketStatus,
    TickSizeChanged,
)
from trading.engine.fees import is_known
from trading.engine.limits import Limits
from trading.engine.units import MICRO
from trading.engine.watch import EventWatch, Watch, new_watch

MS_NS = 1_000_000
MARKETS_MAX = 5_000


class Note(Protocol):
    """Tells people something: level, code, text, time, market."""

    def __call__(
        self, level: str, code: str, text: str, now_ns: int, condition_id: str = ""
    ) -> None:
        """Emit an EngineNoted fact."""


class GapListener(Protocol):
    """Whoever decides what to do about a gap."""

    def on_pair_gap(self, watch: Watch, now_ns: int) -> None:
        """The best asks of a market's two books sum to less than a dollar."""

    def on_event_gap(self, event: EventWatch, index: int, now_ns: int) -> None:
        """The best asks of one token of every outcome sum to less than a set pays."""

    def on_gap_over(self, place: Watch | EventWatch) -> None:
        """The gap is gone."""


class Board:
    """All watches. `limits` is set whenever the mandate changes."""

    def __init__(self, emit: Callable[[Command], None], note: Note, listener: GapListener) -> None:
        self.limits = Limits()
        self.watches: dict[str, Watch] = {}
        self.events: dict[str, EventWatch] = {}
        self.frames = 0
        self.unknown_market_frames = 0
        self.feed_connected = False
        self._by_token: dict[str, Watch] = {}
        self._emit = emit
        self._note = note
        self._listener = listener

    def on_delta(self, delta: BookDelta, now_ns: int) -> None:
        self.frames += 1
        watch = self.watches.get(delta.condition_id)
        if watch is None:
            self.unknown_market_frames += 1
            return
        first, second = watch.books
        problem = apply_delta(first, second, delta, now_ns)
        if problem:
            self.resync(watch, problem, now_ns)
        if watch.stale or watch.gap_since_ns or watch.event is not None:
            self._after_change(watch, now_ns)
        elif first.best_ask + second.best_ask < MICRO:
            self._gap(watch, now_ns)

    def _after_change(self, watch: Watch, now_ns: int) -> None:
        first, second = watch.books
        if watch.stale and not first.invalid_reason and not second.invalid_reason:
            watch.stale = False
        if first.best_ask + second.best_ask < MICRO:
            self._gap(watch, now_ns)
        elif watch.gap_since_ns:
            self._gap_over(watch)
        if watch.event is not None:
            self._check_event(watch.event, now_ns)

    def _gap(self, watch: Watch, now_ns: int) -> None:
        if not watch.gap_since_ns:
            watch.gap_since_ns = now_ns
        self._listener.on_pair_gap(watch, now_ns)

    def _gap_over(self, place: Watch | EventWatch) -> None:
        if place.gap_since_ns:
            place.gap_since_ns = 0
            self._listener.on_gap_over(place)

    def _check_event(self, event: EventWatch, now_ns: int) -> None:
        """Add up one token of every outcome; only when all outcomes are watched."""
        if not self.limits.neg_risk_enabled or len(event.watches) != event.legs_total:
            return
        for index, payout_micro in ((1, (event.legs_total - 1) * MICRO), (0, MICRO)):
            if sum(watch.books[index].best_ask for watch in event.watches) < payout_micro:
                if not event.gap_since_ns:
                    event.gap_since_ns = now_ns
                self._listener.on_event_gap(event, index, now_ns)
                return
        self._gap_over(event)

    def on_snapshot(self, snapshot: BookSnapshot, now_ns: int) -> None:
        if not snapshot.from_read:
            self.frames += 1
        watch = self.watches.get(snapshot.condition_id)
        if watch is None:
            return
        book = next((b for b in watch.books if b.token_id == snapshot.token_id), None)
        if book is None:
            self.resync(watch, "a snapshot of a token that is not of this market", now_ns)
            return
        self._compare_with_read(watch, book, snapshot, now_ns)
        if not book.load(snapshot, now_ns):
            return  # older than what is known
        if book.best_bid >= book.best_ask and not snapshot.from_read:
            book.invalidate("a crossed snapshot; a second read has to say the same")
            self.resync(watch, book.invalid_reason, now_ns)
        if snapshot.tick_micro is not None and snapshot.tick_micro != watch.spec.tick_micro:
            self._set_tick(watch, snapshot.tick_micro, now_ns)
        self._after_change(watch, now_ns)

    def _compare_with_read(
        self, watch: Watch, book: Book, snapshot: BookSnapshot, now_ns: int
    ) -> None:
        """A control read of the same instant that differs from our book proves a missed change."""
        if not snapshot.from_read or book.invalid_reason or book.venue_ms != snapshot.venue_ms:
            return
        if book.bids != dict(snapshot.bids) or book.asks != dict(snapshot.asks):
            self._note(
                "WARNING",
                "BOOK_DIFFERED",
                "a control read of the same instant differed from our book, which it replaced",
                now_ns,
                watch.spec.condition_id,
            )

    def on_suspect(self, suspect: BookSuspect, now_ns: int) -> None:
        for watch in self._suspected(suspect.token_ids, suspect.condition_id):
            for book in watch.books:
                if not suspect.token_ids or book.token_id in suspect.token_ids:
                    book.invalidate(suspect.reason)
            self._gap_over(watch)
            self.resync(watch, suspect.reason, now_ns)

    def _suspected(self, token_ids: tuple[str, ...], condition_id: str) -> list[Watch]:
        if token_ids:
            found = {id(w): w for t in token_ids if (w := self._by_token.get(t)) is not None}
            return list(found.values())
        if condition_id:
            watch = self.watches.get(condition_id)
            return [watch] if watch is not None else []
        return list(self.watches.values())

    def on_feed(self, feed: FeedChanged, now_ns: int) -> None:
        """A connection came or went: nothing that came over it counts until a snapshot."""
        if not feed.token_ids:
            self.feed_connected = feed.connected
        elif feed.connected:
            self.feed_connected = True
        for watch in self._suspected(feed.token_ids, ""):
            for book in watch.books:
                book.invalidate("the connection changed" if feed.connected else "disconnected")
                book.pending.clear()  # of the connection that is gone
            self._gap_over(watch)
        code = "FEED_UP" if feed.connected else "FEED_DOWN"
        self._note("INFO" if feed.connected else "WARNING", code, feed.reason, now_ns)

    def resync(self, watch: Watch, reason: str, now_ns: int) -> None:
        """Ask for both books anew, at most once per market in `resync_every_ms`."""
        if now_ns - watch.resync_ns < self.limits.resync_every_ms * MS_NS:
            return
        watch.resync_ns = now_ns
        self._emit(
            RequestSnapshot(
                condition_id=watch.spec.condition_id, token_ids=watch.spec.token_ids, reason=reason
            )
        )

    def on_market_listed(self, listed: MarketListed, now_ns: int) -> None:
        spec = listed.spec
        if spec.fee is not None and not is_known(spec.fee):
            spec = replace(spec, fee=None)  # no fee of this venue: unknown, and so never traded
        watch = self.watches.get(spec.condition_id)
        if watch is None:
            if len(self.watches) >= MARKETS_MAX:
                self._note(
                    "WARNING",
                    "MARKETS_FULL",
                    f"not watched, {MARKETS_MAX} are the limit",
                    now_ns,
                    spec.condition_id,
                )
                return
            watch = self.watches[spec.condition_id] = new_watch(spec)
        elif watch.spec.token_ids != spec.token_ids:
            watch = self.watches[spec.condition_id] = new_watch(spec)
        else:
            watch.spec = spec
            watch.state = MarketState.OPEN
        for token_id in spec.token_ids:
            self._by_token[token_id] = watch
        if spec.neg_risk_event_id:
            self._join_event(watch)

    def _join_event(self, watch: Watch) -> None:
        spec = watch.spec
        event = self.events.get(spec.neg_risk_event_id)
        if event is None:
            event = EventWatch(spec.neg_risk_event_id, spec.neg_risk_legs, spec.neg_risk_augmented)
            self.events[spec.neg_risk_event_id] = event
        event.legs_total = spec.neg_risk_legs
        event.augmented = event.augmented or spec.neg_risk_augmented
        others = [w for w in event.watches if w.spec.condition_id != spec.condition_id]
        event.watches = sorted([*others, watch], key=lambda w: w.spec.condition_id)
        watch.event = event

    def on_market_status(self, status: MarketStatus) -> None:
        """A market that is over is forgotten: short ones come and go by the hundred a day."""
        watch = self.watches.get(status.condition_id)
        if watch is None:
            return
        watch.state = status.state
        if status.state is MarketState.OPEN:
            return
        self._gap_over(watch)
        del self.watches[status.condition_id]
        for token_id in watch.spec.token_ids:
            self._by_token.pop(token_id, None)
        event = watch.event
        if event is not None:
            self._gap_over(event)
            event.watches.remove(watch)
            if not event.watches:
                del self.events[event.event_id]

    def on_tick_size(self, change: TickSizeChanged, now_ns: int) -> None:
        watch = self.watches.get(change.condition_id)
        if watch is not None and change.tick_micro != watch.spec.tick_micro:
            self._set_tick(watch, change.tick_micro, now_ns)
            for book in watch.books:
                book.invalidate("the tick size changed")
            self._gap_over(watch)
            self.resync(watch, "the tick size changed", now_ns)

    def _set_tick(self, watch: Watch, tick_micro: int, now_ns: int) -> None:
        watch.spec = replace(watch.spec, tick_micro=tick_micro)
        self._note(
            "INFO", "TICK_SIZE", f"tick is now {tick_micro} micro", now_ns, watch.spec.condition_id
        )

    def scan(self, now_ns: int) -> tuple[int, int]:
        """Find silence: a book that nobody confirmed for `book_age_ms_max` is stale and re-read.

        Returns how many open markets are fresh and how many are not. A quiet market whose re-read
        agrees is fresh again: silence alone proves nothing either way.
        """
        age_ns_max = self.limits.book_age_ms_max * MS_NS
        fresh = stale = 0
        for watch in self.watches.values():
            if watch.state is not MarketState.OPEN:
                continue
            first, second = watch.books
            reason = first.invalid_reason or second.invalid_reason
            if not reason and now_ns - max(first.updated_ns, second.updated_ns) > age_ns_max:
                reason = "silent for too long"
                watch.stale = True
            if reason:
                stale += 1
                self.resync(watch, reason, now_ns)
            else:
                fresh += 1
            if watch.gap_since_ns and now_ns - watch.gap_since_ns > age_ns_max:
                self.resync(watch, "a gap stands for too long to be true", now_ns)
        return fresh, stale
