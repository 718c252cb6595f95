"""A whole venue for the live feed: markets, their parameters, and books."""

import json
from urllib.parse import parse_qs

from tests.feeds.listening import book
from tests.feeds.listings import PATH, condition, gamma_market, page
from tests.feeds.misbehaving import as_json
from trading.engine.events import BookSnapshot

T0 = 1_790_000_000_000


class World:
    """What the venue knows: markets, and books that HTTP and the stream both show."""

    def __init__(self, venue):
        self.venue = venue
        self.markets = {}
        self.book_ms = T0
        self.streams = True  # whether subscriptions are answered with books
        self.http_books = True
        venue.answers["/books"] = self._books
        venue.answers[PATH] = self._page
        venue.on_socket = self._subscribed

    def list(self, number, **changes):
        listed = self.markets[condition(number)] = gamma_market(number, **changes)
        self.venue.answers[f"/clob-markets/{condition(number)}"] = lambda request: as_json(
            self.parameters(number)
        )
        return listed

    def tokens(self, number):
        return tuple(json.loads(self.markets[condition(number)]["clobTokenIds"]))

    def parameters(self, number):
        first, second = self.tokens(number)
        return {
            "c": condition(number),
            "t": [{"t": first, "o": "Yes"}, {"t": second, "o": "No"}],
            "mos": 5,
            "mts": 0.01,
            "v": "v1",
            "fd": {"r": 0.07, "e": 1, "to": True},
        }

    def market_of(self, token):
        return next(c for c, m in self.markets.items() if token in json.loads(m["clobTokenIds"]))

    def _page(self, request):
        asked = parse_qs(request.query).get("condition_ids")
        closed = asked is not None
        found = [m for m in self.markets.values() if m["closed"] == closed]
        return as_json(page(*(m for m in found if not asked or m["conditionId"] in asked)))

    def _books(self, request):
        if not self.http_books:
            return as_json({"error": "not now"}, status=503)
        tokens = [one["token_id"] for one in request.json]
        return as_json([self._book(t) for t in tokens])

    def _book(self, token):
        """Return a book that is another one at another time."""
        size = str(10 + (self.book_ms - T0) // 1_000)
        return book(token, self.market_of(token), ms=self.book_ms, bids=[("0.4", size)])

    def _subscribed(self, socket):
        if self.streams:
            tokens = json.loads(socket.texts[0])["assets_ids"]
            socket.send_json([self._book(t) for t in tokens])


def from_reads(listener):
    return [event for event in listener.of(BookSnapshot) if event.from_read]
