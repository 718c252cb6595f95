"""One real trade, three tellers: the answer to its order, the lists of REST, and the channel."""

import asyncio

import pytest

from tests.account.hearing import Ear, make_channel
from tests.account.trader import Trader
from tests.feeds.listening import running as beside
from tests.simulator.official import ANN_KEY, BEN_KEY, serving
from trading.engine.codes import Side, TradeState
from trading.execution.messages import OrderChange
from trading.signing.headers import ApiCredentials

pytestmark = pytest.mark.slow
SETTLED = [TradeState.MATCHED, TradeState.MINED, TradeState.CONFIRMED]


@pytest.fixture(scope="module")
def running():
    with serving() as (address, venue):
        # There are books now. Who trades from here on is only who the test lets trade.
        for market in venue.markets.values():
            market.flow.next_ms += 3_600_000
        yield address, venue


@pytest.fixture
def tokens(running):
    return next(iter(running[1].markets.values())).listing.token_ids


def ws_url(running):
    return running[0].replace("http", "ws") + "/ws/user"


class Party:
    """A trader with an ear on the user channel."""

    def __init__(self, trader, ear):
        self.trader, self.ear = trader, ear

    async def settled(self, order_hash):
        """Return the states of the one trade of an order, as the channel told them."""

        def told():
            found = [one for one in self.ear.trades if self.has(one, order_hash)]
            return found if found and found[-1].state is TradeState.CONFIRMED else None

        return await self.ear.until(told, seconds=5)

    @staticmethod
    def has(trade, order_hash):
        return order_hash in (trade.taker_order_hash, *(part.order_hash for part in trade.makers))


@pytest.fixture
async def ann(running, make_trader):
    async with asyncio.TaskGroup() as group:
        trader = make_trader(ANN_KEY)
        key, ear = await trader.log_in(), Ear()
        await trader.client.cancel_all()
        task = group.create_task(make_channel(ws_url(running), ear, key).run())
        await ear.until(lambda: ear.log)
        yield Party(trader, ear)
        task.cancel()


async def test_a_taker_hears_the_same_from_all_three(ann, tokens):
    leg = await ann.trader.post_one(ann.trader.fok(tokens[0]))
    told = await ann.settled(leg.order_hash)
    listed = await ann.trader.client.trades(trade_id=leg.trade_ids[0])

    assert [one.state for one in told] == SETTLED
    assert listed == (told[-1],)  # every field of it, fills included
    assert {one.trade_id for one in told} == set(leg.trade_ids)
    trade = told[-1]
    assert (trade.token_id, trade.side) == (tokens[0], Side.BUY)
    assert trade.size_micro == leg.taking_micro
    # What was paid is the sum of the parts: on the other token each costs the rest of a dollar.
    paid = sum(
        part.size_micro
        * (part.price_micro if part.token_id == tokens[0] else 1_000_000 - part.price_micro)
        for part in trade.makers
    )
    assert paid == leg.making_micro * 1_000_000
    placed, matched = ann.ear.about(leg.order_hash)
    assert (placed.change, matched.change) == (OrderChange.PLACEMENT, OrderChange.UPDATE)
    assert (matched.status, matched.matched_micro) == ("MATCHED", leg.taking_micro)


async def test_a_maker_finds_its_own_part_on_its_own_token(running, ann, make_trader, tokens):
    # Ann bids highest for YES, and Ben pays at most the rest for NO: they mint a set.
    levels = running[1].exchange.levels(tokens[0])
    price_micro = max(one for is_ask, one, _ in levels if not is_ask)
    resting = await ann.trader.post_one(
        ann.trader.order(tokens[0], price=(price_micro + 10_000) / 1_000_000, size=100)
    )
    assert resting.status == "live"
    ben = make_trader(BEN_KEY)
    await ben.log_in()
    taken = await ben.post_one(ben.fok(tokens[1], amount=5))

    told = await ann.settled(resting.order_hash)
    (listed,) = await ann.trader.client.trades(trade_id=told[-1].trade_id)

    assert listed == told[-1]
    assert listed.taker_order_hash == taken.order_hash
    assert (listed.token_id, listed.side) == (tokens[1], Side.BUY)
    (part,) = [one for one in listed.makers if one.order_hash == resting.order_hash]
    assert (part.token_id, part.side) == (tokens[0], Side.BUY)
    assert part.price_micro == price_micro + 10_000
    order = await ann.trader.client.order(resting.order_hash)
    news = ann.ear.about(resting.order_hash)[-1]
    assert news.matched_micro == part.size_micro
    assert order is not None
    assert order.matched_micro == part.size_micro
    assert order.trade_ids == (listed.trade_id,)


async def test_an_order_is_told_when_it_rests_and_when_it_is_cancelled(ann, tokens):
    leg = await ann.trader.post_one(ann.trader.order(tokens[0]))
    found = await ann.trader.client.order(leg.order_hash)
    await ann.trader.client.cancel((leg.order_hash,))
    await ann.ear.until(lambda: len(ann.ear.about(leg.order_hash)) == 2)
    told = ann.ear.about(leg.order_hash)

    assert [one.change for one in told] == [OrderChange.PLACEMENT, OrderChange.CANCELLATION]
    assert found is not None
    assert (found.size_micro, found.price_micro) == (told[0].size_micro, told[0].price_micro)


async def test_nothing_of_somebody_else_is_told(ann, make_trader, tokens):
    ben = make_trader(BEN_KEY)
    await ben.log_in()
    leg = await ben.post_one(ben.order(tokens[0]))
    own = await ann.trader.post_one(ann.trader.order(tokens[0]))
    await ann.ear.until(lambda: ann.ear.orders)

    assert own.order_hash in {one.order_hash for one in ann.ear.orders}
    assert leg.order_hash not in {one.order_hash for one in ann.ear.orders}


async def test_a_key_that_the_venue_does_not_know_is_put_out_with_a_clear_reason(running):
    key = ApiCredentials(api_key="unknown-key", secret="dW5rbm93bg==", passphrase="unknown-pass")
    ear = Ear()
    channel = make_channel(ws_url(running), ear, key)
    async with beside(channel.run()):
        await ear.until(lambda: channel.login_failures >= 2)

    assert ear.log == ["lost"] * len(ear.log)
    assert ear.reasons[1].endswith(
        "right after the login (2 in a row): the API key may be wrong or deleted, log in again"
    )


async def test_a_planned_reconnect_loses_nothing_of_a_trade(running, make_trader, tokens):
    trader = Trader(running[0], ANN_KEY)
    key, ear = await trader.log_in(), Ear()
    channel = make_channel(ws_url(running), ear, key, replace_every_ms=40)
    async with beside(channel.run()):
        await ear.until(lambda: ear.log.count("connected") >= 2)
        leg = await trader.post_one(trader.fok(tokens[0]))
        told = await Party(trader, ear).settled(leg.order_hash)
    await trader.client.close()

    assert set(ear.reasons) == {"planned reconnect"}
    assert told[-1].taker_order_hash == leg.order_hash
