"""Whoever is killed, the chain comes back with everything that counts, and nothing runs on."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from django.conf import settings

from tests.helpers.evm import CONTRACTS, Wallet, ask, needs_npm, new_market, open_chain
from tests.helpers.installation import ROOT, wait_for
from trading.simulator.evm.chain import Move
from trading.simulator.evm.compiling import NotInstalledError, anvil_program, bytecodes

pytestmark = [needs_npm, pytest.mark.slow]
DOLLAR = 1_000_000
OWNER = f"0x{7:040x}"
# A process of its own that gives OWNER a dollar and waits to be killed.
VENUE = """
import sys
from pathlib import Path
from polyarb_site.yaml_files import read_yaml
from trading.config.venues import venue_settings
from trading.simulator.evm.chain import LocalChain
npm, folder, root = map(Path, sys.argv[1:])
contracts = venue_settings(read_yaml(root / "config" / "venues.yaml")).contracts
chain = LocalChain.open(npm=npm, folder=folder, contracts=contracts)
chain.fund(f"0x{7:040x}", 1_000_000)
print(chain.pid, chain.rpc_url, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def chain(tmp_path):
    chain = open_chain(tmp_path)
    chain.stock(10**12)
    yield chain
    chain.close()


def gone(pid):
    """Say whether a process has ended; a zombie has."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def pusd_of(chain, address):
    return chain.balances(address, ()).pusd_micro


def test_a_chain_that_is_closed_comes_back_as_it_was(tmp_path):
    first = open_chain(tmp_path)
    market = new_market(first)
    first.fund(OWNER, DOLLAR)
    first.stock(10 * DOLLAR)
    first.split(market.condition_id, DOLLAR)
    first.close()
    second = open_chain(tmp_path)
    try:
        assert pusd_of(second, OWNER) == DOLLAR
        held = second.balances(second.operator, market.token_ids)
        assert list(held.tokens_micro.values()) == [DOLLAR, DOLLAR]
        assert held.block_number > 0
    finally:
        second.close()


def test_a_killed_chain_comes_back_at_its_address_with_every_transaction(chain):
    """Also with those after the last save: the last one is not a moment old."""
    for _ in range(20):
        chain.fund(OWNER, DOLLAR)
    killed, url = chain.pid, chain.rpc_url

    os.kill(killed, signal.SIGKILL)

    assert pusd_of(chain, OWNER) == 20 * DOLLAR
    assert chain.pid != killed
    assert int(ask(url, "eth_chainId"), 16) == chain.chain_id


def test_a_killed_chain_comes_back_by_itself(chain):
    """Clients with transactions of their own do not wait for the venue to notice."""
    killed = chain.pid

    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: chain.pid != killed, 10, "the revival")
    chain.fund(OWNER, DOLLAR)
    assert pusd_of(chain, OWNER) == DOLLAR


def test_money_is_not_made_twice_by_a_kill(chain):
    for number in range(5):
        chain.fund(OWNER, DOLLAR)
        os.kill(chain.pid, signal.SIGKILL)
        chain.fund(OWNER, DOLLAR)
        assert pusd_of(chain, OWNER) == 2 * DOLLAR * (number + 1)


def test_a_trade_is_settled_once_over_a_kill(chain):
    market = new_market(chain)
    chain.split(market.condition_id, 10 * DOLLAR)
    moves = [
        Move(account=chain.operator, token_id=market.token_ids[0], amount_micro=-DOLLAR),
        Move(account=OWNER, token_id=market.token_ids[0], amount_micro=DOLLAR),
    ]
    chain.settle("trade", market.condition_id, 0, moves)
    os.kill(chain.pid, signal.SIGKILL)

    again = chain.settle("trade", market.condition_id, 0, moves)

    assert not again.logs
    held = chain.balances(OWNER, market.token_ids[:1])
    assert held.tokens_micro == {market.token_ids[0]: DOLLAR}


@pytest.mark.slow
def test_what_somebody_else_sent_is_kept_once_it_is_saved(chain):
    wallet = Wallet(chain)
    chain.fund(wallet.address, DOLLAR)
    wallet.send(CONTRACTS.pusd, "approve(address,uint256)", CONTRACTS.exchange, 5)
    time.sleep(1)  # far more than a save takes

    os.kill(chain.pid, signal.SIGKILL)

    assert chain.allowances(wallet.address, CONTRACTS.exchange).pusd_micro == 5


def test_no_chain_outlives_a_killed_venue_and_its_last_word_is_kept(tmp_path):
    command = [sys.executable, "-c", VENUE, str(settings.EVM_DIR), str(tmp_path), str(ROOT)]
    venue = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    pid = int(venue.stdout.readline().split()[0])

    venue.kill()
    venue.wait()

    wait_for(lambda: gone(pid), 10, "the end of the chain")
    chain = open_chain(tmp_path)
    try:
        assert pusd_of(chain, OWNER) == DOLLAR
    finally:
        chain.close()
    venue.stdin.close()
    venue.stdout.close()


def test_nothing_is_lost_when_venue_and_chain_are_killed_together(tmp_path):
    command = [sys.executable, "-c", VENUE, str(settings.EVM_DIR), str(tmp_path), str(ROOT)]
    venue = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    pid = int(venue.stdout.readline().split()[0])

    os.kill(pid, signal.SIGKILL)  # before the next save: the dollar was given just now
    venue.kill()
    venue.wait()

    chain = open_chain(tmp_path)
    try:
        assert pusd_of(chain, OWNER) == DOLLAR
    finally:
        chain.close()
    venue.stdin.close()
    venue.stdout.close()


def test_a_fresh_chain_forgets_the_old_one(tmp_path):
    chain = open_chain(tmp_path)
    chain.fund(OWNER, DOLLAR)
    chain.close()

    chain = open_chain(tmp_path, fresh=True)
    try:
        assert pusd_of(chain, OWNER) == 0
    finally:
        chain.close()


def test_a_torn_last_word_is_passed_over(tmp_path):
    chain = open_chain(tmp_path)
    chain.fund(OWNER, DOLLAR)
    chain.close()
    chain = open_chain(tmp_path)  # takes the last word over into its own file
    chain.close()
    last_word = tmp_path / "exit.json"
    last_word.write_bytes(last_word.read_bytes()[:1000])

    chain = open_chain(tmp_path)
    try:
        assert pusd_of(chain, OWNER) == DOLLAR
    finally:
        chain.close()


def test_a_folder_without_npms_packages_names_the_remedy(tmp_path):
    for read in (anvil_program, bytecodes):
        with pytest.raises(NotInstalledError, match="make evm"):
            read(tmp_path)
