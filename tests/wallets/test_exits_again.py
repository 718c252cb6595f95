"""The same exit asked for once more: as new when the first one's end was told, never otherwise."""

import asyncio

import pytest

from tests.wallets.test_exit_port import HELD, MERGE, Holdings
from trading.execution.requests import ExitState, FindExit, SendExit
from trading.wallets.exit_port import Intents, WalletExits
from trading.wallets.merging import MergeContracts, Merger
from trading.wallets.messages import Confirmed, RefusalCode, Refused, Reverted, Unknown

REDEEM = SendExit(
    set_id="s1",
    kind="REDEEM",
    condition_ids=MERGE.condition_ids,
    shares_micro=(("yes", 10),),
    size_micro=0,
    neg_risk=False,
)
NO_SHARES = {"yes": 0, "no": 0}


class NumberedWallet:
    """Ends every transaction under a number of its own; `ends` come first."""

    def __init__(self, *ends):
        self.calls_max = 10
        self.ends = list(ends)
        self.sent = 0
        self.found = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def execute(self, calls):
        self.sent += 1
        number = self.sent
        await self.gate.wait()
        return self.ends.pop(0) if self.ends else confirmed(f"tx:{number}")

    async def replace(self):
        return Refused(code=RefusalCode.WALLET_BUSY, text="nothing waits")

    async def look_up(self, reference):
        return self.found


def confirmed(reference):
    return Confirmed(reference=reference, transaction_hash="0x1", block=1, gas_used=1, gas_micro=0)


def exits_of(wallet, shares=None):
    contracts = MergeContracts(pusd="0x" + "1" * 40, collateral_adapter="0x" + "2" * 40)
    return WalletExits(
        wallet=wallet,
        merger=Merger(wallet, contracts),
        intents=Intents(None),
        holdings=Holdings(shares),
    )


@pytest.mark.parametrize("wanted", [MERGE, REDEEM], ids=["merge", "redemption"])
async def test_what_came_after_the_first_is_a_transaction_of_its_own(wanted):
    wallet = NumberedWallet()
    exits = exits_of(wallet)

    first, second = await exits.exit(wanted), await exits.exit(wanted)

    assert (first.state, second.state) == (ExitState.DONE, ExitState.DONE)
    assert (first.reference, second.reference) == ("tx:1", "tx:2")


@pytest.mark.parametrize(
    ("found", "shares", "state"),
    [
        (confirmed("tx:1"), None, ExitState.DONE),
        (Unknown(reference="tx:1", reason="", number_used=True), NO_SHARES, ExitState.DONE),
        (Reverted(reference="tx:1", reason="late", gas_micro=0), None, ExitState.NOT_DONE),
    ],
    ids=["confirmed", "shares gone", "reverted"],
)
async def test_so_is_what_comes_after_one_whose_end_had_to_be_found(found, shares, state):
    wallet = NumberedWallet(Unknown(reference="tx:1", reason="silence"))
    exits = exits_of(wallet, shares)
    assert (await exits.exit(MERGE)).state is ExitState.UNKNOWN
    wallet.found = found
    assert (await exits.find(FindExit(exit=MERGE, reference="tx:1"), HELD)).state is state
    wallet.found = Unknown(reference="tx:1", reason="the relayer does not answer")

    again = await exits.exit(MERGE)

    assert (again.state, again.reference, wallet.sent) == (ExitState.DONE, "tx:2", 2)


async def test_one_that_is_still_unknown_is_not_sent_again():
    wallet = NumberedWallet(Unknown(reference="tx:1", reason="silence"))
    exits = exits_of(wallet)
    await exits.exit(MERGE)
    wallet.found = Unknown(reference="tx:1", reason="silence")
    await exits.find(FindExit(exit=MERGE, reference="tx:1"), HELD)

    again = await exits.exit(MERGE)

    assert (again.state, again.reference, wallet.sent) == (ExitState.UNKNOWN, "tx:1", 1)


async def test_nor_is_one_whose_end_nobody_waited_for():
    wallet = NumberedWallet()
    exits = exits_of(wallet)
    wallet.gate.clear()
    impatient = asyncio.ensure_future(exits.exit(MERGE))
    while not wallet.sent:  # noqa: ASYNC110 - a fake has no event to wait for
        await asyncio.sleep(0)
    impatient.cancel()
    wallet.gate.set()

    heard = await exits.exit(MERGE)

    assert (heard.state, heard.reference, wallet.sent) == (ExitState.DONE, "tx:1", 1)


async def test_a_redemption_is_sent_whatever_a_node_says_that_is_behind():
    before_they_were_bought = {"yes": 0}
    wallet = NumberedWallet()

    answer = await exits_of(wallet, before_they_were_bought).exit(REDEEM)

    assert (answer.state, wallet.sent) == (ExitState.DONE, 1)
    assert answer.reference == "tx:1"


async def test_a_redemption_whose_number_was_used_is_asked_for_again_and_not_taken_for_done():
    """Redeeming takes what is there: a second one takes nothing, a booked one that never was does.

    A node that is behind would say that the shares have left.
    """
    wallet = NumberedWallet(Unknown(reference="tx:1", reason="silence"))
    exits = exits_of(wallet, {"yes": 0})
    await exits.exit(REDEEM)
    wallet.found = Unknown(reference="tx:1", reason="", number_used=True)

    found = await exits.find(FindExit(exit=REDEEM, reference="tx:1"), {"yes": 10})

    assert found.state is ExitState.NOT_DONE
    assert (await exits.exit(REDEEM)).reference == "tx:2"
