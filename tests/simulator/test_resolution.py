"""A market ends: who hears of it, what becomes of orders and trades, and who is paid."""

import json

import pytest

from tests.simulator.builders import (
    CONDITION,
    NO,
    YES,
    Client,
    balances_of,
    collateral_of,
    make_exchange,
)
from tests.simulator.keeping import Kept
from tests.simulator.official import ANN_KEY, compact
from tests.simulator.test_faults import TAKES, Drill
from tests.simulator.test_server import Reader
from trading.engine.units import MICRO
from trading.simulator.accounts import RevertedError
from trading.simulator.answers import Refusal
from trading.simulator.codes import COLLATERAL, OrderStatus
from trading.simulator.events import OrderChanged, TradeChanged


class TestTheExchange:
    def test_cancels_every_order_and_takes_no_more(self):
        client = Client(make_exchange())
        client.place("ann", "BUY", YES, 40, 10)
        client.place("ben", "SELL", NO, 40, 10)
        client.exchange.take_events()
        client.exchange.resolve(YES, client.now_ms)

        events = [e for e in client.exchange.take_events() if isinstance(e, OrderChanged)]
        assert [e.status for e in events] == [OrderStatus.CANCELED_MARKET_RESOLVED] * 2
        assert client.exchange.levels(YES) == ()
        assert balances_of(client.exchange, "ann")["active"] == {}
        refused = Refusal(http=404, text="No orderbook exists for the requested token id")
        assert client.place("ann", "BUY", NO, 40, 10) == refused

    def test_cancels_a_delayed_order_and_one_that_is_held(self):
        client = Client(make_exchange(delay_ms=500))
        client.place("ann", "SELL", YES, 50, 10)
        client.exchange.hold(CONDITION, ["cat"], client.now_ms, 1_000)
        client.place("cat", "BUY", YES, 50, 10)
        client.place("ben", "BUY", YES, 51, 10)
        client.exchange.resolve(NO, client.now_ms)
        client.wait(5_000)

        assert not [e for e in client.exchange.take_events() if isinstance(e, TradeChanged)]
        for account_id in ("ann", "ben", "cat"):
            assert client.exchange.open_orders(account_id) == []
            assert balances_of(client.exchange, account_id)["active"] == {}

    def test_settles_what_was_matched_and_pays_the_winner(self):
        client = Client(make_exchange())
        client.place("ann", "SELL", YES, 50, 10)
        client.place("ben", "BUY", YES, 50, 10)
        client.exchange.resolve(YES, client.now_ms)
        client.wait(1_000)
        exchange = client.exchange
        before = balances_of(exchange, "ben")["chain"]

        assert exchange.redeem("ben", NO) == before[YES] == 1_010 * MICRO
        after = balances_of(exchange, "ben")["chain"]
        assert after == {COLLATERAL: before[COLLATERAL] + 1_010 * MICRO}
        assert collateral_of(exchange) == exchange.chain.deposited_micro
        assert exchange.redeem("ben", NO) == 0
        for account_id in ("ann", "cat"):
            exchange.redeem(account_id, YES)
        assert exchange.chain.sets_micro[CONDITION] == 0

    def test_refuses_what_cannot_be(self):
        exchange = make_exchange()
        with pytest.raises(RevertedError, match="result for condition not received yet"):
            exchange.redeem("ann", YES)
        exchange.resolve(YES, exchange._agenda.now_ms)

        with pytest.raises(RevertedError, match="already set"):
            exchange.resolve(NO, exchange._agenda.now_ms)


