"""The local venue as a whole: what its markets, books and frames say of each other."""

import msgspec
import pytest

from tests.simulator.builders import NOON_MS
from trading.adapters.gamma_market import listing_from, market_from
from trading.adapters.wire import MarketDecoder
from trading.engine.board import Board
from trading.engine.events import BookDelta, BookSnapshot, MarketListed
from trading.engine.market import MarketSpec
from trading.engine.units import MICRO
from trading.engine.units import unsigned_micro_from_text as m
from trading.simulator.local_venue import LocalVenue
from trading.simulator.market_records import FEE
from trading.simulator.markets import MARKETS_MAX

MINUTE_MS = 60_000
encode = msgspec.json.Encoder(decimal_format="number").encode


def make_venue(seed=1, markets=3):
    return LocalVenue(seed=seed, markets=markets, now_ms=NOON_MS)


def run(venue, duration_ms, start_ms=NOON_MS):
    """Drive a venue as its server does, and return all frames."""
    frames, now_ms = [], start_ms
    while now_ms < start_ms + duration_ms:
        now_ms = min(max(venue.next_ms(now_ms), now_ms + 1), start_ms + duration_ms)
        frames += venue.advance(now_ms)
    return frames


class Watcher:
    """The engine's own board on the frames of a venue."""

    def __init__(self, venue):
        self.complaints = []
        self.pair_gaps = 0
        self.same_instant = 0
        self.board = Board(self.complaints.append, lambda *_note: None, self)
        self.decoder = MarketDecoder()
        for market in venue.markets.values():
            listing = market.listing
            spec = MarketSpec(
                condition_id=listing.condition_id,
                token_ids=listing.token_ids,
                tick_micro=listing.tick_micro,
                min_order_size_micro=listing.min_order_size_micro,
                fee=FEE,
            )
            self.board.on_market_listed(MarketListed(spec=spec), 0)
            self.read(venue.dump(listing.token_ids))

    def read(self, frame):
        for event in self.decoder.decode(frame):
            if isinstance(event, BookDelta):
                self.board.on_delta(event, event.venue_ms * MICRO)
            elif isinstance(event, BookSnapshot):
                self.board.on_snapshot(event, event.venue_ms * MICRO)

    def on_pair_gap(self, watch, now_ns):
        first, second = watch.books
        self.pair_gaps += 1
        self.same_instant += first.venue_ms == second.venue_ms

    def on_event_gap(self, event, index, now_ns):
        raise AssertionError("there is no neg-risk event here")

    def on_gap_over(self, place):
        pass


@pytest.mark.slow
def test_the_same_seed_says_the_same_word_for_word():
    first, second, other = (make_venue(seed) for seed in (7, 7, 8))

    said = run(first, MINUTE_MS)

    assert said == run(second, MINUTE_MS)
    assert said != run(other, MINUTE_MS)


@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_the_engines_books_never_disagree_and_see_both_kinds_of_gap(seed):
    venue = make_venue(seed)
    watcher = Watcher(venue)

    for _, frame in run(venue, 3 * MINUTE_MS):
        watcher.read(frame)

    assert watcher.complaints == []
    assert [name for name in watcher.decoder.counts if ":" in name] == []
    assert watcher.same_instant > 0, "a true gap: both books show one and the same instant"
    assert watcher.same_instant < watcher.pair_gaps, "a lagged leg looks like a gap"


def test_a_read_agrees_with_what_was_published():
    venue = make_venue(markets=1)
    watcher = Watcher(venue)
    (condition_id,) = venue.markets
    for _, frame in run(venue, MINUTE_MS):
        watcher.read(frame)
        for book in watcher.board.watches[condition_id].books:
            told = venue.book(book.token_id)
            assert int(told["timestamp"]) >= book.venue_ms

    for _, frame in venue.advance(NOON_MS + 2 * MINUTE_MS):
        watcher.read(frame)
    for book in watcher.board.watches[condition_id].books:
        told = venue.book(book.token_id)
        for side, levels in (("asks", book.asks), ("bids", book.bids)):
            assert {m(one["price"]): m(one["size"]) for one in told[side]} == levels


def test_a_listing_is_read_by_the_products_own_reader():
    venue = make_venue()
    for listed in venue.listings():
        found = listing_from(market_from(encode(listed)))
        assert found.accepting_orders
        assert venue.condition_of(found.token_ids[0]) == found.condition_id
        assert venue.parameters(found.condition_id)["t"][1]["t"] == found.token_ids[1]


def test_who_slept_for_an_hour_goes_on_from_now():
    venue = make_venue(markets=1)
    run(venue, 1_000)

    frames = venue.advance(NOON_MS + 60 * MINUTE_MS)

    assert len(frames) < 1_000
    assert venue.next_ms(NOON_MS + 60 * MINUTE_MS) > NOON_MS + 60 * MINUTE_MS


@pytest.mark.parametrize("markets", [0, -1, MARKETS_MAX + 1])
def test_a_number_of_markets_without_sense_is_refused_by_name(markets):
    with pytest.raises(ValueError, match=r"markets is .*, set it to 1 to 200"):
        make_venue(markets=markets)


def test_what_does_not_exist_is_not_made_up():
    venue = make_venue()

    assert venue.book("123") is None
    assert venue.parameters("0x12") is None
    assert venue.condition_of("123") is None
    assert venue.dump(["123"]) == "[]"
