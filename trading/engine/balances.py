"""What the ledger holds: balances by account, shares by token, and the one way to change them.

Debits are positive and credits negative, and each entry sums to zero, so all balances always do.
Shares leave at average cost, rounded down: what the division leaves over stays with the remaining
shares, and the last share takes all of it along. So no micro is ever made or lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple, Self

from trading.engine.codes import Account
from trading.engine.events import RestoredBalance
from trading.engine.facts import LedgerBooked, Posting
from trading.engine.units import divide_down

SHARE_ACCOUNTS = (Account.YES, Account.NO)

# Money that a session before this one reserved, of whose orders nobody knows any more.
RESTORED_ORDER_ID = "restored"


class BooksError(ValueError):
    """An entry that cannot be true: shares that are not held, money that is not there."""


class EntryKind(StrEnum):
    """What an entry records."""

    CAPITAL = "CAPITAL"
    RESERVE = "RESERVE"
    RELEASE = "RELEASE"
    BUY = "BUY"
    SELL = "SELL"
    REVERSE = "REVERSE"
    MERGE = "MERGE"
    CONVERT = "CONVERT"
    REDEEM = "REDEEM"
    GAS = "GAS"


class Worth(NamedTuple):
    """Cost and fees of some shares, in micro dollars."""

    cost_micro: int
    fee_micro: int

    @property
    def total_micro(self) -> int:
        """Cost and fees together."""
        return self.cost_micro + self.fee_micro


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Shares of one token, what they cost, and the fees paid for them."""

    account: Account  # YES or NO
    quantity_micro: int = 0
    cost_micro: int = 0
    fee_micro: int = 0

    @property
    def worth(self) -> Worth:
        """Cost and fees of all of it."""
        return Worth(self.cost_micro, self.fee_micro)

    def worth_of(self, quantity_micro: int) -> Worth:
        """Return what so many of these shares take with them when they leave: all take all."""
        return Worth(
            divide_down(self.cost_micro * quantity_micro, self.quantity_micro),
            divide_down(self.fee_micro * quantity_micro, self.quantity_micro),
        )


