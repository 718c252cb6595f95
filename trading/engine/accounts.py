"""The double-entry ledger: every movement of money and shares, in integers of millionths.

- CASH and RESERVED are dollars, free and promised to open orders. CAPITAL is where they came from.
- YES and NO hold shares at what they cost. FEES holds the fees paid for shares that are still held:
  they travel with their shares and reach the result when the shares leave.
- REALISED is the result: a credit is a profit. Only a merge, a conversion, a redemption or a sale
  books to it, and gas of a failed transaction, which is gone whatever becomes of the set.
- MERGED, REDEEMED and GAS are passed through: their balance stays zero, and the debit side of each
  tells how much was ever merged, redeemed or burnt. That of FEES tells it of fees.

balances.py holds what is booked; here is what can be booked.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trading.engine.balances import (
    RESTORED_ORDER_ID,
    SHARE_ACCOUNTS,
    Balances,
    BooksError,
    EntryKind,
    Position,
    Worth,
)
from trading.engine.codes import Account, Side
from trading.engine.events import ChainReceipt, TradeUpdate
from trading.engine.facts import LedgerBooked, Posting
from trading.engine.units import cost_up, proceeds_down

__all__ = ["Books", "BooksError", "EntryKind", "Position", "Worth"]


# Trades that are over are remembered, the oldest forgotten first, so that none is booked twice.
ENDED_MAX = 10_000


class _Moved(NamedTuple):
    """What a trade moved: the shares' worth, and the money paid for them or received."""

    worth: Worth
    cash_micro: int


