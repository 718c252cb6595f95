"""Invented order flow from a seed: makers around a drifting fair value, takers, and two traps.

A true crossing: somebody offers so low that both best asks together cost less than a set, fees
included, and the venue is slow to match it; whoever is quick gets it. A lagged leg: the fair value
jumps while one token's updates are late, so that the same gap is only apparent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from trading.engine.units import MICRO
from trading.simulator.codes import OrderType
from trading.simulator.exchange import Exchange
from trading.simulator.flow_hand import HUNDREDTH_MICRO, NEVER_MS, FlowHand
from trading.simulator.orders import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSettings:
    """How the flow behaves. Shares are millionths of all steps; what is left are maker updates."""

    fair_micro: int = 500_000  # of YES, at the start
    fair_micro_min: int = 150_000
    fair_micro_max: int = 850_000
    drift_micro_max: int = 1_500  # per maker update, up or down
    step_ms_min: int = 5
    step_ms_max: int = 60
    makers: int = 3
    levels: int = 10  # a side, of each maker
    half_spread_micro: int = 10_000
    size_micro_min: int = 20 * MICRO
    size_micro_max: int = 400 * MICRO
    taker_micro: int = 150_000
    taker_size_micro_max: int = 200 * MICRO
    crossing_micro: int = 2_000
    crossing_ms: int = 1_500
    crossing_edge_micro: int = 5_000  # per set, after the fees of both legs
    crossing_size_micro: int = 50 * MICRO
    lag_micro: int = 2_000
    lag_ms: int = 800
    lag_jump_micro: int = 90_000  # of the fair value, when a leg starts to lag
    lag_returns: bool = False  # whether the fair value goes back when the leg is there again
    capital_micro: int = 1_000_000 * MICRO  # of each account; half of it is split into sets

    def __post_init__(self) -> None:
        """Refuse shares and ranges that make no sense; raises ValueError."""
        shares = (self.taker_micro, self.crossing_micro, self.lag_micro)
        if min(shares) < 0 or sum(shares) > MICRO:
            raise ValueError(f"the shares of all steps do not fit into {MICRO}: {shares}")
        for low, high in (
            (self.fair_micro_min, self.fair_micro_max),
            (self.step_ms_min, self.step_ms_max),
            (self.size_micro_min, self.size_micro_max),
        ):
            if not 0 < low <= high:
                raise ValueError(f"not a range above zero: {low} to {high}")


class Flow:
    """Trades in one market with accounts of its own; call `step` whenever `next_ms` has come."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        listing: Listing,
        random: Random,
        settings: FlowSettings,
        lag: Callable[[str, int], None],
        now_ms: int,
    ) -> None:
        """Open and fund the accounts; `lag` is told which token's updates are late until when."""
        self.next_ms = now_ms
        self.fair_micro = settings.fair_micro
        self.condition_id = listing.condition_id
        self._exchange = exchange
        self._listing = listing
        self._random = random
        self._settings = settings
        self._lag = lag
        self._calm_from_ms = now_ms  # until then the fair value stands still
        self._back_micro = 0  # by how much it goes back then
        self._hand = FlowHand(exchange, listing, random, capital_micro=settings.capital_micro)
        # An exchange may have a flow in each of its markets.
        name = f"flow {listing.condition_id}"
        self._makers = [f"{name} maker {number}" for number in range(settings.makers)]
        self._taker = f"{name} taker"
        self._crosser = f"{name} crosser"
        for account_id in (*self._makers, self._taker, self._crosser):
            self._hand.open_account(account_id)

    def step(self) -> None:
        """Do the next thing, at `next_ms`, and set when the one after it is due."""
        now_ms, settings = self.next_ms, self._settings
        self._exchange.advance(now_ms)
        chance = self._random.randrange(MICRO)
        calm = now_ms < self._calm_from_ms
        if self._back_micro and not calm:
            back_micro, self._back_micro = self._back_micro, 0
            self.jump(back_micro, now_ms, now_ms)
        if chance < settings.taker_micro:
            if not self._exchange.is_held(self._listing.condition_id):
                self._take(now_ms)
        elif chance < settings.taker_micro + settings.crossing_micro and not calm:
            self._cross(now_ms)
        elif settings.lag_micro > MICRO - 1 - chance and not calm:
            self._lag_leg(now_ms)
        else:
            if not calm:
                drift = self._random.randint(-settings.drift_micro_max, settings.drift_micro_max)
                low, high = settings.fair_micro_min, settings.fair_micro_max
                self.fair_micro = min(max(self.fair_micro + drift, low), high)
            maker = self._random.choice(self._makers)
            self._withdraw(maker, now_ms)
            self._quote(maker, now_ms)
        self.next_ms = now_ms + self._random.randint(settings.step_ms_min, settings.step_ms_max)

    def end(self, _condition_id: str) -> None:
        """Invent nothing any more."""
        self.next_ms = NEVER_MS

    def fair(self, _condition_id: str) -> int:
        """Return the fair value of YES to which it goes back, in millionths."""
        return self.fair_micro + self._back_micro

    def resume(self, _condition_id: str, fair_micro: int) -> None:
        """Go on from the fair value of an earlier run, as far as today's range has it."""
        low, high = self._settings.fair_micro_min, self._settings.fair_micro_max
        self.fair_micro = min(max(fair_micro, low), high)

    def shift(self, by_micro: int) -> bool:
        """Move the fair value before the makers' next update; False: it would leave its range."""
        fair_micro = self.fair_micro + by_micro
        if not self._settings.fair_micro_min <= fair_micro <= self._settings.fair_micro_max:
            return False
        self.fair_micro = fair_micro
        return True

    def jump(self, by_micro: int, calm_until_ms: int, now_ms: int) -> None:
        """Move the fair value at once and let all makers follow; no drift or trap until a time."""
        self.fair_micro += by_micro
        self._calm_from_ms = calm_until_ms
        for maker in self._makers:
            self._withdraw(maker, now_ms)
        for maker in self._makers:
            self._quote(maker, now_ms)

    def _ladder(self) -> tuple[list[int], list[int]]:
        """Return the prices of YES that a maker wants to bid and to ask now."""
        tick = self._exchange.tick_micro(self._listing.token_ids[0])
        half = self._settings.half_spread_micro
        count = self._settings.levels
        bid = (self.fair_micro - half) // tick * tick
        ask = -(-(self.fair_micro + half) // tick) * tick
        bids = [bid - index * tick for index in range(count) if bid - index * tick >= tick]
        asks = [ask + index * tick for index in range(count) if ask + index * tick <= MICRO - tick]
        return bids, asks

    def _withdraw(self, maker: str, now_ms: int) -> None:
        """Cancel what a maker no longer wants to quote."""
        bids, asks = (set(prices) for prices in self._ladder())
        stale = [
            order.order_id
            for order in self._exchange.open_orders(maker)
            if order.book_price_micro not in (bids if order.is_bid else asks)
        ]
        if stale:
            self._exchange.cancel(maker, stale, now_ms)

    def _quote(self, maker: str, now_ms: int) -> None:
        """Place what a maker wants to quote and does not yet: in both tokens, post-only."""
        there = {(o.is_bid, o.book_price_micro) for o in self._exchange.open_orders(maker)}
        bids, asks = self._ladder()
        wanted = [(True, price) for price in bids] + [(False, price) for price in asks]
        for is_bid, price_micro in wanted:
            if (is_bid, price_micro) not in there:
                size = self._size(self._settings.size_micro_min, self._settings.size_micro_max)
                self._place(maker, is_bid, price_micro, size, OrderType.GTC, now_ms, post_only=True)

    def _take(self, now_ms: int) -> None:
        """Hit one side with a market order that may walk a few levels."""
        yes = self._listing.token_ids[0]
        tick = self._exchange.tick_micro(yes)
        is_bid = bool(self._random.randrange(2))
        prices = [price for is_ask, price, _ in self._exchange.levels(yes) if is_ask == is_bid]
        if not prices:
            return
        reach = self._random.randrange(3) * tick
        price = min(prices) + reach if is_bid else max(prices) - reach
        price = min(max(price, tick), MICRO - tick)
        lot = MICRO // tick * HUNDREDTH_MICRO  # at which every price is whole cents
        size = self._random.randint(1, max(1, self._settings.taker_size_micro_max // lot)) * lot
        self._place(self._taker, is_bid, price, size, OrderType.FAK, now_ms, post_only=False)

    def _cross(self, now_ms: int) -> None:
        """Sell one token below the best bid for it by enough that a set is worth buying."""
        settings, listing = self._settings, self._listing
        is_yes = bool(self._random.randrange(2))
        token_id = listing.token_ids[0 if is_yes else 1]
        tick = self._exchange.tick_micro(token_id)
        best = max((p for is_ask, p, _ in self._exchange.levels(token_id) if not is_ask), default=0)
        fee = listing.fee_micro
        for price in range(best - tick, 0, -tick):
            fees = fee(price, MICRO) + fee(MICRO - best, MICRO)
            if best - price - fees < settings.crossing_edge_micro:
                continue
            self._exchange.hold(listing.condition_id, [self._crosser], now_ms, settings.crossing_ms)
            self._calm_from_ms = now_ms + settings.crossing_ms
            book_price = price if is_yes else MICRO - price
            size = settings.crossing_size_micro
            is_bid = not is_yes  # selling NO is bidding for YES
            self._place(
                self._crosser, is_bid, book_price, size, OrderType.GTC, now_ms, post_only=False
            )
            return

    def _lag_leg(self, now_ms: int) -> None:
        """Let one token fall while the other's rise is published late."""
        settings = self._settings
        jump = settings.lag_jump_micro
        yes, no = self._listing.token_ids
        if self.fair_micro - jump >= settings.fair_micro_min:
            jump, late = -jump, no
        elif self.fair_micro + jump <= settings.fair_micro_max:
            late = yes
        else:
            return
        until_ms = now_ms + settings.lag_ms
        self._lag(late, until_ms)
        self.jump(jump, until_ms, now_ms)
        if settings.lag_returns:
            self._back_micro = -jump

    def _place(
        self,
        account_id: str,
        is_bid: bool,
        book_price_micro: int,
        size_micro: int,
        order_type: OrderType,
        now_ms: int,
        *,
        post_only: bool,
    ) -> None:
        """Bid or ask at a price of YES, by buying one token or selling the other.

        A refusal is an answer like any other here: the next update tries again.
        """
        order = self._hand.order(
            account_id, is_bid, book_price_micro, size_micro, order_type, post_only=post_only
        )
        self._exchange.place(order, now_ms)

    def _size(self, low_micro: int, high_micro: int) -> int:
        """Draw a size of two decimals."""
        hundredths = self._random.randint(
            low_micro // HUNDREDTH_MICRO, high_micro // HUNDREDTH_MICRO
        )
        return hundredths * HUNDREDTH_MICRO
