"""What users are told of their orders and trades."""

import pytest

from tests.simulator.builders import CONDITION, NO, YES, Client, make_exchange, make_listing
from trading.simulator import records as records_module
from trading.simulator.records import Records


class Told:
    """A venue whose accounts ann and ben are users with API keys; cat belongs to the flow."""

    def __init__(self):
        self.client = Client(make_exchange())
        self.records = Records()
        self.records.list_market(make_listing())
        self.records.users |= {"ann", "ben"}

    def place(self, account_id, *order):
        new = self.client.order(account_id, *order)
        self.records.claim(new.order_id, f"key of {account_id}")
        self.client.now_ms += 1
        self.client.exchange.place(new, self.client.now_ms)
        self.look()
        return new.order_id

    def look(self):
        for event in self.client.exchange.take_events():
            self.records.take(event)

    def trade(self, account_id):
        (trade,) = self.records.trades_of(account_id)
        return self.records.trade_row(trade, account_id)


@pytest.fixture
def told():
    return Told()


def test_each_side_of_a_trade_sees_its_own_key_and_not_the_others(told):
    sold = told.place("ann", "SELL", YES, 48, 10)
    bought = told.place("ben", "BUY", YES, 50, 10)

    taker, maker = told.trade("ben"), told.trade("ann")
    assert (taker["trader_side"], maker["trader_side"]) == ("TAKER", "MAKER")
    assert (taker["owner"], maker["owner"]) == ("key of ben", "")
    assert taker["maker_orders"][0]["owner"] == ""
    assert maker["maker_orders"] == [
        {
            "order_id": sold,
            "owner": "key of ann",
            "maker_address": "ann",
            "matched_amount": "10",
            "price": "0.48",
            "fee_rate_bps": "0",
            "asset_id": YES,
            "outcome": "Yes",
            "side": "SELL",
        }
    ]
    assert (taker["taker_order_id"], taker["maker_address"]) == (bought, "ben")
    assert (taker["size"], taker["price"], taker["side"]) == ("10", "0.48", "BUY")
    assert (taker["market"], taker["asset_id"], taker["outcome"]) == (CONDITION, YES, "Yes")


def test_a_maker_of_the_other_outcome_is_shown_with_its_own_token(told):
    told.place("ann", "BUY", NO, 52, 10)
    told.place("cat", "BUY", YES, 50, 10)

    (maker,) = told.trade("ann")["maker_orders"]
    assert (maker["asset_id"], maker["outcome"], maker["price"]) == (NO, "No", "0.52")
    assert told.trade("ann")["outcome"] == "Yes"


def test_an_account_of_the_flow_is_shown_as_a_wallet_and_told_nothing(told):
    told.place("cat", "SELL", YES, 48, 10)
    told.records.take_messages()
    told.place("ben", "BUY", YES, 50, 10)

    messages = told.records.take_messages()
    assert {message.owner_id for message in messages} == {"ben"}
    assert told.trade("ben")["maker_orders"][0]["maker_address"].startswith("0x")
    assert told.records.take_messages() == []


def test_a_trade_is_shown_as_it_is_now(told):
    told.place("ann", "SELL", YES, 48, 10)
    told.place("ben", "BUY", YES, 50, 10)
    matched = told.trade("ben")
    told.client.wait(5_000)
    told.look()
    settled = told.trade("ben")

    assert (matched["status"], matched["transaction_hash"]) == ("MATCHED", "")
    assert settled["status"] == "CONFIRMED"
    assert len(settled["transaction_hash"]) == 66
    assert matched["id"] == settled["id"]
    assert matched["match_time"] == settled["match_time"]


def test_who_claims_an_order_later_changes_nothing(told):
    order_id = told.place("ann", "BUY", YES, 40, 10)
    told.records.claim(order_id, "somebody else")

    (order,) = told.client.exchange.open_orders("ann")
    assert told.records.order_row(order)["owner"] == "key of ann"


def test_only_the_latest_is_remembered(told, monkeypatch):
    for name in ("OWNERS_MAX", "TRADES_MAX", "MESSAGES_MAX"):
        monkeypatch.setattr(records_module, name, 2)
    for _ in range(3):
        told.place("ann", "SELL", YES, 48, 10)
        told.place("ben", "BUY", YES, 50, 10)

    assert len(told.records.trades_of("ben")) == 2
    assert len(told.records.take_messages()) == 2
