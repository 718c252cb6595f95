"""What holds whatever is done to the venue: invented orders, cancels, modes, holds and waits."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.builders import (
    CONDITION,
    NO,
    RICH_MICRO,
    YES,
    Client,
    balances_of,
    collateral_of,
    make_exchange,
    shares_of,
)
from trading.engine.codes import TradeState
from trading.engine.units import MICRO
from trading.simulator.codes import VenueMode
from trading.simulator.events import OrderChanged, TradeChanged
from trading.simulator.settlement import SettlementSettings

ACCOUNTS = ("ann", "ben", "cat")
ROUGH = SettlementSettings(
    mined_ms_max=3_000,
    retrying_ms_max=4_000,
    retrying_micro=300_000,
    failed_micro=500_000,
)

orders = st.tuples(
    st.just("order"),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(("BUY", "SELL")),
    st.sampled_from((YES, NO)),
    st.one_of(st.integers(40, 60), st.integers(1, 99)),
    st.integers(500, 5_000),
    st.sampled_from(("GTC", "GTC", "GTC", "GTD", "FOK", "FAK")),
)
market_buys = st.tuples(
    st.just("market"),
    st.sampled_from(ACCOUNTS),
    st.sampled_from((YES, NO)),
    st.integers(40, 99),
    st.integers(100, 9_000),
)
others = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 5_000)),
    st.tuples(st.just("cancel"), st.sampled_from(ACCOUNTS)),
    st.tuples(st.just("mode"), st.sampled_from(VenueMode), st.integers(1, 2_000)),
    st.tuples(st.just("hold"), st.sampled_from(ACCOUNTS), st.integers(1, 2_000)),
    st.tuples(st.just("merge"), st.sampled_from(ACCOUNTS), st.integers(1, 400)),
)
scripts = st.lists(st.one_of(orders, orders, orders, market_buys, others), min_size=10, max_size=60)


def act(client, step):
    """Do one step of a script."""
    exchange = client.exchange
    match step:
        case ("order", account, side, token, price, hundredths, kind):
            more = {"expiration_s": client.now_ms // 1_000 + 70} if kind == "GTD" else {}
            client.place(account, side, token, price, hundredths / 100, kind, **more)
        case ("market", account, token, price, cents):
            shares = cents * 10_000 * 100 // price // 100 * 100
            amounts = {"maker_micro": cents * 10_000, "taker_micro": shares}
            client.place(account, "BUY", token, price, 0, "FAK", **amounts)
        case ("wait", duration_ms):
            client.wait(duration_ms)
        case ("cancel", account):
            exchange.cancel_all(account, client.now_ms)
        case ("mode", mode, duration_ms):
            exchange.set_mode(mode, client.now_ms, duration_ms)
        case ("hold", account, duration_ms):
            exchange.hold(CONDITION, [account], client.now_ms, duration_ms)
        case ("merge", account, shares):
            held = exchange.chain.accounts[account].chain
            shares = min(shares * MICRO, held[YES], held[NO])
            exchange.split(account, YES, -shares)


def check_money(exchange):
    """Collateral and sets are conserved to the unit, and nobody owes anything."""
    assert collateral_of(exchange) == exchange.chain.deposited_micro == 3 * RICH_MICRO
    sets = exchange.chain.sets_micro[CONDITION]
    assert shares_of(exchange, YES) == shares_of(exchange, NO) == sets
    for account in exchange.chain.accounts.values():
        for part in (account.chain, account.view, account.active, account.matched):
            assert min(part.values(), default=0) >= 0


def check_books(exchange):
    """No book is crossed at rest, and the two books are exact mirrors."""
    yes = exchange.levels(YES)
    bids = [price for is_ask, price, _ in yes if not is_ask]
    asks = [price for is_ask, price, _ in yes if is_ask]
    if not exchange.is_held(CONDITION):
        assert max(bids, default=0) < min(asks, default=MICRO)
    mirrored = {(not is_ask, MICRO - price, size) for is_ask, price, size in exchange.levels(NO)}
    assert mirrored == set(yes)


def check_reservations(exchange):
    """What is active is exactly what open orders would still give."""
    for account_id, account in exchange.chain.accounts.items():
        open_orders = exchange.open_orders(account_id)
        assert sum(account.active.values()) == sum(order.reserved_micro for order in open_orders)
        for order in open_orders:
            if not order.is_delayed:
                assert order.reserved_micro == order.give_micro(order.left_micro)


def run(script, **changes):
    """Play a script, checking after every step; return the client."""
    client = Client(make_exchange(settlement=ROUGH, **changes))
    for step in script:
        act(client, step)
        check_money(client.exchange)
        check_books(client.exchange)
        check_reservations(client.exchange)
    return client


def end(client):
    """Open the venue, cancel everything and let all trades settle."""
    client.wait(10_000)
    client.exchange.set_mode(VenueMode.OPEN, client.now_ms)
    for account_id in ACCOUNTS:
        client.exchange.cancel_all(account_id, client.now_ms)
    client.wait(60_000)


def check_end(client):
    """After all is cancelled and settled, nothing is claimed and the view is the chain."""
    end(client)
    check_money(client.exchange)
    assert client.exchange.levels(YES) == ()
    for account_id in ACCOUNTS:
        balances = balances_of(client.exchange, account_id)
        assert balances["active"] == balances["matched"] == {}


def digest(client):
    """Return a hash over every event, which are in order of time."""
    events = client.exchange.take_events()
    assert [e.at_ms for e in events] == sorted(e.at_ms for e in events)
    return sha256("\n".join(map(repr, events)).encode()).hexdigest()


@given(scripts)
def test_money_books_and_reservations_hold_after_every_step(script):
    check_end(run(script))


@given(scripts)
def test_they_hold_with_delays_and_a_fine_tick(script):
    check_end(run(script, delay_ms=700, tick_micro=1_000))


@pytest.mark.slow
@settings(max_examples=600)
@given(scripts, st.sampled_from((0, 300)), st.sampled_from((10_000, 5_000, 2_500, 1_000, 100)))
def test_they_hold_at_every_tick(script, delay_ms, tick_micro):
    check_end(run(script, delay_ms=delay_ms, tick_micro=tick_micro))


@given(scripts)
def test_the_same_seed_makes_the_same_events(script):
    assert digest(run(script)) == digest(run(script))


@given(scripts)
def test_a_failed_trade_reverses_exactly(script):
    """With every trade failing, all that was done comes to nothing."""
    doomed = SettlementSettings(retrying_micro=MICRO, failed_micro=MICRO)
    client = Client(make_exchange(settlement=doomed))
    before = [balances_of(client.exchange, account_id) for account_id in ACCOUNTS]
    for step in script:
        if step[0] != "merge":
            act(client, step)
    end(client)

    events = client.exchange.take_events()
    trades = [event for event in events if isinstance(event, TradeChanged)]
    assert {trade.state for trade in trades} <= {
        TradeState.MATCHED,
        TradeState.RETRYING,
        TradeState.FAILED,
    }
    assert [balances_of(client.exchange, account_id) for account_id in ACCOUNTS] == before


@given(scripts)
def test_makers_are_taken_by_price_and_then_by_time(script):
    """Each trade takes what was first in the book, seen from the taker's side."""
    client = Client(make_exchange(settlement=ROUGH))
    for step in script:
        arrived = {
            order.order_id: (order.sequence, order.book_price_micro, order.is_bid)
            for account_id in ACCOUNTS
            for order in client.exchange.open_orders(account_id)
        }
        client.exchange.take_events()
        act(client, step)
        trades = [e for e in client.exchange.take_events() if isinstance(e, TradeChanged)]
        matched = [trade for trade in trades if trade.state is TradeState.MATCHED]
        if step[0] not in ("order", "market") or len(matched) != 1:
            continue
        taken = [arrived[fill.maker_order_id] for fill in matched[0].fills]
        ranks = [(-price if is_bid else price, sequence) for sequence, price, is_bid in taken]
        assert ranks == sorted(ranks)
        left = {o.order_id for a in ACCOUNTS for o in client.exchange.open_orders(a)}
        is_bid = taken[0][2]
        for order_id, (sequence, price, side) in arrived.items():
            if side == is_bid and (-price if is_bid else price, sequence) < ranks[-1]:
                assert order_id not in left  # nobody was passed over


