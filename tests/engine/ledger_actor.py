"""Somebody who trades at random and keeps a second set of books in exact fractions."""

from collections.abc import Callable
from fractions import Fraction

from tests.engine import fraction_model as model
from tests.engine.ledger_builders import AT_NS, summed
from trading.engine.accounts import Books, BooksError
from trading.engine.codes import Account, Side, TradeState
from trading.engine.events import ChainReceipt, TradeUpdate
from trading.engine.facts import LedgerBooked
from trading.engine.units import MICRO

TOKENS = ("yes-a", "no-a", "yes-b", "no-b")
CAPITAL_MICRO = 1_000 * MICRO


def exact(micro: int) -> Fraction:
    return Fraction(micro, MICRO)


class Actor:
    """Every action is tried; one that the books refuse must have changed nothing."""

    ACTIONS = (
        *("buy", "buy", "buy", "sell", "merge", "merge", "redeem"),
        *("gas", "reserve", "release", "settle", "reverse"),
    )

    def __init__(self) -> None:
        self.books = Books(paper=True)
        self.model = model.Ledger(cash=exact(CAPITAL_MICRO))
        self.entries: list[LedgerBooked] = []
        self.trades: list[TradeUpdate] = []
        self.number = 0
        self.model_is_close = True
        self._keep(self.books.open_capital(CAPITAL_MICRO, at_ns=AT_NS))

    def act(self, action: str, token: int, cents: int, amount: int) -> None:
        """Try one action; `amount` is micro shares or micro dollars."""
        self.number += 1
        before = self._all()
        count = len(self.entries)
        try:
            getattr(self, f"_{action}")(TOKENS[token], cents * 10_000, amount)
        except BooksError:
            assert self._all() == before
            assert len(self.entries) == count

    def check(self) -> None:
        """Assert what has to hold after every entry."""
        books = self.books
        entry = self.entries[-1]
        assert sum(posting.amount_micro for posting in entry.postings) == 0
        assert entry.realised_micro == -sum(
            p.amount_micro for p in entry.postings if p.account == Account.REALISED
        )
        assert sum(books.balance(account) for account in Account) == 0
        held = books.positions.values()
        for account in (Account.YES, Account.NO):
            cost_micro = sum(one.cost_micro for one in held if one.account is account)
            assert books.balance(account) == cost_micro
        assert books.balance(Account.FEES) == sum(one.fee_micro for one in held)
        assert all(one.quantity_micro > 0 for one in held)
        assert all(one.cost_micro >= 0 and one.fee_micro >= 0 for one in held)
        for account in (Account.MERGED, Account.REDEEMED, Account.GAS):
            assert books.balance(account) == 0
        self._check_against_the_model()

    def _check_against_the_model(self) -> None:
        books = self.books
        cash_micro = books.balance(Account.CASH) + books.balance(Account.RESERVED)
        assert exact(cash_micro) == self.model.cash
        held_micro = cash_micro + sum(one.worth.total_micro for one in books.positions.values())
        assert held_micro - CAPITAL_MICRO == books.realised_micro
        if self.model_is_close:
            apart = abs(exact(books.realised_micro) - self.model.realised)
            assert apart <= self.model.departures * model.MICRO
            for token, one in books.positions.items():
                assert exact(one.quantity_micro) == self.model.held[token].size

    def check_restored(self) -> None:
        """Assert that the sums of all postings are the books, and that no id was used twice."""
        restored = Books.from_balances(summed(self.entries), paper=True)
        assert restored.positions == self.books.positions
        for account in Account:
            assert restored.balance(account) == self.books.balance(account)
        ids = [entry.entry_id for entry in self.entries]
        assert len(ids) == len(set(ids))

    def _all(self) -> tuple[object, ...]:
        books = self.books
        return (books.positions, [books.balance(one) for one in Account], books.realised_micro)

    def _keep(self, entry: LedgerBooked | None) -> None:
        if entry is not None:
            self.entries.append(entry)

    def _trade(self, side: Side, token: str, price_micro: int, size_micro: int) -> TradeUpdate:
        return TradeUpdate(
            trade_id=f"t{self.number}",
            order_id=f"o{self.number % 4}",
            token_id=token,
            side=side,
            price_micro=price_micro,
            size_micro=size_micro,
            fee_micro=size_micro // 97,
            state=TradeState.MATCHED,
        )

    def _receipt(self, size_micro: int, proceeds_micro: int, *, ok: bool = True) -> ChainReceipt:
        return ChainReceipt(
            set_id="s1",
            ok=ok,
            size_micro=size_micro,
            proceeds_micro=proceeds_micro,
            gas_micro=self.number % 7,
            reference=f"0x{self.number}",
        )

    def _buy(self, token: str, price_micro: int, size_micro: int) -> None:
        trade = self._trade(Side.BUY, token, price_micro, size_micro)
        outcome = Account.YES if token.startswith("yes") else Account.NO
        self._keep(self.books.buy(trade, outcome=outcome, at_ns=AT_NS))
        self.trades.append(trade)
        bought = (exact(price_micro), exact(size_micro), exact(trade.fee_micro))
        self._tell(self.model.buy, token, *bought)

    def _sell(self, token: str, price_micro: int, size_micro: int) -> None:
        trade = self._trade(Side.SELL, token, price_micro, self._some(token, size_micro))
        self._keep(self.books.sell(trade, at_ns=AT_NS))
        self.trades.append(trade)
        sold = (exact(price_micro), exact(trade.size_micro), exact(trade.fee_micro))
        self._tell(self.model.sell, token, *sold)

    def _merge(self, token: str, _price_micro: int, size_micro: int) -> None:
        pair = TOKENS[:2] if token.endswith("a") else TOKENS[2:]
        size_micro = min(self._some(one, size_micro) for one in pair)
        receipt = self._receipt(size_micro, size_micro)
        self._keep(self.books.merge(receipt, pair, at_ns=AT_NS))
        self._tell(
            self.model.retire,
            dict.fromkeys(pair, exact(size_micro)),
            exact(size_micro),
            exact(receipt.gas_micro),
        )

    def _redeem(self, token: str, price_micro: int, _size_micro: int) -> None:
        held = self.books.position(token)
        size_micro = 0 if held is None else held.quantity_micro
        receipt = self._receipt(size_micro, size_micro if price_micro > 500_000 else 0)
        self._keep(self.books.redeem(receipt, {token: size_micro}, at_ns=AT_NS))
        self._tell(
            self.model.retire,
            {token: exact(size_micro)},
            exact(receipt.proceeds_micro),
            exact(receipt.gas_micro),
        )

    def _gas(self, _token: str, _price_micro: int, _amount: int) -> None:
        receipt = self._receipt(0, 0, ok=False)
        self._keep(self.books.spend_gas(receipt, at_ns=AT_NS))
        self._tell(self.model.burn, exact(receipt.gas_micro))

    def _reserve(self, _token: str, _price_micro: int, amount_micro: int) -> None:
        entry = self.books.reserve(f"o{self.number % 4}", amount_micro, at_ns=AT_NS)
        # An order that reserves a second time is another order: only its id is used again here.
        self._keep(_renamed(entry, self.number))

    def _release(self, _token: str, _price_micro: int, _amount: int) -> None:
        entry = self.books.release(f"o{self.number % 4}", at_ns=AT_NS)
        self._keep(None if entry is None else _renamed(entry, self.number))

    def _settle(self, _token: str, _price_micro: int, amount: int) -> None:
        if self.trades:
            self.books.settled(self.trades.pop(amount % len(self.trades)))

    def _reverse(self, token: str, _price_micro: int, amount: int) -> None:
        if not self.trades:
            return
        trade = self.trades[amount % len(self.trades)]
        outcome = Account.YES if trade.token_id.startswith("yes") else Account.NO
        entry = self.books.reverse(trade, outcome=outcome, at_ns=AT_NS)
        self._keep(entry)
        self.trades.remove(trade)
        # The books correct averages after the fact, which the model cannot: it goes on with cash.
        self.model_is_close = False
        self._tell(None)

    def _tell(self, happened: Callable[..., None] | None, *arguments: object) -> None:
        """Tell the model what happened, or only what it did to cash once that is all it knows."""
        if happened is not None and self.model_is_close:
            happened(*arguments)
            return
        self.model.cash += exact(
            sum(
                posting.amount_micro
                for posting in self.entries[-1].postings
                if posting.account in {Account.CASH, Account.RESERVED}
            )
        )

    def _some(self, token: str, size_micro: int) -> int:
        """Return a part of what is held of a token, all of it one time in three."""
        held = self.books.position(token)
        if held is None:
            return size_micro
        return held.quantity_micro if size_micro % 3 == 0 else min(size_micro, held.quantity_micro)


def _renamed(entry: LedgerBooked, number: int) -> LedgerBooked:
    return LedgerBooked(
        entry_id=f"{entry.entry_id}:{number}",
        kind=entry.kind,
        set_id=entry.set_id,
        at_ns=entry.at_ns,
        postings=entry.postings,
        realised_micro=entry.realised_micro,
        paper=entry.paper,
    )
