"""Double entry: debits equal credits, no micro is made or lost, results come only at the end."""

from dataclasses import replace

import pytest

from tests.engine.ledger_builders import AT_NS, NO, YES, amounts, balances, micro, receipt, trade
from trading.engine.accounts import Books, BooksError, EntryKind, Position, Worth
from trading.engine.codes import Account
from trading.engine.units import MICRO


@pytest.fixture
def books():
    books = Books(paper=True)
    books.open_capital(100 * MICRO, at_ns=AT_NS)
    return books


@pytest.fixture
def pair(books):
    """Ten sets held: 9.80 dollars and 0.20 of fees."""
    books.buy(YES, outcome=Account.YES, at_ns=AT_NS, set_id="s1")
    books.buy(NO, outcome=Account.NO, at_ns=AT_NS, set_id="s1")
    return books


class TestCapital:
    def test_it_becomes_cash(self, books):
        assert balances(books) == {Account.CASH: 100 * MICRO, Account.CAPITAL: -100 * MICRO}

    def test_an_entry_names_its_kind_time_and_paper(self):
        entry = Books(paper=True).open_capital(1, at_ns=AT_NS)

        assert (entry.entry_id, entry.kind) == ("CAPITAL:opening", EntryKind.CAPITAL)
        assert (entry.at_ns, entry.paper) == (AT_NS, True)
        assert entry.realised_micro == 0

    def test_two_payments_have_two_ids(self, books):
        one = books.open_capital(5, at_ns=AT_NS, reference="0x1")
        two = books.open_capital(-5, at_ns=AT_NS, reference="0x2")

        assert one.entry_id != two.entry_id
        assert books.balance(Account.CASH) == 100 * MICRO


class TestReservations:
    def test_money_is_promised_to_an_order_and_freed(self, books):
        books.reserve("o1", micro("5"), at_ns=AT_NS)
        assert books.reserved("o1") == books.balance(Account.RESERVED) == micro("5")

        entry = books.release("o1", at_ns=AT_NS)

        assert amounts(entry) == [(Account.RESERVED, -micro("5")), (Account.CASH, micro("5"))]
        assert books.reserved("o1") == books.balance(Account.RESERVED) == 0

    def test_a_second_release_frees_nothing(self, books):
        books.reserve("o1", micro("5"), at_ns=AT_NS)
        books.release("o1", at_ns=AT_NS)

        assert books.release("o1", at_ns=AT_NS) is None

    def test_all_cash_can_be_promised_and_not_a_micro_more(self, books):
        with pytest.raises(BooksError, match="cannot be reserved"):
            books.reserve("o1", 100 * MICRO + 1, at_ns=AT_NS)

        books.reserve("o1", 100 * MICRO, at_ns=AT_NS)
        assert books.balance(Account.CASH) == 0

    def test_an_order_is_promised_money_once(self, books):
        books.reserve("o1", 1, at_ns=AT_NS)

        with pytest.raises(BooksError):
            books.reserve("o1", 1, at_ns=AT_NS)

    def test_a_fill_is_paid_out_of_it_first_and_then_out_of_cash(self, books):
        books.reserve("o-yes", micro("4"), at_ns=AT_NS)

        entry = books.buy(YES, outcome=Account.YES, at_ns=AT_NS)

        assert amounts(entry)[:2] == [
            (Account.RESERVED, -micro("4")),
            (Account.CASH, -micro("0.9")),
        ]
        assert books.release("o-yes", at_ns=AT_NS) is None

    def test_what_the_fill_left_of_it_is_freed(self, books):
        books.reserve("o-yes", micro("5"), at_ns=AT_NS)
        books.buy(YES, outcome=Account.YES, at_ns=AT_NS)

        entry = books.release("o-yes", at_ns=AT_NS)

        assert amounts(entry) == [(Account.RESERVED, -micro("0.1")), (Account.CASH, micro("0.1"))]


