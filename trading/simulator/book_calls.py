"""Executes for deposit wallets where there is no chain: their calls are read and done on the books.

Known are the calls that trading takes (polymarket.md sections 1 and 9): approve, setApprovalForAll,
and split, merge and redeem of the collateral adapter. Any other call reverts. Reasons are those of
the contracts.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from eth_utils.address import to_checksum_address

from trading.config.venues import Contracts
from trading.simulator.accounts import Chain, RevertedError
from trading.simulator.batches import Batch, Call
from trading.simulator.codes import COLLATERAL, DEPOSIT_WALLET
from trading.simulator.evm.abi import arguments
from trading.simulator.local_venue import LocalVenue
from trading.simulator.orders import Listing

APPROVE = "approve(address,uint256)"
APPROVE_ALL = "setApprovalForAll(address,bool)"
SPLIT = "splitPosition(address,bytes32,bytes32,uint256[],uint256)"
MERGE = "mergePositions(address,bytes32,bytes32,uint256[],uint256)"
REDEEM = "redeemPositions(address,bytes32,bytes32,uint256[])"


class BookExecutor:
    """What the relayer needs, on a venue's own books. Wallets are there once they have traded."""

    def __init__(self, venue: LocalVenue, contracts: Contracts) -> None:
        self._venue = venue
        self._contracts = contracts
        self._nonces: dict[str, int] = {}
        adapter = contracts.collateral_adapter
        self._known: dict[tuple[str, str], Callable[..., None]] = {
            (contracts.pusd, APPROVE): self._approve,
            (contracts.conditional_tokens, APPROVE_ALL): self._approve_all,
            (adapter, SPLIT): self._split,
            (adapter, MERGE): self._merge,
            (adapter, REDEEM): self._redeem,
        }

    @property
    def _chain(self) -> Chain:
        return self._venue.exchange.chain

    def wallet_of(self, owner: str) -> str:
        """Return the deposit wallet of an owner; the owner's own address where there are none."""
        return self._venue.wallets_of(owner).get(DEPOSIT_WALLET, owner)

    def is_deployed(self, wallet: str) -> bool:
        """Say whether a wallet is there."""
        return wallet in self._chain.accounts

    def nonce(self, wallet: str) -> int:
        """Return the number of the wallet's next batch."""
        return self._nonces.get(wallet, 0)

    def deploy(self, owner: str) -> str:
        """Let an owner in, which makes the wallet. Raises RevertedError when there are too many."""
        if not self._venue.admit(owner):
            raise RevertedError("too many wallets")
        return _hash("deploy", owner)

    def execute(self, batch: Batch, signature: bytes) -> str:
        """Execute all calls or none; return the hash. Raises RevertedError with the reason.

        The signature was checked when the batch was submitted; it makes the hash its own.
        """
        if batch.nonce != self.nonce(batch.wallet):
            raise RevertedError("batch nonce is not the wallet's")
        account = self._chain.accounts[batch.wallet]
        sets = self._chain.sets_micro
        before = account.chain.copy(), account.allowed.copy(), sets.copy()
        try:
            for call in batch.calls:
                self._do(batch.wallet, call)
        except RevertedError:
            account.chain, account.allowed, self._chain.sets_micro = before
            raise
        self._nonces[batch.wallet] = batch.nonce + 1
        return _hash(batch.wallet, batch.nonce, signature.hex())

    def _do(self, wallet: str, call: Call) -> None:
        for (target, signature), handler in self._known.items():
            values = arguments(signature, call.data) if call.target == target else None
            if values is not None and not call.value_wei:
                handler(wallet, *values)
                return
        raise RevertedError("this venue's own books know no such call")

    def _approve(self, wallet: str, spender: str, amount: int) -> None:
        self._chain.approve(wallet, to_checksum_address(spender), amount)

    def _approve_all(self, wallet: str, operator: str, approved: bool) -> None:
        self._chain.approve_all(wallet, to_checksum_address(operator), approved=approved)

    def _split(self, wallet: str, *values: Any) -> None:
        *position, amount = values
        listing, spender = self._listing(*position), self._contracts.collateral_adapter
        gives = {(wallet, COLLATERAL): amount}
        self._chain.check_allowed(gives, spender)
        self._chain.split(wallet, listing.condition_id, listing.token_ids, amount)
        self._chain.use_allowance(gives, spender)

    def _merge(self, wallet: str, *values: Any) -> None:
        *position, amount = values
        listing = self._listing(*position)
        self._check_tokens(wallet, listing, amount)
        self._chain.split(wallet, listing.condition_id, listing.token_ids, -amount)

    def _redeem(self, wallet: str, *position: Any) -> None:
        listing = self._listing(*position)
        self._check_tokens(wallet, listing, 1)
        self._chain.redeem(wallet, listing.condition_id, listing.token_ids)

    def _check_tokens(self, wallet: str, listing: Listing, amount: int) -> None:
        gives = {(wallet, token_id): amount for token_id in listing.token_ids}
        self._chain.check_allowed(gives, self._contracts.collateral_adapter)

    def _listing(
        self, collateral: str, parent: bytes, condition: bytes, partition: tuple[int, ...]
    ) -> Listing:
        """Return whose sets these are, as the adapter takes them."""
        market = self._venue.markets.get(f"0x{condition.hex()}")
        if to_checksum_address(collateral) != self._contracts.pusd:
            raise RevertedError("collateral is not pUSD")
        if any(parent):
            raise RevertedError("parent collection is not zero")
        if tuple(partition) != (1, 2):
            raise RevertedError("partition is not [1, 2]")
        if market is None:
            raise RevertedError("condition not prepared yet")
        return market.listing


def _hash(*parts: object) -> str:
    return f"0x{sha256(' '.join(map(str, parts)).encode()).hexdigest()}"
