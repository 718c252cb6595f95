"""The wallet on a real chain with the real ConditionalTokens: reads, approvals, merges."""

import asyncio
import json
from dataclasses import replace

import pytest

from tests.feeds.listening import MachineClock
from tests.helpers.evm import CONTRACTS, VENUE, Wallet, ask
from tests.helpers.evm import local_chain as local_chain  # noqa: PLC0414 - a fixture
from tests.helpers.evm import market as market  # noqa: PLC0414
from tests.wallets.chain import GWEI, Intents, KeySigner
from trading.engine.units import MICRO
from trading.execution.requests import ExitState, FindExit, SendExit
from trading.wallets import abi
from trading.wallets.allowances import change_call, read_approvals, wallet_contracts
from trading.wallets.approvals import Asset, approval_changes, needed_approvals
from trading.wallets.exit_port import Intents as ExitIntents
from trading.wallets.exit_port import WalletExits
from trading.wallets.gas import GasLimits
from trading.wallets.holdings import ChainHoldings
from trading.wallets.merging import Merger
from trading.wallets.messages import (
    Confirmed,
    MergeWish,
    RedeemWish,
    RefusalCode,
    Refused,
    Reverted,
)
from trading.wallets.reads import ChainReader
from trading.wallets.rpc import RpcPool
from trading.wallets.rpc_node import RpcSettings
from trading.wallets.transactions import EoaSettings, EoaWallet

pytestmark = pytest.mark.slow

KNOWN = wallet_contracts(CONTRACTS, VENUE.never_approve)


@pytest.fixture
def trader(local_chain):
    """A wallet with 100 pUSD and POL, and no approval."""
    wallet = Wallet(local_chain)
    local_chain.fund(wallet.address, 100 * MICRO)
    return wallet


@pytest.fixture
async def reader(local_chain):
    pool = RpcPool(
        RpcSettings(chain_id=137, urls=(local_chain.rpc_url,), requests_per_second=10_000),
        MachineClock(),
    )
    yield ChainReader(pool)
    await pool.close()


@pytest.fixture
def eoa(reader, trader):
    signer = KeySigner()
    signer.key = trader.key
    limits = GasLimits(
        price_wei_max=500 * GWEI,
        cost_micro_max=500_000,
        multiplier_micro=1_200_000,
        pol_price_micro=MICRO,
    )
    return EoaWallet(
        EoaSettings(chain_id=137, address=trader.address, gas=limits, poll_every_ms=5),
        reader=reader,
        signer=signer,
        intents=Intents(),
        clock=MachineClock(),
    )


def needed(phase=1):
    return needed_approvals(phase=phase, standard=True, neg_risk=False, spenders=KNOWN.spenders)


async def changes_of(reader, trader, **options):
    block = (await reader.newest()).block
    seen = await read_approvals(reader, KNOWN, trader.address, block)
    never = KNOWN.never_approve
    return approval_changes(needed(), seen, never_approve=never, **options)


async def approve(reader, eoa, trader, **options):
    changes = await changes_of(reader, trader, **options)
    outcomes = [await eoa.execute((change_call(change, KNOWN),)) for change in changes]
    assert all(isinstance(one, Confirmed) for one in outcomes), outcomes
    return changes


async def test_the_exact_approvals_are_given_and_then_nothing_is_left_to_do(reader, eoa, trader):
    changes = await approve(reader, eoa, trader)

    assert len(changes) == 3
    assert await changes_of(reader, trader) == ()
    block = (await reader.newest()).block
    seen = await read_approvals(reader, KNOWN, trader.address, block)
    given = {(one.asset, one.name): one.micro for one in seen if one.micro}
    assert given == {
        (Asset.COLLATERAL, "exchange"): 20 * MICRO,
        (Asset.SHARES, "exchange"): 1,
        (Asset.SHARES, "collateral_adapter"): 1,
    }


async def test_an_unlimited_one_and_a_forbidden_one_are_taken_back(reader, eoa, trader):
    trader.allow(CONTRACTS.exchange)
    trader.allow(VENUE.never_approve[0])

    await approve(reader, eoa, trader)

    assert await changes_of(reader, trader) == ()
    block = (await reader.newest()).block
    dead = await reader.allowance(KNOWN.pusd, trader.address, VENUE.never_approve[0], block)
    live = await reader.allowance(KNOWN.pusd, trader.address, CONTRACTS.exchange, block)
    assert (dead.micro, live.micro) == (0, 20 * MICRO)


