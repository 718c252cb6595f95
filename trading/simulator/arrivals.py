"""What an order would match and pay if it came in now. Changes nothing."""

from typing import NamedTuple

from trading.engine.codes import Side
from trading.simulator.matching import MarketBook, Plan
from trading.simulator.orders import Order


class Arrival(NamedTuple):
    """What an order would do if it came in now: what it would match, and what it must pay."""

    plan: Plan
    need_micro: int


def arrival_of(book: MarketBook, order: Order, *, is_marketable: bool) -> Arrival:
    """Return what an order would match now and the most that it must pay for all of it."""
    plan = book.plan(order) if is_marketable else Plan((), False)
    if order.side is Side.SELL:
        return Arrival(plan, order.left_micro)
    give = order.budget_left_micro or order.give_micro(order.left_micro)
    if not is_marketable:
        return Arrival(plan, give)
    fee = book.listing.fee_micro
    # A share costs less at a better price, with its fee too: the fee grows slower than the
    # price falls. But a market BUY then gets more shares, and may pay more in fees.
    fees = sum(fee(order.own_price_micro(f.price_micro), f.size_micro) for f in plan.fills)
    fees_at_limit = fee(order.price_micro, order.left_micro)
    return Arrival(plan, give + max(fees_at_limit, fees if order.budget_micro else 0))