class Books(Balances):
    """Every method books one entry and returns it; one that raises BooksError changed nothing.

    Times are nanoseconds of UTC. Entry ids are made from content: the same thing booked by a replay
    has the same id.
    """

    def __init__(self, *, paper: bool) -> None:
        super().__init__(paper=paper)
        # Kept until a trade is settled: a failed one is reversed to the last micro.
        self._unsettled: dict[tuple[str, str], _Moved] = {}
        self._ended: dict[tuple[str, str], None] = {}
        self._again: dict[str, str] = {}  # keys of what was reserved again, by order

    def open_capital(
        self, amount_micro: int, *, at_ns: int, reference: str = "opening"
    ) -> LedgerBooked:
        """Book money that came in (or, negative, went out) from outside the engine."""
        postings = [_line(Account.CASH, amount_micro), _line(Account.CAPITAL, -amount_micro)]
        return self._book(EntryKind.CAPITAL, reference, at_ns=at_ns, postings=postings)

    def reserve(
        self, order_id: str, amount_micro: int, *, at_ns: int, set_id: str = ""
    ) -> LedgerBooked:
        """Promise cash to an order; raises BooksError without enough of it, or on a second time."""
        if not 0 <= amount_micro <= self.balance(Account.CASH) or order_id in self._reserved:
            raise BooksError(f"{amount_micro} micro dollars cannot be reserved for {order_id}")
        self._reserved[order_id] = amount_micro
        postings = [_line(Account.CASH, -amount_micro), _line(Account.RESERVED, amount_micro)]
        return self._book(
            EntryKind.RESERVE,
            self._again.get(order_id, order_id),
            at_ns=at_ns,
            set_id=set_id,
            postings=postings,
        )

    def reserve_again(
        self, order_id: str, amount_micro: int, *, at_ns: int, set_id: str = ""
    ) -> LedgerBooked:
        """Reserve for an order that an earlier session reserved for, as entries of their own."""
        self._again[order_id] = f"{order_id}:{at_ns}"
        return self.reserve(order_id, amount_micro, at_ns=at_ns, set_id=set_id)

    def release(self, order_id: str, *, at_ns: int, set_id: str = "") -> LedgerBooked | None:
        """Free what an order that is over did not use; None when there is nothing to free."""
        key = self._again.get(order_id, order_id)
        return self._release(order_id, key, at_ns=at_ns, set_id=set_id)

    def release_restored(self, *, at_ns: int) -> LedgerBooked | None:
        """Free what an earlier session left reserved, once none of its orders is open any more."""
        key = f"{RESTORED_ORDER_ID}:{at_ns}"
        return self._release(RESTORED_ORDER_ID, key, at_ns=at_ns, set_id="")

    def buy(
        self, trade: TradeUpdate, *, outcome: Account, at_ns: int, set_id: str = ""
    ) -> LedgerBooked:
        """Book a BUY: shares in at cost, paid out of the order's reservation first, then cash.

        `outcome` is YES or NO. Cash may go below zero: the fill has happened, and hiding it would
        not bring the money back. Raises BooksError on a trade that is booked already.
        """
        self._check_new(trade, Side.BUY)
        held = self.position(trade.token_id)
        if outcome not in SHARE_ACCOUNTS or (held is not None and held.account is not outcome):
            raise BooksError(f"token {trade.token_id} is not one of {outcome}")
        moved = _bought(trade)
        promised_micro = min(self.reserved(trade.order_id), moved.cash_micro)
        if promised_micro:
            self._reserved[trade.order_id] -= promised_micro
        self._unsettled[_key(trade)] = moved
        postings = [
            _line(Account.RESERVED, -promised_micro),
            _line(Account.CASH, promised_micro - moved.cash_micro),
            *_shares_in(trade.token_id, outcome, trade.size_micro, moved.worth),
        ]
        return self._book_trade(EntryKind.BUY, trade, postings, at_ns=at_ns, set_id=set_id)

    def sell(self, trade: TradeUpdate, *, at_ns: int, set_id: str = "") -> LedgerBooked:
        """Book a SELL: shares out at average cost, the difference to the proceeds realised.

        Raises BooksError when the shares are not held or the trade is booked already.
        """
        self._check_new(trade, Side.SELL)
        held, worth = self._leaving(trade.token_id, trade.size_micro)
        received_micro = _sold_micro(trade)
        self._unsettled[_key(trade)] = _Moved(worth, received_micro)
        postings = [
            _line(Account.CASH, received_micro),
            *_passed(Account.FEES, trade.fee_micro),
            *_shares_out(trade.token_id, held.account, trade.size_micro, worth),
            _line(Account.REALISED, worth.total_micro - received_micro),
        ]
        return self._book_trade(EntryKind.SELL, trade, postings, at_ns=at_ns, set_id=set_id)

    def settled(self, trade: TradeUpdate) -> None:
        """Forget how to reverse a trade: it is confirmed and cannot fail any more."""
        self._end(trade)

    def reverse(
        self, trade: TradeUpdate, *, outcome: Account, at_ns: int, set_id: str = ""
    ) -> LedgerBooked:
        """Undo a trade whose settlement failed: shares, fees and money go back where they were.

        What came out of a reservation goes to cash, since a failed order is over. When some of the
        shares left meanwhile, at an average that this trade had a part in, the difference is
        realised. A trade that these books do not know is of an earlier session and is undone at its
        own price. Raises BooksError when it is over already, or a BUY's shares are not held.
        """
        if _key(trade) in self._ended:
            raise BooksError(f"trade {trade.trade_id} of {trade.order_id} is over already")
        if trade.side is Side.BUY:
            postings = self._undo_buy(trade)
        else:
            postings = self._undo_sell(trade, outcome)
        self._end(trade)
        return self._book_trade(EntryKind.REVERSE, trade, postings, at_ns=at_ns, set_id=set_id)

    def merge(self, receipt: ChainReceipt, token_ids: Sequence[str], *, at_ns: int) -> LedgerBooked:
        """Book a merge of equal shares of every token into dollars.

        Raises BooksError when the shares are not held or the transaction failed.
        """
        shares_micro = dict.fromkeys(token_ids, receipt.size_micro)
        return self._retire(EntryKind.MERGE, Account.MERGED, receipt, shares_micro, at_ns=at_ns)

    def convert(
        self, receipt: ChainReceipt, token_ids: Sequence[str], *, at_ns: int
    ) -> LedgerBooked:
        """Book a conversion of equal NO shares of every outcome into dollars.

        Raises BooksError when the shares are not held or the transaction failed.
        """
        shares_micro = dict.fromkeys(token_ids, receipt.size_micro)
        return self._retire(EntryKind.CONVERT, Account.MERGED, receipt, shares_micro, at_ns=at_ns)

    def redeem(
        self, receipt: ChainReceipt, shares_micro: Mapping[str, int], *, at_ns: int
    ) -> LedgerBooked:
        """Book a redemption after resolution: shares by token, worthless ones too, for dollars.

        Raises BooksError when the shares are not held or the transaction failed.
        """
        return self._retire(EntryKind.REDEEM, Account.REDEEMED, receipt, shares_micro, at_ns=at_ns)

    def spend_gas(self, receipt: ChainReceipt, *, at_ns: int) -> LedgerBooked:
        """Book the gas of a transaction that failed: a loss at once."""
        postings = [
            *_gas_lines(receipt.gas_micro),
            _line(Account.REALISED, receipt.gas_micro),
        ]
        key = f"{receipt.set_id}:{receipt.reference}"
        return self._book(EntryKind.GAS, key, at_ns=at_ns, set_id=receipt.set_id, postings=postings)

    def _release(self, order_id: str, key: str, *, at_ns: int, set_id: str) -> LedgerBooked | None:
        amount_micro = self._reserved.pop(order_id, 0)
        if not amount_micro:
            return None
        postings = [_line(Account.RESERVED, -amount_micro), _line(Account.CASH, amount_micro)]
        return self._book(EntryKind.RELEASE, key, at_ns=at_ns, set_id=set_id, postings=postings)

    def _undo_buy(self, trade: TradeUpdate) -> list[Posting]:
        paid = self._unsettled.get(_key(trade)) or _bought(trade)
        held, gone = self._leaving(trade.token_id, trade.size_micro)
        if trade.size_micro < held.quantity_micro:
            gone = Worth(
                min(paid.worth.cost_micro, held.cost_micro),
                min(paid.worth.fee_micro, held.fee_micro),
            )
        return [
            _line(Account.CASH, paid.cash_micro),
            *_shares_out(trade.token_id, held.account, trade.size_micro, gone),
            _line(Account.REALISED, gone.total_micro - paid.cash_micro),
        ]

    def _undo_sell(self, trade: TradeUpdate, outcome: Account) -> list[Posting]:
        # Of a sale by an earlier session nobody knows the cost any more: the shares come back at
        # what they were sold for, which leaves the result as it was told.
        sold_micro = _sold_micro(trade)
        sold = self._unsettled.get(_key(trade)) or _Moved(Worth(sold_micro, 0), sold_micro)
        return [
            _line(Account.CASH, -sold.cash_micro),
            *_shares_in(trade.token_id, outcome, trade.size_micro, sold.worth),
            _line(Account.REALISED, sold.cash_micro - sold.worth.total_micro),
        ]

    def _retire(
        self,
        kind: EntryKind,
        through: Account,
        receipt: ChainReceipt,
        shares_micro: Mapping[str, int],
        *,
        at_ns: int,
    ) -> LedgerBooked:
        """Book shares out and dollars in; the difference, less fees and gas, is the result."""
        if not receipt.ok:
            raise BooksError(f"transaction {receipt.reference} failed: it brought nothing")
        postings = [
            _line(Account.CASH, receipt.proceeds_micro),
            *_passed(through, receipt.proceeds_micro),
            *_gas_lines(receipt.gas_micro),
        ]
        result_micro = receipt.proceeds_micro - receipt.gas_micro
        for token_id, size_micro in shares_micro.items():
            held, worth = self._leaving(token_id, size_micro)
            postings += _shares_out(token_id, held.account, size_micro, worth)
            result_micro -= worth.total_micro
        postings.append(_line(Account.REALISED, -result_micro))
        key = f"{receipt.set_id}:{receipt.reference}"
        if receipt.condition_id:  # one transaction can redeem several of them
            key = f"{key}:{receipt.condition_id}"
        return self._book(kind, key, at_ns=at_ns, set_id=receipt.set_id, postings=postings)

    def _book_trade(
        self,
        kind: EntryKind,
        trade: TradeUpdate,
        postings: list[Posting],
        *,
        at_ns: int,
        set_id: str,
    ) -> LedgerBooked:
        key = f"{trade.order_id}:{trade.trade_id}"
        return self._book(kind, key, at_ns=at_ns, set_id=set_id, postings=postings)

    def _end(self, trade: TradeUpdate) -> None:
        self._unsettled.pop(_key(trade), None)
        self._ended[_key(trade)] = None
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def _check_new(self, trade: TradeUpdate, side: Side) -> None:
        if trade.side is not side or trade.size_micro <= 0 or trade.fee_micro < 0:
            raise BooksError(f"trade {trade.trade_id} is no {side} of shares")
        if _key(trade) in self._unsettled or _key(trade) in self._ended:
            raise BooksError(f"trade {trade.trade_id} of {trade.order_id} is booked already")


