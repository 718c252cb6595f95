"""Reads of the chain, each at a block number and each of two endpoints where there are two.

Every method raises RpcError, RpcDisagreesError when the endpoints contradict each other: then the
value is unknown. Dollars and shares are in millionths, gas money in wei.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from trading.wallets import abi
from trading.wallets.messages import Call
from trading.wallets.rpc import Agreed, RpcPool
from trading.wallets.rpc_node import RpcError, quantity

TOKENS_MAX = 200  # of one balanceOfBatch
BLOCK_FIELDS = ("hash", "baseFeePerGas")
RECEIPT_FIELDS = ("transactionHash", "blockHash", "status", "gasUsed", "effectiveGasPrice")
TIP_WEI_DEFAULT = 30 * 10**9  # the least that Polygon takes, for nodes that propose none


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSeen:
    """The newest block that the witnesses share."""

    block: int
    witnesses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """An owner's balance of an ERC-20 token."""

    token: str
    owner: str
    micro: int
    block: int
    witnesses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much of an owner's ERC-20 token a spender may take, up to 2**256 - 1."""

    token: str
    owner: str
    spender: str
    micro: int
    block: int
    witnesses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """An owner's outcome tokens, in the order in which they were asked for."""

    owner: str
    token_ids: tuple[str, ...]
    micro: tuple[int, ...]
    block: int
    witnesses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Whether an operator may move all outcome tokens of an owner."""

    token: str
    owner: str
    operator: str
    approved: bool
    block: int
    witnesses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Whether there is a contract at an address."""

    address: str
    deployed: bool
    block: int
    witnesses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonces:
    """Transactions of an address: mined up to the block, and with those that still wait."""

    address: str
    mined: int
    pending: int
    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeBalance:
    """What an address has to pay gas with."""

    address: str
    wei: int
    block: int
    witnesses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GasPrice:
    """What a unit of gas costs now: the base fee of the newest block, and a usual tip."""

    base_fee_wei: int
    tip_wei: int
    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A transaction that is in a block. The endpoints named the same block and outcome."""

    transaction_hash: str
    block: int
    succeeded: bool
    gas_used: int
    price_wei: int  # for each unit of gas
    witnesses: int


class ChainReader:
    """Typed reads over a pool of endpoints."""

    def __init__(self, pool: RpcPool) -> None:
        self._pool = pool

    async def newest(self) -> BlockSeen:
        """Return the block to read at."""
        number, witnesses = await self._pool.block()
        return BlockSeen(block=number, witnesses=witnesses)

    async def balance(self, token: str, owner: str, block: int) -> Balance:
        """Return an ERC-20 balance."""
        asked = abi.call(token, "balanceOf(address)", owner)
        micro, witnesses = await self._whole(asked, block, "balanceOf")
        return Balance(token=token, owner=owner, micro=micro, block=block, witnesses=witnesses)

    async def allowance(self, token: str, owner: str, spender: str, block: int) -> Allowance:
        """Return an ERC-20 allowance."""
        asked = abi.call(token, "allowance(address,address)", owner, spender)
        micro, witnesses = await self._whole(asked, block, "allowance")
        return Allowance(
            token=token,
            owner=owner,
            spender=spender,
            micro=micro,
            block=block,
            witnesses=witnesses,
        )

    async def shares(self, token: str, owner: str, token_ids: Sequence[str], block: int) -> Shares:
        """Return balances of outcome tokens. Raises ValueError for more than 200 of them."""
        if len(token_ids) > TOKENS_MAX:
            raise ValueError(f"token_ids: {len(token_ids)} at once; ask for {TOKENS_MAX} at most")
        asked = abi.call(
            token,
            "balanceOfBatch(address[],uint256[])",
            [owner] * len(token_ids),
            [int(token_id) for token_id in token_ids],
        )
        agreed = await self._call(asked, block)
        micro = cast(
            tuple[int, ...], abi.read_answer(agreed.value, "uint256[]", f"{token} balanceOfBatch")
        )
        if len(micro) != len(token_ids):
            raise RpcError(
                f"balanceOfBatch: {len(micro)} balances for {len(token_ids)} tokens",
                permanent=False,
            )
        return Shares(
            owner=owner,
            token_ids=tuple(token_ids),
            micro=tuple(micro),
            block=block,
            witnesses=agreed.witnesses,
        )

    async def operator(self, token: str, owner: str, operator: str, block: int) -> Operator:
        """Return whether an operator may move all outcome tokens of an owner."""
        asked = abi.call(token, "isApprovedForAll(address,address)", owner, operator)
        agreed = await self._call(asked, block)
        approved = abi.read_answer(agreed.value, "bool", f"{token} isApprovedForAll")
        return Operator(
            token=token,
            owner=owner,
            operator=operator,
            approved=bool(approved),
            block=block,
            witnesses=agreed.witnesses,
        )

    async def code(self, address: str, block: int) -> Code:
        """Return whether there is a contract at an address."""
        agreed = await self._pool.agree("eth_getCode", (address, hex(block)))
        if not isinstance(agreed.value, str) or agreed.value[:2] != "0x":
            raise RpcError(f"eth_getCode: {agreed.value!r:.80} is no code", permanent=False)
        return Code(
            address=address,
            deployed=len(agreed.value) > 2,
            block=block,
            witnesses=agreed.witnesses,
        )

    async def native_balance(self, address: str, block: int) -> NativeBalance:
        """Return what an address has to pay gas with."""
        agreed = await self._pool.agree("eth_getBalance", (address, hex(block)))
        wei = quantity(agreed.value, "eth_getBalance")
        return NativeBalance(address=address, wei=wei, block=block, witnesses=agreed.witnesses)

    async def mined_nonce(self, address: str, block: int) -> int:
        """Return how many transactions of an address are in blocks up to this one."""
        agreed = await self._pool.agree("eth_getTransactionCount", (address, hex(block)))
        return quantity(agreed.value, "eth_getTransactionCount")

    async def nonces(self, address: str, block: int) -> Nonces:
        """Return the mined and the pending number of transactions of an address."""
        mined = await self.mined_nonce(address, block)
        # What waits is known to each node in its own way: one is asked, and believed upwards only.
        told = await self._pool.ask("eth_getTransactionCount", (address, "pending"))
        pending = quantity(told, "eth_getTransactionCount")
        return Nonces(address=address, mined=mined, pending=max(pending, mined), block=block)

    async def gas_price(self, block: int) -> GasPrice:
        """Return the base fee of a block and the tip that a node proposes."""
        head = await self._pool.agree(
            "eth_getBlockByNumber", (hex(block), False), fields=BLOCK_FIELDS
        )
        if not isinstance(head.value, dict):
            raise RpcError("eth_getBlockByNumber: no such block", permanent=False)
        base_fee_wei = quantity(head.value.get("baseFeePerGas"), "baseFeePerGas")
        try:
            told = await self._pool.ask("eth_maxPriorityFeePerGas")
            tip_wei = quantity(told, "eth_maxPriorityFeePerGas")
        except RpcError:
            tip_wei = TIP_WEI_DEFAULT
        return GasPrice(base_fee_wei=base_fee_wei, tip_wei=tip_wei, block=block)

    async def receipt(self, transaction_hash: str) -> Receipt | None:
        """Return the receipt, or None while the transaction is in no block.

        While one endpoint has not seen it, it is not there yet.
        """
        agreed = await self._pool.agree(
            "eth_getTransactionReceipt", (transaction_hash,), fields=RECEIPT_FIELDS
        )
        if agreed.value is None:
            return None
        if not isinstance(agreed.value, dict):
            raise RpcError("eth_getTransactionReceipt: the answer is no receipt", permanent=False)
        told = agreed.value
        if str(told.get("transactionHash", "")).lower() != transaction_hash.lower():
            raise RpcError("eth_getTransactionReceipt: of another transaction", permanent=False)
        status = quantity(told.get("status"), "status")
        return Receipt(
            transaction_hash=transaction_hash,
            block=quantity(told.get("blockNumber"), "blockNumber"),
            succeeded=status == 1,
            gas_used=quantity(told.get("gasUsed"), "gasUsed"),
            price_wei=quantity(told.get("effectiveGasPrice"), "effectiveGasPrice"),
            witnesses=agreed.witnesses,
        )

    async def answer(self, asked: Call, block: int, *, sender: str) -> str:
        """Make a call without a transaction and return its data. Raises RpcRefusedError."""
        agreed = await self._call(asked, block, sender=sender)
        return str(agreed.value)

    async def gas_estimate(self, asked: Call, sender: str) -> int:
        """Return the gas that a call would use. Raises RpcRefusedError when it would revert."""
        told = await self._pool.ask("eth_estimateGas", (_fields(asked, sender),))
        return quantity(told, "eth_estimateGas")

    async def send(self, raw: str) -> None:
        """Hand in a signed transaction. Handing in the same one twice has no further effect."""
        await self._pool.ask("eth_sendRawTransaction", (raw,))

    async def _whole(self, asked: Call, block: int, name: str) -> tuple[int, int]:
        agreed = await self._call(asked, block)
        value = abi.read_answer(agreed.value, "uint256", f"{asked.target} {name}")
        return cast(int, value), agreed.witnesses

    async def _call(self, asked: Call, block: int, sender: str = "") -> Agreed:
        return await self._pool.agree("eth_call", (_fields(asked, sender), hex(block)))


def _fields(asked: Call, sender: str) -> dict[str, str]:
    fields = {"to": asked.target, "data": asked.data, "value": hex(asked.value_wei)}
    return fields | ({"from": sender} if sender else {})