@given(st.lists(orders, max_size=12), orders)
def test_a_fill_or_kill_is_all_or_nothing(resting, last):
    client = Client(make_exchange())
    for step in resting:
        act(client, step)
    client.exchange.take_events()
    before = client.exchange.levels(YES)

    act(client, (*last[:6], "FOK"))

    events = client.exchange.take_events()
    trades = [event for event in events if isinstance(event, TradeChanged)]
    if not trades:
        assert client.exchange.levels(YES) == before
        return
    (trade,) = trades
    placed = next(event for event in events if isinstance(event, OrderChanged))
    if last[2] == "SELL":
        assert trade.size_micro == placed.size_micro
    else:
        spent = sum(fill.taker_dollars_micro for fill in trade.fills)
        assert 0 <= placed.price_micro * placed.size_micro // MICRO - spent < MICRO // 100


@given(st.lists(orders, max_size=12), orders)
def test_a_cancel_frees_the_reservation_exactly(resting, last):
    client = Client(make_exchange())
    for step in resting:
        act(client, step)
    act(client, (*last[:6], "GTC"))
    account = client.exchange.chain.accounts[last[1]]
    mine = client.exchange.open_orders(last[1])
    before = dict(account.active)

    client.exchange.cancel(last[1], [f"0x{client.count:04x}"], client.now_ms)

    freed = [order for order in mine if order.order_id == f"0x{client.count:04x}"]
    for order in freed:
        before[order.pays_asset] -= order.give_micro(order.left_micro)
    assert dict(account.active) == before
