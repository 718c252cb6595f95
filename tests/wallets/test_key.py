"""The wallet signs through a real signer process, and hears its no."""

import pytest
from eth_account import Account

from tests.signer.builders import ADAPTER, STRANGER, plain_policy, policy
from tests.signer.conftest import now_s as now_s  # noqa: PLC0414 - a fixture
from tests.signer.conftest import short_dir as short_dir  # noqa: PLC0414
from tests.signer.golden import ADDRESS
from tests.signer.running import Signer
from trading.signer.client import SignerClient
from trading.wallets import abi
from trading.wallets.key import SignerKey
from trading.wallets.messages import TransactionFields
from trading.wallets.ports import SignerError
from trading.wallets.transactions import _check_hash

PUSD = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
MERGE = abi.merge_positions(ADAPTER, PUSD, "0x" + "07" * 32, 5_000_000)
FIELDS = TransactionFields(
    chain_id=137, nonce=3, call=MERGE, gas_limit=300_000, fee_wei_max=10**11, tip_wei_max=10**10
)


@pytest.fixture
async def key_at():
    """Return a maker of keys behind a socket."""
    clients = []

    def make(path):
        clients.append(SignerClient(path))
        return SignerKey(clients[-1], chain_id=137)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def key_of(short_dir, key_at):
    """Return a maker of keys that stand behind a signer with these terms."""
    return lambda rules: key_at(Signer(short_dir, rules).start().socket)


async def test_a_transaction_is_signed_by_the_key_that_says_so(key_of):
    key = key_of(plain_policy())

    raw, transaction_hash = await key.sign_transaction(FIELDS)

    _check_hash(raw, transaction_hash)
    assert await key.address() == ADDRESS
    assert Account.recover_transaction(raw) == ADDRESS


async def test_a_batch_is_signed_for_the_deposit_wallet(key_of, now_s):
    signature = await key_of(policy()).sign_wallet_batch((MERGE,), 12, now_s + 300)

    assert len(bytes.fromhex(signature[2:])) == 65


async def test_a_no_of_the_policy_is_final_and_has_its_code(key_of, now_s):
    key = key_of(policy())
    foreign = abi.approve(PUSD, STRANGER, 1)

    with pytest.raises(SignerError, match="SPENDER_UNKNOWN") as told:
        await key.sign_wallet_batch((foreign,), 12, now_s + 300)
    with pytest.raises(SignerError, match="WRONG_WALLET_KIND"):
        await key.sign_transaction(FIELDS)

    assert told.value.permanent


async def test_a_signer_that_is_not_there_may_come_back(short_dir, key_at):
    key = key_at(short_dir / "nobody.sock")

    for asked in (key.address(), key.sign_transaction(FIELDS), key.sign_wallet_batch((), 1, 2)):
        with pytest.raises(SignerError, match="no signer answers") as told:
            await asked
        assert not told.value.permanent
