"""One market's book: price-time priority over both tokens at once.

Kept in prices of YES (see orders.py), so a set is minted when a bid and an ask are a BUY of each
token, merged when they are a SELL of each, and otherwise one token changes hands. A match is at the
resting order's price; the taker keeps what is better than its limit. Price-time priority is not
documented by the venue (polymarket.md section 4): it is what every order book does.
"""

from collections.abc import Iterator
from typing import NamedTuple

from trading.engine.codes import Side
from trading.engine.units import MICRO, divide_down
from trading.simulator.codes import MatchKind
from trading.simulator.events import LevelChange, TokenChange
from trading.simulator.orders import Listing, Order, fill_step_micro


class PlannedFill(NamedTuple):
    """What a taker would get from one resting order; `price_micro` is of YES."""

    maker: Order
    size_micro: int
    price_micro: int


class Plan(NamedTuple):
    """All that a taker would get now, and whether that is all it wants."""

    fills: tuple[PlannedFill, ...]
    complete: bool


class MarketBook:
    """The resting orders of one market."""

    __slots__ = ("_asks", "_bids", "_shown", "_sizes", "_touched", "listing", "tick_micro")

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.tick_micro = listing.tick_micro
        self._bids: dict[int, dict[str, Order]] = {}
        self._asks: dict[int, dict[str, Order]] = {}
        self._sizes: dict[tuple[bool, int], int] = {}
        self._shown: dict[tuple[bool, int], int] = {}  # the sizes that were last published
        self._touched: dict[tuple[bool, int], None] = {}

    def add(self, order: Order) -> None:
        """Let an order rest: behind all of its price that came before it."""
        levels, price = self._levels(order), order.book_price_micro
        level = levels.get(price, {})
        first = next(iter(level.values()), None)
        if first is not None and order.sequence < first.sequence:
            # It had this place before, and left it only to be matched with a crossing order.
            levels[price] = {order.order_id: order, **level}
        else:
            levels.setdefault(price, level)[order.order_id] = order
        self._resize(order, order.left_micro)

    def remove(self, order: Order) -> None:
        """Take a resting order out of the book."""
        levels, price = self._levels(order), order.book_price_micro
        del levels[price][order.order_id]
        if not levels[price]:
            del levels[price]
        self._resize(order, -order.left_micro)

    def shrink(self, order: Order, size_micro: int) -> None:
        """Take shares off a resting order, which leaves the book when none are left."""
        if size_micro == order.left_micro:
            self.remove(order)
        else:
            self._resize(order, -size_micro)
        order.left_micro -= size_micro

    def best_bid_micro(self) -> int:
        """Return the best bid for YES, 0 when there is none."""
        return max(self._bids, default=0)

    def best_ask_micro(self) -> int:
        """Return the best ask for YES, MICRO when there is none."""
        return min(self._asks, default=MICRO)

    def resting(self) -> list[Order]:
        """Return every resting order."""
        sides = (self._bids, self._asks)
        return [order for side in sides for level in side.values() for order in level.values()]

    def crosses(self, order: Order) -> bool:
        """Say whether an order would match at once."""
        if order.is_bid:
            return bool(self._asks) and self.best_ask_micro() <= order.book_price_micro
        return bool(self._bids) and self.best_bid_micro() >= order.book_price_micro

    def later_of_crossing(self) -> Order | None:
        """Return the younger of the two first orders when the book is crossed, else None."""
        if not self._bids or not self._asks or self.best_bid_micro() < self.best_ask_micro():
            return None
        bid = next(iter(self._bids[self.best_bid_micro()].values()))
        ask = next(iter(self._asks[self.best_ask_micro()].values()))
        return bid if bid.sequence > ask.sequence else ask

    def plan(self, taker: Order) -> Plan:
        """Return what an order would get, best price first and oldest first; changes nothing.

        A market BUY spends its dollars, all others ask for shares. Sizes are on the step of the
        tick, so that every fill is a whole number of micro dollars; what a market BUY cannot
        spend for that reason is less than the price of one step.
        """
        step = fill_step_micro(self.tick_micro)
        left, budget = taker.left_micro, taker.budget_left_micro
        fills: list[PlannedFill] = []
        for maker in self._makers(taker):
            own_price = taker.own_price_micro(maker.book_price_micro)
            if taker.budget_micro:
                left = divide_down(budget * MICRO, own_price * step) * step
            size = min(left, maker.left_micro)
            if not size:
                break
            fills.append(PlannedFill(maker, size, maker.book_price_micro))
            left -= size
            budget -= own_price * size // MICRO  # exact: a price on the tick times its step
        if taker.budget_micro:
            left = divide_down(budget * MICRO, taker.price_micro * step)
        return Plan(tuple(fills), not left)

    def change_tick(self, tick_micro: int) -> list[tuple[Order, int]]:
        """Take a finer tick; return what each order loses because its rest is off the new step.

        What the venue does with such rests is not known; they are below a hundredth of a share.
        """
        self.tick_micro = tick_micro
        step = fill_step_micro(tick_micro)
        return [(order, order.left_micro % step) for order in self.resting()]

    def take_changes(self) -> tuple[TokenChange, TokenChange] | None:
        """Return what changed in both tokens' books since the last call, None for nothing."""
        changes: list[LevelChange] = []
        for key in self._touched:
            size = self._sizes.get(key, 0)
            if size == self._shown.get(key, 0):
                continue
            changes.append((*key, size))
            if size:
                self._shown[key] = size
            else:
                del self._shown[key]
        self._touched.clear()
        if not changes:
            return None
        yes, no = self.listing.token_ids
        bid, ask = self.best_bid_micro(), self.best_ask_micro()
        mirrored = tuple((not is_ask, MICRO - price, size) for is_ask, price, size in changes)
        return (
            TokenChange(
                token_id=yes, best_bid_micro=bid, best_ask_micro=ask, levels=tuple(changes)
            ),
            TokenChange(
                token_id=no,
                best_bid_micro=MICRO - ask,
                best_ask_micro=MICRO - bid,
                levels=mirrored,
            ),
        )

    def levels(self, token_id: str) -> tuple[LevelChange, ...]:
        """Return the whole book of one token: (is it an ask, price_micro, size_micro)."""
        if token_id == self.listing.token_ids[0]:
            return tuple((is_ask, price, size) for (is_ask, price), size in self._sizes.items())
        return tuple(
            (not is_ask, MICRO - price, size) for (is_ask, price), size in self._sizes.items()
        )

    def _levels(self, order: Order) -> dict[int, dict[str, Order]]:
        return self._bids if order.is_bid else self._asks

    def _makers(self, taker: Order) -> Iterator[Order]:
        """Give the resting orders that a taker crosses, in the order in which they match."""
        limit = taker.book_price_micro
        if taker.is_bid:
            prices = sorted(price for price in self._asks if price <= limit)
            levels = self._asks
        else:
            prices = sorted((price for price in self._bids if price >= limit), reverse=True)
            levels = self._bids
        for price in prices:
            yield from levels[price].values()

    def _resize(self, order: Order, size_micro: int) -> None:
        key = (not order.is_bid, order.book_price_micro)
        size = self._sizes.get(key, 0) + size_micro
        if size:
            self._sizes[key] = size
        else:
            del self._sizes[key]
        self._touched[key] = None


def match_kind(taker: Order, maker: Order) -> MatchKind:
    """Say how two crossing orders meet."""
    if taker.token_id == maker.token_id:
        return MatchKind.COMPLEMENTARY
    return MatchKind.MINT if taker.side is Side.BUY else MatchKind.MERGE
