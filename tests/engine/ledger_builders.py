"""Trades, receipts and balances of the ledger, with prices, sizes and dollars written as text."""

from trading.engine.codes import Account, Side, TradeState
from trading.engine.events import ChainReceipt, RestoredBalance, TradeUpdate
from trading.engine.units import micro_from_text

AT_NS = 1_700_000_000_000_000_000


def micro(text: str) -> int:
    return micro_from_text(text)


def trade(side, token, price, size, fee="0", *, order="o1", trade_id="t1"):
    return TradeUpdate(
        trade_id=trade_id,
        order_id=order,
        token_id=token,
        side=Side(side),
        price_micro=micro(price),
        size_micro=micro(size),
        fee_micro=micro(fee),
        state=TradeState.MATCHED,
    )


def receipt(size, proceeds, gas="0", *, ok=True, reference="0xaa"):
    return ChainReceipt(
        set_id="s1",
        ok=ok,
        size_micro=micro(size),
        proceeds_micro=micro(proceeds),
        gas_micro=micro(gas),
        reference=reference,
    )


def amounts(entry):
    """Return an entry's postings as (account, amount) pairs."""
    return [(posting.account, posting.amount_micro) for posting in entry.postings]


def balances(books):
    """Return all balances that are not zero."""
    return {account: books.balance(account) for account in Account if books.balance(account)}


def summed(entries, *, fee_tokens=True):
    """Return what a database would sum up of entries: by account and token."""
    sums: dict[tuple[str, str], list[int]] = {}
    for entry in entries:
        for posting in entry.postings:
            token = posting.token_id if fee_tokens or posting.account != Account.FEES else ""
            row = sums.setdefault((posting.account, token), [0, 0])
            row[0] += posting.amount_micro
            row[1] += posting.quantity_micro
    return [
        RestoredBalance(account=account, token_id=token, amount_micro=row[0], quantity_micro=row[1])
        for (account, token), row in sums.items()
    ]


YES = trade("BUY", "yes", "0.48", "10", "0.1", order="o-yes")
NO = trade("BUY", "no", "0.50", "10", "0.1", order="o-no")
