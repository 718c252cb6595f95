"""The exchange moves what a trade moves, once, and only what its owners allow."""

import pytest

from tests.helpers.evm import CONTRACTS
from trading.simulator.accounts import RevertedError
from trading.simulator.evm.chain import Move

pytestmark = pytest.mark.slow

DOLLAR = 1_000_000


def sale(market, trader, *, size=10 * DOLLAR, dollars=4 * DOLLAR, fee=0):
    """A trader buys the first outcome of the operator, and pays a fee to it."""
    operator, first = trader.chain.operator, market.token_ids[0]
    return [
        Move(account=operator, token_id=first, amount_micro=-size),
        Move(account=trader.address, token_id=first, amount_micro=size),
        Move(account=trader.address, token_id="", amount_micro=-dollars - fee),
        Move(account=operator, token_id="", amount_micro=dollars + fee),
    ]


def holdings(wallet, market):
    held = wallet.chain.balances(wallet.address, market.token_ids)
    return held.pusd_micro, tuple(held.tokens_micro.values())


def test_a_settlement_moves_pusd_and_tokens(trader, market):
    moves = sale(market, trader, fee=100_000)

    mined = trader.chain.settle("trade", market.condition_id, 0, moves)

    assert mined.logs
    assert holdings(trader, market) == (95_900_000, (10 * DOLLAR, 0))


def test_a_trade_settles_once(trader, market):
    moves = sale(market, trader)
    trader.chain.settle("trade twice", market.condition_id, 0, moves)
    before = holdings(trader, market)

    again = trader.chain.settle("trade twice", market.condition_id, 0, moves)

    assert not again.logs  # which is how a repetition is recognised
    assert holdings(trader, market) == before


def test_two_buyers_mint_a_set(trader, market):
    first, second = market.token_ids
    operator = trader.chain.operator
    moves = [
        Move(account=trader.address, token_id="", amount_micro=-4 * DOLLAR),
        Move(account=operator, token_id="", amount_micro=-6 * DOLLAR),
        Move(account=trader.address, token_id=first, amount_micro=10 * DOLLAR),
        Move(account=operator, token_id=second, amount_micro=10 * DOLLAR),
    ]

    trader.chain.settle("mint", market.condition_id, 10 * DOLLAR, moves)

    assert holdings(trader, market) == (96 * DOLLAR, (10 * DOLLAR, 0))


def test_two_sellers_merge_a_set(trader, market):
    first, second = market.token_ids
    operator = trader.chain.operator
    trader.chain.settle("buy first", market.condition_id, 0, sale(market, trader))
    moves = [
        Move(account=trader.address, token_id=first, amount_micro=-10 * DOLLAR),
        Move(account=operator, token_id=second, amount_micro=-10 * DOLLAR),
        Move(account=trader.address, token_id="", amount_micro=3 * DOLLAR),
        Move(account=operator, token_id="", amount_micro=7 * DOLLAR),
    ]

    trader.chain.settle("merge", market.condition_id, -10 * DOLLAR, moves)

    assert holdings(trader, market) == (99 * DOLLAR, (0, 0))


def test_a_revoked_allowance_reverts_the_whole_settlement(trader, market):
    trader.send(CONTRACTS.pusd, "approve(address,uint256)", CONTRACTS.exchange, 0)
    before = holdings(trader, market)

    with pytest.raises(RevertedError, match="exceeds allowance"):
        trader.chain.settle("revoked", market.condition_id, 0, sale(market, trader))

    assert holdings(trader, market) == before


def test_a_settlement_that_reverted_can_succeed_later(trader, market):
    trader.send(CONTRACTS.pusd, "approve(address,uint256)", CONTRACTS.exchange, 0)
    with pytest.raises(RevertedError):
        trader.chain.settle("later", market.condition_id, 0, sale(market, trader))
    trader.allow(CONTRACTS.exchange)

    assert trader.chain.settle("later", market.condition_id, 0, sale(market, trader)).logs


def test_a_settlement_reverts_when_the_money_is_gone(trader, market):
    moves = sale(market, trader, dollars=100 * DOLLAR, fee=1)

    with pytest.raises(RevertedError, match="exceeds balance"):
        trader.chain.settle("too much", market.condition_id, 0, moves)


def test_moves_that_do_not_balance_revert(trader, market):
    moves = [Move(account=trader.address, token_id="", amount_micro=-DOLLAR)]

    with pytest.raises(RevertedError, match="do not balance"):
        trader.chain.settle("lost", market.condition_id, 0, moves)


def test_only_the_operator_settles(trader, market):
    receipt = trader.send(
        CONTRACTS.exchange,
        "settle(bytes32,bytes32,int256,(address,uint256,int256)[])",
        *(bytes(32), bytes.fromhex(market.condition_id[2:]), 0, []),
    )

    assert receipt["status"] == "0x0"


def test_only_the_operator_makes_money(stranger, market):
    receipt = stranger.send(CONTRACTS.pusd, "mint(address,uint256)", stranger.address, DOLLAR)

    assert receipt["status"] == "0x0"
    assert holdings(stranger, market) == (100 * DOLLAR, (0, 0))


def test_balances_are_those_of_one_block(trader, market):
    chain = trader.chain
    before = chain.balances(trader.address, market.token_ids)
    chain.settle("after", market.condition_id, 0, sale(market, trader))

    then = chain.balances(trader.address, market.token_ids, block=before.block_number)

    assert then == before
    assert chain.balances(trader.address, market.token_ids).pusd_micro == 96 * DOLLAR


def test_allowances_are_what_the_owner_said(stranger):
    stranger.send(CONTRACTS.pusd, "approve(address,uint256)", CONTRACTS.exchange, 5)

    allowed = stranger.chain.allowances(stranger.address, CONTRACTS.exchange)

    assert (allowed.pusd_micro, allowed.tokens) == (5, False)
