"""Where the truth about a wallet is read: a chain, or the books of a venue that has none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from trading.wallets.allowances import WalletContracts, read_approvals
from trading.wallets.approvals import Approval, Asset
from trading.wallets.facts import OWN_BOOKS, EndpointSeen, NothingToCheck, NotSeen
from trading.wallets.ports import ProbeError
from trading.wallets.reads import ChainReader
from trading.wallets.rpc import RpcPool
from trading.wallets.rpc_node import RpcError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSeen:
    """What a ledger says of an owner."""

    block: int | NotSeen | NothingToCheck
    deployed: bool | NotSeen
    pusd_micro: int | NotSeen
    usdc_e_micro: int | NotSeen | NothingToCheck
    approvals: tuple[Approval, ...] | NotSeen
    gas_wei: int | NotSeen | NothingToCheck


class Ledger(Protocol):
    """What says what a wallet has. What it cannot say is NotSeen; nothing is raised."""

    async def look(self, owner: str | NotSeen) -> LedgerSeen:
        """Return everything about an owner."""
        ...

    async def pusd_micro(self, owner: str | NotSeen) -> int | NotSeen:
        """Return the collateral of now."""
        ...

    def endpoints(self) -> tuple[EndpointSeen, ...] | NothingToCheck:
        """Return how those were doing that were asked so far."""
        ...


async def seen(asked: Awaitable[Value]) -> Value | NotSeen:
    """Return an answer, or why there is none."""
    try:
        return await asked
    except (ProbeError, RpcError) as error:
        return NotSeen(error.message)


class ChainLedger:
    """A chain, asked at its newest block."""

    def __init__(self, pool: RpcPool, contracts: WalletContracts) -> None:
        self._pool = pool
        self._contracts = contracts
        self._reader = ChainReader(pool)

    async def look(self, owner: str | NotSeen) -> LedgerSeen:
        """Return everything about an owner at one block."""
        await self._pool.check()
        block = await self._block()
        pusd, usdc_e = self._contracts.pusd, self._contracts.usdc_e

        async def read(
            how: Callable[[str, int], Awaitable[Value]],
        ) -> Value | NotSeen:
            if isinstance(owner, NotSeen):
                return owner
            return block if isinstance(block, NotSeen) else await seen(how(owner, block))

        async def deployed(address: str, at: int) -> bool:
            return (await self._reader.code(address, at)).deployed

        async def wrapped(address: str, at: int) -> int:
            return (await self._reader.balance(pusd, address, at)).micro

        async def unwrapped(address: str, at: int) -> int:
            return (await self._reader.balance(usdc_e, address, at)).micro if usdc_e else 0

        async def approvals(address: str, at: int) -> tuple[Approval, ...]:
            return await read_approvals(self._reader, self._contracts, address, at)

        async def gas(address: str, at: int) -> int:
            return (await self._reader.native_balance(address, at)).wei

        return LedgerSeen(
            block=block,
            deployed=await read(deployed),
            pusd_micro=await read(wrapped),
            usdc_e_micro=await read(unwrapped),
            approvals=await read(approvals),
            gas_wei=await read(gas),
        )

    async def pusd_micro(self, owner: str | NotSeen) -> int | NotSeen:
        """Return the collateral at the newest block."""
        if isinstance(owner, NotSeen):
            return owner
        block = await self._block()
        if isinstance(block, NotSeen):
            return block
        told = await seen(self._reader.balance(self._contracts.pusd, owner, block))
        return told if isinstance(told, NotSeen) else told.micro

    def endpoints(self) -> tuple[EndpointSeen, ...]:
        """Return how each endpoint did."""
        return tuple(
            EndpointSeen(
                name=one.name,
                chain_id=one.chain_id,
                problem=one.out_because or one.last_problem,
                in_use=not one.out_because and not one.away,
                block=one.block,
                requests=one.requests,
                errors=one.errors,
            )
            for one in self._pool.status()
        )

    async def _block(self) -> int | NotSeen:
        newest = await seen(self._reader.newest())
        return newest if isinstance(newest, NotSeen) else newest.block


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksSeen:
    """What a venue's own books have of a wallet: dollars, and (asset, spender) -> allowance."""

    pusd_micro: int
    allowed: tuple[tuple[Asset, str, int], ...]


class BooksLedger:
    """The books of a local venue without a chain. `read` raises ProbeError."""

    def __init__(
        self, read: Callable[[], Awaitable[BooksSeen]], contracts: WalletContracts
    ) -> None:
        self._read = read
        self._contracts = contracts

    async def look(self, owner: str | NotSeen) -> LedgerSeen:
        """Return what the books have; a chain's matters are nothing to check."""
        if isinstance(owner, NotSeen):
            return _unseen(owner)
        books = await seen(self._read())
        if isinstance(books, NotSeen):
            return _unseen(books)
        return LedgerSeen(
            block=OWN_BOOKS,
            deployed=True,
            pusd_micro=books.pusd_micro,
            usdc_e_micro=OWN_BOOKS,
            approvals=self._approvals(books),
            gas_wei=OWN_BOOKS,
        )

    async def pusd_micro(self, owner: str | NotSeen) -> int | NotSeen:
        """Return the dollars of now."""
        return (await self.look(owner)).pusd_micro

    def endpoints(self) -> NothingToCheck:
        """Return that there are none."""
        return OWN_BOOKS

    def _approvals(self, books: BooksSeen) -> tuple[Approval, ...]:
        """Return what every watched contract may take, zeros included: books keep no zeros."""
        given = {(asset, spender.lower()): micro for asset, spender, micro in books.allowed}
        found = []
        for name, spender in self._contracts.watched:
            for asset in Asset:
                micro = given.get((asset, spender.lower()), 0)
                if asset is Asset.SHARES:
                    micro = min(micro, 1)
                found.append(Approval(asset=asset, spender=spender, name=name, micro=micro))
        return tuple(found)


def _unseen(why: NotSeen) -> LedgerSeen:
    return LedgerSeen(
        block=OWN_BOOKS,
        deployed=why,
        pusd_micro=why,
        usdc_e_micro=OWN_BOOKS,
        approvals=why,
        gas_wei=OWN_BOOKS,
    )
