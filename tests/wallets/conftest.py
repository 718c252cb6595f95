from contextlib import AsyncExitStack

import pytest

from tests.feeds.listening import HandClock
from tests.feeds.misbehaving import Venue
from tests.wallets.nodes import Node, pool_of
from trading.wallets.reads import ChainReader


@pytest.fixture
async def nodes():
    """Three endpoints of the same chain."""
    async with AsyncExitStack() as stack:
        yield [Node(await stack.enter_async_context(Venue())) for _ in range(3)]


@pytest.fixture
def hand_clock():
    return HandClock()


@pytest.fixture
async def make_pool(hand_clock):
    pools = []

    def make(*nodes, **changes):
        pools.append(pool_of(*nodes, clock=hand_clock, **changes))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


@pytest.fixture
def reader(nodes, make_pool):
    """Reads over the first two endpoints."""
    return ChainReader(make_pool(*nodes[:2]))
