"""The parts that a live venue is made of, and what the rest of the program asks of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from trading.adapters.clob_private import ClobPrivate
from trading.adapters.clob_user import UserSink
from trading.execution.messages import OpenOrder, VenueBalance, VenueTrade
from trading.execution.requests import ExitAnswered, FindExit, SendExit
from trading.reconciling.views import ChainView
from trading.signer.terms import Policy
from trading.signing.headers import ApiCredentials
from trading.signing.orders import UnsignedOrder

# Told set, condition and reference of an exit before it is sent; returns once that is kept.
HandedOver: TypeAlias = Callable[[str, str, str], Awaitable[None]]
COLLATERAL = None  # how the private calls name the balance in dollars
NONCES_MAX = 10  # of our API keys: so often one may be deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What this process was set up for; the signer has to be for the same."""

    chain_id: int
    exchange: str
    neg_risk_exchange: str

    def mismatch(self, policy: Policy) -> str:
        """Return in what the signer is for something else, empty when in nothing."""
        pairs = (
            ("chain id", policy.chain_id, self.chain_id),
            ("exchange", policy.exchange.lower(), self.exchange.lower()),
            (
                "neg-risk exchange",
                policy.neg_risk_exchange.lower(),
                self.neg_risk_exchange.lower(),
            ),
        )
        for name, theirs, ours in pairs:
            if theirs != ours:
                return f"the signer signs for the {name} {theirs}, the venue has {ours}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What travels through the desk with an order: all that is needed to sign and post it."""

    order: UnsignedOrder
    order_type: str


class Channel(Protocol):
    """Follows the user channel until cancelled."""

    async def run(self) -> None:
        """Follow it, with reconnects."""
        ...


class ChainReads(Protocol):
    """What a reconciliation asks of the chain."""

    async def balances_at(self, token_ids: Sequence[str]) -> ChainView:
        """Return collateral and shares of each token at the end of one block."""
        ...


class VenueReads:
    """What a reconciliation asks of the venue. Raises CallFailed."""

    def __init__(self, private: ClobPrivate, signature_type: int) -> None:
        self._private = private
        self._signature_type = signature_type

    async def open_orders(self) -> Sequence[OpenOrder]:
        """Return every open order of the account."""
        return await self._private.open_orders()

    async def trades(self, after_s: int) -> Sequence[VenueTrade]:
        """Return every trade of the account from this second on."""
        return await self._private.trades(after_s=after_s)

    async def balance(self, token_id: str = "") -> VenueBalance:
        """Return the venue's view of a balance, read anew; of the collateral without a token."""
        asset = token_id or COLLATERAL
        await self._private.refresh_balance(asset, self._signature_type)
        return await self._private.balance(asset, self._signature_type)


class ExitPort(Protocol):
    """Merges and redeems from one wallet."""

    async def exit(self, request: SendExit) -> ExitAnswered:
        """Carry out an exit."""
        ...

    async def find(self, request: FindExit, held: dict[str, int]) -> ExitAnswered:
        """Find out what became of one."""
        ...

    def chain_reads(self) -> ChainReads | None:
        """Return what a reconciliation asks of the chain, None without one."""
        ...

    def figures(self) -> dict[str, Any]:
        """Return how its endpoints are doing, as plain data."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """Makes the parts that need to know who trades."""

    private: Callable[[str], ClobPrivate]  # by the address of the key
    user: Callable[[ApiCredentials, UserSink], Channel]
    exits: Callable[[Policy, ApiCredentials, ClobPrivate, HandedOver], Awaitable[ExitPort]]
