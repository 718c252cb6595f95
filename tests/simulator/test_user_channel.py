"""The user channel over a real socket: one's own orders and trades, and nobody else's."""

import json

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.simulator.official import ANN_KEY, BEN_KEY, VENUE, ClobClient, serving

from py_clob_client_v2.clob_types import (  # isort: skip
    MarketOrderArgsV2,
    OrderArgsV2,
    OrderType,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running():
    with serving() as (address, venue):
        yield address, venue


@pytest.fixture
def markets(running):
    return [market.listing for market in running[1].markets.values()]


@pytest.fixture
def ann(running):
    client = ClobClient(running[0], VENUE.chain_id, key=ANN_KEY)
    client.set_api_creds(client.create_or_derive_api_key())
    return client


def auth_of(client, **changes):
    creds = client.creds
    auth = {
        "apiKey": creds.api_key,
        "secret": creds.api_secret,
        "passphrase": creds.api_passphrase,
    }
    return auth | changes


class Channel:
    """One socket on the user channel."""

    def __init__(self, running, *frames):
        self.socket = connect(running[0].replace("http", "ws") + "/ws/user")
        for frame in frames:
            self.say(frame)

    def say(self, frame):
        self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    def hear(self):
        return json.loads(self.socket.recv(timeout=5))

    def settled(self):
        """Return what was heard before the answer to a PING."""
        self.say("PING")
        heard = []
        while (text := self.socket.recv(timeout=5)) != "PONG":
            heard.append(json.loads(text))
        return heard

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def post(client, token_id):
    args = OrderArgsV2(token_id=token_id, price=0.01, size=100, side="BUY")
    return client.post_order(client.create_order(args))["orderID"]


def test_an_order_is_told_when_it_is_placed_and_when_it_is_cancelled(running, ann, markets):
    with Channel(running, {"type": "user", "auth": auth_of(ann)}) as channel:
        channel.settled()
        order_id = post(ann, markets[0].token_ids[1])
        ann.cancel_all()
        placed, cancelled = channel.hear(), channel.hear()

    known = {
        "asset_id": markets[0].token_ids[1],
        "associate_trades": None,
        "event_type": "order",
        "expiration": "0",
        "id": order_id,
        "maker_address": ann.get_address(),
        "market": markets[0].condition_id,
        "order_owner": ann.creds.api_key,
        "order_type": "GTC",
        "original_size": "100",
        "outcome": "No",
        "owner": ann.creds.api_key,
        "price": "0.01",
        "side": "BUY",
        "size_matched": "0",
    }
    assert placed.items() >= (known | {"status": "LIVE", "type": "PLACEMENT"}).items()
    assert cancelled.items() >= (known | {"status": "CANCELED", "type": "CANCELLATION"}).items()
    assert set(placed) == {*known, "status", "type", "timestamp", "created_at"}


def test_a_trade_is_told_from_its_match_to_its_end(running, ann, markets):
    with Channel(running, {"type": "user", "auth": auth_of(ann), "markets": []}) as channel:
        channel.settled()
        args = MarketOrderArgsV2(
            token_id=markets[0].token_ids[0], amount=5, side="BUY", price=0.99, order_type="FOK"
        )
        posted = ann.post_order(ann.create_market_order(args), OrderType.FOK)
        trades = []
        while len(trades) < 3:
            message = channel.hear()
            if message["event_type"] == "trade":
                trades.append(message)

    assert [trade["status"] for trade in trades] == ["MATCHED", "MINED", "CONFIRMED"]
    assert {trade["id"] for trade in trades} == set(posted["tradeIDs"])
    assert trades[0]["transaction_hash"] == ""
    assert trades[1]["transaction_hash"] == posted["transactionsHashes"][0]
    assert trades[0]["trader_side"] == "TAKER"
    assert trades[0]["trade_owner"] == trades[0]["owner"] == ann.creds.api_key
    assert trades[0]["type"] == "TRADE"
    assert int(trades[0]["match_time"]) == int(trades[2]["match_time"])


def test_nobody_hears_of_somebody_else(running, ann, markets):
    ben = ClobClient(running[0], VENUE.chain_id, key=BEN_KEY)
    ben.set_api_creds(ben.create_or_derive_api_key())
    with Channel(running, {"type": "user", "auth": auth_of(ben)}) as channel:
        channel.settled()
        post(ann, markets[0].token_ids[0])

        assert channel.settled() == []


def test_only_the_markets_that_were_asked_for_are_told(running, ann, markets):
    first, second = (listing.condition_id for listing in markets)
    login = {"type": "user", "auth": auth_of(ann), "markets": [first, "unknown"]}
    with Channel(running, login) as channel:
        channel.settled()
        post(ann, markets[1].token_ids[0])
        assert channel.settled() == []
        channel.say({"operation": "subscribe", "markets": [second]})
        channel.say({"operation": "unsubscribe", "markets": [first]})
        channel.settled()
        post(ann, markets[0].token_ids[0])
        post(ann, markets[1].token_ids[0])

        assert [message["market"] for message in channel.settled()] == [second]
        channel.say("nonsense")
        assert channel.settled() == []


@pytest.mark.parametrize(
    "change",
    [{"secret": ""}, {"passphrase": "guessed"}, {"apiKey": "guessed"}, {"apiKey": 7}],
    ids=str,
)
def test_a_wrong_key_is_shown_out(running, ann, change):
    login = {"type": "user", "auth": auth_of(ann, **change)}
    with Channel(running, login) as channel, pytest.raises(ConnectionClosed) as closed:
        channel.hear()
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("said", ["", "{", "[]", '{"type": "user"}', "[" * 99_999])
def test_who_does_not_say_who_they_are_is_shown_out(running, said):
    with Channel(running, said) as channel, pytest.raises(ConnectionClosed) as closed:
        channel.hear()
    assert closed.value.rcvd.code == 1008
