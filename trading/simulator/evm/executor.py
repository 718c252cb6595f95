"""Executes for deposit wallets on the local chain."""

from trading.simulator.batches import Batch
from trading.simulator.evm.chain import LocalChain


class EvmExecutor:
    """What the relayer needs, from a LocalChain. The venue's operator pays the gas."""

    def __init__(self, local: LocalChain) -> None:
        self._local = local

    def wallet_of(self, owner: str) -> str:
        """Return where the deposit wallet of an owner is or will be."""
        return self._local.wallet_address(owner)

    def is_deployed(self, wallet: str) -> bool:
        """Say whether there is a contract."""
        return self._local.is_deployed(wallet)

    def nonce(self, wallet: str) -> int:
        """Return the number of the wallet's next batch."""
        return self._local.wallet_nonce(wallet)

    def deploy(self, owner: str) -> str:
        """Make the wallet of an owner and return the hash of the transaction."""
        return self._local.deploy_wallet(owner).transaction_hash

    def execute(self, batch: Batch, signature: bytes) -> str:
        """Execute all calls or none; return the hash. Raises RevertedError with the reason."""
        return self._local.relay(batch, signature).transaction_hash
