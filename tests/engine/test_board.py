"""The books of all markets: when a gap is told, when a book is asked for anew, and silence."""

from dataclasses import replace

from tests.engine.builders import (
    MARKET,
    NO,
    NOW_NS,
    YES,
    delta,
    limits,
    m,
    snapshot,
    spec,
)
from trading.engine.board import Board
from trading.engine.codes import MarketState
from trading.engine.commands import Command, RequestSnapshot
from trading.engine.events import (
    BookSuspect,
    FeedChanged,
    MarketListed,
    MarketStatus,
    TickSizeChanged,
)
from trading.engine.market import FeeSchedule
from trading.engine.watch import EventWatch, Watch

MS = 1_000_000


class Listener:
    def __init__(self) -> None:
        self.gaps: list[tuple[str, bool]] = []
        self.event_gaps: list[tuple[str, int]] = []
        self.over: list[Watch | EventWatch] = []

    def on_pair_gap(self, watch: Watch, now_ns: int) -> None:
        first, second = watch.books
        self.gaps.append((watch.spec.condition_id, first.venue_ms == second.venue_ms))

    def on_event_gap(self, event: EventWatch, index: int, now_ns: int) -> None:
        self.event_gaps.append((event.event_id, index))

    def on_gap_over(self, place: Watch | EventWatch) -> None:
        self.over.append(place)


class Rig:
    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.notes: list[str] = []
        self.listener = Listener()
        self.board = Board(self.commands.append, self.note, self.listener)
        self.board.limits = limits()
        self.board.on_market_listed(MarketListed(spec=spec()), NOW_NS)

    def note(self, level: str, code: str, text: str, now_ns: int, condition_id: str = "") -> None:
        self.notes.append(code)

    def load(self, now_ns: int = NOW_NS) -> None:
        self.board.on_snapshot(snapshot(YES, bids=("0.46x100",), asks=("0.48x50",)), now_ns)
        self.board.on_snapshot(snapshot(NO, bids=("0.52x50",), asks=("0.54x100",)), now_ns)

    @property
    def watch(self) -> Watch:
        return self.board.watches[MARKET]

    @property
    def requests(self) -> list[RequestSnapshot]:
        return [c for c in self.commands if isinstance(c, RequestSnapshot)]


def no_moves(ask: str, at_ms: int):
    """The NO token alone gets a cheap ask; its sibling says nothing."""
    return delta((NO, "0.52", ask, (f"ask {ask}x10",)), at_ms=at_ms)


class TestGaps:
    def test_a_lagging_leg_is_told_as_a_gap_of_different_instants(self):
        rig = Rig()
        rig.load()
        rig.board.on_delta(no_moves("0.51", 5), NOW_NS)
        assert rig.listener.gaps == [(MARKET, False)]

    def test_both_legs_of_one_message_are_the_same_instant(self):
        rig = Rig()
        rig.load()
        rig.board.on_delta(
            delta(
                (YES, "0.49", "0.48", ("bid 0.49x10",)),
                (NO, "0.52", "0.51", ("ask 0.51x10",)),
                at_ms=5,
            ),
            NOW_NS,
        )
        assert rig.listener.gaps == [(MARKET, True)]

    def test_the_end_of_a_gap_is_told_once(self):
        rig = Rig()
        rig.load()
        rig.board.on_delta(no_moves("0.51", 5), NOW_NS)
        rig.board.on_delta(delta((NO, "0.52", "0.54", ("ask 0.51x0",)), at_ms=6), NOW_NS)
        rig.board.on_delta(delta((NO, "0.52", "0.54", ("ask 0.54x7",)), at_ms=7), NOW_NS)
        assert rig.listener.over == [rig.watch]

    def test_an_invalid_book_shows_no_gap(self):
        rig = Rig()
        rig.load()
        rig.board.on_suspect(BookSuspect(token_ids=(YES,), reason="test"), NOW_NS)
        rig.board.on_delta(no_moves("0.01", 5), NOW_NS)
        assert rig.listener.gaps == []

    def test_frames_of_markets_that_nobody_watches_are_counted_and_ignored(self):
        rig = Rig()
        rig.board.on_delta(delta(("9", "0.1", "0.2", ("ask 0.2x1",)), condition_id="0xno"), NOW_NS)
        assert rig.board.unknown_market_frames == 1


