"""Merging sets: what is called, what is batched, and that no set is merged twice."""

import asyncio

import pytest
from eth_abi.abi import decode

from trading.wallets.merging import MergeContracts, Merger
from trading.wallets.messages import (
    Confirmed,
    MergeWish,
    RedeemWish,
    RefusalCode,
    Refused,
    Reverted,
    Unknown,
)

PUSD, ADAPTER, NEG_RISK = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x" + "cc" * 20
CONDITION = "0x" + "01" * 32
NOTHING_WAITS = Refused(code=RefusalCode.WALLET_BUSY, text="nothing waits")


class ListedWallet:
    """Ends each batch as listed, the last for ever; so for look-ups."""

    def __init__(self, calls_max=10):
        self.calls_max = calls_max
        self.batches = []
        self.ends = [confirmed()]
        self.found = [confirmed()]
        self.raised = [NOTHING_WAITS]
        self.raises = 0
        self.looked_up = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def execute(self, calls):
        self.batches.append(list(calls))
        await self.gate.wait()
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if isinstance(end, Exception):
            raise end
        return end

    async def replace(self):
        self.raises += 1
        end = self.raised.pop(0) if len(self.raised) > 1 else self.raised[0]
        if isinstance(end, Exception):
            raise end
        return end

    async def look_up(self, reference):
        self.looked_up.append(reference)
        return self.found.pop(0) if len(self.found) > 1 else self.found[0]


def confirmed(gas_micro=0, reference="tx:1"):
    return Confirmed(
        reference=reference, transaction_hash="0x1", block=1, gas_used=1, gas_micro=gas_micro
    )


def wish(set_id="s1", size_micro=5_000_000, neg_risk=False):
    return MergeWish(
        set_id=set_id, condition_id=CONDITION, size_micro=size_micro, neg_risk=neg_risk
    )


@pytest.fixture
def wallet():
    return ListedWallet()


@pytest.fixture
def merger(wallet):
    contracts = MergeContracts(
        pusd=PUSD, collateral_adapter=ADAPTER, neg_risk_collateral_adapter=NEG_RISK
    )
    return Merger(wallet, contracts)


class TestTheCall:
    async def test_merges_both_outcomes_into_collateral(self, wallet, merger):
        await merger.submit([wish()])

        ((call,),) = wallet.batches
        assert (call.target, call.data[:10]) == (ADAPTER, "0x9e7212ad")
        kinds = ["address", "bytes32", "bytes32", "uint256[]", "uint256"]
        assert decode(kinds, bytes.fromhex(call.data[10:])) == (
            PUSD,
            bytes(32),
            b"\x01" * 32,
            (1, 2),
            5_000_000,
        )

    async def test_redeems_everything_of_a_resolved_condition(self, wallet, merger):
        await merger.submit([RedeemWish(set_id="s1", condition_id=CONDITION, neg_risk=False)])

        ((call,),) = wallet.batches
        assert (call.target, call.data[:10]) == (ADAPTER, "0x01b7037c")
        kinds = ["address", "bytes32", "bytes32", "uint256[]"]
        assert decode(kinds, bytes.fromhex(call.data[10:])) == (
            PUSD,
            bytes(32),
            b"\x01" * 32,
            (1, 2),
        )

    async def test_of_a_neg_risk_market_goes_to_its_own_adapter(self, wallet, merger):
        await merger.submit([wish(neg_risk=True)])

        assert wallet.batches[0][0].target == NEG_RISK

    async def test_without_such_an_adapter_it_is_refused_and_the_others_are_not(self, wallet):
        merger = Merger(wallet, MergeContracts(pusd=PUSD, collateral_adapter=ADAPTER))

        refused, merged = await merger.submit([wish("s1", neg_risk=True), wish("s2")])

        assert refused.outcome.code is RefusalCode.NO_ADAPTER
        assert isinstance(merged.outcome, Confirmed)

    @pytest.mark.parametrize("size_micro", [0, -1])
    async def test_of_nothing_is_refused(self, wallet, merger, size_micro):
        with pytest.raises(ValueError, match="is nothing to merge"):
            await merger.submit([wish(), wish("s2", size_micro)])

        assert wallet.batches == []

    async def test_of_no_condition_is_refused(self, merger):
        bad = MergeWish(set_id="s", condition_id="0x01", size_micro=1, neg_risk=False)

        with pytest.raises(ValueError, match="'0x01' is not 32 bytes"):
            await merger.submit([bad])


class TestBatches:
    async def test_several_sets_go_in_one_and_share_its_gas(self, wallet, merger):
        wallet.ends = [confirmed(gas_micro=100)]

        outcomes = await merger.submit([wish("s1"), wish("s2"), wish("s3")])

        assert [len(batch) for batch in wallet.batches] == [3]
        assert [(one.set_id, one.gas_micro) for one in outcomes] == [
            ("s1", 34),
            ("s2", 33),
            ("s3", 33),
        ]
        assert {one.reference for one in outcomes} == {"tx:1"}

    async def test_none_is_larger_than_the_wallet_allows(self, wallet, merger):
        wallet.calls_max = 2

        await merger.submit([wish(f"s{n}") for n in range(5)])

        assert [len(batch) for batch in wallet.batches] == [2, 2, 1]

    async def test_what_comes_while_the_wallet_is_busy_goes_into_the_next(self, wallet, merger):
        wallet.gate.clear()
        first = asyncio.ensure_future(merger.submit([wish("s1")]))
        await asyncio.sleep(0.01)
        others = [asyncio.ensure_future(merger.submit([wish(f"s{n}")])) for n in (2, 3)]
        await asyncio.sleep(0.01)
        wallet.gate.set()
        await asyncio.gather(first, *others)

        assert [len(batch) for batch in wallet.batches] == [1, 2]

    async def test_one_that_reverts_is_tried_one_by_one(self, wallet, merger):
        bad = Reverted(reference="tx:2", reason="burn too much", gas_micro=0)
        wallet.ends = [bad, confirmed(), bad]

        first, second = await merger.submit([wish("s1"), wish("s2")])

        assert [len(batch) for batch in wallet.batches] == [2, 1, 1]
        assert isinstance(first.outcome, Confirmed)
        assert second.outcome is bad

    async def test_one_that_is_unknown_is_not_tried_again(self, wallet, merger):
        wallet.ends = [Unknown(reference="tx:2", reason="silence")]

        outcomes = await merger.submit([wish("s1"), wish("s2")])

        assert len(wallet.batches) == 1
        assert [one.reference for one in outcomes] == ["tx:2", "tx:2"]


