"""Books that an earlier session left are carried on with, or refused."""

import pytest

from tests.engine.ledger_builders import (
    AT_NS,
    NO,
    YES,
    amounts,
    balances,
    micro,
    receipt,
    summed,
    trade,
)
from trading.engine.accounts import Books, BooksError, Worth
from trading.engine.codes import Account
from trading.engine.events import RestoredBalance
from trading.engine.units import MICRO


@pytest.fixture
def entries():
    """The entries of a session that stopped with a pair, dust and an open reservation."""
    books = Books(paper=True)
    return books, [
        books.open_capital(100 * MICRO, at_ns=AT_NS),
        books.buy(YES, outcome=Account.YES, at_ns=AT_NS),
        books.buy(NO, outcome=Account.NO, at_ns=AT_NS),
        books.merge(receipt("7", "7", "0.01"), ("yes", "no"), at_ns=AT_NS),
        books.reserve("o9", micro("5"), at_ns=AT_NS),
    ]


class TestRestoring:
    def test_the_sums_of_all_postings_are_the_books(self, entries):
        books, booked = entries

        restored = Books.from_balances(summed(booked), paper=True)

        assert balances(restored) == balances(books)
        assert restored.positions == books.positions
        assert restored.exposure_micro == books.exposure_micro

    def test_fees_without_their_token_are_spread_by_cost(self, entries):
        books, booked = entries

        restored = Books.from_balances(summed(booked, fee_tokens=False), paper=True)

        assert balances(restored) == balances(books)
        fees = [held.fee_micro for held in restored.positions.values()]
        assert sum(fees) == books.balance(Account.FEES)
        assert min(fees) > 0

    def test_what_was_reserved_is_freed_once(self, entries):
        _, booked = entries
        restored = Books.from_balances(summed(booked), paper=True)

        entry = restored.release_restored(at_ns=AT_NS + 1)

        assert entry is not None
        assert amounts(entry) == [(Account.RESERVED, -micro("5")), (Account.CASH, micro("5"))]
        assert entry.entry_id.endswith(str(AT_NS + 1))  # another restart is another entry
        assert restored.release_restored(at_ns=AT_NS + 2) is None

    def test_a_trade_of_the_earlier_session_is_reversed_at_its_own_price(self, entries):
        _, booked = entries
        restored = Books.from_balances(summed(booked), paper=True)
        late = trade("BUY", "yes", "0.48", "3", "0.03", order="o-late")

        entry = restored.reverse(late, outcome=Account.YES, at_ns=AT_NS)

        assert (Account.CASH, micro("1.47")) in amounts(entry)
        assert restored.position("yes") is None

    def test_a_sale_of_the_earlier_session_comes_back_at_what_it_brought(self, entries):
        _, booked = entries
        restored = Books.from_balances(summed(booked), paper=True)

        entry = restored.reverse(
            trade("SELL", "other", "0.4", "5", "0.1"), outcome=Account.NO, at_ns=AT_NS
        )

        assert entry.realised_micro == 0
        assert restored.positions["other"].worth == Worth(micro("1.9"), 0)

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            pytest.param(("CASH", "", 1, 0), "sum to zero", id="a micro too much"),
            pytest.param(("LOANS", "", 0, 0), "no account", id="an unknown account"),
            pytest.param(("YES", "", 0, 5), "of which token", id="shares of no token"),
            pytest.param(("NO", "x", 0, -5), "of no shares", id="fewer shares than none"),
            pytest.param(("FEES", "x", 0, 0), None, id="nothing of a token"),
        ],
    )
    def test_sums_that_cannot_be_true_are_refused(self, entries, change, match):
        _, booked = entries
        account, token, amount, quantity = change
        row = RestoredBalance(
            account=account, token_id=token, amount_micro=amount, quantity_micro=quantity
        )
        rows = [*summed(booked), row]
        if match is None:
            assert Books.from_balances(rows, paper=True)
            return
        with pytest.raises(BooksError, match=match):
            Books.from_balances(rows, paper=True)

    def test_fees_of_no_shares_are_refused(self):
        rows = [
            RestoredBalance(account="FEES", token_id="", amount_micro=5, quantity_micro=0),
            RestoredBalance(account="CAPITAL", token_id="", amount_micro=-5, quantity_micro=0),
        ]

        with pytest.raises(BooksError, match="belong to no shares"):
            Books.from_balances(rows, paper=True)

    def test_nothing_restores_empty_books(self):
        assert balances(Books.from_balances([], paper=True)) == {}
