"""One local chain for a test process, and wallets with keys on it. Import the fixture to use it."""

import sys
from itertools import count

import httpx
import pytest
from django.conf import settings

from polyarb_site.yaml_files import read_yaml
from tests.helpers.installation import ROOT
from trading.config.venues import venue_settings
from trading.simulator.evm.abi import call_data
from trading.simulator.evm.chain import Batch, Call, LocalChain
from trading.simulator.evm.compiling import NotInstalledError, bytecodes

# The library raises the recursion limit when it is loaded; other tests nest texts deeply.
_limit = sys.getrecursionlimit()
from eth_account import Account  # noqa: E402

sys.setrecursionlimit(_limit)

VENUE = venue_settings(read_yaml(ROOT / "config" / "venues.yaml"))
CONTRACTS = VENUE.contracts
UNLIMITED = 2**256 - 1
FAR_AHEAD_S = 10**11  # a deadline that no test reaches
_numbers = count(1)


def installed():
    """Say whether npm brought what a local chain needs."""
    try:
        bytecodes(settings.EVM_DIR)
    except NotInstalledError:
        return False
    return True


needs_npm = pytest.mark.skipif(
    not installed(), reason="no local chain: install Debian's nodejs and npm, then: make evm"
)


def open_chain(folder, *, fresh=False):
    """Start a chain of its own whose state is in a folder."""
    npm = settings.EVM_DIR
    return LocalChain.open(npm=npm, folder=folder, contracts=CONTRACTS, fresh=fresh)


@pytest.fixture(scope="session")
def local_chain(tmp_path_factory):
    """The chain that all tests of a process share: each takes questions and wallets of its own."""
    if not installed():
        pytest.skip("no local chain: install Debian's nodejs and npm, then: make evm")
    chain = open_chain(tmp_path_factory.mktemp("evm"))
    chain.stock(10**15)
    yield chain
    chain.close()


@pytest.fixture
def market(local_chain):
    """A market that only this test knows; the operator holds a thousand sets of it."""
    made = new_market(local_chain)
    local_chain.split(made.condition_id, 1_000_000_000)
    return made


def new_market(chain):
    """Open a question that was never asked before in this process."""
    return chain.prepare_market(b"question %d" % next(_numbers))


class Wallet:
    """A key, made up from a number, and what its owner does on the chain."""

    def __init__(self, chain):
        self.chain = chain
        self.key = f"0x{next(_numbers) + 2**200:064x}"
        self.address = Account.from_key(self.key).address

    def send(self, to, signature, *values):
        """Send a transaction of one's own, as anybody may; return its receipt."""
        rpc = self.chain.rpc_url
        transaction = {
            "from": self.address,
            "to": to,
            "data": call_data(signature, *values),
            "value": 0,
            "nonce": int(ask(rpc, "eth_getTransactionCount", self.address, "latest"), 16),
            "gas": 1_000_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
            "chainId": self.chain.chain_id,
        }
        signed = Account.sign_transaction(transaction, self.key).raw_transaction
        return ask(rpc, "eth_sendRawTransactionSync", f"0x{signed.hex()}")

    def allow(self, spender, amount_micro=UNLIMITED):
        """Let a contract take pUSD and outcome tokens."""
        self.send(CONTRACTS.pusd, "approve(address,uint256)", spender, amount_micro)
        approve = "setApprovalForAll(address,bool)"
        self.send(CONTRACTS.conditional_tokens, approve, spender, True)

    def batch(self, *calls, nonce=None, deadline_s=FAR_AHEAD_S):
        """Return calls of this owner's deposit wallet, and the owner's signature."""
        wallet = self.chain.wallet_address(self.address)
        batch = Batch(
            wallet=wallet,
            nonce=self.chain.wallet_nonce(wallet) if nonce is None else nonce,
            deadline_s=deadline_s,
            calls=tuple(calls),
        )
        return batch, sign_batch(self.key, batch)


def call(target, signature, *values):
    """Return one call of a deposit wallet."""
    data = bytes.fromhex(call_data(signature, *values)[2:])
    return Call(target=target, value_wei=0, data=data)


def sign_batch(key, batch):
    """Sign as polymarket-client 0.14.0 does, by the typed data of another library."""
    calls = [
        {"target": one.target, "value": one.value_wei, "data": one.data} for one in batch.calls
    ]
    return bytes(
        Account.sign_typed_data(
            key,
            {
                "name": "DepositWallet",
                "version": "1",
                "chainId": VENUE.chain_id,
                "verifyingContract": batch.wallet,
            },
            {
                "Batch": [
                    {"name": "wallet", "type": "address"},
                    {"name": "nonce", "type": "uint256"},
                    {"name": "deadline", "type": "uint256"},
                    {"name": "calls", "type": "Call[]"},
                ],
                "Call": [
                    {"name": "target", "type": "address"},
                    {"name": "value", "type": "uint256"},
                    {"name": "data", "type": "bytes"},
                ],
            },
            {
                "wallet": batch.wallet,
                "nonce": batch.nonce,
                "deadline": batch.deadline_s,
                "calls": calls,
            },
        ).signature
    )


def ask(url, method, *params):
    """Ask the chain as a client without our code would; raises AssertionError on an error."""
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = httpx.post(url, json=question, trust_env=False).json()
    assert "error" not in answer, answer["error"]
    return answer["result"]
