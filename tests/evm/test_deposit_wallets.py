"""Deposit wallets: at the address the client derives, obeying their owner's signature only."""

import pytest

from tests.helpers.evm import CONTRACTS, VENUE, Wallet, call, sign_batch
from tests.simulator.official import (
    ClobClient,
    CreateOrderOptions,
    OrderArgsV2,
    order_to_json_v2,
)
from trading.simulator.accounts import RevertedError
from trading.simulator.evm.chain import Batch
from trading.simulator.signatures import SignedOrder

# Of the first two development keys, computed with polymarket-client 0.14.0 (internal wallet.py,
# derive_beacon_deposit_wallet_address).
DERIVED = {
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266": "0xBc0fF067b7740Eff76C1ca93c875Ba6B890d6B50",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8": "0x4Fe2CC4925607a473264FA89e7138075695A5F8e",
}
APPROVE = "approve(address,uint256)"


@pytest.fixture
def owner(local_chain):
    """The owner of a deposit wallet that is deployed."""
    wallet = Wallet(local_chain)
    local_chain.deposit_wallet_of(wallet.address)
    return wallet


def allowed(owner):
    wallet = owner.chain.wallet_address(owner.address)
    return owner.chain.allowances(wallet, CONTRACTS.exchange).pusd_micro


@pytest.mark.parametrize(("owner_address", "wallet"), DERIVED.items())
def test_a_wallet_is_where_the_official_client_derives_it(local_chain, owner_address, wallet):
    assert local_chain.wallet_address(owner_address) == wallet
    assert local_chain.deposit_wallet_of(owner_address) == wallet
    assert local_chain.is_deployed(wallet)


def test_a_wallet_that_is_there_already_stays(owner):
    batch, signature = owner.batch(call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 7))
    owner.chain.relay(batch, signature)

    assert owner.chain.deposit_wallet_of(owner.address) == batch.wallet
    assert owner.chain.wallet_nonce(batch.wallet) == 1


def test_a_wallet_that_was_never_made_is_not_deployed(local_chain):
    nobody = Wallet(local_chain)

    assert not local_chain.is_deployed(local_chain.wallet_address(nobody.address))


def test_a_signed_batch_is_executed_in_order_and_once(owner):
    batch, signature = owner.batch(
        call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 7),
        call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 8),
    )

    owner.chain.relay(batch, signature)

    assert allowed(owner) == 8
    with pytest.raises(RevertedError, match="batch nonce"):
        owner.chain.relay(batch, signature)


def test_a_batch_that_somebody_else_signed_is_refused(owner):
    stranger = Wallet(owner.chain)
    batch, _ = owner.batch(call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 7))

    with pytest.raises(RevertedError, match="not signed by the owner"):
        owner.chain.relay(batch, sign_batch(stranger.key, batch))
    assert allowed(owner) == 0


def test_a_batch_that_was_changed_after_signing_is_refused(owner):
    batch, signature = owner.batch(call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 7))
    changed = Batch(
        wallet=batch.wallet,
        nonce=batch.nonce,
        deadline_s=batch.deadline_s,
        calls=(call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 8),),
    )

    with pytest.raises(RevertedError, match="not signed by the owner"):
        owner.chain.relay(changed, signature)


def test_a_batch_is_refused_after_its_deadline(owner):
    batch, signature = owner.batch(
        call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 7), deadline_s=1
    )

    with pytest.raises(RevertedError, match="deadline"):
        owner.chain.relay(batch, signature)


def test_a_call_that_reverts_takes_the_whole_batch_back(owner):
    batch, signature = owner.batch(
        call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 7),
        call(CONTRACTS.pusd, "transfer(address,uint256)", CONTRACTS.exchange, 1),
    )

    with pytest.raises(RevertedError, match="exceeds balance"):
        owner.chain.relay(batch, signature)
    assert allowed(owner) == 0
    assert owner.chain.wallet_nonce(batch.wallet) == 0


def test_a_wallet_obeys_nobody_but_its_factory(owner):
    batch, signature = owner.batch(call(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 7))
    owner.chain.fund(owner.address, 1)  # gas money
    calls = [(one.target, one.value_wei, one.data) for one in batch.calls]

    receipt = owner.send(
        batch.wallet,
        "execute((address,uint256,uint256,(address,uint256,bytes)[]),bytes)",
        *((batch.wallet, batch.nonce, batch.deadline_s, calls), signature),
    )

    assert receipt["status"] == "0x0"
    assert allowed(owner) == 0


def test_a_wallet_takes_outcome_tokens(owner, market):
    wallet = owner.chain.wallet_address(owner.address)
    owner.chain.fund(wallet, 10_000_000)
    batch, signature = owner.batch(
        call(CONTRACTS.pusd, APPROVE, CONTRACTS.collateral_adapter, 10_000_000),
        call(
            CONTRACTS.collateral_adapter,
            "splitPosition(address,bytes32,bytes32,uint256[],uint256)",
            *(CONTRACTS.pusd, bytes(32), bytes.fromhex(market.condition_id[2:]), [1, 2]),
            10_000_000,
        ),
    )

    owner.chain.relay(batch, signature)

    held = owner.chain.balances(wallet, market.token_ids)
    assert tuple(held.tokens_micro.values()) == (10_000_000, 10_000_000)


class TestSignaturesOfOrders:
    """ERC-1271: what the official client signs for a deposit wallet, the wallet accepts."""

    @pytest.fixture
    def order(self, owner):
        """An order that the official client made, as (digest, signature)."""
        wallet = owner.chain.wallet_address(owner.address)
        client = ClobClient(
            "http://127.0.0.1:1", VENUE.chain_id, key=owner.key, signature_type=3, funder=wallet
        )
        args = OrderArgsV2(token_id="1001", price=0.5, size=10, side="BUY")
        options = CreateOrderOptions(tick_size="0.01", neg_risk=False)
        fields = order_to_json_v2(client.builder.build_order(args, options, version=2), "", "GTC")
        signed = SignedOrder(
            chain_id=VENUE.chain_id, exchange=CONTRACTS.exchange, fields=fields["order"]
        )
        signature = bytes.fromhex(fields["order"]["signature"][2:])
        return bytes.fromhex(signed.order_id[2:]), signature

    def test_the_official_clients_signature_is_accepted(self, owner, order):
        wallet = owner.chain.wallet_address(owner.address)

        assert owner.chain.accepts_signature(wallet, *order)

    def test_another_digest_is_not(self, owner, order):
        wallet = owner.chain.wallet_address(owner.address)
        digest, signature = order

        assert not owner.chain.accepts_signature(wallet, bytes(32), signature)
        assert owner.chain.accepts_signature(wallet, digest, signature)

    def test_another_owners_wallet_refuses_it(self, owner, order):
        other = owner.chain.deposit_wallet_of(Wallet(owner.chain).address)

        assert not owner.chain.accepts_signature(other, *order)

    @pytest.mark.parametrize("length", [0, 65, 130, 131, 200])
    def test_a_piece_of_a_signature_is_refused(self, owner, order, length):
        wallet = owner.chain.wallet_address(owner.address)
        digest, signature = order

        assert not owner.chain.accepts_signature(wallet, digest, signature[:length])
