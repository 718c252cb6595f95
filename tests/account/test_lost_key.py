"""The venue has lost our API key: nothing leaves, why is told, and a new login ends it."""

import asyncio
import http.client
import random
import time

import pytest

from polyarb_site.clock import SystemClock
from tests.account.hearing import Ear, make_channel
from tests.account.trader import Trader
from tests.feeds.listening import running as beside
from tests.signer.builders import plain_policy
from tests.signer.conftest import short_dir  # noqa: F401 - a fixture
from tests.signer.golden import KEY_TEXT
from tests.signer.running import Signer
from tests.simulator.official import ANN_KEY, SETTINGS, Wallet, serving
from trading.adapters.clob_private import KEY_UNKNOWN, ClobPrivate
from trading.adapters.failures import CallFailed, FailureKind
from trading.adapters.live_parts import Expected, Makers
from trading.adapters.live_venue import LiveVenue
from trading.adapters.private_limits import PrivateSettings
from trading.engine.codes import Side
from trading.engine.commands import OrderPlan
from trading.engine.events import OrderRefused
from trading.engine.market import FeeSchedule, MarketSpec
from trading.execution.requests import OutgoingOrder
from trading.signer.client import SignerClient

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running():
    with serving() as (address, venue):
        yield address, venue


@pytest.fixture
def signer(short_dir):  # noqa: F811 - the fixture
    rules = plain_policy(
        exchange=SETTINGS.exchange,
        neg_risk_exchange=SETTINGS.neg_risk_exchange,
        spenders=(SETTINGS.exchange, SETTINGS.neg_risk_exchange),
    )
    return Signer(short_dir, rules, KEY_TEXT).start()


class Exits:
    """The way out of sets, which has the key as well."""

    def __init__(self, credentials):
        self.api_key = credentials.api_key
        self.closed = False

    def chain_reads(self):
        return None

    async def close(self):
        self.closed = True