class Balances:
    """All balances. Only `_book` changes them, by an entry that sums to zero."""

    def __init__(self, *, paper: bool) -> None:
        self._paper = paper
        self._balances = dict.fromkeys(Account, 0)
        self._positions: dict[str, Position] = {}
        self._reserved: dict[str, int] = {}

    @classmethod
    def from_balances(cls, balances: Iterable[RestoredBalance], *, paper: bool) -> Self:
        """Return the books that an earlier session left.

        Fees that come without their token are spread over the positions by cost. Raises BooksError
        when the balances do not sum to zero, or tell of cost or fees without shares.
        """
        books = cls(paper=paper)
        untold_fee_micro = 0
        for row in balances:
            account = _account_of(row)
            books._balances[account] += row.amount_micro
            if account in SHARE_ACCOUNTS and (row.amount_micro or row.quantity_micro):
                books._move_shares(account, row.token_id, row.quantity_micro, row.amount_micro, 0)
            elif account is Account.FEES and row.token_id:
                books._move_shares(None, row.token_id, 0, 0, row.amount_micro)
            elif account is Account.FEES:
                untold_fee_micro += row.amount_micro
        if sum(books._balances.values()):
            raise BooksError("the restored balances do not sum to zero")
        books._spread_fee(untold_fee_micro)
        for token_id, held in books._positions.items():
            if held.quantity_micro <= 0 or held.cost_micro < 0 or held.fee_micro < 0:
                raise BooksError(f"the restored balances of token {token_id} are of no shares")
        reserved_micro = books._balances[Account.RESERVED]
        if reserved_micro:
            books._reserved[RESTORED_ORDER_ID] = reserved_micro
        return books

    def balance(self, account: Account) -> int:
        """Return a balance in micro dollars, debits positive."""
        return self._balances[account]

    def position(self, token_id: str) -> Position | None:
        """Return what is held of a token, or None."""
        return self._positions.get(token_id)

    @property
    def positions(self) -> Mapping[str, Position]:
        """Everything held, by token."""
        return dict(self._positions)

    def reserved(self, order_id: str) -> int:
        """Return what is still promised to an order, in micro dollars."""
        return self._reserved.get(order_id, 0)

    @property
    def realised_micro(self) -> int:
        """The result so far: positive is a profit."""
        return -self._balances[Account.REALISED]

    @property
    def exposure_micro(self) -> int:
        """What everything held or promised cost, with fees."""
        accounts = (*SHARE_ACCOUNTS, Account.FEES, Account.RESERVED)
        return sum(self._balances[account] for account in accounts)

    def _leaving(self, token_id: str, quantity_micro: int) -> tuple[Position, Worth]:
        """Return what is held of a token and what so many shares take along."""
        held = self._positions.get(token_id)
        if held is None or not 0 < quantity_micro <= held.quantity_micro:
            have_micro = 0 if held is None else held.quantity_micro
            raise BooksError(
                f"{quantity_micro} micro shares of token {token_id} cannot leave: "
                f"{have_micro} are held"
            )
        return held, held.worth_of(quantity_micro)

    def _book(
        self, kind: EntryKind, key: str, *, at_ns: int, set_id: str = "", postings: list[Posting]
    ) -> LedgerBooked:
        """Apply an entry and return it. What it does to REALISED is its result."""
        realised_micro = -sum(
            posting.amount_micro for posting in postings if posting.account == Account.REALISED
        )
        for posting in postings:
            self._balances[Account(posting.account)] += posting.amount_micro
        for posting in postings:
            if posting.token_id:
                self._apply_shares(posting)
        return LedgerBooked(
            entry_id=f"{kind}:{key}",
            kind=kind,
            set_id=set_id,
            at_ns=at_ns,
            postings=tuple(p for p in postings if p.amount_micro or p.quantity_micro),
            realised_micro=realised_micro,
            paper=self._paper,
        )

    def _apply_shares(self, posting: Posting) -> None:
        if posting.account == Account.FEES:
            self._move_shares(None, posting.token_id, 0, 0, posting.amount_micro)
        else:
            self._move_shares(
                Account(posting.account),
                posting.token_id,
                posting.quantity_micro,
                posting.amount_micro,
                0,
            )

    def _move_shares(
        self,
        account: Account | None,
        token_id: str,
        quantity_micro: int,
        cost_micro: int,
        fee_micro: int,
    ) -> None:
        held = self._positions.get(token_id) or Position(account=account or Account.YES)
        moved = replace(
            held,
            account=account or held.account,
            quantity_micro=held.quantity_micro + quantity_micro,
            cost_micro=held.cost_micro + cost_micro,
            fee_micro=held.fee_micro + fee_micro,
        )
        if moved.quantity_micro or moved.cost_micro or moved.fee_micro:
            self._positions[token_id] = moved
        else:
            self._positions.pop(token_id, None)

    def _spread_fee(self, fee_micro: int) -> None:
        """Give fees of unknown tokens to the positions, by cost; the last one takes the rest."""
        if not fee_micro:
            return
        cost_micro = sum(held.cost_micro for held in self._positions.values())
        if cost_micro <= 0:
            raise BooksError(f"{fee_micro} micro dollars of restored fees belong to no shares")
        left_micro = fee_micro
        *others, last = sorted(self._positions)
        for token_id in others:
            held = self._positions[token_id]
            part_micro = divide_down(fee_micro * held.cost_micro, cost_micro)
            left_micro -= part_micro
            self._move_shares(None, token_id, 0, 0, part_micro)
        self._move_shares(None, last, 0, 0, left_micro)


def _account_of(row: RestoredBalance) -> Account:
    try:
        account = Account(row.account)
    except ValueError as error:
        raise BooksError(f"the ledger has no account {row.account!r:.40}") from error
    if account in SHARE_ACCOUNTS and not row.token_id and (row.amount_micro or row.quantity_micro):
        raise BooksError(f"the restored balance of {account} does not say of which token")
    return account
