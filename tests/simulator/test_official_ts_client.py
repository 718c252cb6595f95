"""The official TypeScript client, unmodified, trades on a venue in a process of its own.

It is installed into build/ on first use; afterwards no network is needed.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from polyarb_site.yaml_files import read_yaml
from tests.helpers.installation import ROOT, wait_for
from trading.config.venues import venue_settings

HERE = Path(__file__).parent / "ts_client"
BUILD = ROOT / "build" / "ts-client"
STAMP = BUILD / ".installed"
LOCK = "package-lock.json"
VENUE = venue_settings(read_yaml(ROOT / "config" / "venues.yaml"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


def installed():
    """Install what the lock names, unless the same lock was installed before."""
    for program, package in (("node", "nodejs"), ("npm", "npm")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed; on Debian: apt-get install {package}")
    BUILD.mkdir(parents=True, exist_ok=True)
    for file in HERE.iterdir():
        shutil.copy(file, BUILD)
    mark = hashlib.sha256((HERE / LOCK).read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == mark:
        return
    STAMP.unlink(missing_ok=True)
    done = subprocess.run(
        ["npm", "ci"], cwd=BUILD, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    STAMP.write_text(mark)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the client saw: one run of trade.mjs from beginning to end."""
    installed()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory = tmp_path_factory.mktemp("venue")
    environment = {**os.environ, "POLYARB_DATA_DIR": str(directory)}
    venue = subprocess.Popen(
        [sys.executable, "manage.py", "simulate_exchange", "--port", str(port), "--markets", "1"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,  # its errors are shown where the test's are
    )
    try:
        wait_for(lambda: listens(port), 30, "the venue's start")
        done = subprocess.run(
            ["node", "trade.mjs", f"http://127.0.0.1:{port}", str(VENUE.chain_id)],
            cwd=BUILD,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)
    finally:
        venue.terminate()
        venue.wait(15)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def only(rows):
    (row,) = rows
    return row


def test_the_client_is_the_version_that_is_promised_and_no_lock_holds_an_address():
    lock = json.loads((HERE / LOCK).read_text())
    client = lock["packages"]["node_modules/@polymarket/clob-client-v2"]

    assert client["version"] == "1.1.0"
    assert all("integrity" in one for path, one in lock["packages"].items() if path)
    assert [path for path, one in lock["packages"].items() if "resolved" in one] == []


def test_each_wallet_and_each_nonce_has_a_key_that_is_derived_again(seen):
    keys = seen["keys"]

    assert keys["derived"] == keys["first"]
    assert len({keys["first"], keys["of_nonce_7"], keys["of_ben"]}) == 3
    assert keys["listed"] == [keys["first"], keys["of_nonce_7"]]
    assert keys["created_again"] == {"error": "Could not create api key", "status": 400}
    assert keys["deleted"] == "OK"
    assert keys["used_after"] == {"error": "Unauthorized/Invalid api key", "status": 401}


def test_it_reads_books_and_what_belongs_to_a_market(seen):
    reads = seen["reads"]

    assert min(reads["levels"]) > 0
    assert reads["hashes"][0] == reads["hashes"][1]  # the client computes the hash itself
    assert reads["books"] == reads["tokens"]
    assert reads["market_of_no"] == reads["tokens"][1]
    assert (reads["ok"], reads["version"]) == ("OK", 2)
    assert (reads["tick"], reads["neg_risk"]) == ("0.01", False)
    assert (reads["fee_rate_bps"], reads["fee_exponent"]) == (1000, 1)
    assert reads["server_time"] > 1_700_000_000
    assert reads["closed_only"] == {"closed_only": False}
    assert reads["balance"]["balance"] == "10000000000"


def test_a_resting_order_is_its_owners_alone_and_is_cancelled(seen):
    resting = seen["resting"]
    order_id = resting["posted"]["orderID"]

    assert (resting["posted"]["status"], resting["posted"]["success"]) == ("live", True)
    assert resting["open"] == resting["one"]
    assert (resting["open"]["id"], resting["open"]["owner"]) == (order_id, seen["keys"]["first"])
    assert (resting["open"]["price"], resting["open"]["original_size"]) == ("0.01", "100")
    assert resting["of_ben"] == []
    assert list(resting["ben_cancels"]["not_canceled"]) == [order_id]
    assert resting["canceled"] == {"canceled": [order_id], "not_canceled": {}}
    assert resting["left"] == []


def test_a_batch_takes_its_good_legs_and_says_what_is_wrong_with_the_other(seen):
    batch = seen["batch"]
    first, second, small = batch["posted"]

    assert (first["status"], second["status"]) == ("live", "live")
    assert (small["status"], small["orderID"], small["success"]) == ("", "", True)
    assert small["errorMsg"].endswith("is invalid. Size (1) lower than the minimum: 5")
    assert batch["open"] == [first["orderID"], second["orderID"]]
    assert batch["again"] == {
        "error": f"order {first['orderID']} is invalid. Duplicated.",
        "status": 400,
    }
    assert batch["of_market"]["canceled"] == [second["orderID"]]
    assert batch["all"]["canceled"] == [first["orderID"]]


def test_fok_fills_whole_fak_what_is_there_and_both_are_settled(seen):
    now = seen["immediate"]
    filled, trade, partly = now["filled"], now["trade"], now["partly"]

    assert filled["status"] == partly["status"] == "matched"
    assert 9.9 <= float(filled["makingAmount"]) <= 10
    assert 0 < float(partly["makingAmount"]) < 4_999
    assert trade["taker_order_id"] == filled["orderID"]
    assert trade["transaction_hash"] == only(filled["transactionsHashes"])
    assert (trade["status"] in ("MINED", "CONFIRMED"), trade["trader_side"]) == (True, "TAKER")
    assert (trade["size"], trade["owner"]) == (filled["takingAmount"], seen["keys"]["first"])
    assert now["open"] == now["trades_of_ben"] == []
    assert now["trades_made"] == 2
    assert int(now["shares"]["balance"]) > 0


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("killed", "order couldn't be fully filled. FOK orders are fully filled or killed."),
        ("nothing", "no orders found to match with FAK order."),
        ("post_only", "invalid post-only order: order crosses book"),
        ("too_much", "not enough balance / allowance: the balance is not enough -> balance: "),
    ],
)
def test_what_is_refused_is_refused_in_the_venues_words(seen, what, words):
    refused = seen["immediate"][what]

    assert refused["status"] == 400
    assert refused["error"].startswith(words)


def test_heartbeats_go_on_with_the_id_that_is_expected(seen):
    beats = seen["heartbeats"]

    assert beats["first"] != beats["second"]
    assert beats["wrong"]["status"] == 400
    assert beats["second"] in beats["wrong"]["error"]
