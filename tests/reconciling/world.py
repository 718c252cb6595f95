"""A ledger, a venue and a chain that agree, made by one invented history in exact integers."""

from dataclasses import dataclass, field, replace
from random import Random

from trading.engine.accounts import Books
from trading.engine.codes import Account, OrderState, Side, TradeState
from trading.engine.events import ChainReceipt, TradeUpdate
from trading.engine.fees import fee_charged
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, cost_up
from trading.execution.messages import MakerPart, OpenOrder, VenueTrade
from trading.reconciling.compare import compare
from trading.reconciling.views import (
    CASH,
    EXACT,
    ChainView,
    Exit,
    LedgerOrder,
    LedgerTrade,
    LedgerView,
    VenueView,
)

AT_NS = 1_700_000_000_000_000_000
AT_S = 1_700_000_000
SINCE_S = AT_S - 600
CAPITAL_MICRO = 1_000 * MICRO
FEE = FeeSchedule(rate_micro=70_000, exponent=1)
MARKETS = (("yes-a", "no-a"), ("yes-b", "no-b"))
OTHER = {token: pair[1 - index] for pair in MARKETS for index, token in enumerate(pair)}


@dataclass
class World:
    """Three keepers of one truth. `settled` says what of the unsettled is on the chain already."""

    books: Books = field(default_factory=lambda: Books(paper=False))
    cash_micro: int = CAPITAL_MICRO
    held: dict[str, int] = field(default_factory=dict)
    trades: dict[str, LedgerTrade] = field(default_factory=dict)
    venue_trades: dict[str, VenueTrade] = field(default_factory=dict)
    orders: dict[str, LedgerOrder] = field(default_factory=dict)
    venue_orders: dict[str, OpenOrder] = field(default_factory=dict)
    exits: list[Exit] = field(default_factory=list)
    gas_micro: int = 0
    number: int = 0
    block_number: int = 100

    def __post_init__(self) -> None:
        self.books.open_capital(CAPITAL_MICRO, at_ns=AT_NS)

    # What happens

    def trade(self, side, token, fills, *, state=TradeState.CONFIRMED, mined=True, maker=False):
        """Let an order of ours trade at (price, size) fills; `mined` says if the chain has it."""
        self.number += 1
        trade_id, order_hash = f"t{self.number}", f"0x{self.number:03x}"
        size_micro = sum(size for _, size in fills)
        price_micro = fills[0][0]
        fee_micro = 0 if maker else sum(fee_charged(FEE, price, size) for price, size in fills)
        here = LedgerTrade(
            trade_id=trade_id,
            order_hash=order_hash,
            token_id=token,
            side=side,
            price_micro=price_micro,
            size_micro=size_micro,
            fee_micro=fee_micro,
            state=state,
            at_s=AT_S,
        )
        self._book(here)
        self.trades[trade_id] = here
        self.venue_trades[trade_id] = _venue_trade(here, fills, maker=maker)
        if state is TradeState.CONFIRMED or (mined and state is not TradeState.FAILED):
            self._move(here.moves)
        return trade_id

    def rest(self, side, token, price_micro, size_micro):
        """Let an order of ours rest at the venue."""
        self.number += 1
        order_hash = f"0x{self.number:03x}"
        if side is Side.BUY:
            amount_micro = min(cost_up(price_micro, size_micro), self.books.balance(Account.CASH))
            self.books.reserve(order_hash, amount_micro, at_ns=AT_NS)
        self.orders[order_hash] = LedgerOrder(
            order_hash=order_hash,
            token_id=token,
            side=side,
            limit_micro=price_micro,
            size_micro=size_micro,
            matched_micro=0,
            state=OrderState.RESTING,
        )
        self.venue_orders[order_hash] = OpenOrder(
            order_hash=order_hash,
            status="LIVE",
            token_id=token,
            side=side,
            price_micro=price_micro,
            size_micro=size_micro,
            matched_micro=0,
            trade_ids=(),
        )
        return order_hash

    def merge(self, pair, size_micro, *, booked=True, mined=True, gas_micro=0):
        """Turn sets into dollars. Not booked: asked for, and perhaps done."""
        self.number += 1
        one = Exit(
            reference=f"merge {self.number}",
            shares=tuple((token, size_micro) for token in pair),
            proceeds_micro=size_micro,
            booked=False,
        )
        if booked:
            receipt = ChainReceipt(
                set_id=f"s{self.number}",
                ok=True,
                size_micro=size_micro,
                proceeds_micro=size_micro,
                gas_micro=gas_micro,
                reference=f"0x{self.number}",
            )
            self.books.merge(receipt, pair, at_ns=AT_NS)
            self.gas_micro += gas_micro
        else:
            self.exits.append(one)
        if booked or mined:
            self._move(one.moves)

    def redeem(self, token, *, won, mined):
        """Book a redemption as the market resolves; the chain pays when it is asked to."""
        self.number += 1
        size_micro = self.held_by_books(token)
        proceeds_micro = size_micro if won else 0
        receipt = ChainReceipt(
            set_id=f"s{self.number}",
            ok=True,
            size_micro=proceeds_micro,
            proceeds_micro=proceeds_micro,
            gas_micro=0,
            reference=f"resolved:{self.number}",
        )
        self.books.redeem(receipt, {token: size_micro}, at_ns=AT_NS)
        one = Exit(
            reference=f"redemption {self.number}",
            shares=((token, size_micro),),
            proceeds_micro=proceeds_micro,
            booked=True,
        )
        self.exits.append(one)
        if mined:
            self._move(one.moves)

    def held_by_books(self, token) -> int:
        """Return the shares in the books."""
        position = self.books.position(token)
        return position.quantity_micro if position is not None else 0

    # What they say

    def ledger(self, **changes) -> LedgerView:
        """Return our books."""
        tokens = {token for pair in MARKETS for token in pair}
        values = {
            "sequence": self.number,
            "cash_micro": self.books.balance(Account.CASH),
            "reserved_micro": self.books.balance(Account.RESERVED),
            "gas_micro": self.gas_micro,
            "shares": {token: self.held_by_books(token) for token in sorted(tokens)},
            "orders": tuple(self.orders.values()),
            "trades": tuple(self.trades.values()),
            "exits": tuple(self.exits),
            "fees": dict.fromkeys(tokens, FEE),
        }
        return LedgerView(**{**values, **changes})

    def venue(self, **changes) -> VenueView:
        """Return the venue's answer, its copy of the balances as new as can be."""
        values = {
            "orders": tuple(self.venue_orders.values()),
            "trades": tuple(self.venue_trades.values()),
            "trades_since_s": SINCE_S,
            "cash_micro": self.cash_micro,
            "shares": self._shares(),
        }
        return VenueView(**{**values, **changes})

    def chain(self, **changes) -> ChainView:
        """Return the chain's answer."""
        values = {
            "block_number": self.block_number,
            "pusd_micro": self.cash_micro,
            "shares": self._shares(),
        }
        return ChainView(**{**values, **changes})

    def compare(self, *, ledger=None, venue=None, chain=None, dust=EXACT):
        """Compare them, each as it is unless one is given."""
        return compare(ledger or self.ledger(), venue or self.venue(), chain or self.chain(), dust)

    def _shares(self) -> dict[str, int]:
        return {token: self.held.get(token, 0) for pair in MARKETS for token in pair}

    def _move(self, moves) -> None:
        for asset, amount in moves:
            if asset == CASH:
                self.cash_micro += amount
            else:
                self.held[asset] = self.held.get(asset, 0) + amount

    def _book(self, here: LedgerTrade) -> None:
        outcome = Account.YES if here.token_id.startswith("yes") else Account.NO
        update = TradeUpdate(
            trade_id=here.trade_id,
            order_id=here.order_hash,
            token_id=here.token_id,
            side=here.side,
            price_micro=here.price_micro,
            size_micro=here.size_micro,
            fee_micro=here.fee_micro,
            state=here.state,
        )
        if here.side is Side.BUY:
            self.books.buy(update, outcome=outcome, at_ns=AT_NS)
        else:
            self.books.sell(update, at_ns=AT_NS)
        if here.state is TradeState.FAILED:
            self.books.reverse(update, outcome=outcome, at_ns=AT_NS)


