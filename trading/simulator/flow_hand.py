"""Makes the orders of invented or recorded accounts, and sees to it that they can pay."""

from random import Random
from typing import Protocol

from trading.engine.codes import Side
from trading.engine.units import MICRO, cost_up
from trading.simulator.codes import COLLATERAL, UNLIMITED, OrderType
from trading.simulator.exchange import Exchange
from trading.simulator.gates import Tier
from trading.simulator.orders import Listing, NewOrder

NEVER_MS = 2**62
HUNDREDTH_MICRO = 10_000  # of a share: sizes have two decimals
NO_LIMITS = Tier(
    orders_per_s=10**6,
    orders_burst=10**6,
    cancels_per_s=10**6,
    cancels_burst=10**6,
    ids_max=1_000,  # the flow never repeats itself
)


class OrderFlow(Protocol):
    """What trades in one market or in several, wherever its orders come from."""

    next_ms: int  # when `step` is due; NEVER_MS for no more

    def step(self) -> None:
        """Do the next thing, at `next_ms`, and set when the one after it is due."""

    def end(self, condition_id: str) -> None:
        """Do nothing in a market any more: it is resolved."""

    def fair(self, condition_id: str) -> int | None:
        """Return the fair value of a market's YES, in millionths; None: none is invented."""

    def resume(self, condition_id: str, fair_micro: int) -> None:
        """Go on from the fair value of an earlier run, before the first step."""


class FlowHand:
    """The accounts of a flow in one market."""

    def __init__(
        self, exchange: Exchange, listing: Listing, random: Random, *, capital_micro: int
    ) -> None:
        self._exchange = exchange
        self._listing = listing
        self._random = random
        self._capital_micro = capital_micro  # of each account; half of it is split into sets
        self._count = 0
        self._prefix = f"{random.getrandbits(128):032x}"

    def open_account(self, account_id: str) -> None:
        """Open an account and give it capital."""
        chain, spender = self._exchange.chain, self._listing.spender
        self._exchange.open_account(account_id, NO_LIMITS)
        if spender:
            chain.approve(account_id, spender, UNLIMITED)
            chain.approve_all(account_id, spender, approved=True)
        self._fund(account_id, 0)

    def order(
        self,
        account_id: str,
        is_bid: bool,
        book_price_micro: int,
        size_micro: int,
        order_type: OrderType,
        *,
        post_only: bool = False,
        is_rest: bool = False,
    ) -> NewOrder:
        """Return an order that bids or asks at a price of YES, buying one token or selling one."""
        yes, no = self._listing.token_ids
        buys = bool(self._random.randrange(2))
        token_id = yes if is_bid == buys else no
        price = book_price_micro if token_id == yes else MICRO - book_price_micro
        self._see_to(account_id, COLLATERAL if buys else token_id, size_micro)
        dollars = cost_up(price, size_micro)
        self._count += 1
        return NewOrder(
            order_id=f"0x{self._prefix}{self._count:032x}",
            account_id=account_id,
            token_id=token_id,
            side=Side.BUY if buys else Side.SELL,
            order_type=order_type,
            maker_micro=dollars if buys else size_micro,
            taker_micro=size_micro if buys else dollars,
            post_only=post_only,
            is_rest=is_rest,
        )

    def see_to_all(self, account_id: str, size_micro: int) -> None:
        """Let an account have enough of everything for orders of so many shares together."""
        for asset in (COLLATERAL, *self._listing.token_ids):
            self._see_to(account_id, asset, size_micro)

    def _see_to(self, account_id: str, asset: str, size_micro: int) -> None:
        if self._exchange.chain.accounts[account_id].available_micro(asset) < 2 * size_micro:
            self._fund(account_id, size_micro)

    def _fund(self, account_id: str, size_micro: int) -> None:
        """Give an account capital, half of it as sets, and let the venue see it."""
        capital = max(self._capital_micro, 4 * size_micro)
        yes, no = self._listing.token_ids
        self._exchange.chain.deposit(account_id, capital)
        self._exchange.split(account_id, yes, capital // 2)
        for asset in (COLLATERAL, yes, no):
            self._exchange.refresh_view(account_id, asset)