class World:
    """A live venue over the local one, with a real signer."""

    def __init__(self, running, signer):
        self.address, self.local = running
        self.exits = []
        self.ear = Ear()
        self.venue = LiveVenue(
            signer=SignerClient(signer.socket),
            expected=Expected(
                chain_id=SETTINGS.chain_id,
                exchange=SETTINGS.exchange,
                neg_risk_exchange=SETTINGS.neg_risk_exchange,
            ),
            makers=Makers(private=self._private, user=self._user, exits=self._exits),
            salt=lambda: random.randrange(2**40),
        )

    def _private(self, owner):
        return ClobPrivate(self.address, PrivateSettings(), SystemClock(), address=owner)

    def _user(self, credentials, sink):
        self.credentials = credentials
        url = self.address.replace("http", "ws") + "/ws/user"
        return make_channel(url, sink, credentials)

    async def _exits(self, policy, credentials, private, told):
        self.exits.append(Exits(credentials))
        return self.exits[-1]

    def delete_key(self):
        """Do what anybody with the key may do at the venue."""
        made = self.credentials
        wallet = Wallet(ANN_KEY)
        wallet.use({"apiKey": made.api_key, "secret": made.secret, "passphrase": made.passphrase})
        headers = wallet.headers("DELETE", "/auth/api-key", "", int(time.time()))
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"))
        connection.request("DELETE", "/auth/api-key", headers=headers)
        assert connection.getresponse().status == 200
        connection.close()

    def prepare(self):
        listing = next(iter(self.local.markets.values())).listing
        spec = MarketSpec(
            condition_id=listing.condition_id,
            token_ids=listing.token_ids,
            tick_micro=10_000,
            min_order_size_micro=5_000_000,
            fee=FeeSchedule(rate_micro=0, exponent=1),
        )
        plan = OrderPlan(
            order_id="s1-1",
            set_id="s1",
            condition_id=spec.condition_id,
            token_id=spec.token_ids[0],
            side=Side.BUY,
            limit_micro=10_000,
            size_micro=5_000_000,
            purpose="ENTRY",
            all_or_nothing=True,
        )
        return self.venue.prepare(plan, spec, time.time_ns() // 1_000_000)


@pytest.fixture
async def world(running, signer):
    made = World(running, signer)
    yield made
    await made.venue.close()
    assert all(one.closed for one in made.exits)


async def opened(world):
    """Open it as every second does, as often as a key may have been deleted before."""
    for _ in range(10):
        if (failure := await world.venue.open()) is None:
            return
        assert failure.text.startswith((KEY_UNKNOWN, "Could not derive"))
    raise AssertionError("it never opened")


async def test_nothing_leaves_until_a_new_login_which_makes_a_new_key(world):
    await opened(world)
    async with beside(world.venue.follow(world.ear)):
        await world.ear.until(lambda: "connected" in world.ear.log)
        first, order = world.credentials, world.prepare()
        assert isinstance(order, OutgoingOrder)
        (signature,) = await world.venue.sign((order,))
        assert await world.venue.open() is None  # with a key that is known nothing happens
        assert world.venue.logged_out == ""

        connected = world.ear.log.count("connected")
        world.delete_key()
        failure = await world.venue.beat("")
        assert (failure.kind.name, failure.status) == ("REFUSED", 401)
        assert world.venue.logged_out == KEY_UNKNOWN
        posted = await world.venue.post((order,), (signature,), lambda: "")
        assert (posted.kind.name, posted.status, posted.code) == ("NOT_SENT", 0, "NO_LOGIN")
        assert (await world.venue.sign((order,))).code == "NO_LOGIN"
        refused = world.prepare()
        assert isinstance(refused, OrderRefused)
        assert (refused.code, refused.text, refused.local) == ("NO_LOGIN", KEY_UNKNOWN, True)
        assert (await world.venue.refresh(())).kind.name == "NOT_SENT"

        again = await world.venue.open()  # of the old nonce there is no key any more
        assert again.text.startswith(f"{KEY_UNKNOWN}, and did not let us in anew: Could not derive")
        assert again.code == ""  # it is not the signer that is down
        await opened(world)
        await world.ear.until(lambda: world.credentials != first)
        await world.ear.until(lambda: world.ear.log.count("connected") > connected)

    assert world.venue.logged_out == ""
    assert isinstance(await world.venue.beat(""), str)
    assert isinstance(world.prepare(), OutgoingOrder)
    assert [one.api_key for one in world.exits] == [first.api_key, world.credentials.api_key]
    # The signature is the wallet's and not the key's: the order that stayed can still be posted.
    (leg,) = await world.venue.post((order,), (signature,), lambda: "")
    assert "API KEY" not in leg.error


async def test_a_login_that_the_venue_still_knows_brings_the_same_key(world, monkeypatch):
    """A clock that was off is a 401 too: then nothing but the login has to be done anew."""
    await opened(world)
    async with beside(world.venue.follow(world.ear)):
        await world.ear.until(lambda: "connected" in world.ear.log)
        with monkeypatch.context() as late:
            late.setattr(SystemClock, "now_ns", lambda _self: time.time_ns() - 10**12)
            assert (await world.venue.beat("")).status == 401
        first = world.credentials
        await opened(world)
        await world.ear.until(lambda: world.ear.log.count("connected") >= 2)

    assert world.credentials == first
    assert len(world.exits) == 1


async def test_what_fails_while_following_is_not_hidden(world):
    class Broken(Ear):
        def on_connected(self):
            raise ZeroDivisionError

    await opened(world)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(5):
            await world.venue.follow(Broken())


class TestPrivate:
    async def test_after_401_not_even_a_request_is_made(self, running):
        trader = Trader(running[0], "0x" + "31" * 32)
        try:
            made = await trader.log_in()
            headers = trader.wallet.headers("DELETE", "/auth/api-key", "", int(time.time()))
            connection = http.client.HTTPConnection(running[0].removeprefix("http://"))
            connection.request("DELETE", "/auth/api-key", headers=headers)
            assert connection.getresponse().status == 200
            connection.close()
            said = []
            for _ in range(2):
                with pytest.raises(CallFailed) as failure:
                    await trader.client.open_orders()
                said.append((failure.value.kind, failure.value.status))
            again = await trader.log_in(nonce=1)
            assert await trader.client.open_orders() == ()
        finally:
            await trader.client.close()

        assert said == [(FailureKind.REFUSED, 401), (FailureKind.NOT_SENT, None)]
        assert again != made