class TestOneThatNoBlockTakes:
    """Its reference grows with each offer of gas: the last one knows them all."""

    stuck = Unknown(reference="tx:2:a", reason="in no block")

    async def test_is_offered_with_more_gas_until_it_ends(self, wallet, merger):
        wallet.ends = [self.stuck]
        wallet.raised = [Unknown(reference="tx:2:a,b", reason="in no block"), confirmed(9, "a,b,c")]

        (merged,) = await merger.submit([wish()])

        assert (merged.reference, merged.gas_micro) == ("a,b,c", 9)
        assert (len(wallet.batches), wallet.raises) == (1, 2)

    async def test_is_raised_three_times_at_most(self, wallet, merger):
        wallet.ends = [self.stuck]
        wallet.raised = [Unknown(reference="tx:2:more", reason="in no block")]

        (outcome,) = await merger.submit([wish()])

        assert (outcome.reference, wallet.raises) == ("tx:2:more", 3)

    @pytest.mark.parametrize(
        "end",
        [
            Refused(code=RefusalCode.GAS_PRICE_TOO_HIGH, text="MAX_GAS_PRICE allows less"),
            OSError("the disk is full"),
        ],
    )
    async def test_stays_unknown_when_it_cannot_be_raised(self, wallet, merger, end):
        wallet.ends = [self.stuck]
        wallet.raised = [end]

        (outcome,) = await merger.submit([wish()])

        assert (outcome.outcome, wallet.raises) == (self.stuck, 1)

    async def test_that_ends_by_itself_is_not_raised(self, wallet, merger):
        await merger.submit([wish()])

        assert wallet.raises == 0


class TestNeverTwice:
    async def test_a_merged_set_is_not_merged_again(self, wallet, merger):
        first = await merger.submit([wish()])

        assert await merger.submit([wish()]) == first
        assert len(wallet.batches) == 1

    async def test_nor_when_it_is_asked_for_twice_at_once(self, wallet, merger):
        first, second = await merger.submit([wish(), wish()])

        assert first == second
        assert [len(batch) for batch in wallet.batches] == [1]

    async def test_an_unknown_one_is_looked_up_and_not_sent(self, wallet, merger):
        wallet.ends = [Unknown(reference="tx:2", reason="silence")]
        await merger.submit([wish()])
        wallet.found = [Unknown(reference="tx:2", reason="silence"), confirmed(7, "tx:2")]

        (still,) = await merger.submit([wish()])
        (found,) = await merger.submit([wish()])

        assert isinstance(still.outcome, Unknown)
        assert (found.gas_micro, found.reference) == (7, "tx:2")
        assert (len(wallet.batches), wallet.looked_up) == (1, ["tx:2", "tx:2"])

    async def test_one_that_surely_did_not_happen_is_sent_again(self, wallet, merger):
        wallet.ends = [Unknown(reference="tx:2", reason="silence"), confirmed()]
        await merger.submit([wish()])
        wallet.found = [Reverted(reference="tx:2", reason="too late", gas_micro=0)]

        (outcome,) = await merger.submit([wish()])

        assert isinstance(outcome.outcome, Confirmed)
        assert len(wallet.batches) == 2

    async def test_a_refused_one_may_be_tried_again(self, wallet, merger):
        wallet.ends = [Refused(code=RefusalCode.WALLET_BUSY, text="busy"), confirmed()]

        (refused,) = await merger.submit([wish()])
        (merged,) = await merger.submit([wish()])

        assert refused.reference == ""
        assert isinstance(merged.outcome, Confirmed)

    async def test_whoever_stops_waiting_does_not_stop_the_merge(self, wallet, merger):
        wallet.gate.clear()
        impatient = asyncio.ensure_future(merger.submit([wish()]))
        await asyncio.sleep(0.01)
        impatient.cancel()
        patient = asyncio.ensure_future(merger.submit([wish()]))
        await asyncio.sleep(0.01)
        wallet.gate.set()

        (outcome,) = await patient

        assert isinstance(outcome.outcome, Confirmed)
        assert len(wallet.batches) == 1

    async def test_what_breaks_inside_reaches_who_asked(self, wallet, merger):
        wallet.ends = [OSError("the disk is full"), confirmed()]

        with pytest.raises(OSError, match="disk is full"):
            await merger.submit([wish()])

        assert isinstance((await merger.submit([wish()]))[0].outcome, Confirmed)


async def test_whoever_closes_it_leaves_nothing_behind_that_still_works(wallet, merger):
    wallet.gate.clear()
    asking = asyncio.create_task(merger.submit([wish()]))
    while not wallet.batches:  # noqa: ASYNC110 - a fake has no event to wait for
        await asyncio.sleep(0)

    asking.cancel()
    await merger.close()

    left = asyncio.all_tasks() - {asyncio.current_task(), asking}
    assert left == set()