class TestTheVenue:
    @pytest.fixture
    def drill(self):
        return Drill()

    @pytest.fixture
    async def ann(self, drill):
        return await drill.admit(ANN_KEY, signature_type=3)

    async def test_lists_it_as_closed_and_goes_on(self, drill, ann):
        drill.post(ann)
        drill.begin("resolve", token_id=drill.tokens[1])
        drill.wait(2_000)

        assert drill.heard[-1] == "CANCELED_MARKET_RESOLVED"
        (listed,) = drill.venue.listings()
        assert (listed["closed"], listed["acceptingOrders"]) == (True, False)
        assert listed["umaResolutionStatus"] == "resolved"
        assert json.loads(listed["outcomePrices"]) == ["0", "1"]
        assert drill.venue.parameters(listed["conditionId"])["ao"] is False
        assert drill.venue.book(drill.tokens[0]) is None
        assert drill.post(ann).http == 404

    async def test_says_of_an_open_market_nothing_of_an_end(self, drill):
        (listed,) = drill.venue.listings()

        assert "umaResolutionStatus" not in listed
        assert drill.venue.parameters(listed["conditionId"])["ao"] is True

    async def test_tells_who_asked_for_it(self, drill, ann):
        eager, plain = Reader(drill.server), Reader(drill.server)
        for reader, custom in ((eager, True), (plain, False)):
            await reader.hear()
            reader.say({"assets_ids": drill.tokens, "custom_feature_enabled": custom})
            await reader.frame()
        said = {"kind": "resolve", "token_id": drill.tokens[0]}
        await drill.send("POST", "/simulator/faults", body=json.dumps(said))

        told = []
        for reader in (eager, plain):
            reader.say("PING")
            frames = []
            while (frame := await reader.frame()) != "PONG":
                frames.append(json.loads(frame))
            told.append([one for one in frames if one["event_type"] == "market_resolved"])
            await reader.leave()
        assert told[1] == []
        (notice,) = told[0]
        assert notice["assets_ids"] == list(drill.tokens)
        assert (notice["winning_asset_id"], notice["winning_outcome"]) == (drill.tokens[0], "Yes")

    async def test_refuses_to_end_it_twice(self, drill):
        drill.begin("resolve", token_id=drill.tokens[0])
        said = {"kind": "resolve", "token_id": drill.tokens[1]}
        status, answer = await drill.send("POST", "/simulator/faults", body=json.dumps(said))

        assert status == 400
        assert answer["error"] == "Invalid payload: token_id: payout denominator already set"

    async def test_pays_a_wallet_when_it_asks(self, drill, ann):
        drill.post(ann, **TAKES)
        drill.wait(1_000)
        bought = drill.venue.exchange.chain.accounts[ann.funder].chain[drill.tokens[0]]
        said = {"token_id": drill.tokens[1], "signature_type": 3}
        early = drill.say(ann, "POST", "/simulator/redeem", said)
        drill.begin("resolve", token_id=drill.tokens[0])

        assert early.text.endswith("not received yet")
        assert drill.say(ann, "POST", "/simulator/redeem", said) == {"paid": str(bought)}
        assert drill.say(ann, "POST", "/simulator/redeem", said) == {"paid": "0"}

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"token_id": "7"}, "Invalid token id"),
            ({"signature_type": 2}, "Invalid signature_type"),
            ({"token_id": 7}, "Invalid payload: "),
        ],
        ids=str,
    )
    async def test_pays_nobody_for_nonsense(self, drill, ann, change, text):
        said = {"token_id": drill.tokens[1], "signature_type": 3} | change

        assert drill.say(ann, "POST", "/simulator/redeem", said).text.startswith(text)


async def test_a_market_that_ended_has_ended_after_a_restart(tmp_path):
    kept = Kept(tmp_path)
    ann = await kept.admit(ANN_KEY)
    await kept.post(ann, 0, **TAKES)
    kept.wait(1_000)
    kept.venue.resolve(kept.tokens[0], kept.now_ms)
    kept.wait(20)
    kept.restart()

    (status, _), _ = await kept.post(ann, 0)
    assert status == 404
    assert kept.venue.listings()[0]["closed"] is True
    body = compact({"token_id": kept.tokens[0], "signature_type": 3})
    assert (await kept.ask(ann, "POST", "/simulator/redeem", body))[1]["paid"] != "0"
    kept.keeper.close()
