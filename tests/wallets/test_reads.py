"""Reads at a block number: what is asked, what is understood, and what is unknown instead."""

import pytest
from eth_abi.abi import encode

from tests.wallets.nodes import Fault, word
from trading.wallets.rpc_node import RpcDisagreesError, RpcError

TOKEN = "0x" + "11" * 20
OWNER = "0x" + "22" * 20
OTHER = "0x" + "33" * 20
HASH = "0x" + "ab" * 32
BLOCK = 100


def both(nodes, method, said):
    for node in nodes[:2]:
        node.says[method] = said


def receipt(**changes):
    return {
        "transactionHash": HASH,
        "blockHash": "0x" + "cd" * 32,
        "blockNumber": hex(99),
        "status": "0x1",
        "gasUsed": hex(85_753),
        "effectiveGasPrice": hex(30 * 10**9),
    } | changes


async def test_the_newest_block_is_what_two_share(reader):
    seen = await reader.newest()

    assert (seen.block, seen.witnesses) == (BLOCK, 2)


async def test_a_balance_is_asked_for_at_its_block(nodes, reader):
    both(nodes, "eth_call", word(5_000_000))

    seen = await reader.balance(TOKEN, OWNER, BLOCK)

    assert (seen.micro, seen.block, seen.witnesses) == (5_000_000, BLOCK, 2)
    fields, block = nodes[0].asked[-1][1]
    assert fields == {"to": TOKEN, "data": f"0x70a08231{int(OWNER, 16):064x}", "value": "0x0"}
    assert block == hex(BLOCK)


async def test_an_allowance_can_be_without_limit(nodes, reader):
    both(nodes, "eth_call", word(2**256 - 1))

    seen = await reader.allowance(TOKEN, OWNER, OTHER, BLOCK)

    assert seen.micro == 2**256 - 1
    assert nodes[0].asked[-1][1][0]["data"][:10] == "0xdd62ed3e"


async def test_shares_come_in_the_order_asked(nodes, reader):
    both(nodes, "eth_call", "0x" + encode(["uint256[]"], [[7, 0]]).hex())

    seen = await reader.shares(TOKEN, OWNER, ("10", "20"), BLOCK)

    assert seen.micro == (7, 0)
    assert nodes[0].asked[-1][1][0]["data"][:10] == "0x4e1273f4"


async def test_a_missing_balance_in_the_list_is_an_error(nodes, reader):
    both(nodes, "eth_call", "0x" + encode(["uint256[]"], [[7]]).hex())

    with pytest.raises(RpcError, match="1 balances for 2 tokens"):
        await reader.shares(TOKEN, OWNER, ("10", "20"), BLOCK)


async def test_too_many_tokens_are_refused(reader):
    with pytest.raises(ValueError, match="token_ids: 201 at once"):
        await reader.shares(TOKEN, OWNER, ["1"] * 201, BLOCK)


@pytest.mark.parametrize("approved", [True, False])
async def test_an_operator_is_approved_or_not(nodes, reader, approved):
    both(nodes, "eth_call", word(int(approved)))

    assert (await reader.operator(TOKEN, OWNER, OTHER, BLOCK)).approved is approved


async def test_an_address_without_a_contract_answers_nothing_which_is_no_zero(nodes, reader):
    both(nodes, "eth_call", "0x")

    with pytest.raises(RpcError, match="balanceOf: '0x' is no uint256"):
        await reader.balance(TOKEN, OWNER, BLOCK)


@pytest.mark.parametrize(("said", "deployed"), [("0x", False), ("0x6001", True)])
async def test_code_tells_whether_a_contract_is_there(nodes, reader, said, deployed):
    both(nodes, "eth_getCode", said)

    assert (await reader.code(OWNER, BLOCK)).deployed is deployed


async def test_a_node_that_lies_about_a_balance_makes_it_unknown(nodes, reader):
    nodes[0].says["eth_call"], nodes[1].says["eth_call"] = word(5), word(500)

    with pytest.raises(RpcDisagreesError):
        await reader.balance(TOKEN, OWNER, BLOCK)


async def test_the_pending_nonce_counts_what_waits(nodes, reader):
    both(nodes, "eth_getTransactionCount", lambda _, block: hex(4 if block == "pending" else 3))

    seen = await reader.nonces(OWNER, BLOCK)

    assert (seen.mined, seen.pending) == (3, 4)


async def test_a_node_without_a_proposal_for_the_tip_gets_the_usual_one(nodes, reader):
    both(nodes, "eth_getBlockByNumber", {"hash": HASH, "baseFeePerGas": hex(10**9)})

    seen = await reader.gas_price(BLOCK)

    assert (seen.base_fee_wei, seen.tip_wei) == (10**9, 30 * 10**9)


class TestReceipts:
    async def test_one_that_both_know_is_read(self, nodes, reader):
        both(nodes, "eth_getTransactionReceipt", receipt())
        nodes[1].says["eth_getTransactionReceipt"] = receipt(type="0x2", blockNumber="0x63")

        seen = await reader.receipt(HASH)

        assert (seen.succeeded, seen.gas_used, seen.block) == (True, 85_753, 99)
        assert seen.witnesses == 2

    async def test_a_failed_one_is_not_a_success(self, nodes, reader):
        both(nodes, "eth_getTransactionReceipt", receipt(status="0x0"))

        assert (await reader.receipt(HASH)).succeeded is False

    async def test_one_that_a_node_has_not_seen_is_not_there_yet(self, nodes, reader):
        nodes[0].says["eth_getTransactionReceipt"] = receipt()
        nodes[1].says["eth_getTransactionReceipt"] = None

        assert await reader.receipt(HASH) is None

    async def test_nodes_that_tell_different_ends_are_not_believed(self, nodes, reader):
        nodes[0].says["eth_getTransactionReceipt"] = receipt()
        nodes[1].says["eth_getTransactionReceipt"] = receipt(status="0x0")

        with pytest.raises(RpcDisagreesError):
            await reader.receipt(HASH)

    async def test_of_another_transaction_is_an_error(self, nodes, reader):
        both(nodes, "eth_getTransactionReceipt", receipt(transactionHash="0x" + "00" * 32))

        with pytest.raises(RpcError, match="of another transaction"):
            await reader.receipt(HASH)

    async def test_a_lookup_that_fails_is_no_missing_receipt(self, nodes, reader):
        both(nodes, "eth_getTransactionReceipt", Fault(-32000, "internal trouble"))

        with pytest.raises(RpcError, match="internal trouble"):
            await reader.receipt(HASH)
