"""What the wallet needs from others: a signer, a log of intents, answers to its questions."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from trading.wallets.messages import Call, Outcome, TransactionFields


class SignerError(Exception):
    """The signer did not sign. `permanent` says that its policy refused: asking again is no use."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent


class ProbeError(Exception):
    """Something about the wallet could not be found out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Signer(Protocol):
    """The process that holds the key. Each method raises SignerError."""

    async def address(self) -> str:
        """Return the checksummed address of the key."""
        ...

    async def sign_transaction(self, fields: TransactionFields) -> tuple[str, str]:
        """Return the raw signed transaction and its hash, both in hex."""
        ...

    async def sign_wallet_batch(self, calls: Sequence[Call], nonce: int, deadline_s: int) -> str:
        """Return the owner's signature of a batch of the deposit wallet, 65 bytes in hex."""
        ...


# The venue's clock in whole seconds, None when it cannot be asked now.
VenueTime: TypeAlias = Callable[[], Awaitable[int | None]]


class IntentLog(Protocol):
    """Where it is written down that something is about to be sent, before it is."""

    async def about_to_send(self, reference: str, calls: Sequence[Call]) -> None:
        """Return once this is stored. Whatever is raised here keeps the transaction from going."""
        ...


class Wallet(Protocol):
    """What makes transactions: an EOA directly, a deposit wallet through the relayer."""

    @property
    def calls_max(self) -> int:
        """Return how many calls one transaction may carry."""
        ...

    async def execute(self, calls: Sequence[Call]) -> Outcome:
        """Make these calls in one transaction, all or none, and wait for its end."""
        ...

    async def replace(self) -> Outcome:
        """Offer more gas for what waits, and wait again; Refused when nothing can be raised."""
        ...

    async def look_up(self, reference: str) -> Outcome:
        """Return what became of what was sent under that reference."""
        ...

    async def repeat(self, reference: str, calls: Sequence[Call]) -> Outcome:
        """Hand in again what may be lost, so that it cannot happen twice; `calls` are its own."""
        ...

    async def close(self) -> None:
        """Close the connections that are its own."""
        ...
