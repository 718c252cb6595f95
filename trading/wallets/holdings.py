"""What the wallet holds now: as the chain says at one block, or as a venue without one says."""

from collections.abc import Sequence
from typing import Protocol

from trading.adapters.clob_private import ClobPrivate
from trading.adapters.failures import CallFailed
from trading.reconciling.views import ChainView
from trading.wallets.reads import ChainReader
from trading.wallets.rpc import RpcPool
from trading.wallets.rpc_node import EndpointStatus, RpcError


class Holdings(Protocol):
    """What is held of tokens."""

    async def shares(self, token_ids: Sequence[str]) -> dict[str, int] | None:
        """Return the shares of each token in micro shares, None when nobody can say."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class ChainHoldings:
    """What the chain says of one wallet."""

    def __init__(
        self, pool: RpcPool, *, owner: str, collateral: str, conditional_tokens: str
    ) -> None:
        self.reader = ChainReader(pool)
        self._pool = pool
        self._owner = owner
        self._collateral = collateral
        self._conditional_tokens = conditional_tokens

    async def shares(self, token_ids: Sequence[str]) -> dict[str, int] | None:
        """Return the shares of each token at the newest block, None when it cannot be read."""
        try:
            return dict((await self.balances_at(token_ids)).shares)
        except RpcError:
            return None

    async def balances_at(self, token_ids: Sequence[str]) -> ChainView:
        """Return collateral and shares at the end of one block. Raises RpcError."""
        block = (await self.reader.newest()).block
        cash = await self.reader.balance(self._collateral, self._owner, block)
        held = await self.reader.shares(self._conditional_tokens, self._owner, token_ids, block)
        return ChainView(
            block_number=block,
            pusd_micro=cash.micro,
            shares=dict(zip(token_ids, held.micro, strict=True)),
        )

    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """Return how each node is doing."""
        return self._pool.status()

    async def close(self) -> None:
        """Close the connections to the nodes."""
        await self._pool.close()


class VenueHoldings:
    """What a venue says that settles on its own books: there is no other truth."""

    def __init__(self, private: ClobPrivate, *, signature_type: int) -> None:
        self._private = private
        self._signature_type = signature_type

    async def shares(self, token_ids: Sequence[str]) -> dict[str, int] | None:
        """Return the shares of each token after a refresh, None when the venue does not say."""
        found: dict[str, int] = {}
        try:
            for token_id in token_ids:
                await self._private.refresh_balance(token_id, self._signature_type)
                told = await self._private.balance(token_id, self._signature_type)
                found[token_id] = told.balance_micro
        except CallFailed:
            return None
        return found

    async def close(self) -> None:
        """Close nothing: the connection is another's."""