async def test_revoking_takes_everything_back(reader, eoa, trader):
    await approve(reader, eoa, trader)

    await approve(reader, eoa, trader, revoke_all=True)

    block = (await reader.newest()).block
    seen = await read_approvals(reader, KNOWN, trader.address, block)
    assert {one.micro for one in seen} == {0}


@pytest.fixture
def holder(trader, market):
    """The trader with ten sets of a market."""
    trader.allow(CONTRACTS.collateral_adapter)
    trader.send(
        CONTRACTS.collateral_adapter,
        "splitPosition(address,bytes32,bytes32,uint256[],uint256)",
        CONTRACTS.pusd,
        bytes(32),
        abi.bytes32(market.condition_id),
        [1, 2],
        10 * MICRO,
    )
    return trader


def merge(market, size_micro, set_id="s1"):
    return MergeWish(
        set_id=set_id, condition_id=market.condition_id, size_micro=size_micro, neg_risk=False
    )


async def held(reader, owner, market, block=None):
    block = block or (await reader.newest()).block
    shares = await reader.shares(KNOWN.conditional_tokens, owner.address, market.token_ids, block)
    money = await reader.balance(KNOWN.pusd, owner.address, block)
    return (money.micro, *shares.micro)


async def test_a_merge_turns_shares_into_collateral_to_the_unit(reader, eoa, holder, market):
    before = await reader.newest()
    assert await held(reader, holder, market) == (90 * MICRO, 10 * MICRO, 10 * MICRO)

    (merged,) = await Merger(eoa, KNOWN.merging).submit([merge(market, 4 * MICRO + 1)])

    assert isinstance(merged.outcome, Confirmed)
    assert merged.gas_micro > 0
    assert await held(reader, holder, market) == (
        94 * MICRO + 1,
        6 * MICRO - 1,
        6 * MICRO - 1,
    )
    # And the past is still what it was.
    assert await held(reader, holder, market, before.block) == (90 * MICRO, 10 * MICRO, 10 * MICRO)


@pytest.fixture
def paused(local_chain):
    """The chain takes transactions and mines none until what this returns is called."""
    ask(local_chain.rpc_url, "evm_setAutomine", False)

    def go_on():
        ask(local_chain.rpc_url, "evm_setAutomine", True)
        ask(local_chain.rpc_url, "evm_mine")

    yield go_on
    go_on()


def exits_of(local_chain, reader, holder, told, **limits):
    """Return the exits of a plain wallet that waits 300 ms for each offer of gas."""

    async def handed_over(set_id, condition_id, reference):
        told.append(reference)

    signer = KeySigner()
    signer.key = holder.key
    values = {
        "price_wei_max": 500 * GWEI,
        "cost_micro_max": 500_000,
        "multiplier_micro": 1_200_000,
        "pol_price_micro": MICRO,
    }
    intents = ExitIntents(handed_over)
    wallet = EoaWallet(
        EoaSettings(
            chain_id=137,
            address=holder.address,
            gas=GasLimits(**(values | limits)),
            receipt_within_ms=300,
            poll_every_ms=20,
        ),
        reader=reader,
        signer=signer,
        intents=intents,
        clock=MachineClock(),
    )
    settings = RpcSettings(chain_id=137, urls=(local_chain.rpc_url,), requests_per_second=10_000)
    holdings = ChainHoldings(
        RpcPool(settings, MachineClock()),
        owner=holder.address,
        collateral=KNOWN.pusd,
        conditional_tokens=KNOWN.conditional_tokens,
    )
    merger = Merger(wallet, KNOWN.merging)
    return WalletExits(wallet=wallet, merger=merger, intents=intents, holdings=holdings)


def exit_of(market, size_micro):
    return SendExit(
        set_id="s1",
        kind="MERGE",
        condition_ids=(market.condition_id,),
        shares_micro=tuple((token_id, size_micro) for token_id in market.token_ids),
        size_micro=size_micro,
        neg_risk=False,
    )


