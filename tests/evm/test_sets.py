"""Split, merge and redeem through the adapter, over the real ConditionalTokens."""

import pytest

from tests.helpers.evm import CONTRACTS, ask, call, new_market
from trading.simulator.accounts import RevertedError

SPLIT = "splitPosition(address,bytes32,bytes32,uint256[],uint256)"
MERGE = "mergePositions(address,bytes32,bytes32,uint256[],uint256)"
REDEEM = "redeemPositions(address,bytes32,bytes32,uint256[])"
DOLLAR = 1_000_000


def arguments(market, *amount, collateral=CONTRACTS.pusd, parent=bytes(32), sets=(1, 2)):
    return collateral, parent, bytes.fromhex(market.condition_id[2:]), list(sets), *amount


def holdings(wallet, market):
    held = wallet.chain.balances(wallet.address, market.token_ids)
    return held.pusd_micro, tuple(held.tokens_micro.values())


def refusal(wallet, signature, *values):
    """Return why the adapter refuses a call of a wallet."""
    asked = call(CONTRACTS.collateral_adapter, signature, *values)
    with pytest.raises(AssertionError) as caught:
        ask(
            wallet.chain.rpc_url,
            "eth_call",
            {"from": wallet.address, "to": asked.target, "data": f"0x{asked.data.hex()}"},
            "latest",
        )
    return str(caught.value)


def test_a_split_turns_pusd_into_one_token_of_each_outcome(trader, market):
    receipt = trader.send(CONTRACTS.collateral_adapter, SPLIT, *arguments(market, 30 * DOLLAR))

    assert receipt["status"] == "0x1"
    assert holdings(trader, market) == (70 * DOLLAR, (30 * DOLLAR, 30 * DOLLAR))


def test_a_merge_turns_sets_back_into_pusd(trader, market):
    adapter = CONTRACTS.collateral_adapter
    trader.send(adapter, SPLIT, *arguments(market, 30 * DOLLAR))

    trader.send(adapter, MERGE, *arguments(market, 10 * DOLLAR))

    assert holdings(trader, market) == (80 * DOLLAR, (20 * DOLLAR, 20 * DOLLAR))


def test_a_redemption_burns_both_tokens_and_pays_for_the_winner(trader, market):
    adapter = CONTRACTS.collateral_adapter
    trader.send(adapter, SPLIT, *arguments(market, 30 * DOLLAR))
    trader.chain.resolve(market.condition_id, (0, 1))

    trader.send(adapter, REDEEM, *arguments(market))

    assert holdings(trader, market) == (100 * DOLLAR, (0, 0))


def test_a_draw_pays_half_a_dollar_for_each_token(trader, local_chain):
    market = new_market(local_chain)
    trader.send(CONTRACTS.collateral_adapter, SPLIT, *arguments(market, 30 * DOLLAR))
    first = int(market.token_ids[0])
    transfer = "safeTransferFrom(address,address,uint256,uint256,bytes)"
    trader.send(
        CONTRACTS.conditional_tokens,
        transfer,
        *(trader.address, CONTRACTS.exchange, first, 30 * DOLLAR, b""),
    )
    trader.chain.resolve(market.condition_id, (1, 1))

    trader.send(CONTRACTS.collateral_adapter, REDEEM, *arguments(market))

    assert holdings(trader, market) == (85 * DOLLAR, (0, 0))


def test_nothing_is_redeemed_before_the_market_is_resolved(trader, market):
    assert "condition not received yet" in refusal(trader, REDEEM, *arguments(market))


def test_a_market_is_resolved_once(local_chain, market):
    local_chain.resolve(market.condition_id, (1, 0))

    with pytest.raises(RevertedError, match="already set"):
        local_chain.resolve(market.condition_id, (0, 1))


def test_a_split_needs_an_allowance_of_pusd(stranger, market):
    assert "exceeds allowance" in refusal(stranger, SPLIT, *arguments(market, DOLLAR))


def test_a_split_needs_the_pusd(trader, market):
    said = refusal(trader, SPLIT, *arguments(market, 100 * DOLLAR + 1))

    assert "exceeds balance" in said


def test_a_merge_needs_the_approval_of_the_tokens(trader, market):
    trader.send(CONTRACTS.collateral_adapter, SPLIT, *arguments(market, DOLLAR))
    trader.send(
        CONTRACTS.conditional_tokens,
        "setApprovalForAll(address,bool)",
        *(CONTRACTS.collateral_adapter, False),
    )

    assert "operator approval" in refusal(trader, MERGE, *arguments(market, DOLLAR))


def test_a_merge_needs_both_tokens(trader, market):
    assert "reverted" in refusal(trader, MERGE, *arguments(market, DOLLAR))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"collateral": CONTRACTS.usdc_e}, "collateral is not pUSD"),
        ({"parent": b"\1" * 32}, "parent collection is not zero"),
        ({"sets": (1, 1)}, "partition is not [1, 2]"),
        ({"sets": (1,)}, "partition is not [1, 2]"),
    ],
)
def test_the_adapter_takes_only_pusd_and_the_two_outcomes(trader, market, changed, said):
    assert said in refusal(trader, SPLIT, *arguments(market, DOLLAR, **changed))


def test_token_ids_do_not_come_from_pusd(local_chain, market):
    """Who computes them from the collateral that callers see is wrong, as at the venue."""
    contracts = local_chain.contracts
    condition = bytes.fromhex(market.condition_id[2:])
    collection = "getCollectionId(bytes32,bytes32,uint256)"
    ids = {}
    for collateral in (contracts.usdc_e, contracts.pusd):
        asked = call(contracts.conditional_tokens, collection, bytes(32), condition, 1)
        data = {"to": asked.target, "data": f"0x{asked.data.hex()}"}
        found = bytes.fromhex(ask(local_chain.rpc_url, "eth_call", data, "latest")[2:])
        asked = call(
            contracts.conditional_tokens, "getPositionId(address,bytes32)", collateral, found
        )
        data = {"to": asked.target, "data": f"0x{asked.data.hex()}"}
        ids[collateral] = str(int(ask(local_chain.rpc_url, "eth_call", data, "latest"), 16))

    assert ids[contracts.usdc_e] == market.token_ids[0]
    assert ids[contracts.pusd] not in market.token_ids


def test_a_question_that_is_open_already_stays_the_same_market(local_chain):
    first = local_chain.prepare_market(b"q" * 32)

    assert local_chain.prepare_market(b"q" * 32) == first
