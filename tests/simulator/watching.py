"""A venue with flow, and a client that reads its frames with the product's own decoder and book."""

import json
from random import Random

from tests.simulator.builders import NO, NOON_MS, YES, make_listing
from trading.adapters.wire import MarketDecoder
from trading.engine import amounts
from trading.engine.book import Book, apply_delta
from trading.engine.events import BookDelta, BookSnapshot, TickSizeChanged
from trading.engine.units import text_from_micro
from trading.simulator.exchange import Exchange
from trading.simulator.flow import Flow, FlowSettings
from trading.simulator.frames import Publisher


class Watcher:
    """The client: two books, kept as the engine keeps them; raises when they disagree."""

    def __init__(self):
        self.decoder = MarketDecoder()
        self.books = {token_id: Book(token_id) for token_id in (YES, NO)}
        self.frames = 0
        self.ticks = []

    def read(self, frame):
        """Decode one frame and hold the venue's best prices against our own."""
        self.frames += 1
        for event in self.decoder.decode(frame):
            self._handle(event)
        for change in json.loads(frame)["price_changes"] if "price_changes" in frame else ():
            book = self.books[change["asset_id"]]
            assert text_from_micro(book.best_bid) == change["best_bid"]
            assert text_from_micro(book.best_ask) == change["best_ask"]
        assert not [name for name in self.decoder.counts if ":" in name], self.decoder.counts

    def _handle(self, event):
        if isinstance(event, BookDelta):
            problem = apply_delta(self.books[YES], self.books[NO], event, event.venue_ms)
            assert problem == ""
        elif isinstance(event, BookSnapshot):
            book = self.books[event.token_id]
            before = (dict(book.bids), dict(book.asks), book.invalid_reason)
            assert book.load(event, event.venue_ms)
            if not before[2]:  # a snapshot says nothing new to who missed nothing
                assert (book.bids, book.asks) == before[:2]
        elif isinstance(event, TickSizeChanged):
            self.ticks.append((event.token_id, event.tick_micro))
        else:
            raise AssertionError(f"the venue does not say {event}")

    def asks_micro(self):
        """Return what one YES and one NO cost by the published books."""
        return self.books[YES].best_ask + self.books[NO].best_ask


class World:
    """Exchange, flow, publisher and one watcher, driven as a server would drive them."""

    def __init__(self, seed, listing=None, **settings):
        random = Random(seed)
        self.listing = listing or make_listing()
        self.exchange = Exchange(random=random, amounts=amounts, now_ms=NOON_MS)
        self.exchange.list_market(self.listing)
        self.publisher = Publisher([self.listing])
        self.flow = Flow(
            exchange=self.exchange,
            listing=self.listing,
            random=random,
            settings=FlowSettings(**settings),
            lag=self.publisher.lag,
            now_ms=NOON_MS,
        )
        self.watcher = Watcher()
        self.now_ms = NOON_MS
        self.events = []
        while (dump := self.publisher.dump([YES, NO])) == "[]":
            self.flow.step()
            self.publisher.publish(self.exchange.take_events(), NOON_MS)
        self.texts = [dump]
        self.watcher.read(dump)

    def step(self):
        """Let the flow act once, and read everything that is published for it."""
        self.now_ms = self.flow.next_ms
        self.flow.step()
        events = self.exchange.take_events()
        self.events += events
        frames = self.publisher.publish(events, self.now_ms)
        self.texts += frames
        for frame in frames:
            self.watcher.read(frame)

    def true_asks_micro(self):
        """Return what one YES and one NO cost in the venue itself."""
        return sum(
            min(price for is_ask, price, _ in self.exchange.levels(token_id) if is_ask)
            for token_id in (YES, NO)
        )

    def fees_micro(self):
        """Return the fees of one set at the published best asks."""
        books = self.watcher.books
        fee = self.listing.fee_micro
        return sum(fee(books[token_id].best_ask, 1_000_000) for token_id in (YES, NO))
