"""What each column of the files for accounting means, for /api/accounting and for the docs."""

from collections.abc import Mapping
from dataclasses import dataclass

_MICRO = "In whole millionths, so that a spreadsheet rounds nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileColumns:
    """A file: its address, what one line of it is, and its columns in their order."""

    address: str
    line: str
    columns: Mapping[str, str]


TRADES = FileColumns(
    address="/api/trades.csv",
    line="One fill of one order. It counts when its state is CONFIRMED.",
    columns={
        "id": "Number of the record. It grows with each recorded fill.",
        "trade_id": "The venue's id of the match; on paper our own.",
        "order_id": "Our id of the order that was filled.",
        "set_id": "The complete set that the order was for.",
        "session": "The run of the engine: account, a hyphen, and the number of the run.",
        "condition_id": "The market's condition on the chain.",
        "token_id": "The outcome token that was bought or sold.",
        "side": "BUY or SELL, seen from us.",
        "price_micro": f"Dollars for one share. {_MICRO}.",
        "price": "The same as decimal text.",
        "size_micro": f"Shares. {_MICRO}.",
        "size": "The same as decimal text.",
        "fee_micro": f"Dollars that the venue charged for this fill, beside the price. {_MICRO}.",
        "fee": "The same as decimal text.",
        "state": "MATCHED, MINED or RETRYING: not settled yet. CONFIRMED: settled. FAILED: it "
        "never took place, and nothing was bought or sold.",
        "paper": "true when no money moved: filled by rule from the book.",
        "money": "PAPER, PLAY (the local venue, worth nothing) or REAL. Never add them up.",
        "matched_at": "When the venue matched it, in UTC.",
        "moved_at": "When its state last changed, in UTC.",
    },
)
LEDGER = FileColumns(
    address="/api/ledger.csv",
    line="One line of one double entry. The amounts of the lines of an entry sum to zero.",
    columns={
        "id": "Number of the record. It grows with each recorded line.",
        "entry_id": "The entry that the line belongs to.",
        "line": "Its place in the entry, from 0.",
        "kind": "CAPITAL in or out; RESERVE and RELEASE of dollars for an order; BUY, SELL; "
        "REVERSE of a match that never settled; MERGE, CONVERT, REDEEM of shares into dollars; "
        "GAS.",
        "booked_at": "When it was booked, in UTC.",
        "session": "The run of the engine that booked it.",
        "set_id": "The complete set that it is for; empty for capital.",
        "account": "CASH; RESERVED for orders; YES and NO: shares at cost; FEES of shares still "
        "held; GAS; MERGED and REDEEMED, which are passed through; REALISED profit (a credit is a "
        "profit); CAPITAL, where the money came from.",
        "token_id": "The outcome token of a line about shares; empty for dollars.",
        "amount_micro": f"Dollars: positive is a debit, negative a credit. {_MICRO}.",
        "amount": "The same as decimal text.",
        "quantity_micro": f"Shares that move with it: positive in, negative out. {_MICRO}.",
        "quantity": "The same as decimal text.",
        "entry_realised_micro": "Profit that the whole entry realised; it stands on each line of "
        f"the entry, so take it from one only. {_MICRO}.",
        "entry_realised": "The same as decimal text.",
        "money": "PAPER, PLAY (the local venue, worth nothing) or REAL. Never add them up.",
    },
)
FILES = (TRADES, LEDGER)
