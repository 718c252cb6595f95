"""What became of an exit: the wallet says it, and the chain only where that decides."""

from dataclasses import replace

import pytest

from trading.execution.requests import ExitState, FindExit, SendExit
from trading.wallets.exit_port import Intents, WalletExits
from trading.wallets.merging import MergeContracts, Merger
from trading.wallets.messages import Confirmed, Reverted, Unknown

MERGE = SendExit(
    set_id="s1",
    kind="MERGE",
    condition_ids=("0x" + "c0" * 32,),
    shares_micro=(("yes", 10), ("no", 10)),
    size_micro=10,
    neg_risk=False,
)
HELD = {"yes": 10, "no": 10}


class Wallet:
    def __init__(self, outcome):
        self.outcome = outcome
        self.repeated = []

    async def look_up(self, reference):
        return self.outcome

    async def repeat(self, reference, calls):
        self.repeated.append((reference, tuple(calls)))
        return self.outcome


class Holdings:
    def __init__(self, shares):
        self._shares = shares
        self.asked = 0

    async def shares(self, token_ids):
        self.asked += 1
        return self._shares


async def find(outcome, shares=None, reference="batch:1:9:1:"):
    holdings = Holdings(shares)
    wallet = Wallet(outcome)
    exits = WalletExits(
        wallet=wallet, merger=Merger(wallet, None), intents=Intents(None), holdings=holdings
    )
    answer = await exits.find(FindExit(exit=MERGE, reference=reference), HELD)
    return answer.state, holdings.asked


def unknown(**more):
    return Unknown(reference="batch:1:9:1:", reason="silence", **more)


async def test_without_a_reference_it_was_never_handed_over():
    assert await find(unknown(), reference="") == (ExitState.NOT_DONE, 0)


async def test_what_the_wallet_knows_is_believed():
    done = Confirmed(reference="r", transaction_hash="", block=0, gas_used=0, gas_micro=0)
    assert await find(done) == (ExitState.DONE, 0)
    reverted = Reverted(reference="r", reason="late", gas_micro=0)
    assert await find(reverted) == (ExitState.NOT_DONE, 0)


async def test_a_number_that_was_used_and_shares_that_are_gone_say_that_it_happened():
    assert await find(unknown(number_used=True), {"yes": 0, "no": 0}) == (ExitState.DONE, 1)


@pytest.mark.parametrize("shares", [{"yes": 10, "no": 10}, {"yes": 0, "no": 10}, None])
async def test_shares_that_are_there_leave_it_unknown(shares):
    assert await find(unknown(number_used=True), shares) == (ExitState.UNKNOWN, 1)


async def test_as_long_as_it_waits_a_node_that_is_behind_is_not_asked():
    before_they_were_bought = {"yes": 0, "no": 0}

    assert await find(unknown(), before_they_were_bought) == (ExitState.UNKNOWN, 0)


class TestWhatMayBeLost:
    @pytest.fixture
    def wallet(self):
        return Wallet(unknown(may_be_lost=True))

    @pytest.fixture
    def exits(self, wallet):
        contracts = MergeContracts(
            pusd="0x" + "1" * 40, collateral_adapter="0x" + "2" * 40, neg_risk_collateral_adapter=""
        )
        merger = Merger(wallet, contracts)
        return WalletExits(
            wallet=wallet, merger=merger, intents=Intents(None), holdings=Holdings(None)
        )

    async def test_is_handed_in_again_with_every_exit_that_it_carried(self, exits, wallet):
        other = replace(MERGE, set_id="s2", condition_ids=("0x" + "c1" * 32,))
        for merge in (MERGE, other, MERGE):
            await exits.find(FindExit(exit=merge, reference="batch:1:9:2:"), HELD)

        calls = [calls for _, calls in wallet.repeated]
        assert [len(one) for one in calls] == [1, 2, 2]
        assert calls[1] == calls[2]

    async def test_is_left_alone_as_long_as_it_is_under_way(self, exits, wallet):
        wallet.outcome = unknown()

        await exits.find(FindExit(exit=MERGE, reference="batch:1:9:1:"), HELD)

        assert wallet.repeated == []