class TestATransactionThatNoBlockTakes:
    async def test_is_replaced_and_merges_once(self, local_chain, reader, holder, market, paused):
        told = []
        exits = exits_of(local_chain, reader, holder, told)
        waiting = asyncio.ensure_future(exits.exit(exit_of(market, 4 * MICRO)))
        while len(told) < 2:
            await asyncio.sleep(0.02)
            assert not waiting.done(), waiting.result()

        paused()
        answer = await waiting

        assert (answer.state, answer.reference) == (ExitState.DONE, told[-1])
        first, *later = told[-1].partition("0x")[2].split(",")
        assert told[0].endswith(first)  # the last reference knows every offer
        assert later
        assert await held(reader, holder, market) == (94 * MICRO, 6 * MICRO, 6 * MICRO)
        nonces = await reader.nonces(holder.address, (await reader.newest()).block)
        assert nonces.pending == nonces.mined  # nothing is left that could merge again
        await exits.close()

    async def test_is_not_replaced_above_the_caps(
        self, local_chain, reader, holder, market, paused
    ):
        told = []
        price = await reader.gas_price((await reader.newest()).block)
        cap_wei = price.base_fee_wei + price.tip_wei  # what it costs now, and no more
        exits = exits_of(local_chain, reader, holder, told, price_wei_max=cap_wei)

        answer = await exits.exit(exit_of(market, 4 * MICRO))

        assert (answer.state, len(told)) == (ExitState.UNKNOWN, 1)
        paused()
        found = await exits.find(FindExit(exit=exit_of(market, 4 * MICRO), reference=told[0]), {})
        assert found.state is ExitState.DONE
        await exits.close()


async def test_how_the_endpoints_do_is_told_as_plain_data(local_chain, reader, holder, market):
    exits = exits_of(local_chain, reader, holder, [])
    before = exits.figures()["rpc"]
    await exits.holdings.shares(market.token_ids)

    (told,) = exits.figures()["rpc"]

    await exits.close()
    assert [one["requests"] for one in before] == [0]
    assert (told["errors"], told["away"], told["last_problem"]) == (0, False, "")
    assert told["requests"] > 0
    assert told["block"] == (await reader.newest()).block
    assert json.loads(json.dumps(told)) == told


async def test_more_than_is_held_is_not_even_sent(reader, eoa, holder, market):
    (merged,) = await Merger(eoa, KNOWN.merging).submit([merge(market, 10 * MICRO + 1)])

    assert isinstance(merged.outcome, Refused)
    assert merged.outcome.code is RefusalCode.WOULD_REVERT
    assert await held(reader, holder, market) == (90 * MICRO, 10 * MICRO, 10 * MICRO)


async def test_a_merge_that_reverts_on_the_chain_costs_gas_and_moves_nothing(
    reader, eoa, holder, market, monkeypatch
):
    async def careless(call, sender):
        return 300_000

    monkeypatch.setattr(reader, "gas_estimate", careless)

    (merged,) = await Merger(eoa, KNOWN.merging).submit([merge(market, 10 * MICRO + 1)])

    assert isinstance(merged.outcome, Reverted)
    assert merged.gas_micro > 0
    assert await held(reader, holder, market) == (90 * MICRO, 10 * MICRO, 10 * MICRO)


async def test_a_resolved_market_is_redeemed(reader, eoa, holder, market, local_chain):
    local_chain.resolve(market.condition_id, (1, 0))
    wish = RedeemWish(set_id="s1", condition_id=market.condition_id, neg_risk=False)

    (redeemed,) = await Merger(eoa, KNOWN.merging).submit([wish])

    assert isinstance(redeemed.outcome, Confirmed)
    assert await held(reader, holder, market) == (100 * MICRO, 0, 0)


async def test_a_set_is_merged_in_two_equal_halves(local_chain, reader, holder, market):
    exits = exits_of(local_chain, reader, holder, [])

    first = await exits.exit(exit_of(market, 5 * MICRO))
    second = await exits.exit(exit_of(market, 5 * MICRO))

    assert (first.state, second.state) == (ExitState.DONE, ExitState.DONE)
    assert first.reference != second.reference
    assert await held(reader, holder, market) == (100 * MICRO, 0, 0)
    await exits.close()


async def test_a_second_redemption_is_a_transaction_that_takes_nothing(
    local_chain, reader, holder, market
):
    """So one whose outcome died with its session may be sent again."""
    local_chain.resolve(market.condition_id, (1, 0))
    wanted = replace(exit_of(market, 10 * MICRO), kind="REDEEM")
    for _ in range(2):
        exits = exits_of(local_chain, reader, holder, [])
        assert (await exits.exit(wanted)).state is ExitState.DONE
        assert await held(reader, holder, market) == (100 * MICRO, 0, 0)
        await exits.close()


async def test_the_chain_refuses_to_be_another(local_chain):
    pool = RpcPool(RpcSettings(chain_id=80_002, urls=(local_chain.rpc_url,)), MachineClock())

    await pool.check()

    assert "is chain 137, not 80002" in pool.status()[0].out_because
    await pool.close()


async def test_a_deposit_wallet_has_code_once_it_is_made(local_chain, reader, trader):
    there = local_chain.wallet_address(trader.address)
    assert not (await reader.code(there, (await reader.newest()).block)).deployed

    local_chain.deposit_wallet_of(trader.address)

    assert (await reader.code(there, (await reader.newest()).block)).deployed
