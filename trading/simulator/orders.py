"""Orders as they arrive and as they rest, and the venue's rules for price, size and amounts.

A market has one book. It is kept in prices of the first token (YES): a BUY of NO at p is an ask at
1 - p, a SELL of NO at p is a bid at 1 - p. Source: polymarket.md sections 0.1 and 4.

The rules of amounts and fees are handed in: they are the engine's own (trading.engine.amounts and
fees), because a second version of them must not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from trading.engine.codes import Side
from trading.engine.units import DECIMALS, MICRO
from trading.simulator import answers
from trading.simulator.answers import Refusal
from trading.simulator.codes import COLLATERAL, OrderChange, OrderType
from trading.simulator.events import OrderChanged

EXPIRES_EARLY_S = 60  # the venue expires a GTD order about a minute before its time
PRICE_UNIT_MICRO = 100  # four decimals: the finest price that the venue knows

FeeRule: TypeAlias = Callable[[int, int], int]  # (price_micro, size_micro) -> fee_micro


class Decimals(Protocol):
    """How many decimals the venue takes at one tick."""

    @property
    def price(self) -> int: ...

    @property
    def amount(self) -> int: ...


class AmountRules(Protocol):
    """What the venue asks of amounts: the module trading.engine.amounts is one."""

    SHARE_STEP_MICRO: int
    CENT_MICRO: int
    BUY_NOTIONAL_MIN_MICRO: int

    def is_on_tick(self, price_micro: int, tick_micro: int) -> bool: ...

    def tick_decimals(self, tick_micro: int) -> Decimals: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One binary market: `token_ids` holds the first outcome (YES) and the second (NO).

    `fee_micro` returns the taker's fee of a fill: trading.engine.fees.fee_charged with the market's
    schedule bound to it. A marketable order is held for `delay_ms`; the answer says "delayed" at
    once (sports), or waits for the end with `delay_answer_waits` (crypto). `spender` is what
    settles its trades, the contract that needs an allowance; empty: none is needed.
    """

    condition_id: str
    token_ids: tuple[str, str]
    tick_micro: int
    min_order_size_micro: int
    fee_micro: FeeRule
    delay_ms: int = 0
    delay_answer_waits: bool = False
    neg_risk: bool = False
    spender: str = ""
    outcomes: tuple[str, str] = ("Yes", "No")  # what the tokens are called


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as it was signed: what its maker gives and gets, in millionths.

    `is_rest`: what is left of a larger order, which may be less than the least size of a new one.
    """

    order_id: str
    account_id: str
    token_id: str
    side: Side
    order_type: OrderType
    maker_micro: int
    taker_micro: int
    post_only: bool = False
    expiration_s: int = 0  # GTD only
    is_rest: bool = False


@dataclass(slots=True, kw_only=True)
class Order:
    """An order that the venue took. `price_micro` is the limit in its own token."""

    order_id: str
    account_id: str
    condition_id: str
    token_id: str
    side: Side
    order_type: OrderType
    price_micro: int
    size_micro: int
    budget_micro: int  # dollars of a market BUY, which buys as many shares as they pay for; else 0
    is_yes: bool
    expiration_s: int
    created_ms: int
    sequence: int  # the order of arrival
    left_micro: int  # shares
    budget_left_micro: int
    matched_micro: int = 0
    reserved_micro: int = 0  # of pays_asset
    is_delayed: bool = False
    trade_ids: tuple[str, ...] = ()

    @property
    def is_bid(self) -> bool:
        """Say on which side of the YES book this order stands."""
        return (self.side is Side.BUY) == self.is_yes

    @property
    def book_price_micro(self) -> int:
        """The limit as a price of YES."""
        return self.own_price_micro(self.price_micro)

    @property
    def pays_asset(self) -> str:
        """What this order gives: collateral or its token."""
        return COLLATERAL if self.side is Side.BUY else self.token_id

    @property
    def rests(self) -> bool:
        """Say whether what does not match stays in the book."""
        return self.order_type in (OrderType.GTC, OrderType.GTD)

    def own_price_micro(self, book_price_micro: int) -> int:
        """Turn a price of YES into one of this order's token, or back."""
        return book_price_micro if self.is_yes else MICRO - book_price_micro

    def give_micro(self, size_micro: int) -> int:
        """Return what this order gives at its own limit for so many shares: exact."""
        if self.side is Side.SELL:
            return size_micro
        return self.price_micro * size_micro // MICRO  # exact: sizes are on the step of the tick