def _key(trade: TradeUpdate) -> tuple[str, str]:
    return trade.order_id, trade.trade_id


def _bought(trade: TradeUpdate) -> _Moved:
    worth = Worth(cost_up(trade.price_micro, trade.size_micro), trade.fee_micro)
    return _Moved(worth, worth.total_micro)


def _sold_micro(trade: TradeUpdate) -> int:
    return proceeds_down(trade.price_micro, trade.size_micro) - trade.fee_micro


def _line(account: Account, amount_micro: int) -> Posting:
    return Posting(account=account, amount_micro=amount_micro)


def _passed(account: Account, amount_micro: int) -> list[Posting]:
    """Return both sides of what only passes through an account, so that its total can be told."""
    return [_line(account, amount_micro), _line(account, -amount_micro)]


def _gas_lines(gas_micro: int) -> list[Posting]:
    return [_line(Account.CASH, -gas_micro), *_passed(Account.GAS, gas_micro)]


def _shares_in(token_id: str, account: Account, size_micro: int, worth: Worth) -> list[Posting]:
    return [
        Posting(
            account=account,
            amount_micro=worth.cost_micro,
            token_id=token_id,
            quantity_micro=size_micro,
        ),
        Posting(account=Account.FEES, amount_micro=worth.fee_micro, token_id=token_id),
    ]


def _shares_out(token_id: str, account: Account, size_micro: int, worth: Worth) -> list[Posting]:
    return _shares_in(token_id, account, -size_micro, Worth(-worth.cost_micro, -worth.fee_micro))
