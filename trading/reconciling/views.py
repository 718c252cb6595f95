"""What each of the three says at one instant: our ledger, the venue, and the chain.

A part that could not be read completely is Unread and says why: it is never taken for empty.
Amounts are millionths. Collateral is an asset like a token, under the name CASH.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from trading.engine.codes import OrderState, Side, TradeState
from trading.engine.market import FeeSchedule
from trading.engine.units import cost_up, proceeds_down
from trading.execution.messages import OpenOrder, VenueTrade

CASH = "pUSD"
# The most that is put up with: just below 0.01 shares of a token, and just below 0.01 dollars.
SHARES_DUST_MICRO = 9_999
CASH_DUST_MICRO = 9_999

# So much of an asset moved, positive towards us: (asset, amount).
Moves: TypeAlias = tuple[tuple[str, int], ...]
TradeKey: TypeAlias = tuple[str, str]  # trade id, hash of our order


@dataclass(frozen=True, slots=True, kw_only=True)
class Dust:
    """What a difference may be at most without being one."""

    shares_micro: int = SHARES_DUST_MICRO
    cash_micro: int = CASH_DUST_MICRO

    def of(self, asset: str) -> int:
        """Return the bound of an asset."""
        return self.cash_micro if asset == CASH else self.shares_micro


EXACT = Dust(shares_micro=0, cash_micro=0)  # play money: every unit is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A part that is not there, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOrder:
    """An order of ours that may be open, or one that the venue still lists."""

    order_hash: str  # empty: it was never signed
    token_id: str
    side: Side
    limit_micro: int
    size_micro: int
    matched_micro: int
    state: OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTrade:
    """One order's part of one trade, as it was booked. A FAILED one has been booked back.

    Against several makers it was booked as several fills: `dollars_micro` is then what they cost
    or brought together without fees, and the price only their average.
    """

    trade_id: str
    order_hash: str
    token_id: str
    side: Side
    price_micro: int
    size_micro: int
    fee_micro: int
    state: TradeState
    at_s: int  # when we heard of it, by our clock
    dollars_micro: int | None = None  # None: one fill, of price times size

    @property
    def key(self) -> TradeKey:
        """Return what it is known by."""
        return self.trade_id, self.order_hash

    @property
    def moves(self) -> Moves:
        """Return what it moves once it is settled: dollars with the fee, and shares."""
        dollars_micro = self.dollars_micro
        if self.side is Side.BUY:
            if dollars_micro is None:
                dollars_micro = cost_up(self.price_micro, self.size_micro)
            return ((CASH, -dollars_micro - self.fee_micro), (self.token_id, self.size_micro))
        if dollars_micro is None:
            dollars_micro = proceeds_down(self.price_micro, self.size_micro)
        got_micro = dollars_micro - self.fee_micro
        return ((CASH, got_micro), (self.token_id, -self.size_micro))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A merge, conversion or redemption that the ledger and the chain book at different times.

    `booked` says that the ledger has it and the chain may not: a redemption is booked when its
    market resolves. Otherwise it was asked for, and the chain may be first.
    """

    reference: str
    shares: tuple[tuple[str, int], ...]  # (token, shares that go)
    proceeds_micro: int
    booked: bool

    @property
    def moves(self) -> Moves:
        """Return what it moves."""
        return ((CASH, self.proceeds_micro), *((token, -size) for token, size in self.shares))


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """What our books say. `shares` names every token that they have ever heard of, also with 0.

    Fills count from their match on, so what is in flight is in `shares` and not yet on the chain.
    `gas_micro` is what the books paid for gas: in the chain's own coin, so not out of collateral.
    `fees` is by token; a token without a schedule has its fees checked by the dollars alone.
    """

    sequence: int  # of the last entry that is in here
    cash_micro: int
    reserved_micro: int
    gas_micro: int
    shares: Mapping[str, int]
    orders: tuple[LedgerOrder, ...]
    trades: tuple[LedgerTrade, ...]
    exits: tuple[Exit, ...] = ()
    fees: Mapping[str, FeeSchedule] = field(default_factory=dict)

    @property
    def collateral_micro(self) -> int:
        """Dollars that the wallet should hold once everything is settled."""
        return self.cash_micro + self.reserved_micro + self.gas_micro

    def amount(self, asset: str) -> int:
        """Return how much of an asset the books hold."""
        return self.collateral_micro if asset == CASH else self.shares.get(asset, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueView:
    """What the venue says. Its balances are a copy of the chain's, and may be old."""

    orders: tuple[OpenOrder, ...] | Unread
    trades: tuple[VenueTrade, ...] | Unread
    trades_since_s: int  # complete from this second on, by the venue's clock
    cash_micro: int | Unread
    shares: Mapping[str, int] | Unread

    def amount(self, asset: str) -> int | None:
        """Return a balance, None when it was not read."""
        if asset == CASH:
            return None if isinstance(self.cash_micro, Unread) else self.cash_micro
        return None if isinstance(self.shares, Unread) else self.shares.get(asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """What the wallet holds at the end of one block."""

    block_number: int
    pusd_micro: int
    shares: Mapping[str, int]

    def amount(self, asset: str) -> int | None:
        """Return a balance, None when it was not read."""
        return self.pusd_micro if asset == CASH else self.shares.get(asset)