def _venue_trade(here: LedgerTrade, fills, *, maker: bool) -> VenueTrade:
    """Return the trade as the venue tells it; every second fill is with an order of the mirror."""
    if maker:
        own = MakerPart(
            order_hash=here.order_hash,
            token_id=here.token_id,
            side=here.side,
            price_micro=here.price_micro,
            size_micro=here.size_micro,
        )
        stranger = replace(own, order_hash="0xother", size_micro=7 * MICRO)
        return VenueTrade(
            trade_id=here.trade_id,
            state=here.state,
            taker_order_hash="0xtaker",
            condition_id="0xc",
            token_id=here.token_id,
            side=Side.SELL if here.side is Side.BUY else Side.BUY,
            size_micro=here.size_micro + 7 * MICRO,
            price_micro=here.price_micro,
            makers=(own, stranger),
            matched_s=AT_S,
            transaction_hash="",
        )
    makers = []
    for index, (price_micro, size_micro) in enumerate(fills):
        mirrored = index % 2 == 0
        opposite = Side.SELL if here.side is Side.BUY else Side.BUY
        makers.append(
            MakerPart(
                order_hash=f"0xmaker{index}",
                token_id=OTHER[here.token_id] if mirrored else here.token_id,
                side=here.side if mirrored else opposite,
                price_micro=MICRO - price_micro if mirrored else price_micro,
                size_micro=size_micro,
            )
        )
    return VenueTrade(
        trade_id=here.trade_id,
        state=here.state,
        taker_order_hash=here.order_hash,
        condition_id="0xc",
        token_id=here.token_id,
        side=here.side,
        size_micro=here.size_micro,
        price_micro=here.price_micro,
        makers=tuple(makers),
        matched_s=AT_S,
        transaction_hash="",
    )


