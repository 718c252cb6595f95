"""The official client, unmodified, trades on the local venue over a real socket.

It does so from the address of its key and from its deposit wallet.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from tests.helpers.installation import ROOT, wait_for
from tests.simulator.official import ANN_KEY, BEN_KEY, VENUE, ClobClient, Wallet, serving

from py_clob_client_v2.clob_types import (  # isort: skip
    BalanceAllowanceParams,
    BookParams,
    MarketOrderArgsV2,
    OrderArgsV2,
    OrderMarketCancelParams,
    OrderPayload,
    OrderType,
    PostOrdersV2Args,
    TradeParams,
)
from py_clob_client_v2.exceptions import PolyApiException  # isort: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running():
    with serving() as (address, venue):
        yield address, venue


@pytest.fixture
def tokens(running):
    (market, *_) = running[1].markets.values()
    return market.listing.token_ids


@pytest.fixture(params=[0, 3], ids=["EOA", "POLY_1271"])
def ann(running, request):
    return logged_in(running, ANN_KEY, request.param)


@pytest.fixture
def ben(running):
    return logged_in(running, BEN_KEY)


def logged_in(running, key, signature_type=0):
    owner = Wallet(key, signature_type)
    client = ClobClient(
        *(running[0], VENUE.chain_id),
        key=key,
        signature_type=signature_type,
        funder=owner.funder,
    )
    client.set_api_creds(client.create_or_derive_api_key())
    client.cancel_all()
    return client


def resting(client, token_id, price=0.01, size=100):
    """Post an order that nobody matches, and return the answer."""
    args = OrderArgsV2(token_id=token_id, price=price, size=size, side="BUY")
    return client.post_order(client.create_order(args), OrderType.GTC)


class TestKeys:
    def test_the_same_wallet_gets_the_same_key_again(self, ann, running):
        again = ClobClient(running[0], VENUE.chain_id, key=ANN_KEY)

        assert again.derive_api_key() == ann.creds
        with pytest.raises(PolyApiException, match="Could not create api key"):
            again.create_api_key()

    def test_each_wallet_and_each_nonce_has_its_own_key(self, ann, ben):
        other = ben.derive_api_key(nonce=7)

        assert len({one.api_key for one in (ann.creds, ben.creds, other)}) == 3
        assert ben.get_api_keys() == {"apiKeys": [ben.creds.api_key, other.api_key]}

    def test_a_deleted_key_opens_nothing_and_does_not_come_back(self, running):
        client = ClobClient(running[0], VENUE.chain_id, key=BEN_KEY)
        client.set_api_creds(client.create_or_derive_api_key(nonce=9))

        assert client.delete_api_key() == "OK"
        with pytest.raises(PolyApiException, match="Unauthorized/Invalid api key"):
            client.get_open_orders()
        with pytest.raises(PolyApiException, match="Could not derive api key"):
            client.derive_api_key(nonce=9)

    def test_a_new_wallet_has_ten_thousand_dollars(self, running):
        client = ClobClient(running[0], VENUE.chain_id, key="0x" + "11" * 32)
        client.set_api_creds(client.create_or_derive_api_key())
        params = BalanceAllowanceParams(asset_type="COLLATERAL")

        assert client.get_balance_allowance(params)["balance"] == "10000000000"
        assert client.update_balance_allowance(params) == ""
        assert client.get_closed_only_mode() == {"closed_only": False}


class TestReads:
    def test_a_book_has_the_hash_that_the_client_computes(self, ann, tokens):
        book = ann.get_order_book(tokens[0])

        assert book["bids"]
        assert book["asks"]
        assert ann.get_order_book_hash(dict(book)) == book["hash"]

    def test_the_parameters_of_a_market(self, ann, tokens, running):
        assert ann.get_ok() == "OK"
        assert ann.get_version() == 2
        assert ann.get_tick_size(tokens[0]) == "0.01"
        assert ann.get_neg_risk(tokens[0]) is False
        assert ann.get_fee_rate_bps(tokens[0]) == 1000
        assert ann.get_fee_exponent(tokens[1]) == 1

    def test_prices_are_read_in_every_way(self, ann, tokens, running):
        (condition_id, *_) = running[1].markets
        questions = [BookParams(token_id=tokens[0], side=side) for side in ("BUY", "SELL")]
        prices = ann.get_prices(questions)[tokens[0]]

        assert 0 < float(prices["BUY"]) < float(prices["SELL"]) < 1
        assert 0 < float(ann.get_price(tokens[0], "BUY")["price"]) < 1
        assert 0 < float(ann.get_midpoint(tokens[0])["mid"]) < 1
        assert 0 < float(ann.get_midpoints(questions)[tokens[0]]) < 1
        assert 0 < float(ann.get_spread(tokens[0])["spread"]) < 1
        assert 0 < float(ann.get_spreads(questions)[tokens[0]]) < 1
        assert set(ann.get_last_trade_price(tokens[0])) == {"price", "side"}
        assert len(ann.get_last_trades_prices(questions[:1])) == 1
        assert [one["token_id"] for one in ann.get_market(condition_id)["tokens"]] == list(tokens)


class TestOrders:
    def test_a_resting_order_is_shown_and_cancelled(self, ann, tokens):
        posted = resting(ann, tokens[0])

        assert posted["success"] is True
        assert posted["status"] == "live"
        assert posted["errorMsg"] == posted["makingAmount"] == ""
        (order,) = ann.get_open_orders()
        assert order["id"] == posted["orderID"]
        assert (order["price"], order["original_size"], order["size_matched"]) == (
            *("0.01", "100", "0"),
        )
        assert (order["owner"], order["outcome"]) == (ann.creds.api_key, "Yes")
        assert order["maker_address"] == ann.builder.funder
        assert ann.get_order(order["id"]) == order
        done = ann.cancel_order(OrderPayload(orderID=order["id"]))
        assert done == {"canceled": [order["id"]], "not_canceled": {}}
        assert ann.get_open_orders() == []
        assert ann.get_order(order["id"]) is None

    def test_the_order_id_is_the_hash_of_what_was_signed(self, ann, tokens):
        args = OrderArgsV2(token_id=tokens[0], price=0.01, size=100, side="BUY")
        order = ann.create_order(args)
        first = ann.post_order(order)

        with pytest.raises(PolyApiException, match=f"order {first['orderID']} is invalid. Dup"):
            ann.post_order(order)

    def test_fok_fills_and_its_trade_is_settled(self, ann, tokens):
        before = ann.get_trades()
        args = MarketOrderArgsV2(
            token_id=tokens[0], amount=10, side="BUY", price=0.99, order_type=OrderType.FOK
        )
        posted = ann.post_order(ann.create_market_order(args), OrderType.FOK)

        assert posted["status"] == "matched"
        assert 9.9 <= float(posted["makingAmount"]) <= 10
        # The client waits for the trade's transaction and puts it into the answer.
        (transaction_hash,) = posted["transactionsHashes"]
        (trade,) = ann.get_trades(TradeParams(id=posted["tradeIDs"][0]))
        assert trade["transaction_hash"] == transaction_hash
        assert trade["status"] in ("MINED", "CONFIRMED")
        assert trade["trader_side"] == "TAKER"
        assert trade["taker_order_id"] == posted["orderID"]
        assert trade["owner"] == ann.creds.api_key
        assert trade["maker_address"] == ann.builder.funder
        assert trade["size"] == posted["takingAmount"]
        assert {maker["owner"] for maker in trade["maker_orders"]} == {""}
        assert len(ann.get_trades()) == len(before) + 1
        assert ann.get_trades(TradeParams(maker_address="0x" + "00" * 20)) == []
        assert ann.get_trades(TradeParams(before=1)) == []
        params = BalanceAllowanceParams(asset_type="CONDITIONAL", token_id=tokens[0])
        assert int(ann.get_balance_allowance(params)["balance"]) > 0

    def test_what_was_bought_can_be_sold(self, ann, tokens):
        params = BalanceAllowanceParams(asset_type="CONDITIONAL", token_id=tokens[1])
        before = int(ann.get_balance_allowance(params)["balance"])
        bought = ann.create_market_order(
            MarketOrderArgsV2(token_id=tokens[1], amount=10, side="BUY", price=0.99)
        )
        assert ann.post_order(bought, OrderType.FOK)["status"] == "matched"
        wait_for(
            lambda: int(ann.get_balance_allowance(params)["balance"]) > before, 5, "the shares"
        )
        sold = ann.create_market_order(
            MarketOrderArgsV2(token_id=tokens[1], amount=5, side="SELL", price=0.01)
        )

        assert ann.post_order(sold, OrderType.FOK)["makingAmount"] == "5"

    def test_fok_that_cannot_fill_is_killed(self, ann, tokens):
        args = MarketOrderArgsV2(
            token_id=tokens[0], amount=10, side="BUY", price=0.01, order_type=OrderType.FOK
        )
        with pytest.raises(PolyApiException, match="FOK orders are fully filled or killed"):
            ann.post_order(ann.create_market_order(args), OrderType.FOK)

    def test_a_batch_takes_both_legs_or_says_what_is_wrong_with_one(self, ann, tokens):
        legs = [
            ann.create_order(OrderArgsV2(token_id=token_id, price=0.01, size=size, side="BUY"))
            for token_id, size in zip(tokens, (100, 1), strict=True)
        ]
        good, small = ann.post_orders([PostOrdersV2Args(order=leg) for leg in legs])

        assert (good["status"], good["errorMsg"]) == ("live", "")
        assert (small["status"], small["orderID"], small["success"]) == ("", "", True)
        assert small["errorMsg"].endswith("is invalid. Size (1) lower than the minimum: 5")
        both = [
            ann.create_order(OrderArgsV2(token_id=token_id, price=0.02, size=50, side="BUY"))
            for token_id in tokens
        ]
        answers = ann.post_orders([PostOrdersV2Args(order=leg) for leg in both])
        assert [one["status"] for one in answers] == ["live", "live"]
        assert [one["owner"] for one in ann.get_open_orders()] == [ann.creds.api_key] * 3
        done = ann.cancel_orders([one["orderID"] for one in answers])
        assert len(done["canceled"]) == 2
        assert ann.cancel_all()["canceled"] == [good["orderID"]]

    def test_a_market_is_cancelled_by_its_token(self, ann, tokens):
        kept, gone = resting(ann, tokens[0]), resting(ann, tokens[1])

        done = ann.cancel_market_orders(OrderMarketCancelParams(asset_id=tokens[1]))

        assert done["canceled"] == [gone["orderID"]]
        assert [one["id"] for one in ann.get_open_orders()] == [kept["orderID"]]

    def test_a_refused_order_says_why_in_the_venues_words(self, ann, tokens):
        with pytest.raises(PolyApiException) as refused:
            resting(ann, tokens[0], price=0.9, size=100_000)

        assert refused.value.status_code == 400
        text = refused.value.error_msg["error"]
        assert text.startswith("not enough balance / allowance: the balance is not enough -> bal")

    def test_somebody_elses_order_is_neither_shown_nor_cancelled(self, ann, ben, tokens):
        order_id = resting(ann, tokens[0])["orderID"]

        assert ben.get_open_orders() == []
        assert ben.get_order(order_id) is None
        assert list(ben.cancel_orders([order_id])["not_canceled"]) == [order_id]
        assert ben.cancel_all() == {"canceled": [], "not_canceled": {}}
        assert [one["id"] for one in ann.get_open_orders()] == [order_id]

    def test_many_open_orders_come_in_pages(self, ann, tokens):
        posted = []
        for _ in range(7):
            legs = [
                ann.create_order(OrderArgsV2(token_id=tokens[0], price=0.01, size=100, side="BUY"))
                for _ in range(15)
            ]
            posted += ann.post_orders([PostOrdersV2Args(order=leg) for leg in legs])
            time.sleep(0.4)  # the venue takes 40 orders a second

        assert len(ann.get_open_orders(only_first_page=True)) == 100
        assert [one["id"] for one in ann.get_open_orders()] == [one["orderID"] for one in posted]

    def test_heartbeats_go_on_with_the_id_that_is_expected(self, running):
        client = logged_in(running, "0x" + "22" * 32)  # they cannot be ended again
        first = client.post_heartbeat("")["heartbeat_id"]
        second = client.post_heartbeat(first)["heartbeat_id"]

        with pytest.raises(PolyApiException) as refused:
            client.post_heartbeat(first)
        assert refused.value.error_msg == {
            "error_msg": "Invalid Heartbeat ID",
            "heartbeat_id": second,
        }


def test_the_command_serves_it_from_a_process_of_its_own_and_ends_when_told(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "POLYARB_DATA_DIR": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, "manage.py", "simulate_exchange", "--port", str(port), "--markets", "1"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert "play money" in child.stdout.readline()
        client = ClobClient(f"http://127.0.0.1:{port}", VENUE.chain_id, key=ANN_KEY)
        wait_for(lambda: answers(client), 20, "the first answer")
        client.set_api_creds(client.create_or_derive_api_key())
        listed = httpx.get(f"http://127.0.0.1:{port}/markets/keyset", trust_env=False).json()
        token_ids = json.loads(listed["markets"][0]["clobTokenIds"])

        assert resting(client, token_ids[0])["status"] == "live"
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) in (0, -signal.SIGTERM)
        assert "Traceback" not in child.stdout.read()
    finally:
        child.kill()
        child.communicate()


def answers(client):
    try:
        return client.get_ok()
    except PolyApiException:
        return None