class TestBuying:
    def test_shares_stand_at_cost_and_fees_apart(self, books):
        entry = books.buy(YES, outcome=Account.YES, at_ns=AT_NS, set_id="s1")

        assert amounts(entry) == [
            (Account.CASH, -micro("4.9")),
            (Account.YES, micro("4.8")),
            (Account.FEES, micro("0.1")),
        ]
        assert entry.entry_id == "BUY:o-yes:t1"
        assert entry.set_id == "s1"
        assert entry.realised_micro == 0
        assert books.position("yes") == Position(
            account=Account.YES,
            quantity_micro=micro("10"),
            cost_micro=micro("4.8"),
            fee_micro=100_000,
        )

    def test_the_same_trade_is_not_booked_twice(self, books):
        books.buy(YES, outcome=Account.YES, at_ns=AT_NS)
        before = balances(books)

        with pytest.raises(BooksError, match="booked already"):
            books.buy(YES, outcome=Account.YES, at_ns=AT_NS)
        books.settled(YES)
        with pytest.raises(BooksError, match="booked already"):
            books.buy(YES, outcome=Account.YES, at_ns=AT_NS)

        assert balances(books) == before

    def test_a_token_is_yes_or_no_and_stays_it(self, books):
        books.buy(YES, outcome=Account.YES, at_ns=AT_NS)

        with pytest.raises(BooksError, match="is not one of NO"):
            books.buy(replace(YES, trade_id="t2"), outcome=Account.NO, at_ns=AT_NS)
        with pytest.raises(BooksError, match="is not one of CASH"):
            books.buy(NO, outcome=Account.CASH, at_ns=AT_NS)

    def test_a_fill_that_cash_does_not_cover_is_booked_all_the_same(self):
        books = Books(paper=False)

        books.buy(YES, outcome=Account.YES, at_ns=AT_NS)

        assert books.balance(Account.CASH) == -micro("4.9")