def order_changed(order: Order, change: OrderChange, status: str, at_ms: int) -> OrderChanged:
    """Return the event that says what an order is now."""
    return OrderChanged(
        at_ms=at_ms,
        change=change,
        status=status,
        order_id=order.order_id,
        account_id=order.account_id,
        condition_id=order.condition_id,
        token_id=order.token_id,
        side=order.side,
        order_type=order.order_type,
        price_micro=order.price_micro,
        size_micro=order.size_micro,
        matched_micro=order.matched_micro,
        expiration_s=order.expiration_s,
        created_ms=order.created_ms,
        trade_ids=order.trade_ids,
    )


def fill_step_micro(tick_micro: int) -> int:
    """Return the share step at which every price on the tick makes whole micro dollars."""
    return MICRO // tick_micro


def dollars_and_shares(order: NewOrder) -> tuple[int, int]:
    """Return the two amounts of an order by what they are."""
    if order.side is Side.BUY:
        return order.maker_micro, order.taker_micro
    return order.taker_micro, order.maker_micro


def read_price(order: NewOrder, listing_tick_micro: int, rules: AmountRules) -> int | Refusal:
    """Return the limit price that the two amounts say, or why the venue refuses them."""
    dollars, shares = dollars_and_shares(order)
    if dollars <= 0 or shares <= 0:
        return answers.bad(answers.INVALID_PAYLOAD)
    if order.order_type in (OrderType.GTC, OrderType.GTD):
        return _limit_price(order, listing_tick_micro, rules)
    decimals = rules.tick_decimals(listing_tick_micro)
    unit_micro: int = 10 ** (DECIMALS - decimals.amount)
    if order.maker_micro % rules.CENT_MICRO or order.taker_micro % unit_micro:
        return answers.market_accuracy(order.side, decimals.amount)
    price = _round(dollars, shares, 10 ** (DECIMALS - decimals.price))
    if not rules.is_on_tick(price, listing_tick_micro):
        return answers.breaks_tick(order.order_id, price, listing_tick_micro)
    return price


def _limit_price(order: NewOrder, tick_micro: int, rules: AmountRules) -> int | Refusal:
    """Return the price of a limit order, whose dollars must be exactly price times size.

    Dollars that are less than a cent off are taken for a rounded amount, others for another price:
    that is how the recorded refusals come out.
    """
    dollars, shares = dollars_and_shares(order)
    price = _round(dollars, shares, 10 ** (DECIMALS - rules.tick_decimals(tick_micro).price))
    size = shares - shares % rules.SHARE_STEP_MICRO
    expected = price * size // MICRO
    if not rules.is_on_tick(price, tick_micro) or abs(expected - dollars) >= rules.CENT_MICRO:
        said = _round(dollars, shares, PRICE_UNIT_MICRO)
        return answers.breaks_tick(order.order_id, said, tick_micro)
    if size != shares or expected != dollars:
        return answers.wrong_amount(
            name="maker" if order.side is Side.BUY else "taker",
            price_micro=price,
            size_micro=size,
            expected_micro=expected,
            sent_micro=dollars,
        )
    return price


def _round(dollars: int, shares: int, unit_micro: int) -> int:
    """Return dollars per share to the nearest unit, halves up."""
    return (2 * dollars * MICRO + shares * unit_micro) // (2 * shares * unit_micro) * unit_micro
