"""Transactions of a wallet that is the key's own address (EOA): one at a time, and none twice.

A transaction is written down before it is handed in. From then on its nonce stands for it: as long
as the nonce is not used, it may still happen; once it is, exactly one of the hashes signed for it
has happened, or another transaction has taken its place. Nothing else is sent in the meantime.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from trading.adapters.feed import MonotonicClock
from trading.wallets import abi
from trading.wallets.gas import GasLimits, GasOffer, cost_micro, decide_gas, decide_raise
from trading.wallets.messages import (
    Call,
    Confirmed,
    Outcome,
    RefusalCode,
    Refused,
    Reverted,
    TransactionFields,
    Unknown,
)
from trading.wallets.ports import IntentLog, Signer, SignerError
from trading.wallets.reads import ChainReader, Receipt
from trading.wallets.rpc_node import RpcError, RpcRefusedError

NS_PER_MS = 1_000_000
_REFERENCE = re.compile(r"tx:([0-9]{1,18}):(0x[0-9a-f]{64}(?:,0x[0-9a-f]{64})*)", re.ASCII)
HASHES_MAX = 7  # of one nonce, the first and its replacements: a reference has to fit into a row


@dataclass(frozen=True, slots=True, kw_only=True)
class EoaSettings:
    """How transactions are sent and waited for. Times in milliseconds.

    `receipt_within_ms` is the patience with one offer of gas, before the next one is made.
    """

    chain_id: int
    address: str
    gas: GasLimits
    receipt_within_ms: int = 30_000
    poll_every_ms: int = 2_000
    confirmations: int = 1  # blocks that hold or follow the transaction before it counts
    # A nonce that was used so many blocks ago, and whose receipt nobody has, was used by another.
    forgotten_after_blocks: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """What was handed in under one nonce and has not ended."""

    nonce: int
    call: Call
    offer: GasOffer
    hashes: tuple[str, ...]


class EoaWallet:
    """Sends the calls of one address. Only one process may use an address at a time."""

    def __init__(
        self,
        settings: EoaSettings,
        *,
        reader: ChainReader,
        signer: Signer,
        intents: IntentLog,
        clock: MonotonicClock,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._signer = signer
        self._intents = intents
        self._clock = clock
        self._lock = asyncio.Lock()
        self._pending: _Pending | None = None

    @property
    def calls_max(self) -> int:
        """Return how many calls one transaction may carry."""
        return 1

    async def execute(self, calls: Sequence[Call]) -> Outcome:
        """Send one call and wait for its end. Unknown when the time is over: look it up later."""
        if len(calls) != 1:
            code = RefusalCode.TOO_MANY_CALLS if calls else RefusalCode.NO_CALLS
            return Refused(code=code, text=f"{len(calls)} calls; an EOA makes one at a time")
        async with self._lock:
            try:
                prepared = await self._prepare(calls[0])
            except RpcRefusedError as error:
                words = abi.revert_reason(error.data) or error.message
                return Refused(code=RefusalCode.WOULD_REVERT, text=words)
            except RpcError as error:
                return Refused(code=RefusalCode.CHAIN_UNREADABLE, text=error.message)
            if isinstance(prepared, Refused):
                return prepared
            nonce, offer = prepared
            return await self._send(_Pending(nonce=nonce, call=calls[0], offer=offer, hashes=()))

    async def replace(self) -> Outcome:
        """Offer more gas for what still waits: the same call under the same nonce."""
        async with self._lock:
            pending = self._pending
            if pending is None or len(pending.hashes) >= HASHES_MAX:
                count = len(pending.hashes) if pending else 0
                text = f"{count} transactions wait under one nonce; 1 to {HASHES_MAX - 1} can be"
                return Refused(code=RefusalCode.WALLET_BUSY, text=f"{text} replaced")
            try:
                seen = await self._reader.newest()
                price = await self._reader.gas_price(seen.block)
            except RpcError as error:
                return Refused(code=RefusalCode.CHAIN_UNREADABLE, text=error.message)
            offer = decide_raise(
                pending.offer,
                base_fee_wei=price.base_fee_wei,
                tip_wei=price.tip_wei,
                limits=self._settings.gas,
            )
            if isinstance(offer, Refused):
                return offer
            return await self._send(
                _Pending(nonce=pending.nonce, call=pending.call, offer=offer, hashes=pending.hashes)
            )

    async def look_up(self, reference: str) -> Outcome:
        """Return what became of a transaction. Raises ValueError for what is no reference of ours.

        Reverted also when another transaction took its nonce for good: then it never happened.
        """
        nonce, hashes = _read(reference)
        try:
            return await self._ended(nonce, hashes) or Unknown(
                reference=reference, reason=f"nonce {nonce} still waits"
            )
        except RpcError as error:
            return Unknown(reference=reference, reason=error.message)

    async def close(self) -> None:
        """Close nothing: the reader's connections are another's."""

    async def repeat(self, reference: str, calls: Sequence[Call]) -> Outcome:
        """Look again: a node that took a transaction keeps it, and `replace` offers more for it."""
        del calls
        return await self.look_up(reference)

    async def _prepare(self, call: Call) -> tuple[int, GasOffer] | Refused:
        """Return the nonce and the gas to offer, or why nothing can be sent now."""
        if self._pending is not None:
            ended = await self._ended(self._pending.nonce, self._pending.hashes)
            if ended is None:
                text = f"the transaction with nonce {self._pending.nonce} has not ended"
                return Refused(code=RefusalCode.WALLET_BUSY, text=text)
            self._pending = None
        address = self._settings.address
        seen = await self._reader.newest()
        nonces = await self._reader.nonces(address, seen.block)
        if nonces.pending > nonces.mined:
            text = f"nonce {nonces.mined} of {address} waits, and is not of this process"
            return Refused(code=RefusalCode.WALLET_BUSY, text=text)
        price = await self._reader.gas_price(seen.block)
        estimate = await self._reader.gas_estimate(call, address)
        offer = decide_gas(
            gas_estimate=estimate,
            base_fee_wei=price.base_fee_wei,
            tip_wei=price.tip_wei,
            limits=self._settings.gas,
        )
        if isinstance(offer, Refused):
            return offer
        held = await self._reader.native_balance(address, seen.block)
        needed_wei = offer.gas_limit * offer.fee_wei_max + call.value_wei
        if held.wei < needed_wei:
            text = f"{address} holds {held.wei} wei and may need {needed_wei}; send POL to it"
            return Refused(code=RefusalCode.GAS_MONEY_MISSING, text=text)
        return nonces.mined, offer

    async def _send(self, pending: _Pending) -> Outcome:
        """Sign, write down, hand in, wait."""
        fields = TransactionFields(
            chain_id=self._settings.chain_id,
            nonce=pending.nonce,
            call=pending.call,
            gas_limit=pending.offer.gas_limit,
            fee_wei_max=pending.offer.fee_wei_max,
            tip_wei_max=pending.offer.tip_wei_max,
        )
        try:
            raw, transaction_hash = await self._signer.sign_transaction(fields)
            _check_hash(raw, transaction_hash)
        except SignerError as error:
            return Refused(code=RefusalCode.SIGNER_REFUSED, text=error.message)
        hashes = (*pending.hashes, transaction_hash.lower())
        reference = _reference(pending.nonce, hashes)
        await self._intents.about_to_send(reference, (pending.call,))
        self._pending = _Pending(
            nonce=pending.nonce, call=pending.call, offer=pending.offer, hashes=hashes
        )
        try:
            await self._reader.send(raw)
        except RpcRefusedError as error:
            # A node's no is no proof: an endpoint asked before may have taken it all the same.
            return await self._wait(reference, problem=error.message)
        except RpcError as error:
            return await self._wait(reference, problem=error.message)
        return await self._wait(reference, problem="")

    async def _wait(self, reference: str, *, problem: str) -> Outcome:
        """Wait for the end, at most as long as the settings say."""
        settings = self._settings
        nonce, hashes = _read(reference)
        deadline_ns = self._clock.monotonic_ns() + settings.receipt_within_ms * NS_PER_MS
        while True:
            try:
                ended = await self._ended(nonce, hashes)
            except RpcError as error:
                ended, problem = None, error.message
            if ended is not None:
                self._pending = None
                return ended
            if self._clock.monotonic_ns() >= deadline_ns:
                reason = problem or f"in no block after {settings.receipt_within_ms} ms"
                return Unknown(reference=reference, reason=reason)
            await asyncio.sleep(settings.poll_every_ms / 1000)

    async def _ended(self, nonce: int, hashes: Sequence[str]) -> Outcome | None:
        """Return the end of what was sent under a nonce, None while it may still happen."""
        seen = await self._reader.newest()
        reference = _reference(nonce, hashes)
        for transaction_hash in reversed(hashes):
            receipt = await self._reader.receipt(transaction_hash)
            if receipt is not None:
                if seen.block - receipt.block + 1 < self._settings.confirmations:
                    return None
                return await self._receipt_outcome(reference, receipt)
        long_ago = max(seen.block - self._settings.forgotten_after_blocks, 0)
        if await self._reader.mined_nonce(self._settings.address, long_ago) > nonce:
            reason = f"nonce {nonce} was used by another transaction"
            return Reverted(reference=reference, reason=reason, gas_micro=0)
        return None

    async def _receipt_outcome(self, reference: str, receipt: Receipt) -> Outcome:
        gas_micro = cost_micro(
            gas_used=receipt.gas_used,
            price_wei=receipt.price_wei,
            pol_price_micro=self._settings.gas.pol_price_micro,
        )
        if receipt.succeeded:
            return Confirmed(
                reference=reference,
                transaction_hash=receipt.transaction_hash,
                block=receipt.block,
                gas_used=receipt.gas_used,
                gas_micro=gas_micro,
            )
        return Reverted(
            reference=reference, reason=await self._why_reverted(receipt), gas_micro=gas_micro
        )

    async def _why_reverted(self, receipt: Receipt) -> str:
        """Make the call again on the block before, without sending it, and hear what it says."""
        pending = self._pending
        if pending is None or receipt.transaction_hash not in pending.hashes:
            return "the transaction reverted"
        try:
            await self._reader.answer(
                pending.call, receipt.block - 1, sender=self._settings.address
            )
        except RpcRefusedError as error:
            return abi.revert_reason(error.data) or error.message
        except RpcError as error:
            return f"the transaction reverted; why is unknown: {error.message}"
        return "the transaction reverted, and would not have a block earlier"


def _check_hash(raw: str, transaction_hash: str) -> None:
    """Raise SignerError when a hash is not that of what was signed: it could never be found."""
    try:
        computed = f"0x{keccak(bytes.fromhex(raw.removeprefix('0x'))).hex()}"
    except ValueError:
        computed = ""
    if computed != transaction_hash.lower():
        raise SignerError("the signer's hash is not that of its transaction", permanent=True)


def _reference(nonce: int, hashes: Sequence[str]) -> str:
    return f"tx:{nonce}:{','.join(hashes)}"


def _read(reference: str) -> tuple[int, tuple[str, ...]]:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(f"{reference!r:.80} is no reference of a transaction: tx:NONCE:HASH")
    return int(found[1]), tuple(found[2].split(","))
