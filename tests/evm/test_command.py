"""`manage.py simulate_exchange` with its chain: what starts, what it says, what it refuses."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from django.core.management import CommandError, call_command

from tests.feeds.recordings import EXCERPT
from tests.helpers.evm import CONTRACTS, ask, needs_npm
from tests.helpers.installation import ROOT, wait_for
from tests.simulator.official import ANN_KEY, VENUE, ClobClient
from trading.simulator.evm.abi import call_data

from py_clob_client_v2.clob_types import (  # isort: skip
    AssetType,
    BalanceAllowanceParams,
    MarketOrderArgsV2,
)
from py_clob_client_v2.exceptions import PolyApiException  # isort: skip

ENDS = ("CONFIRMED", "FAILED")


@pytest.fixture
def start(tmp_path):
    """Start the command with some options; returns (its first line, its address, process)."""
    started = []

    def begin(*options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "manage.py", "simulate_exchange", f"--port={port}", *options],
            cwd=ROOT,
            env={**os.environ, "POLYARB_DATA_DIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        address = f"http://127.0.0.1:{port}"
        said = process.stdout.readline()
        wait_for(lambda: answers(address), 60, "the venue's start")
        return said, address, process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def answers(address):
    try:
        return httpx.get(f"{address}/ok", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def info(address):
    return httpx.get(f"{address}/simulator/info", trust_env=False).json()


def refuses(url):
    try:
        ask(url, "eth_chainId")
    except httpx.TransportError:
        return True
    return False


@needs_npm
@pytest.mark.slow
def test_who_logged_in_can_use_the_relayer_with_the_same_key(start):
    _, address, _ = start("--markets=1")
    client = ClobClient(address, VENUE.chain_id, key=ANN_KEY)
    creds = client.create_or_derive_api_key()
    owner = client.get_address()
    headers = {"RELAYER_API_KEY": creds.api_key, "RELAYER_API_KEY_ADDRESS": owner}
    asked = {"params": {"address": owner, "type": "WALLET"}, "trust_env": False}
    path = f"{address}/v1/account/transactions/params"

    assert httpx.get(f"{address}/deployed", **asked).json() == {"deployed": True}
    assert httpx.get(path, headers=headers, **asked).json() == {"address": owner, "nonce": "0"}
    assert httpx.get(path, **asked).status_code == 401
    assert httpx.post(f"{address}/submit", json={}, trust_env=False).status_code == 401


@needs_npm
@pytest.mark.slow
def test_it_settles_on_a_chain_by_itself_and_takes_it_along_when_it_ends(start):
    said, address, process = start()
    chain = info(address)["chain"]

    assert "a local chain" in said
    assert int(ask(chain["rpc"], "eth_chainId"), 16) == chain["chain_id"] == 137
    assert len(ask(chain["rpc"], "eth_getCode", CONTRACTS.exchange, "latest")) > 100
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    wait_for(lambda: refuses(chain["rpc"]), 10, "the end of the chain")


@pytest.mark.slow
def test_it_settles_on_its_own_books_when_told(start):
    said, address, _ = start("--no-chain")

    assert "its own books" in said
    assert info(address) == {"label": "SIMULATED, settles on its own books", "chain": None}


@needs_npm
@pytest.mark.slow
def test_a_killed_venue_comes_back_with_the_chain_that_it_settled_on(start):
    _, address, process = start("--markets=1")
    client = ClobClient(address, VENUE.chain_id, key=ANN_KEY)
    client.set_api_creds(client.create_or_derive_api_key())
    buy_something(client, address)
    bought = holdings(client, address)
    assert bought[0] < 10_000_000_000
    assert max(bought[1:]) > 0

    process.kill()
    process.wait()
    _, address, _ = start("--markets=1")

    again = ClobClient(address, VENUE.chain_id, key=ANN_KEY)
    again.set_api_creds(again.create_or_derive_api_key())
    assert holdings(again, address) == bought
    asked = BalanceAllowanceParams(asset_type=AssetType.COLLATERAL)
    assert int(again.get_balance_allowance(asked)["balance"]) == bought[0]
    assert again.get_trades()[0]["status"] == "CONFIRMED"


def listed(address):
    found = httpx.get(f"{address}/markets/keyset", trust_env=False).json()
    return json.loads(found["markets"][0]["clobTokenIds"])


def buy_something(client, address):
    """Buy ten dollars' worth at the market, and wait until that is final."""

    def bought():
        order = MarketOrderArgsV2(
            token_id=listed(address)[0], amount=10, side="BUY", price=0.99, order_type="FAK"
        )
        try:
            client.create_and_post_market_order(order, order_type="FAK", defer_exec=True)
        except PolyApiException:  # the book was empty just now
            return False
        return True

    wait_for(bought, 30, "a fill")
    wait_for(lambda: has_ended(client), 60, "the settlement")


