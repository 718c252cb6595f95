"""Random histories: three keepers of one truth agree, and one fault has exactly its own code."""

from dataclasses import replace
from random import Random

import pytest

from tests.reconciling.world import World, invented
from trading.engine.codes import OrderState, Side, TradeState
from trading.engine.units import MICRO
from trading.reconciling.verdicts import Code, Verdict
from trading.reconciling.views import LedgerOrder, Unread

CASES, CASES_QUICK = 10_000, 1_000


def codes(result):
    return [one.code for one in result.differences]


@pytest.mark.parametrize(
    "cases", [CASES_QUICK, pytest.param(CASES, marks=pytest.mark.slow)], ids="{:,}".format
)
def test_ten_thousand_histories_agree(cases):
    for seed in range(cases):
        result = invented(Random(seed)).compare()

        assert result.verdict is Verdict.MATCH, (seed, result.differences)
        assert result.differences == (), seed


# Each fault: takes a world and randomness, returns the code, what of (ledger, venue, chain) it
# gives instead, or None where the world has nothing to break.


def trade_lost_by_the_ledger(world: World, random: Random):
    """The venue and the chain know of a fill of an order that is over in the books."""
    _, broken = trade_not_heard_of(world, random)
    *others, known = broken["ledger"].orders
    over = replace(known, state=OrderState.CANCELLED)
    return Code.TRADE_NOT_IN_LEDGER, {"ledger": replace(broken["ledger"], orders=(*others, over))}


def trade_not_heard_of(world: World, random: Random):
    """The venue and the chain know of a fill of an order whose end the books do not know yet."""
    before = world.ledger()
    price = random.randrange(1, 100) * 10_000
    size = random.randrange(1, 900) * 10_000
    world.trade(Side.BUY, "yes-a", [(price, size)])
    # The order is known, or nobody could say which part of the trade is ours.
    order = replace(world.ledger(orders=()).trades[-1], state=TradeState.CONFIRMED)
    known = a_ledger_order(order)
    return Code.TRADE_NOT_HEARD_OF, {"ledger": replace(before, orders=(*before.orders, known))}


def a_ledger_order(trade):
    return LedgerOrder(
        order_hash=trade.order_hash,
        token_id=trade.token_id,
        side=trade.side,
        limit_micro=trade.price_micro,
        size_micro=trade.size_micro,
        matched_micro=0,
        state=OrderState.SUBMITTED,
    )


def trade_of_nobodys_order(world: World, random: Random):
    before = world.ledger()
    world.trade(Side.BUY, "no-b", [(500_000, random.randrange(1, 900) * 10_000)])
    return Code.TRADE_NOT_IN_LEDGER, {"ledger": before}


def trade_lost_by_the_venue(world: World, random: Random):
    ended = [key for key, one in world.trades.items() if one.state is not TradeState.FAILED]
    if not ended:
        return None
    lost = random.choice(ended)
    left = tuple(one for key, one in world.venue_trades.items() if key != lost)
    return Code.TRADE_NOT_AT_VENUE, {"venue": world.venue(trades=left)}


def trade_of_another_size(world: World, random: Random):
    if not world.trades:
        return None
    changed = random.choice(list(world.venue_trades))
    there = world.venue_trades[changed]
    more = random.choice((10_000, 5 * MICRO))
    makers = there.makers
    makers = (replace(makers[0], size_micro=makers[0].size_micro + more), *makers[1:])
    bigger = replace(there, size_micro=there.size_micro + more, makers=makers)
    trades = tuple({**world.venue_trades, changed: bigger}.values())
    return Code.TRADE_DIFFERS, {"venue": world.venue(trades=trades)}


def fee_of_another_schedule(world: World, random: Random):
    taken = [one for one in world.trades.values() if one.fee_micro]
    if not taken:
        return None
    wrong = random.choice(taken)
    cheap = replace(wrong, fee_micro=wrong.fee_micro - 10)
    trades = tuple({**world.trades, wrong.trade_id: cheap}.values())
    ledger = world.ledger(trades=trades)
    if wrong.state is not TradeState.FAILED:  # the books took the wrong fee too
        ledger = replace(ledger, cash_micro=ledger.cash_micro + 10)
    return Code.FEE_DIFFERS, {"ledger": ledger}


