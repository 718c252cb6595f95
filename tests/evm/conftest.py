"""The local chain, and who acts on it."""

import pytest

from tests.helpers.evm import CONTRACTS, Wallet
from tests.helpers.evm import local_chain as local_chain  # noqa: PLC0414 - a fixture
from tests.helpers.evm import market as market  # noqa: PLC0414


@pytest.fixture
def stranger(local_chain):
    """A wallet with 100 pUSD that allowed nothing to anybody."""
    wallet = Wallet(local_chain)
    local_chain.fund(wallet.address, 100_000_000)
    return wallet


@pytest.fixture
def trader(stranger):
    """A wallet with 100 pUSD that lets the exchange and the adapter take what it has."""
    stranger.allow(CONTRACTS.exchange)
    stranger.allow(CONTRACTS.collateral_adapter)
    return stranger