def has_ended(client):
    time.sleep(0.1)  # the venue takes 500 of these questions in 10 s
    return client.get_trades()[0]["status"] in ENDS


def holdings(client, address):
    """Return pUSD and both tokens of a client's own address, from the chain itself."""
    rpc, owner = info(address)["chain"]["rpc"], client.get_address()
    calls = [(CONTRACTS.pusd, call_data("balanceOf(address)", owner))]
    tokens = CONTRACTS.conditional_tokens
    calls += [
        (tokens, call_data("balanceOf(address,uint256)", owner, int(token_id)))
        for token_id in listed(address)
    ]
    return [int(ask(rpc, "eth_call", {"to": to, "data": data}, "latest"), 16) for to, data in calls]


# What else is listed


@pytest.mark.slow
def test_a_neg_risk_event_is_listed_on_own_books(start):
    said, address, _ = start("--no-chain", "--markets=1", "--neg-risk-outcomes=3")

    assert "4 markets" in said
    assert "3 of them outcomes of one neg-risk event" in said
    assert sum(one["negRisk"] for one in all_listed(address)) == 3


@needs_npm
def test_a_neg_risk_event_is_refused_with_a_chain(tmp_path):
    with pytest.raises(CommandError, match="own books only: add --no-chain"):
        call_command(
            "simulate_exchange",
            *("--chain", "--port=18431", f"--state={tmp_path}", "--neg-risk-outcomes=3"),
        )


@pytest.mark.slow
def test_the_bundled_recording_is_played_under_its_own_ids(start):
    said, address, _ = start("--recording", "--no-chain", "--speed=4")

    conditions = info(address)["recording"]["conditions"]
    assert f"plays {EXCERPT.name} under the recorded ids" in said
    assert len(conditions) == 11
    assert all(recorded == here for recorded, here in conditions.items())
    assert len(all_listed(address)) == 11


@needs_npm
@pytest.mark.slow
def test_on_a_chain_it_is_played_under_ids_of_the_chain(start):
    said, address, _ = start("--recording", "--chain")

    conditions = info(address)["recording"]["conditions"]
    assert "under ids of the chain (see /simulator/info)" in said
    assert len(set(conditions.values())) == 11
    assert not conditions.keys() & set(conditions.values())
    assert {one["conditionId"] for one in all_listed(address)} == set(conditions.values())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--speed=2"], "speed: it is that of a recording, add --recording"),
        (["--recording", "--speed=max"], "0.01 to 100 times real time"),
        (["--recording", "--speed=fast"], "speed 'fast'"),
        (["--recording", "--markets=3"], "markets is 3, set it to 0 beside a recording"),
        (["--recording=README.md"], "README.md: no recording"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(tmp_path, options, said):
    with pytest.raises(CommandError, match=re.escape(said)) as caught:
        call_command(
            "simulate_exchange", "--no-chain", "--port=18431", f"--state={tmp_path}", *options
        )
    assert caught.value.returncode == 1


def all_listed(address):
    return httpx.get(f"{address}/markets/keyset", trust_env=False).json()["markets"]
