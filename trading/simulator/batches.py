"""What the owner of a deposit wallet lets it do, and who carries that out."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a deposit wallet. `value_wei` is POL."""

    target: str
    value_wei: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the owner of a deposit wallet signs; `deadline_s` is in seconds of UTC."""

    wallet: str
    nonce: int
    deadline_s: int
    calls: tuple[Call, ...]


class Executor(Protocol):
    """Knows the deposit wallets and executes for them: on a chain, or on the venue's books."""

    def wallet_of(self, owner: str) -> str:
        """Return where the deposit wallet of an owner is or will be."""
        ...

    def is_deployed(self, wallet: str) -> bool:
        """Say whether a wallet is there."""
        ...

    def nonce(self, wallet: str) -> int:
        """Return the number of the wallet's next batch."""
        ...

    def deploy(self, owner: str) -> str:
        """Make the wallet of an owner and return the hash of the transaction."""
        ...

    def execute(self, batch: Batch, signature: bytes) -> str:
        """Execute all calls or none; return the hash. Raises RevertedError with the reason."""
        ...
