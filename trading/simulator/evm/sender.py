"""Sends the operator's transactions, each exactly once, also when the chain dies in the middle.

Each transaction has its number (nonce), so one that is sent twice counts once. What the chain has
not saved yet is noted in a file before it is sent, and is sent again when the chain comes back
without it, also when we were killed together.
"""

import json
import os
from collections import deque
from dataclasses import dataclass
from typing import Any

from trading.simulator.accounts import RevertedError
from trading.simulator.evm.anvil import Anvil, write_whole
from trading.simulator.evm.rpc import ChainError

NOTES = "unsaved.jsonl"
ATTEMPTS_MAX = 3
OPERATOR_WEI = 10**30
GAS_SPARE = 4  # a quarter more than the try took
BLOCKS_LOOKED_AT_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """A transaction in its block."""

    transaction_hash: str
    block_number: int
    logs: tuple[dict[str, Any], ...]


class Sender:
    """The only one who sends for the operator, and for accounts whose owner need not be asked."""

    def __init__(self, anvil: Anvil, operator: str) -> None:
        self.operator = operator
        self._anvil = anvil
        self._unsaved: deque[tuple[int, dict[str, str]]] = deque()  # (block, transaction)
        self._notes = anvil.folder / NOTES
        for line in self._notes.read_bytes().splitlines() if self._notes.is_file() else ():
            try:
                self._unsaved.append((anvil.saved_block + 1, json.loads(line)))
            except ValueError:
                break  # torn while it was written: it was never sent
        self._file = self._notes.open("ab")

    def close(self) -> None:
        """Close the notes."""
        self._file.close()

    def take_office(self) -> None:
        """Let the node send for the operator, who needs gas money; after each start."""
        self._anvil.rpc.ask("anvil_impersonateAccount", self.operator)
        self._anvil.rpc.ask("anvil_setBalance", self.operator, hex(OPERATOR_WEI))

    def send(self, to: str, data: str, account: str = "") -> Mined:
        """Send one transaction, of the operator unless said otherwise, and return it mined.

        Raises RevertedError when a contract refuses, with nothing changed, and ChainError when
        the chain cannot be brought back.
        """
        with self._anvil.lock:
            transaction = {"from": account or self.operator, "to": to, "data": data}
            # Tried out first: that costs no number, and only a try tells the reason.
            gas = int(self.ask("eth_estimateGas", transaction, "latest"), 16)
            transaction["gas"] = hex(gas + gas // GAS_SPARE)
            sender = transaction["from"]
            transaction["nonce"] = self.ask("eth_getTransactionCount", sender, "latest")
            self._note(transaction)
            receipt = self._mined(transaction)
            mined = Mined(
                transaction_hash=receipt["transactionHash"],
                block_number=int(receipt["blockNumber"], 16),
                logs=tuple(receipt["logs"]),
            )
            self._unsaved.append((mined.block_number, transaction))
        if int(receipt["status"], 16) != 1:  # somebody was faster between trying out and mining
            raise RevertedError("the transaction failed in its block")
        return mined

    def ask(self, method: str, *params: Any) -> Any:
        """Ask the chain something that changes nothing; raises as `send` does."""
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return self._anvil.rpc.ask(method, *params)
            except ChainError as error:
                if error.permanent:
                    raise
                self._anvil.revive()
        return self._anvil.rpc.ask(method, *params)

    def send_again(self) -> None:
        """Send what a chain that came back does not know. Called by who holds its lock."""
        self.take_office()
        for _, transaction in self._unsaved:
            if int(transaction["nonce"], 16) >= self._number(transaction):
                self._sent(transaction)

    def _note(self, transaction: dict[str, str]) -> None:
        """Write down what is sent next; what is saved by now need not be kept."""
        if self._unsaved and self._unsaved[0][0] <= self._anvil.saved_block:
            while self._unsaved and self._unsaved[0][0] <= self._anvil.saved_block:
                self._unsaved.popleft()
            self._file.close()
            kept = [json.dumps(one) + "\n" for _, one in self._unsaved]
            write_whole(self._notes, "".join(kept).encode())
            self._file = self._notes.open("ab")
        self._file.write(f"{json.dumps(transaction)}\n".encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def _number(self, transaction: dict[str, str]) -> int:
        """Return the number of the next transaction of its sender."""
        count = self._anvil.rpc.ask("eth_getTransactionCount", transaction["from"], "latest")
        return int(count, 16)

    def _sent(self, transaction: dict[str, str]) -> dict[str, Any]:
        """Send it once and return the receipt; an account with an owner is given back."""
        rpc, account = self._anvil.rpc, transaction["from"]
        if account == self.operator:
            return dict(rpc.ask("eth_sendTransactionSync", transaction))
        rpc.ask("anvil_impersonateAccount", account)
        try:
            return dict(rpc.ask("eth_sendTransactionSync", transaction))
        finally:
            rpc.ask("anvil_stopImpersonatingAccount", account)

    def _mined(self, transaction: dict[str, str]) -> dict[str, Any]:
        """Send until it is known to be mined, and return the receipt."""
        for _ in range(ATTEMPTS_MAX):
            try:
                # Only after a try whose answer was lost can it be there already.
                return self._receipt_of(transaction) or self._sent(transaction)
            except ChainError as error:
                if error.permanent:
                    raise
                self._anvil.revive()
        raise ChainError("the chain dies over a transaction", permanent=False)

    def _receipt_of(self, transaction: dict[str, str]) -> dict[str, Any] | None:
        """Return the receipt of a transaction with this number, None when there is none yet."""
        rpc, account, nonce = self._anvil.rpc, transaction["from"].lower(), transaction["nonce"]
        if self._number(transaction) <= int(nonce, 16):
            return None
        latest = int(rpc.ask("eth_blockNumber"), 16)
        for number in range(latest, max(latest - BLOCKS_LOOKED_AT_MAX, -1), -1):
            block = rpc.ask("eth_getBlockByNumber", hex(number), True)
            for one in block["transactions"]:
                if (one["from"], one["nonce"]) == (account, nonce):
                    return dict(rpc.ask("eth_getTransactionReceipt", one["hash"]))
        raise ChainError("a transaction is on the chain and cannot be found", permanent=True)