class TestResync:
    def test_a_mismatch_asks_for_both_books_at_most_once_in_a_while(self):
        rig = Rig()
        rig.load()
        for at_ms in (1, 2, 3):
            change = delta((YES, "0.1", "0.2", ("ask 0.48x1",)), at_ms=at_ms)
            rig.board.on_delta(change, NOW_NS + at_ms * MS)
        assert [r.token_ids for r in rig.requests] == [(YES, NO)]

        rig.board.scan(NOW_NS + 4_000 * MS)  # still invalid after resync_every_ms
        assert len(rig.requests) == 2

    def test_a_disconnect_makes_every_book_worthless(self):
        """PolyArb-X went on trading on the last books for ever (E10)."""
        rig = Rig()
        rig.load()
        rig.board.on_feed(FeedChanged(connected=False, token_ids=(), reason="lost"), NOW_NS)
        assert not rig.board.feed_connected
        assert all(book.invalid_reason for book in rig.watch.books)

    def test_changes_of_a_lost_connection_are_not_applied_over_the_next_ones_snapshot(self):
        rig = Rig()
        rig.load()
        rig.board.on_suspect(BookSuspect(token_ids=(NO,), reason="test"), NOW_NS)
        rig.board.on_delta(no_moves("0.51", 5), NOW_NS)  # waits for a snapshot
        rig.board.on_feed(FeedChanged(connected=True, token_ids=(), reason="anew"), NOW_NS)
        rig.board.on_snapshot(snapshot(NO, bids=("0.52x50",), asks=("0.54x100",)), NOW_NS)
        assert rig.watch.books[1].best_ask == m("0.54")

    def test_a_crossed_snapshot_needs_a_second_read_that_says_the_same(self):
        rig = Rig()
        crossed = {"bids": ("0.5x1",), "asks": ("0.48x1",)}
        rig.board.on_snapshot(snapshot(YES, **crossed), NOW_NS)
        assert "crossed" in rig.watch.books[0].invalid_reason
        assert len(rig.requests) == 1

        rig.board.on_snapshot(snapshot(YES, **crossed, from_read=True), NOW_NS)
        assert not rig.watch.books[0].invalid_reason

    def test_a_control_read_that_differs_at_the_same_instant_wins_and_is_noted(self):
        rig = Rig()
        rig.load()
        rig.board.on_snapshot(snapshot(YES, asks=("0.49x5",), from_read=True), NOW_NS + 1)
        assert "BOOK_DIFFERED" in rig.notes
        assert rig.watch.books[0].best_ask == m("0.49")

    def test_an_older_control_read_changes_nothing(self):
        rig = Rig()
        rig.load()
        rig.board.on_snapshot(snapshot(YES, asks=("0.1x5",), at_ms=-5, from_read=True), NOW_NS)
        assert rig.watch.books[0].best_ask == m("0.48")
        assert rig.listener.gaps == []

    def test_a_suspect_market_names_only_its_own_books(self):
        rig = Rig()
        rig.load()
        other = spec("0xother", token_ids=("2001", "2002"))
        rig.board.on_market_listed(MarketListed(spec=other), NOW_NS)
        rig.board.on_suspect(BookSuspect(token_ids=(), condition_id="0xother", reason="x"), NOW_NS)
        assert rig.watch.ready

    def test_a_changed_tick_drops_the_books(self):
        rig = Rig()
        rig.load()
        change = TickSizeChanged(condition_id=MARKET, token_id=YES, venue_ms=1, tick_micro=1_000)
        rig.board.on_tick_size(change, NOW_NS)
        assert rig.watch.spec.tick_micro == 1_000
        assert not rig.watch.ready