def settlement_not_heard_of(world: World, random: Random):
    moving = [k for k, one in world.trades.items() if one.state is TradeState.MATCHED]
    if not moving:
        return None
    key = random.choice(moving)
    ended = random.choice((TradeState.CONFIRMED, TradeState.FAILED))
    there = replace(world.venue_trades[key], state=ended)
    trades = tuple({**world.venue_trades, key: there}.values())
    return Code.TRADE_STATE_BEHIND, {"venue": world.venue(trades=trades)}


def settlement_told_in_two_ways(world: World, random: Random):
    done = [k for k, one in world.trades.items() if one.state is TradeState.CONFIRMED]
    if not done:
        return None
    key = random.choice(done)
    there = replace(world.venue_trades[key], state=TradeState.FAILED)
    trades = tuple({**world.venue_trades, key: there}.values())
    return Code.TRADE_STATE_CONTRADICTS, {"venue": world.venue(trades=trades)}


def order_of_somebody_else(world: World, random: Random):
    order_hash = world.rest(Side.SELL, "yes-b", 990_000, random.randrange(5, 90) * MICRO)
    ours = tuple(one for key, one in world.orders.items() if key != order_hash)
    return Code.ORDER_NOT_OURS, {"ledger": world.ledger(orders=ours)}


def order_that_should_be_over(world: World, random: Random):
    order_hash = world.rest(Side.SELL, "yes-b", 990_000, random.randrange(5, 90) * MICRO)
    state = random.choice((OrderState.CANCELLED, OrderState.REFUSED))
    world.orders[order_hash] = replace(world.orders[order_hash], state=state)
    return Code.ORDER_STILL_OPEN, {}


def order_gone_from_the_venue(world: World, random: Random):
    order_hash = world.rest(Side.SELL, "no-b", 990_000, random.randrange(5, 90) * MICRO)
    del world.venue_orders[order_hash]
    return Code.ORDER_MISSING_AT_VENUE, {}


def order_of_another_size(world: World, random: Random):
    order_hash = world.rest(Side.SELL, "no-b", 990_000, 5 * MICRO)
    change = random.choice(({"size_micro": 6 * MICRO}, {"price_micro": 980_000}))
    world.venue_orders[order_hash] = replace(world.venue_orders[order_hash], **change)
    return Code.ORDER_DIFFERS, {}


def dollars_apart(world: World, random: Random):
    world.cash_micro += random.choice((-1, 1))
    return Code.CASH_DIFFERS, {}


def shares_apart(world: World, random: Random):
    token = random.choice(("yes-a", "no-b"))
    world.held[token] = world.held.get(token, 0) + random.choice((-1, 1))
    return Code.SHARES_DIFFER, {}


def a_gift(world: World, random: Random):
    shares = {**world.chain().shares, "stranger": random.randrange(1, MICRO)}
    return Code.UNKNOWN_TOKEN, {
        "chain": world.chain(shares=shares),
        "venue": world.venue(shares=shares),
    }


def an_old_copy(world: World, random: Random):
    copy = world.cash_micro + random.choice((-1, 1)) * MICRO
    return Code.VENUE_VIEW_STALE, {"venue": world.venue(cash_micro=copy)}


def a_missing_page(world: World, random: Random):
    part = random.choice(("orders", "trades", "cash_micro", "shares"))
    return Code.NOT_READ, {"venue": world.venue(**{part: Unread(reason="page 2 timed out")})}


def a_missing_chain(world: World, _random: Random):
    return Code.NOT_READ, {"chain": Unread(reason="no endpoint answers")}


FAULTS = (
    trade_lost_by_the_ledger,
    trade_not_heard_of,
    trade_of_nobodys_order,
    trade_lost_by_the_venue,
    trade_of_another_size,
    fee_of_another_schedule,
    settlement_not_heard_of,
    settlement_told_in_two_ways,
    order_of_somebody_else,
    order_that_should_be_over,
    order_gone_from_the_venue,
    order_of_another_size,
    dollars_apart,
    shares_apart,
    a_gift,
    an_old_copy,
    a_missing_page,
    a_missing_chain,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_one_fault_has_exactly_its_own_code(fault):
    tried = 0
    for seed in range(600):
        random = Random(seed)
        world = invented(random)
        broken = fault(world, random)
        if broken is None:
            continue
        code, views = broken
        result = world.compare(**views)

        assert codes(result) == [code], (seed, result.differences)
        tried += 1
    assert tried > 200
