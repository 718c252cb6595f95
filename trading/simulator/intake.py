"""What a new order must be before anything is matched: price, size, type and expiration."""

from trading.engine.codes import Side
from trading.simulator import answers
from trading.simulator.answers import Refusal
from trading.simulator.codes import OrderType
from trading.simulator.matching import MarketBook
from trading.simulator.orders import (
    EXPIRES_EARLY_S,
    AmountRules,
    NewOrder,
    Order,
    dollars_and_shares,
    read_price,
)


def read_order(
    book: MarketBook, new: NewOrder, rules: AmountRules, sequence: int, at_ms: int
) -> Order | Refusal:
    """Return the order that a book would take, or why the venue refuses it; changes nothing."""
    price = read_price(new, book.tick_micro, rules)
    if isinstance(price, Refusal):
        return price
    dollars, shares = dollars_and_shares(new)
    rests = new.order_type in (OrderType.GTC, OrderType.GTD)
    if new.post_only and not rests:
        return answers.bad(answers.POST_ONLY_TYPE)
    least = 0 if new.is_rest else book.listing.min_order_size_micro
    if rests and shares < least:
        return answers.below_minimum(new.order_id, shares, least)
    expires_ms = (new.expiration_s - EXPIRES_EARLY_S) * 1_000
    if (new.order_type is OrderType.GTD) != bool(new.expiration_s) or (
        new.expiration_s and expires_ms <= at_ms
    ):
        return answers.bad(answers.EXPIRATION)
    budget = dollars if new.side is Side.BUY and not rests else 0
    return Order(
        order_id=new.order_id,
        account_id=new.account_id,
        condition_id=book.listing.condition_id,
        token_id=new.token_id,
        side=new.side,
        order_type=new.order_type,
        price_micro=price,
        size_micro=shares,
        budget_micro=budget,
        is_yes=new.token_id == book.listing.token_ids[0],
        expiration_s=new.expiration_s,
        created_ms=at_ms,
        sequence=sequence,
        left_micro=shares,
        budget_left_micro=budget,
    )