class TestSilence:
    def test_silence_makes_stale_and_asks_again_and_an_equal_read_heals(self):
        rig = Rig()
        rig.load()
        assert rig.board.scan(NOW_NS + 4_000 * MS) == (1, 0)
        later_ns = NOW_NS + 5_001 * MS

        assert rig.board.scan(later_ns) == (0, 1)
        assert rig.watch.stale
        assert [r.reason for r in rig.requests] == ["silent for too long"]

        for token_id, bid, ask in ((YES, "0.46x100", "0.48x50"), (NO, "0.52x50", "0.54x100")):
            read = snapshot(token_id, bids=(bid,), asks=(ask,), from_read=True)
            rig.board.on_snapshot(read, later_ns + MS)
        assert rig.board.scan(later_ns + 2 * MS) == (1, 0)
        assert not rig.watch.stale

    def test_a_market_that_never_got_its_first_book_is_asked_for(self):
        rig = Rig()
        assert rig.board.scan(NOW_NS + 1) == (0, 1)
        assert len(rig.requests) == 1


class TestMarkets:
    def test_a_closed_market_is_forgotten_with_its_books(self):
        rig = Rig()
        rig.load()
        status = MarketStatus(condition_id=MARKET, state=MarketState.CLOSED)
        rig.board.on_market_status(status)
        assert rig.board.watches == {}
        rig.board.on_delta(no_moves("0.01", 5), NOW_NS)
        assert rig.listener.gaps == []

    def test_new_parameters_keep_the_books(self):
        rig = Rig()
        rig.load()
        rig.board.on_market_listed(MarketListed(spec=replace(spec(), tick_micro=1_000)), NOW_NS)
        assert rig.watch.ready

    def test_a_fee_schedule_that_cannot_be_is_an_unknown_one(self):
        rig = Rig()
        for rate_micro, exponent in ((-1, 1), (2_000_000, 1), (70_000, 9), (70_000, -1)):
            fee = FeeSchedule(rate_micro=rate_micro, exponent=exponent)
            rig.board.on_market_listed(MarketListed(spec=spec(fee=fee)), NOW_NS)
            assert rig.watch.spec.fee is None

    def test_other_tokens_are_another_market(self):
        rig = Rig()
        rig.load()
        rig.board.on_market_listed(MarketListed(spec=spec(token_ids=("5", "6"))), NOW_NS)
        assert not rig.watch.ready


class TestNegRiskEvents:
    def rig(self, total: int = 3) -> Rig:
        rig = Rig()
        rig.board.watches.clear()
        rig.board.limits = limits(neg_risk_enabled=True)
        for number in range(3):
            rig.board.on_market_listed(
                MarketListed(
                    spec=spec(
                        f"0x{number}",
                        token_ids=(f"y{number}", f"n{number}"),
                        neg_risk_event_id="event",
                        neg_risk_legs=total,
                    )
                ),
                NOW_NS,
            )
        return rig

    def load(self, rig: Rig, no_ask: str) -> None:
        for number in range(3):
            for token, bid, ask in (("y", "0.3x5", "0.36x5"), ("n", "0.6x5", f"{no_ask}x5")):
                rig.board.on_snapshot(
                    snapshot(
                        f"{token}{number}", bids=(bid,), asks=(ask,), condition_id=f"0x{number}"
                    ),
                    NOW_NS,
                )

    def test_one_no_of_every_outcome_below_outcomes_minus_one_is_a_gap(self):
        rig = self.rig()
        self.load(rig, "0.66")
        assert rig.listener.event_gaps == [("event", 1)]

    def test_at_the_bound_there_is_none(self):
        rig = self.rig()
        self.load(rig, "0.67")
        assert rig.listener.event_gaps == []

    def test_an_event_with_an_unwatched_outcome_is_never_added_up(self):
        rig = self.rig(total=4)
        self.load(rig, "0.1")
        assert rig.listener.event_gaps == []
