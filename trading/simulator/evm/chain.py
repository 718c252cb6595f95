"""The local chain as the venue, its tests and drills use it. Blocking; a few ms for each call.

    chain = LocalChain.open(npm=EVM_DIR, folder=DATA_DIR / "evm", contracts=venue.contracts)
    chain.rpc_url, chain.chain_id, chain.addresses     for clients: addresses as in venues.yaml
    chain.prepare_market(question)                     -> Market(condition_id, token_ids)
    chain.fund(address, amount_micro)                  pUSD, and POL for gas
    chain.deposit_wallet_of(owner)                     -> its address, made when it is not there
    chain.settle(trade_id, condition_id, sets_micro, moves)  -> Mined, each trade id once
    chain.balances(owner, token_ids, block=None)       -> Balances at one block
    chain.allowances(owner, spender)                   -> Allowances
    chain.resolve(condition_id, payouts)               (1, 0): the first outcome won
    chain.relay(batch, signature)                      -> Mined, for a deposit wallet
    chain.close()

A contract's refusal raises RevertedError with its reason, a chain that is gone ChainError. Anybody
may also send transactions of their own to `rpc_url`, as on the real chain. Nothing here is a
secret: the operator's account has no key, the node sends for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from trading.config.venues import Contracts
from trading.simulator.accounts import RevertedError
from trading.simulator.batches import Batch, Call
from trading.simulator.evm.abi import call_data, values_of
from trading.simulator.evm.anvil import CHAIN_ID, LAST_WORD, SAVED, Anvil
from trading.simulator.evm.compiling import anvil_program, bytecodes
from trading.simulator.evm.deploy import place
from trading.simulator.evm.sender import NOTES, Mined, Sender

OPERATOR: str = to_checksum_address(keccak(text="operator of the local venue")[12:])
STATE_FILES = (SAVED, LAST_WORD, NOTES)
UNLIMITED = 2**256 - 1
GAS_MONEY_WEI = 100 * 10**18  # POL that an account has at least after it was funded
SETTLE = "settle(bytes32,bytes32,int256,(address,uint256,int256)[])"
BATCH = "(address,uint256,uint256,(address,uint256,bytes)[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One condition with the token ids of its first and its second outcome, as decimal text."""

    condition_id: str
    token_ids: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What one account pays (negative) or gets in a settlement. Empty token id: pUSD."""

    account: str
    token_id: str
    amount_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """What one account holds at one block."""

    block_number: int
    pusd_micro: int
    tokens_micro: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """What a spender may take of an account: pUSD up to an amount, all outcome tokens or none."""

    pusd_micro: int
    tokens: bool


class LocalChain:
    """One running chain with the venue's contracts. Safe to use from several threads."""

    def __init__(self, anvil: Anvil, codes: Mapping[str, str], contracts: Contracts) -> None:
        """Take a chain that runs; `open` starts one."""
        self.contracts = contracts
        self.chain_id = CHAIN_ID
        self.rpc_url = anvil.rpc.url
        self.operator = OPERATOR
        self._anvil = anvil
        self._sender = Sender(anvil, self.operator)
        self._sender.take_office()
        self.addresses = place(anvil.rpc, codes, contracts, self.operator)
        self._sender.send_again()
        anvil.keep(self._sender.send_again)

    @classmethod
    def open(
        cls,
        *,
        npm: Path,
        folder: Path,
        contracts: Contracts,
        block_time_s: int = 0,
        fresh: bool = False,
    ) -> "LocalChain":
        """Start the chain whose state is in a folder, or a new one; `fresh`: always a new one.

        Raises NotInstalledError when npm brought no chain, ChainError when it does not start.
        Without a block time a block is made for each transaction only.
        """
        codes = bytecodes(npm)
        for name in STATE_FILES if fresh else ():
            (folder / name).unlink(missing_ok=True)
        anvil = Anvil(anvil_program(npm), folder, block_time_s=block_time_s)
        anvil.start()
        try:
            return cls(anvil, codes, contracts)
        except BaseException:
            anvil.stop()
            raise

    def close(self) -> None:
        """Save the chain and end it."""
        self._anvil.stop()
        self._sender.close()

    @property
    def pid(self) -> int:
        """The process id of the chain, for drills that kill it."""
        return self._anvil.pid

    # Markets

    def prepare_market(self, question: bytes) -> Market:
        """Open a question with two outcomes; one that is open already stays the same market."""
        question_id = keccak(question)
        oracle = self.addresses["oracle"]
        (condition,) = self._ask(oracle, "conditionOf(bytes32)", ["bytes32"], question_id)
        self._send(oracle, "prepare(bytes32)", question_id)
        adapter = self.contracts.collateral_adapter
        (ids,) = self._ask(adapter, "positionIds(bytes32)", ["uint256[]"], condition)
        return Market(condition_id=f"0x{condition.hex()}", token_ids=(str(ids[0]), str(ids[1])))

    def resolve(self, condition_id: str, payouts: Sequence[int]) -> Mined:
        """Say what one token of each outcome is worth: (1, 0), (0, 1), or (1, 1) for half each."""
        signature = "resolve(bytes32,uint256[])"
        return self._send(self.addresses["oracle"], signature, _bytes32(condition_id), payouts)

    # Accounts

    def fund(self, address: str, amount_micro: int) -> Mined:
        """Give an account play money, and POL when it has little."""
        held = int(self._sender.ask("eth_getBalance", address, "latest"), 16)
        if held < GAS_MONEY_WEI:
            self._sender.ask("anvil_setBalance", address, hex(GAS_MONEY_WEI))
        return self._send(self.contracts.pusd, "mint(address,uint256)", address, amount_micro)

    def balances(self, owner: str, token_ids: Sequence[str], block: int | None = None) -> Balances:
        """Return what an account holds, at the latest block or at one since the chain started."""
        if block is None:
            block = self.block_number()
        at = hex(block)
        (pusd,) = self._ask(self.contracts.pusd, "balanceOf(address)", ["uint256"], owner, block=at)
        ids = [int(token_id) for token_id in token_ids]
        (held,) = self._ask(
            self.contracts.conditional_tokens,
            "balanceOfBatch(address[],uint256[])",
            ["uint256[]"],
            [owner] * len(ids),
            ids,
            block=at,
        )
        tokens = dict(zip(token_ids, held, strict=True))
        return Balances(block_number=block, pusd_micro=pusd, tokens_micro=tokens)

    def allowances(self, owner: str, spender: str) -> Allowances:
        """Return what a contract may take of an account."""
        pusd, tokens = self.contracts.pusd, self.contracts.conditional_tokens
        (amount,) = self._ask(pusd, "allowance(address,address)", ["uint256"], owner, spender)
        (approved,) = self._ask(
            tokens, "isApprovedForAll(address,address)", ["bool"], owner, spender
        )
        return Allowances(pusd_micro=amount, tokens=approved)

    def approve_for(self, owner: str, spender: str, amount_micro: int) -> None:
        """Let a contract take pUSD of an account, without its key: on a real chain nobody can."""
        self._send_as(owner, self.contracts.pusd, "approve(address,uint256)", spender, amount_micro)

    def approve_all_for(self, owner: str, spender: str, *, approved: bool) -> None:
        """Let a contract take all outcome tokens of an account or none, without its key."""
        tokens = self.contracts.conditional_tokens
        self._send_as(owner, tokens, "setApprovalForAll(address,bool)", spender, approved)

    def block_number(self) -> int:
        """Return the number of the latest block."""
        return int(self._sender.ask("eth_blockNumber"), 16)

    # The operator's own account, which stands for everybody who has no wallet

    def stock(self, amount_micro: int) -> None:
        """Give the operator pUSD, and let the exchange and the adapter take what it has."""
        self._send(self.contracts.pusd, "mint(address,uint256)", self.operator, amount_micro)
        for spender in (self.contracts.exchange, self.contracts.collateral_adapter):
            if self.allowances(self.operator, spender).tokens:
                continue
            self._send(self.contracts.pusd, "approve(address,uint256)", spender, UNLIMITED)
            self._send(
                self.contracts.conditional_tokens,
                "setApprovalForAll(address,bool)",
                spender,
                True,
            )

    def split(self, condition_id: str, amount_micro: int) -> Mined:
        """Turn pUSD of the operator into sets."""
        return self._send(
            self.contracts.collateral_adapter,
            "splitPosition(address,bytes32,bytes32,uint256[],uint256)",
            self.contracts.pusd,
            bytes(32),
            _bytes32(condition_id),
            [1, 2],
            amount_micro,
        )

    # Trades

    def settle(
        self, trade_id: str, condition_id: str, sets_micro: int, moves: Sequence[Move]
    ) -> Mined:
        """Move what a trade moves, all or nothing, and mint (or with a minus merge) its sets.

        Raises RevertedError with the contract's reason when an account has too little or does not
        allow it. A trade id that is settled already changes nothing: then there are no logs.
        """
        return self._send(
            self.contracts.exchange,
            SETTLE,
            keccak(text=trade_id),
            _bytes32(condition_id),
            sets_micro,
            [(one.account, int(one.token_id or 0), one.amount_micro) for one in moves],
        )

    def is_settled(self, trade_id: str) -> bool:
        """Say whether a trade was settled."""
        exchange = self.contracts.exchange
        (settled,) = self._ask(exchange, "settled(bytes32)", ["bool"], keccak(text=trade_id))
        return bool(settled)

    def settled_by(self, trade_id: str) -> str:
        """Return the hash of the transaction that settled a trade.

        Empty when none did, or so many blocks ago that the chain forgot it over a restart.
        """
        wanted = {
            "address": self.contracts.exchange,
            "topics": [None, f"0x{keccak(text=trade_id).hex()}"],
            "fromBlock": "0x0",
        }
        logs = self._sender.ask("eth_getLogs", wanted)
        return str(logs[0]["transactionHash"]) if logs else ""

    # Deposit wallets

    def wallet_address(self, owner: str) -> str:
        """Return where the deposit wallet of an owner is or will be."""
        factory = self.contracts.deposit_wallet_factory
        (wallet,) = self._ask(factory, "walletOf(address)", ["address"], owner)
        return str(to_checksum_address(wallet))

    def is_deployed(self, address: str) -> bool:
        """Say whether there is a contract at an address."""
        return len(self._sender.ask("eth_getCode", address, "latest")) > len("0x")

    def deposit_wallet_of(self, owner: str) -> str:
        """Return the deposit wallet of an owner; it is made when it is not there."""
        wallet = self.wallet_address(owner)
        if not self.is_deployed(wallet):
            self.deploy_wallet(owner)
        return wallet

    def deploy_wallet(self, owner: str) -> Mined:
        """Make the deposit wallet of an owner; one that is there already stays."""
        return self._send(self.contracts.deposit_wallet_factory, "deploy(address)", owner)

    def wallet_nonce(self, wallet: str) -> int:
        """Return the number of the wallet's next batch; 0 for one that is not made yet."""
        if not self.is_deployed(wallet):
            return 0
        (nonce,) = self._ask(wallet, "nonce()", ["uint256"])
        return int(nonce)

    def relay(self, batch: Batch, signature: bytes) -> Mined:
        """Execute what the owner of a deposit wallet signed, all calls or none.

        Raises RevertedError with the reason of the wallet or of the contract it called.
        """
        calls = [(call.target, call.value_wei, call.data) for call in batch.calls]
        packed = (batch.wallet, batch.nonce, batch.deadline_s, calls)
        factory = self.contracts.deposit_wallet_factory
        return self._send(factory, f"execute({BATCH},bytes)", packed, signature)

    def accepts_signature(self, wallet: str, digest: bytes, signature: bytes) -> bool:
        """Say whether a deposit wallet accepts a signature over a digest (ERC-1271)."""
        answer = self._ask(wallet, "isValidSignature(bytes32,bytes)", ["bytes4"], digest, signature)
        return bool(answer[0] == keccak(text="isValidSignature(bytes32,bytes)")[:4])

    # The ways to call a contract

    def _send_as(self, account: str, to: str, signature: str, *values: Any) -> None:
        self._sender.send(to, call_data(signature, *values), account)

    def _send(self, to: str, signature: str, *values: Any) -> Mined:
        return self._sender.send(to, call_data(signature, *values))

    def _ask(
        self, to: str, signature: str, types: Sequence[str], *values: Any, block: str = "latest"
    ) -> tuple[Any, ...]:
        asked = {"to": to, "data": call_data(signature, *values)}
        return values_of(types, self._sender.ask("eth_call", asked, block))


def _bytes32(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


__all__ = [
    "Allowances",
    "Balances",
    "Batch",
    "Call",
    "LocalChain",
    "Market",
    "Mined",
    "Move",
    "RevertedError",
]
