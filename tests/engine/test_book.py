"""One token's book: levels, best prices, integrity, and what paper fills took."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.builders import MARKET, NO, NOW_NS, VENUE_MS, YES, delta, levels, m, snapshot
from trading.engine.book import PENDING_MAX, Book, apply_delta, take_asks, take_bids
from trading.engine.events import BookDelta, BookSnapshot
from trading.engine.units import MICRO


def pair() -> tuple[Book, Book]:
    yes, no = Book(YES), Book(NO)
    yes.load(snapshot(YES, bids=("0.46x100",), asks=("0.48x50", "0.5x70")), NOW_NS)
    no.load(snapshot(NO, bids=("0.52x50", "0.5x70"), asks=("0.54x100",)), NOW_NS)
    return yes, no


class TestChanges:
    def test_a_size_is_the_new_total_of_its_level(self):
        yes, no = pair()
        assert apply_delta(yes, no, delta((YES, "0.46", "0.48", ("ask 0.48x20",))), NOW_NS) == ""
        assert yes.asks[m("0.48")] == m("20")

    def test_size_zero_removes_the_level_and_the_best_moves(self):
        """PolyArb-X kept deleted levels as phantom liquidity (E13)."""
        yes, no = pair()
        assert apply_delta(yes, no, delta((YES, "0.46", "0.5", ("ask 0.48x0",))), NOW_NS) == ""
        assert yes.best_ask == m("0.5")
        assert m("0.48") not in yes.asks

    def test_updates_without_sequence_numbers_are_all_applied(self):
        """PolyArb-X took every later update of a token for a duplicate (E12)."""
        yes, no = pair()
        for number in range(1, 5):
            change = delta((YES, "0.46", "0.48", (f"ask 0.48x{number}",)), at_ms=number)
            assert apply_delta(yes, no, change, NOW_NS) == ""
            assert yes.asks[m("0.48")] == number * MICRO

    def test_an_emptied_side_has_the_venues_own_sentinel(self):
        yes, no = pair()
        change = delta((YES, "0.46", "1", ("ask 0.48x0", "ask 0.5x0")))
        assert apply_delta(yes, no, change, NOW_NS) == ""
        assert yes.best_ask == MICRO

    def test_both_tokens_of_one_message_share_its_instant(self):
        yes, no = pair()
        change = delta(
            (YES, "0.46", "0.47", ("ask 0.47x5",)), (NO, "0.53", "0.54", ("bid 0.53x5",)), at_ms=7
        )
        assert apply_delta(yes, no, change, NOW_NS + 1) == ""
        assert yes.venue_ms == no.venue_ms == VENUE_MS + 7
        assert yes.updated_ns == NOW_NS + 1


class TestIntegrity:
    """A doubtful book is invalid until a snapshot; PolyArb-X counted gaps and went on (E14)."""

    def refused(self, change: BookDelta, word: str) -> None:
        yes, no = pair()
        problem = apply_delta(yes, no, change, NOW_NS)
        assert word in problem
        assert yes.invalid_reason == problem
        assert (yes.best_bid, yes.best_ask) == (0, MICRO)  # nothing can be seen in it
        assert not no.invalid_reason

    def test_a_best_bid_that_is_not_ours(self):
        self.refused(delta((YES, "0.47", "0.48", ("ask 0.48x20",))), "are not ours")

    def test_a_best_ask_that_is_not_ours(self):
        self.refused(delta((YES, "0.46", "0.49", ("ask 0.48x20",))), "are not ours")

    def test_an_unknown_removal(self):
        self.refused(delta((YES, "0.46", "0.48", ("ask 0.49x0",))), "did not have")

    def test_an_older_instant(self):
        self.refused(delta((YES, "0.46", "0.48", ("ask 0.48x20",)), at_ms=-1), "older instant")

    def test_a_cross_that_the_venue_did_not_confirm(self):
        self.refused(delta((YES, "", "", ("bid 0.49x20",))), "crossed")

    def test_a_cross_that_the_venue_confirms_is_real(self):
        yes, no = pair()
        assert apply_delta(yes, no, delta((YES, "0.49", "0.48", ("bid 0.49x20",))), NOW_NS) == ""
        assert not yes.invalid_reason

    def test_a_token_of_another_market(self):
        yes, no = pair()
        problem = apply_delta(yes, no, delta(("77", "0.4", "0.5", ("ask 0.5x1",))), NOW_NS)
        assert "not of this market" in problem


class TestResync:
    def test_changes_that_came_while_waiting_are_applied_over_the_snapshot(self):
        yes, no = pair()
        yes.invalidate("test")
        for at_ms, text in ((10, "ask 0.47x5"), (20, "ask 0.47x9")):
            apply_delta(yes, no, delta((YES, "0.46", "0.47", (text,)), at_ms=at_ms), NOW_NS)
        assert yes.invalid_reason

        assert yes.load(snapshot(YES, bids=("0.46x1",), asks=("0.47x5",), at_ms=10), NOW_NS)

        assert not yes.invalid_reason
        assert yes.asks == {m("0.47"): m("9")}
        assert yes.venue_ms == VENUE_MS + 20

    def test_an_older_snapshot_never_replaces_a_valid_book(self):
        yes, _ = pair()
        assert not yes.load(snapshot(YES, asks=("0.9x1",), at_ms=-1), NOW_NS)
        assert yes.best_ask == m("0.48")

    def test_more_changes_than_can_be_kept_need_a_snapshot_that_is_newer_than_them(self):
        yes, no = pair()
        yes.invalidate("test")
        for number in range(PENDING_MAX + 5):
            change = delta((YES, "0.46", "0.48", ("ask 0.48x1",)), at_ms=number)
            apply_delta(yes, no, change, NOW_NS)

        assert not yes.load(snapshot(YES, asks=("0.48x1",), at_ms=3), NOW_NS)
        assert yes.invalid_reason
        assert yes.load(snapshot(YES, asks=("0.48x1",), at_ms=PENDING_MAX + 4), NOW_NS)


class TestPaperLiquidity:
    def test_what_a_paper_fill_took_is_not_there_any_more(self):
        """PolyArb-X fired the same opportunity every second while the book showed it (E9)."""
        yes, no = pair()
        take_asks(yes, no, m("0.48"), m("50"))
        assert yes.asks_left() == levels("0.5x70")
        assert no.bids_left() == levels("0.5x70")  # the mirror of the ask that was taken

    def test_it_stays_taken_when_the_venue_repeats_the_level(self):
        yes, no = pair()
        take_asks(yes, no, m("0.48"), m("30"))
        apply_delta(yes, no, delta((YES, "0.46", "0.48", ("ask 0.48x60",))), NOW_NS)
        assert yes.asks_left()[0] == (m("0.48"), m("30"))

    def test_it_is_forgotten_when_the_level_leaves_the_book(self):
        yes, no = pair()
        take_asks(yes, no, m("0.48"), m("50"))
        apply_delta(yes, no, delta((YES, "0.46", "0.5", ("ask 0.48x0",))), NOW_NS)
        apply_delta(yes, no, delta((YES, "0.46", "0.48", ("ask 0.48x8",)), at_ms=1), NOW_NS)
        assert yes.asks_left()[0] == (m("0.48"), m("8"))

    def test_a_sale_takes_bids_and_the_mirrored_asks(self):
        yes, no = pair()
        take_bids(no, yes, m("0.52"), m("50"))
        assert no.bids_left() == levels("0.5x70")
        assert yes.asks_left() == levels("0.5x70")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 99), st.integers(0, 5)), min_size=1, max_size=60
    )
)
def test_the_best_prices_are_those_of_the_levels_after_any_changes(changes):
    """An independent reader keeps two plain dicts and sorts them."""
    yes, no = Book(YES), Book(NO)
    yes.load(BookSnapshot(MARKET, YES, VENUE_MS, (), ()), NOW_NS)
    expected: dict[bool, dict[int, int]] = {True: {}, False: {}}
    for is_ask, cents, size in changes:
        price = cents * 10_000
        if not size and price not in expected[is_ask]:
            continue
        if size:
            expected[is_ask][price] = size
        else:
            del expected[is_ask][price]
        bid = max(expected[False], default=0)
        ask = min(expected[True], default=MICRO)
        message = BookDelta(MARKET, VENUE_MS, ((YES, is_ask, price, size, bid, ask),))
        assert apply_delta(yes, no, message, NOW_NS) == ""
        assert (yes.best_bid, yes.best_ask) == (bid, ask)
        assert yes.asks_left() == tuple(sorted(expected[True].items()))
