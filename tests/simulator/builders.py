"""A small venue with one market and rich accounts, and orders by price and size."""

from functools import partial
from random import Random

from trading.engine import amounts, fees
from trading.engine.codes import Side
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO
from trading.simulator.codes import COLLATERAL, OrderType
from trading.simulator.exchange import Exchange
from trading.simulator.gates import Tier
from trading.simulator.orders import Listing, NewOrder
from trading.simulator.settlement import SettlementSettings

NOON_MS = 1_795_348_800_000
YES, NO = "1001", "1002"
CONDITION = "0xc0"
RICH_MICRO = 10_000 * MICRO
UNLIMITED = Tier(orders_per_s=10**6, orders_burst=10**6, cancels_per_s=10**6, cancels_burst=10**6)
PROMPT = SettlementSettings(
    mined_ms_min=100,
    mined_ms_max=100,
    confirmed_ms_min=100,
    confirmed_ms_max=100,
    retrying_ms_min=100,
    retrying_ms_max=100,
    retrying_micro=0,
    view_lag_ms=50,
    release_lag_ms=80,
)
DOOMED = SettlementSettings(retrying_micro=MICRO, failed_micro=MICRO)


def make_listing(tick_micro=10_000, rate_micro=50_000, **changes):
    """Return the market of the tests: tick 0.01, five shares at least, 5 % fee."""
    schedule = FeeSchedule(rate_micro=rate_micro, exponent=1)
    values = {
        "condition_id": CONDITION,
        "token_ids": (YES, NO),
        "tick_micro": tick_micro,
        "min_order_size_micro": 5 * MICRO,
        "fee_micro": partial(fees.fee_charged, schedule),
    }
    return Listing(**(values | changes))


def make_exchange(
    seed=1, accounts=("ann", "ben", "cat"), settlement=PROMPT, tier=UNLIMITED, **changes
):
    """Return a venue whose accounts have 9,000 dollars and 1,000 sets each."""
    exchange = Exchange(random=Random(seed), amounts=amounts, now_ms=NOON_MS, settlement=settlement)
    exchange.list_market(make_listing(**changes))
    for account_id in accounts:
        exchange.open_account(account_id, tier)
        exchange.chain.deposit(account_id, RICH_MICRO)
        exchange.split(account_id, YES, 1_000 * MICRO)
        for asset in (COLLATERAL, YES, NO):
            exchange.refresh_view(account_id, asset)
    return exchange


class Client:
    """Names the orders of a test and places them one millisecond after another."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.now_ms = NOON_MS
        self.count = 0

    def order(self, account_id, side, token_id, price, size, order_type="GTC", **more):
        """Return a limit order; `price` in cents or, as text, in dollars; `size` in shares."""
        self.count += 1
        price_micro = price * 10_000 if isinstance(price, int) else round(float(price) * MICRO)
        size_micro = round(float(size) * MICRO)
        dollars = price_micro * size_micro // MICRO
        buys = side == "BUY"
        return NewOrder(
            **(
                {
                    "order_id": f"0x{self.count:04x}",
                    "account_id": account_id,
                    "token_id": token_id,
                    "side": Side(side),
                    "order_type": OrderType(order_type),
                    "maker_micro": dollars if buys else size_micro,
                    "taker_micro": size_micro if buys else dollars,
                }
                | more
            )
        )

    def place(self, *args, **more):
        """Place a limit order and return the answer."""
        self.now_ms += 1
        return self.exchange.place(self.order(*args, **more), self.now_ms)

    def wait(self, duration_ms):
        """Let time pass."""
        self.now_ms += duration_ms
        self.exchange.advance(self.now_ms)


def collateral_of(exchange):
    """Return all collateral there is: accounts, fees, and what stands behind sets."""
    chain = exchange.chain
    held = sum(account.chain[COLLATERAL] for account in chain.accounts.values())
    return held + chain.fees_micro + sum(chain.sets_micro.values())


def shares_of(exchange, token_id):
    """Return all shares of a token that exist."""
    return sum(account.chain[token_id] for account in exchange.chain.accounts.values())


def balances_of(exchange, account_id):
    """Return what an account has and has promised, without zeros."""
    account = exchange.chain.accounts[account_id]
    parts = {
        "chain": account.chain,
        "view": account.view,
        "active": account.active,
        "matched": account.matched,
    }
    return {name: {k: v for k, v in part.items() if v} for name, part in parts.items()}
