"""A batch that may have got lost on its way to the relayer is handed in again as it was."""

from datetime import timedelta

import pytest

from tests.wallets.relaying import BUSY, CALL, SENT, SENT_TWO, STATE, UNCLEAR, refusal
from tests.wallets.relaying import api as api  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import clock as clock  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import intents as intents  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import make_wallet as make_wallet  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import relayer as relayer  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import signer as signer  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import wallet as wallet  # noqa: PLC0414 - a fixture
from trading.wallets.messages import Confirmed, Unknown


class TestHandingInAgain:
    async def test_what_got_lost_on_its_way_is_handed_in_as_it_was(self, relayer, wallet, intents):
        relayer.submits.insert(0, UNCLEAR["an error of the server"])
        unknown = await wallet.execute((CALL,))
        looked = await wallet.look_up(unknown.reference)
        assert looked.may_be_lost

        outcome = await wallet.repeat(unknown.reference, (CALL,))

        assert isinstance(outcome, Confirmed)
        first, second = relayer.submitted
        assert first == second
        assert intents.references == [SENT]  # it is known by that already
        assert isinstance(await wallet.execute((CALL,)), Confirmed)  # and the wallet is free

    async def test_by_another_process_too(self, relayer, make_wallet):
        assert isinstance(await make_wallet().repeat(SENT_TWO, (CALL, CALL)), Confirmed)

    async def test_not_with_fewer_calls_than_it_had(self, relayer, wallet):
        outcome = await wallet.repeat(SENT_TWO, (CALL,))

        assert isinstance(outcome, Unknown)
        assert outcome.reason == "1 of its 2 calls are known, 600 s are left"
        assert relayer.submitted == []

    async def test_not_shortly_before_its_deadline(self, relayer, wallet, clock):
        clock.advance(timedelta(seconds=571))

        assert isinstance(await wallet.repeat(SENT, (CALL,)), Unknown)
        assert relayer.submitted == []

    @pytest.mark.parametrize(
        "text", [BUSY, "batch nonce 12 does not match on-chain nonce 13", "calls are not allowed"]
    )
    async def test_a_refusal_tells_nothing_of_the_first_time(self, relayer, wallet, text):
        relayer.submits = [refusal(text)]

        outcome = await wallet.repeat(SENT, (CALL,))

        assert isinstance(outcome, Unknown)
        assert text in outcome.reason

    async def test_a_signer_that_is_down_leaves_it_unknown(self, relayer, wallet, signer):
        signer.refuses = True

        assert isinstance(await wallet.repeat(SENT, (CALL,)), Unknown)
        assert relayer.submitted == []

    async def test_a_relayer_that_has_forgotten_it_is_not_asked_for_long(self, relayer, wallet):
        relayer.states = [refusal("transaction not found", status=404)]

        unknown = await wallet.execute((CALL,))

        assert "does not know t-1" in unknown.reason
        assert len(relayer.server.asked(STATE)) == 1
        assert (await wallet.look_up(unknown.reference)).may_be_lost

    async def test_what_is_under_way_is_not_lost(self, relayer, wallet):
        relayer.states = [relayer.state("STATE_NEW")]

        assert not (await wallet.look_up(f"{SENT}t-1")).may_be_lost