def invented(random: Random) -> World:
    """Return a world after a random history: buys, sells, failures, merges, resting orders."""
    world = World(block_number=random.randrange(1, 10**8))
    for _ in range(random.randrange(1, 9)):
        _step(world, random)
    return world


def _step(world: World, random: Random) -> None:
    pair = random.choice(MARKETS)
    token = random.choice(pair)
    price_micro = random.randrange(1, 100) * 10_000
    whole = min(world.held_by_books(one) for one in pair)
    held = world.held_by_books(token)
    action = random.randrange(10)
    if action < 4 or not held:
        size_micro = random.randrange(1, 2_000) * 10_000
        _trade(world, random, Side.BUY, token, price_micro, size_micro)
    elif action < 6:
        size_micro = random.randrange(1, held // 10_000 + 1) * 10_000
        _trade(world, random, Side.SELL, token, price_micro, min(size_micro, held))
    elif action == 6 and whole:
        if random.randrange(2):
            world.merge(pair, random.randrange(1, whole + 1), gas_micro=random.randrange(9))
        elif not world.exits:
            world.merge(pair, whole, booked=False, mined=bool(random.randrange(2)))
    elif action == 7 and not world.exits:
        world.redeem(token, won=bool(random.randrange(2)), mined=bool(random.randrange(2)))
    else:
        world.rest(Side.BUY, token, price_micro, random.randrange(5, 50) * MICRO)


def _trade(world: World, random: Random, side, token, price_micro, size_micro) -> None:
    state = random.choice([*TradeState, TradeState.CONFIRMED, TradeState.CONFIRMED])
    fills = [(price_micro, size_micro)]
    mined = bool(random.randrange(2))
    world.trade(side, token, fills, state=state, mined=mined, maker=not random.randrange(4))