class TestMerging:
    def test_the_result_is_proceeds_less_cost_fees_and_gas(self, pair):
        entry = pair.merge(receipt("10", "10", "0.03"), ("yes", "no"), at_ns=AT_NS)

        assert entry.realised_micro == micro("10") - micro("9.8") - micro("0.2") - micro("0.03")
        assert pair.realised_micro == entry.realised_micro
        assert pair.positions == {}
        assert balances(pair) == {
            Account.CASH: 100 * MICRO - micro("0.03"),
            Account.REALISED: micro("0.03"),
            Account.CAPITAL: -100 * MICRO,
        }

    def test_upstreams_pair_loses_three_cents_and_does_not_earn_ten_dollars(self, books):
        # E1: 10 + 10 shares at .48 and .50, with the fees that upstream charged.
        books.buy(replace(YES, fee_micro=16_800), outcome=Account.YES, at_ns=AT_NS)
        books.buy(replace(NO, fee_micro=217_500), outcome=Account.NO, at_ns=AT_NS)

        entry = books.merge(receipt("10", "10"), ("yes", "no"), at_ns=AT_NS)

        assert entry.realised_micro == micro("10") - micro("9.8") - micro("0.2343")

    def test_an_entry_shows_what_passed_through(self, pair):
        entry = pair.merge(receipt("10", "10", "0.03"), ("yes", "no"), at_ns=AT_NS)

        assert entry.entry_id == "MERGE:s1:0xaa"
        assert amounts(entry) == [
            (Account.CASH, micro("10")),
            (Account.MERGED, micro("10")),
            (Account.MERGED, -micro("10")),
            (Account.CASH, -micro("0.03")),
            (Account.GAS, micro("0.03")),
            (Account.GAS, -micro("0.03")),
            (Account.YES, -micro("4.8")),
            (Account.FEES, -micro("0.1")),
            (Account.NO, -micro("5")),
            (Account.FEES, -micro("0.1")),
            (Account.REALISED, micro("0.03")),
        ]

    def test_a_part_leaves_its_share_of_cost_and_fees_behind(self, pair):
        entry = pair.merge(receipt("4", "4"), ("yes", "no"), at_ns=AT_NS)

        assert entry.realised_micro == micro("4") - micro("3.92") - micro("0.08")
        assert pair.position("yes").worth == Worth(micro("2.88"), micro("0.06"))

    def test_dust_of_one_leg_stays_with_its_cost(self, books):
        books.buy(replace(YES, size_micro=micro("10.13")), outcome=Account.YES, at_ns=AT_NS)
        books.buy(NO, outcome=Account.NO, at_ns=AT_NS)

        books.merge(receipt("10", "10"), ("yes", "no"), at_ns=AT_NS)

        dust = books.position("yes")
        assert dust.quantity_micro == micro("0.13")
        assert dust.cost_micro == micro("0.0624")
        assert books.position("no") is None

    def test_what_a_division_leaves_over_leaves_with_the_last_share(self, books):
        one = trade("BUY", "yes", "0.333333", "0.000003", "0.00001")  # 1 micro dollar, rounded up
        books.buy(one, outcome=Account.YES, at_ns=AT_NS)
        sale = trade("SELL", "yes", "0.5", "0.000001", order="o2")

        results = [
            books.sell(replace(sale, trade_id=f"t{n}"), at_ns=AT_NS).realised_micro
            for n in range(3)
        ]

        assert results == [-3, -3, -5]  # fees of 10 as 3, 3 and 4; the cost of 1 with the last
        assert books.balance(Account.FEES) == books.balance(Account.YES) == 0

    def test_two_merges_of_one_set_are_two_entries(self, pair):
        one = pair.merge(receipt("4", "4", reference="0x1"), ("yes", "no"), at_ns=AT_NS)
        two = pair.merge(receipt("4", "4", reference="0x2"), ("yes", "no"), at_ns=AT_NS)

        assert one.entry_id != two.entry_id

    @pytest.mark.parametrize(
        ("done", "tokens"),
        [
            pytest.param(receipt("10.000001", "10"), ("yes", "no"), id="more than is held"),
            pytest.param(receipt("10", "10"), ("yes", "other"), id="a token that is not held"),
            pytest.param(receipt("0", "0"), ("yes", "no"), id="nothing"),
            pytest.param(receipt("10", "10", ok=False), ("yes", "no"), id="failed"),
        ],
    )
    def test_what_cannot_be_merged_changes_nothing(self, pair, done, tokens):
        before, held = balances(pair), pair.positions

        with pytest.raises(BooksError):
            pair.merge(done, tokens, at_ns=AT_NS)

        assert (balances(pair), pair.positions) == (before, held)

    def test_a_failed_transaction_costs_its_gas_at_once(self, pair):
        entry = pair.spend_gas(receipt("10", "0", "0.05", ok=False), at_ns=AT_NS)

        assert entry.realised_micro == -micro("0.05")
        assert pair.balance(Account.GAS) == 0
        assert set(pair.positions) == {"yes", "no"}


class TestConvertingAndRedeeming:
    def test_one_no_of_each_of_three_outcomes_converts_into_two_dollars(self, books):
        tokens = ("n1", "n2", "n3")
        for number, token in enumerate(tokens):
            books.buy(
                trade("BUY", token, "0.65", "10", trade_id=f"t{number}"),
                outcome=Account.NO,
                at_ns=AT_NS,
            )

        entry = books.convert(receipt("10", "20"), tokens, at_ns=AT_NS)

        assert entry.kind == EntryKind.CONVERT
        assert entry.realised_micro == micro("0.5")

    def test_winners_and_losers_are_redeemed_together(self, pair):
        shares = {"yes": micro("10"), "no": micro("10")}

        entry = pair.redeem(receipt("10", "10"), shares, at_ns=AT_NS)

        assert entry.kind == EntryKind.REDEEM
        assert entry.realised_micro == 0  # 10 - 9.8 - 0.2
        assert pair.positions == {}

    def test_a_losing_leg_is_a_loss_of_all_it_cost(self, books):
        books.buy(YES, outcome=Account.YES, at_ns=AT_NS)

        entry = books.redeem(receipt("10", "0"), {"yes": micro("10")}, at_ns=AT_NS)

        assert entry.realised_micro == -micro("4.9")


