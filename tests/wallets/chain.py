"""A small chain behind JSON-RPC endpoints, one account deep, that a test can make misbehave."""

from collections.abc import Sequence
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak

from tests.wallets.nodes import Fault, Node
from trading.wallets.messages import Call, TransactionFields
from trading.wallets.ports import SignerError

# The first of the development keys that every Ethereum tool knows.
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
GWEI = 10**9


class KeySigner:
    """Signs with the development key, or refuses, or says a wrong hash."""

    def __init__(self) -> None:
        self.signed: list[TransactionFields] = []
        self.batches: list[tuple[Sequence[Call], int, int]] = []
        self.key = KEY
        self.refuses = False
        self.lies = False

    async def address(self) -> str:
        return ADDRESS

    async def sign_transaction(self, fields: TransactionFields) -> tuple[str, str]:
        if self.refuses:
            raise SignerError("the policy does not know this contract", permanent=True)
        self.signed.append(fields)
        made = Account.sign_transaction(
            {
                "type": 2,
                "chainId": fields.chain_id,
                "nonce": fields.nonce,
                "to": fields.call.target,
                "data": fields.call.data,
                "value": fields.call.value_wei,
                "gas": fields.gas_limit,
                "maxFeePerGas": fields.fee_wei_max,
                "maxPriorityFeePerGas": fields.tip_wei_max,
            },
            self.key,
        )
        raw = f"0x{made.raw_transaction.hex()}"
        return raw, "0x" + "00" * 32 if self.lies else f"0x{made.hash.hex()}"

    async def sign_wallet_batch(self, calls: Sequence[Call], nonce: int, deadline_s: int) -> str:
        if self.refuses:
            raise SignerError("the policy does not know this contract", permanent=True)
        self.batches.append((calls, nonce, deadline_s))
        return "0x" + "5a" * 65


class Intents:
    """What was about to be sent."""

    def __init__(self) -> None:
        self.references: list[str] = []
        self.fails = False

    async def about_to_send(self, reference: str, calls: Sequence[Call]) -> None:
        if self.fails:
            raise OSError("the disk is full")
        assert calls
        self.references.append(reference)


class SmallChain:
    """Takes raw transactions and mines them in the order of the nonces, or holds them back."""

    def __init__(self, *nodes: Node) -> None:
        self.block = 100
        self.mined = 3
        self.base_fee_wei = 50 * GWEI
        self.wei = 10**18
        self.mines = True
        self.succeeds = True
        self.estimate: Any = hex(100_000)
        self.revert = Fault(3, "execution reverted", "0x")
        self.sent: list[str] = []  # hashes, in the order in which they came
        self.receipts: dict[str, dict[str, str]] = {}
        self._mined_at: list[int] = []
        for node in nodes:
            node.says |= {
                "eth_blockNumber": lambda: hex(self.block),
                "eth_getTransactionCount": self._count,
                "eth_getBlockByNumber": lambda *_: {
                    "hash": "0x01",
                    "baseFeePerGas": hex(self.base_fee_wei),
                },
                "eth_maxPriorityFeePerGas": hex(30 * GWEI),
                "eth_estimateGas": lambda *_: self.estimate,
                "eth_getBalance": lambda *_: hex(self.wei),
                "eth_sendRawTransaction": self._take,
                "eth_getTransactionReceipt": self.receipts.get,
                "eth_call": lambda *_: self.revert,
            }

    def mine(self, transaction_hash: str) -> None:
        """Put a transaction into the next block."""
        self.block += 1
        self.mined += 1
        self._mined_at.append(self.block)
        self.receipts[transaction_hash] = {
            "transactionHash": transaction_hash,
            "blockHash": hex(self.block),
            "blockNumber": hex(self.block),
            "status": hex(int(self.succeeds)),
            "gasUsed": hex(85_000),
            "effectiveGasPrice": hex(80 * GWEI),
        }

    def _take(self, raw: str) -> str:
        transaction_hash = f"0x{keccak(bytes.fromhex(raw[2:])).hex()}"
        if transaction_hash not in self.sent:
            self.sent.append(transaction_hash)
            if self.mines:
                self.mine(transaction_hash)
        return transaction_hash

    def _count(self, _address: str, block: str) -> str:
        if block == "pending":
            waiting = sum(one not in self.receipts for one in self.sent)
            return hex(self.mined + min(waiting, 1))
        later = sum(at > int(block, 16) for at in self._mined_at)
        return hex(self.mined - later)
