"""The shape of each message, held against the recorded ones."""

import json
from pathlib import Path

import pytest

from tests.simulator.builders import NO, YES, Client, make_exchange, make_listing
from trading.engine.units import MICRO
from trading.simulator.frames import Publisher, book_message

RECORDED = Path(__file__).parents[1] / "wire"


@pytest.fixture
def client():
    return Client(make_exchange())


def publish(client, publisher, **more):
    frames = publisher.publish(client.exchange.take_events(), client.now_ms, **more)
    return [json.loads(frame) for frame in frames]


@pytest.fixture
def messages(client):
    """Every message of a market in which one trade near one changed the tick."""
    publisher = Publisher([make_listing()])
    client.place("ann", "BUY", YES, 96, 10)
    client.place("ann", "SELL", YES, 97, "10.5")
    client.place("ben", "BUY", YES, 97, 6)
    return publish(client, publisher)


class TestShapes:
    @pytest.mark.parametrize("kind", ["book", "price_change", "last_trade_price"])
    def test_a_message_has_the_keys_of_the_recorded_one(self, messages, kind):
        recorded = json.loads((RECORDED / f"ws_market_{kind}.json").read_text())
        for message in [message for message in messages if message["event_type"] == kind]:
            newer = {"tick_size", "min_order_size", "neg_risk", "last_trade_price"}
            assert set(message) - (newer if kind == "book" else set()) == set(recorded)
            for part in ("price_changes", "bids", "asks"):
                if part in message:
                    assert set(message[part][0]) == set(recorded[part][0])

    def test_a_tick_change_names_both_ticks_of_each_token(self, messages):
        changes = [m for m in messages if m["event_type"] == "tick_size_change"]

        assert [(m["asset_id"], m["old_tick_size"], m["new_tick_size"]) for m in changes] == [
            (YES, "0.01", "0.001"),
            (NO, "0.01", "0.001"),
        ]
        assert set(changes[0]) == {
            *("asset_id", "event_type", "market", "new_tick_size", "old_tick_size", "timestamp")
        }

    def test_a_trade_is_told_after_the_levels_and_before_the_books(self, messages):
        kinds = [message["event_type"] for message in messages]

        assert kinds == [
            *("price_change", "price_change", "price_change", "last_trade_price", "book", "book"),
            *("tick_size_change", "book", "tick_size_change", "book"),
        ]
        trade = messages[3]
        assert (trade["price"], trade["size"], trade["side"]) == ("0.97", "6", "BUY")
        assert [m["last_trade_price"] for m in messages[4:6]] == ["0.97", "0.03"]

    def test_levels_are_totals_and_an_empty_side_is_nought_or_one(self, messages):
        yes, no = messages[0]["price_changes"]

        assert (yes["side"], yes["price"], yes["size"]) == ("BUY", "0.96", "10")
        assert (no["side"], no["price"], no["size"]) == ("SELL", "0.04", "10")
        assert (yes["best_bid"], yes["best_ask"]) == ("0.96", "1")
        assert (no["best_bid"], no["best_ask"]) == ("0", "0.04")
        assert messages[2]["price_changes"][0]["size"] == "4.5"

    def test_the_best_price_of_a_book_comes_last(self, client):
        publisher = Publisher([make_listing()])
        for price in (40, 42, 41):
            client.place("ann", "BUY", YES, price, 10)
            client.place("ann", "SELL", YES, price + 10, 10)
        publish(client, publisher)

        yes, no = json.loads(publisher.dump([YES, NO]))

        assert [level["price"] for level in yes["bids"]] == ["0.4", "0.41", "0.42"]
        assert [level["price"] for level in yes["asks"]] == ["0.52", "0.51", "0.5"]
        assert [level["price"] for level in no["asks"]] == ["0.6", "0.59", "0.58"]

    def test_the_hash_of_a_book_is_the_official_client_s(self):
        token_id = "65818619657568813474341868652308942079804919287380422192892211131408793125422"
        condition_id = "0xbd31dc8a20211944f6b70f31557f1001557b59905b7738480ca09bd4532f84af"
        levels = ((False, 48, 30), (False, 49, 20), (True, 52, 25), (True, 53, 60))

        message = book_message(
            make_listing(condition_id=condition_id, token_ids=(token_id, "2")),
            token_id,
            tick_micro=10_000,
            levels=[(is_ask, cents * 10_000, shares * MICRO) for is_ask, cents, shares in levels],
            last_trade="0.5",
            at_ms=1_757_908_892_351,
        )

        assert message["hash"] == "525a9251299cd51519fa495d1f1a66920214b57f"


class TestALaggedToken:
    def test_its_updates_come_late_and_in_order_with_their_own_times(self, client):
        publisher = Publisher([make_listing()])
        publisher.lag(NO, client.now_ms + 100)
        first_ms = client.now_ms + 1
        client.place("ann", "SELL", YES, 50, 10)
        client.place("ben", "BUY", YES, 50, 6)

        prompt = publish(client, publisher)
        nothing = publish(client, publisher)
        client.wait(100)
        late = publish(client, publisher)

        assert {m.get("asset_id") or m["price_changes"][0]["asset_id"] for m in prompt} == {YES}
        assert nothing == []
        assert [m["event_type"] for m in late] == ["price_change", "price_change", "book"]
        assert late[0]["timestamp"] == str(first_ms)
        assert late[0]["price_changes"][0]["asset_id"] == NO

    def test_a_dump_meanwhile_shows_what_was_published(self, client):
        publisher = Publisher([make_listing()])
        assert publisher.dump([YES, NO]) == "[]"
        client.place("ann", "SELL", YES, 50, 10)
        publish(client, publisher)
        publisher.lag(NO, client.now_ms + 100)
        client.place("ann", "SELL", YES, 51, 10)
        publish(client, publisher)

        yes, no = json.loads(publisher.dump([YES, NO]))

        assert (len(yes["asks"]), len(no["bids"])) == (2, 1)
        assert int(yes["timestamp"]) == int(no["timestamp"]) + 1 == client.now_ms