class TestSelling:
    def test_the_difference_to_cost_and_both_fees_is_realised(self, pair):
        sale = trade("SELL", "yes", "0.45", "10", "0.12", order="o2")

        entry = pair.sell(sale, at_ns=AT_NS, set_id="s1")

        assert entry.realised_micro == micro("4.5") - micro("0.12") - micro("4.8") - micro("0.1")
        assert pair.position("yes") is None

    def test_more_than_is_held_cannot_be_sold(self, pair):
        with pytest.raises(BooksError, match="are held"):
            pair.sell(trade("SELL", "yes", "0.45", "10.01"), at_ns=AT_NS)

    def test_a_buy_is_no_sale(self, pair):
        with pytest.raises(BooksError, match="no SELL"):
            pair.sell(YES, at_ns=AT_NS)


class TestReversing:
    def test_a_failed_buy_takes_back_shares_fees_and_money(self, books):
        books.reserve("o-yes", micro("6"), at_ns=AT_NS)
        books.buy(YES, outcome=Account.YES, at_ns=AT_NS)
        books.release("o-yes", at_ns=AT_NS)

        entry = books.reverse(YES, outcome=Account.YES, at_ns=AT_NS)

        assert entry.realised_micro == 0
        assert balances(books) == {Account.CASH: 100 * MICRO, Account.CAPITAL: -100 * MICRO}
        assert books.positions == {}

    def test_of_two_fills_the_failed_one_goes_at_its_own_price(self, books):
        other = trade("BUY", "yes", "0.40", "10", "0.2", order="o2")
        books.buy(YES, outcome=Account.YES, at_ns=AT_NS)
        books.buy(other, outcome=Account.YES, at_ns=AT_NS)

        entry = books.reverse(other, outcome=Account.YES, at_ns=AT_NS)

        assert entry.realised_micro == 0
        assert books.position("yes").worth == Worth(micro("4.8"), micro("0.1"))

    def test_what_an_average_took_along_meanwhile_is_realised(self, books):
        other = trade("BUY", "yes", "0.40", "10", order="o2")
        books.buy(replace(YES, fee_micro=0), outcome=Account.YES, at_ns=AT_NS)
        books.buy(other, outcome=Account.YES, at_ns=AT_NS)
        sale = trade("SELL", "yes", "0.44", "10", order="o3")
        books.sell(sale, at_ns=AT_NS)  # at the average of 0.44: no result

        entry = books.reverse(other, outcome=Account.YES, at_ns=AT_NS)

        # In truth ten shares of 0.48 were sold at 0.44.
        assert entry.realised_micro == books.realised_micro == -micro("0.4")
        assert books.positions == {}

    def test_a_failed_sale_takes_back_its_result(self, pair):
        sale = trade("SELL", "yes", "0.45", "10", "0.12", order="o2")
        before, held = balances(pair), pair.positions
        sold = pair.sell(sale, at_ns=AT_NS)

        # The event of the failure need not repeat the fee.
        entry = pair.reverse(replace(sale, fee_micro=0), outcome=Account.YES, at_ns=AT_NS)

        assert entry.realised_micro == -sold.realised_micro
        assert (balances(pair), pair.positions) == (before, held)

    def test_nothing_is_reversed_twice_or_after_it_was_settled(self, pair):
        pair.reverse(YES, outcome=Account.YES, at_ns=AT_NS)
        pair.settled(NO)

        with pytest.raises(BooksError, match="over already"):
            pair.reverse(YES, outcome=Account.YES, at_ns=AT_NS)
        with pytest.raises(BooksError, match="over already"):
            pair.reverse(NO, outcome=Account.NO, at_ns=AT_NS)

    def test_shares_that_are_gone_cannot_be_taken_back(self, pair):
        pair.merge(receipt("10", "10"), ("yes", "no"), at_ns=AT_NS)

        with pytest.raises(BooksError, match="0 are held"):
            pair.reverse(YES, outcome=Account.YES, at_ns=AT_NS)
