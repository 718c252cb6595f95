"""The address of a deposit wallet: as the venue's SDK 0.14.0 computed it for two known keys."""

import pytest

from tests.helpers.evm import CONTRACTS
from tests.helpers.evm import local_chain as local_chain  # noqa: PLC0414 - a fixture
from trading.wallets.addresses import WalletFactory, deposit_wallets

FACTORY = WalletFactory(
    factory=CONTRACTS.deposit_wallet_factory,
    beacon=CONTRACTS.deposit_wallet_beacon,
    implementation=CONTRACTS.deposit_wallet_implementation,
)
OWNER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.mark.parametrize(
    ("owner", "by_beacon", "older"),
    [
        (
            OWNER,
            "0xBc0fF067b7740Eff76C1ca93c875Ba6B890d6B50",
            "0xdf8b9E8f9AB23f261F6e1B171B7454ae6E46Ba76",
        ),
        (
            "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "0x4Fe2CC4925607a473264FA89e7138075695A5F8e",
            "0x5F4f45aBd6e86C60B3Df2a4aF103f85256A2Ce6d",
        ),
    ],
)
def test_it_is_what_the_sdk_computes(owner, by_beacon, older):
    assert deposit_wallets(owner, FACTORY) == (by_beacon, older)


def test_the_local_chain_makes_it_there_too(local_chain):
    assert local_chain.wallet_address(OWNER) == deposit_wallets(OWNER, FACTORY)[0]
