"""kill -9 of the real command in the middle of traffic, and what its users find afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from itertools import count

import httpx
import pytest

from tests.helpers.evm import needs_npm
from tests.helpers.installation import ROOT, wait_for
from tests.simulator.official import ANN_KEY, VENUE, ClobClient, Wallet
from trading.engine.fees import fee_charged
from trading.engine.units import MICRO
from trading.simulator.local_venue import PLAY_MONEY_MICRO
from trading.simulator.market_records import FEE

from py_clob_client_v2.clob_types import (  # isort: skip
    BalanceAllowanceParams,
    OrderArgsV2,
    OrderPayload,
    OrderType,
)
from py_clob_client_v2.exceptions import PolyApiException  # isort: skip

pytestmark = pytest.mark.slow
KILLS = 3


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Venue:
    """The command on one port and one state directory."""

    def __init__(self, directory, option):
        self.option = option
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.directory = directory
        self.log = (directory / "log").open("w")
        self.child = None

    def start(self):
        command = ["manage.py", "simulate_exchange", "--port", str(self.port), "--markets", "1"]
        self.child = subprocess.Popen(
            [sys.executable, *command, self.option, "--state", str(self.directory / "state")],
            cwd=ROOT,
            env={**os.environ, "POLYARB_DATA_DIR": str(self.directory)},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        wait_for(self.answers, 30, "the venue's first answer")

    def answers(self):
        try:
            return ClobClient(self.address, VENUE.chain_id).get_ok()
        except PolyApiException:
            return None

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(10)


@contextmanager
def running(directory, option):
    venue = Venue(directory, option)
    venue.start()
    try:
        yield venue
    finally:
        venue.kill()
        venue.log.close()


class Traffic:
    """Posts and cancels without a pause, and writes down what it was answered."""

    def __init__(self, client, tokens):
        self.client, self.tokens = client, tokens
        self.live, self.cancelled, self.matched = {}, set(), {}
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for number in count():
            time.sleep(0.03)  # the venue takes 40 orders a second
            takes = number % 3 == 2
            args = OrderArgsV2(
                token_id=self.tokens[number % 2],
                price=0.99 if takes else 0.01,
                size=5 if takes else 100,
                side="BUY",
            )
            order = self.client.create_order(args)
            try:
                kind = OrderType.FAK if takes else OrderType.GTC
                # Deferred: else the client waits for the settlement of each trade.
                said = self.client.post_order(order, kind, defer_exec=True)
                if said["status"] == "matched":
                    self.matched[said["orderID"]] = said
                else:
                    self.live[said["orderID"]] = order
                if number % 5 == 4 and self.live:
                    order_id = next(iter(self.live.keys() - self.cancelled))
                    done = self.client.cancel_order(OrderPayload(orderID=order_id))
                    self.cancelled |= set(done["canceled"])
            except PolyApiException as error:
                if error.status_code is None:
                    return  # no answer came


def paid_micro(trade, order_ids):
    """Return what the trades of a taker cost it, fees included, from the row of /data/trades."""
    assert trade["taker_order_id"] in order_ids
    total = 0
    for maker in trade["maker_orders"]:
        price, size = (int(Decimal(maker[name]) * MICRO) for name in ("price", "matched_amount"))
        if maker["side"] == "BUY":  # a BUY of the other token: a set was minted
            price = MICRO - price
        total += price * size // MICRO + fee_charged(FEE, price, size)
    return total


@pytest.mark.parametrize("option", ["--no-chain", pytest.param("--chain", marks=needs_npm)])
def test_nothing_that_was_answered_is_lost_and_all_trades_come_to_their_end(tmp_path, option):
    with running(tmp_path, option) as venue:
        owner = Wallet(ANN_KEY, 3)
        wallets = httpx.get(f"{venue.address}/simulator/wallets/{owner.address}", trust_env=False)
        client = ClobClient(
            *(venue.address, VENUE.chain_id),
            key=ANN_KEY,
            signature_type=3,
            funder=wallets.json()["3"],
        )
        creds = client.create_or_derive_api_key()
        client.set_api_creds(creds)
        listed = client._get(f"{venue.address}/markets/keyset")["markets"][0]
        tokens = json.loads(listed["clobTokenIds"])
        live, matched = {}, {}
        for _ in range(KILLS):
            traffic = Traffic(client, tokens)
            wait_for(lambda said=traffic: len(said.matched) > 5, 20, "some trades")
            venue.kill()
            traffic.thread.join(10)
            venue.start()
            live |= {name: traffic.live[name] for name in traffic.live.keys() - traffic.cancelled}
            matched |= traffic.matched
            open_ids = {order["id"] for order in client.get_open_orders()}
            # A post or a cancel that nobody answered may have happened all the same.
            assert len(live.keys() - open_ids) <= KILLS
            assert len(open_ids - live.keys()) <= KILLS
            name = next(iter(live))
            with pytest.raises(PolyApiException, match=r"is invalid\. Duplicated\."):
                client.post_order(live[name], OrderType.GTC)

        client.cancel_all()
        wait_for(lambda: all_settled(client), 60, "the end of all trades")
        assert client.derive_api_key() == creds
        trades = client.get_trades()
        by_order = {trade["taker_order_id"]: trade for trade in trades}
        assert matched.keys() <= by_order.keys()
        assert len(by_order) == len(trades) <= len(matched) + KILLS
        settled = [trade for trade in trades if trade["status"] == "CONFIRMED"]
        assert len({trade["transaction_hash"] for trade in settled}) == len(settled)

        dollars = BalanceAllowanceParams(asset_type="COLLATERAL")
        spent = sum(paid_micro(trade, by_order) for trade in settled)
        assert int(client.get_balance_allowance(dollars)["balance"]) == PLAY_MONEY_MICRO - spent
        for token_id in tokens:
            params = BalanceAllowanceParams(asset_type="CONDITIONAL", token_id=token_id)
            bought = sum(
                Decimal(trade["size"]) for trade in settled if trade["asset_id"] == token_id
            )
            assert int(client.get_balance_allowance(params)["balance"]) == bought * MICRO


def all_settled(client):
    time.sleep(0.2)  # the venue takes 500 of these in 10 s
    states = {trade["status"] for trade in client.get_trades()}
    return states <= {"CONFIRMED", "FAILED"}
