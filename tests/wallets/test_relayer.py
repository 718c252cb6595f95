"""A deposit wallet's batches through the relayer: busy, wrong nonces, silence, and every end."""

import asyncio
from datetime import timedelta

import pytest

from tests.feeds.misbehaving import Answer
from tests.wallets.chain import ADDRESS
from tests.wallets.relaying import (
    BUSY,
    CALL,
    DEADLINE_S,
    FACTORY,
    HASH,
    PARAMS,
    SENT,
    SENT_TWO,
    STATE,
    SUBMIT,
    UNCLEAR,
    WALLET,
    refusal,
)
from tests.wallets.relaying import api as api  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import clock as clock  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import intents as intents  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import make_wallet as make_wallet  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import relayer as relayer  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import signer as signer  # noqa: PLC0414 - a fixture
from tests.wallets.relaying import wallet as wallet  # noqa: PLC0414 - a fixture
from trading.wallets.messages import Confirmed, RefusalCode, Reverted, Unknown
from trading.wallets.relayer_api import RelayerError, RelayerKey


class TestABatch:
    async def test_is_signed_written_down_submitted_and_confirmed(
        self, relayer, wallet, signer, intents
    ):
        outcome = await wallet.execute((CALL, CALL))

        assert outcome == Confirmed(
            reference=f"{SENT_TWO}t-1", transaction_hash=HASH, block=0, gas_used=0, gas_micro=0
        )
        assert signer.batches == [((CALL, CALL), 12, DEADLINE_S)]
        assert intents.references == [SENT_TWO]
        call = {"target": CALL.target, "value": "0", "data": "0x1234"}
        assert relayer.submitted == [
            {
                "type": "WALLET",
                "from": ADDRESS,
                "to": FACTORY,
                "nonce": "12",
                "signature": "0x" + "5a" * 65,
                "metadata": "",
                "depositWalletParams": {
                    "depositWallet": WALLET,
                    "deadline": str(DEADLINE_S),
                    "calls": [call, call],
                },
            }
        ]
        headers = relayer.server.asked(SUBMIT)[0].headers
        assert (headers["relayer_api_key"], headers["relayer_api_key_address"]) == (
            "secret-key",
            ADDRESS,
        )

    async def test_two_at_once_go_one_after_the_other(self, relayer, wallet):
        relayer.states = [relayer.state("STATE_CONFIRMED", HASH)]

        await asyncio.gather(wallet.execute((CALL,)), wallet.execute((CALL,)))

        paths = [request.path for request in relayer.server.requests]
        assert paths == [PARAMS, SUBMIT, STATE] * 2

    @pytest.mark.parametrize("state", ["STATE_FAILED", "STATE_INVALID"])
    async def test_that_fails_had_no_effect_and_says_why(self, relayer, wallet, state):
        relayer.states = [relayer.state(state, problem="execution reverted: burn too much")]

        outcome = await wallet.execute((CALL,))

        assert isinstance(outcome, Reverted)
        assert outcome.reason == "execution reverted: burn too much"

    async def test_with_too_many_calls_or_none_is_not_sent(self, relayer, wallet):
        assert (await wallet.execute((CALL,) * 4)).code is RefusalCode.TOO_MANY_CALLS
        assert (await wallet.execute(())).code is RefusalCode.NO_CALLS
        assert relayer.submitted == []

    async def test_that_the_signer_refuses_is_not_sent(self, relayer, wallet, signer):
        signer.refuses = True

        assert (await wallet.execute((CALL,))).code is RefusalCode.SIGNER_REFUSED
        assert relayer.submitted == []

    async def test_without_a_nonce_is_not_sent(self, relayer, wallet):
        relayer.nonce = "twelve"

        outcome = await wallet.execute((CALL,))

        assert outcome.code is RefusalCode.RELAYER_UNREADABLE
        assert "'twelve' is not a number" in outcome.text

    async def test_that_cannot_be_written_down_is_not_sent(self, relayer, wallet, intents):
        intents.fails = True

        with pytest.raises(OSError, match="disk is full"):
            await wallet.execute((CALL,))

        assert relayer.submitted == []


class TestNotTaken:
    @pytest.mark.parametrize(
        "answer",
        [refusal(BUSY), refusal("wallet has in-flight action"), refusal("slow down", status=429)],
    )
    async def test_a_busy_relayer_is_asked_again(self, relayer, wallet, answer):
        relayer.submits.insert(0, answer)

        assert isinstance(await wallet.execute((CALL,)), Confirmed)
        assert len(relayer.submitted) == 2

    async def test_but_not_for_ever(self, relayer, wallet):
        relayer.submits = [refusal(BUSY)]

        assert (await wallet.execute((CALL,))).code is RefusalCode.WALLET_BUSY
        assert len(relayer.submitted) == 3

    async def test_a_nonce_that_is_behind_is_signed_again_with_the_right_one(
        self, relayer, wallet, signer
    ):
        text = "batch nonce 12 does not match on-chain nonce 14"
        relayer.submits.insert(0, refusal(text))

        assert isinstance(await wallet.execute((CALL,)), Confirmed)
        assert [nonce for _, nonce, _ in signer.batches] == [12, 14]

    async def test_a_nonce_that_is_ahead_is_refused(self, relayer, wallet):
        relayer.submits = [refusal("batch nonce 12 does not match on-chain nonce 11")]

        assert (await wallet.execute((CALL,))).code is RefusalCode.RELAYER_REFUSED
        assert len(relayer.submitted) == 1

    async def test_any_other_refusal_is_final(self, relayer, wallet):
        relayer.submits = [refusal("calls to this contract are not allowed")]

        outcome = await wallet.execute((CALL,))

        assert outcome.code is RefusalCode.RELAYER_REFUSED
        assert "not allowed" in outcome.text

    async def test_a_relayer_that_is_not_there_took_nothing(self, relayer, wallet):
        await relayer.server.stop_listening()

        assert (await wallet.execute((CALL,))).code is RefusalCode.RELAYER_UNREADABLE

    async def test_the_key_is_in_no_answer_and_no_repr(self, relayer, wallet):
        relayer.submits = [refusal("no", status=401)]

        assert "secret-key" not in repr(await wallet.execute((CALL,)))
        assert "secret-key" not in repr(RelayerKey(key="secret-key", address=ADDRESS))


class TestNotKnowing:
    @pytest.mark.parametrize("what", UNCLEAR)
    async def test_a_submission_with(self, relayer, wallet, what):
        relayer.submits = [UNCLEAR[what]]

        outcome = await wallet.execute((CALL,))

        assert isinstance(outcome, Unknown)
        assert outcome.reference == SENT
        assert len(relayer.submitted) == 1  # never again blindly

    async def test_nothing_else_is_signed_while_it_may_still_happen(self, relayer, wallet, signer):
        relayer.submits = [UNCLEAR["an error of the server"]]
        await wallet.execute((CALL,))

        assert (await wallet.execute((CALL,))).code is RefusalCode.WALLET_BUSY
        assert len(signer.batches) == 1

    async def test_the_nonce_moving_on_frees_the_wallet(self, relayer, wallet):
        relayer.submits.insert(0, UNCLEAR["an error of the server"])
        await wallet.execute((CALL,))
        relayer.nonce = "13"

        assert isinstance(await wallet.execute((CALL,)), Confirmed)

    async def test_so_does_its_deadline_and_a_minute(self, relayer, wallet, clock):
        relayer.submits.insert(0, UNCLEAR["an error of the server"])
        unknown = await wallet.execute((CALL,))
        clock.advance(timedelta(seconds=660))
        assert isinstance(await wallet.look_up(unknown.reference), Unknown)

        clock.advance(timedelta(seconds=1))

        assert isinstance(await wallet.look_up(unknown.reference), Reverted)
        assert isinstance(await wallet.execute((CALL,)), Confirmed)

    async def test_its_nonce_stays_its_own_until_somebody_was_told_that_it_cannot_happen(
        self, relayer, wallet, clock
    ):
        relayer.submits.insert(0, UNCLEAR["an error of the server"])
        unknown = await wallet.execute((CALL,))
        clock.advance(timedelta(seconds=661))

        assert (await wallet.execute((CALL,))).code is RefusalCode.WALLET_BUSY

        assert isinstance(await wallet.look_up(unknown.reference), Reverted)
        assert isinstance(await wallet.execute((CALL,)), Confirmed)

    async def test_a_used_nonce_is_no_proof_of_what_happened(self, relayer, wallet):
        relayer.nonce = "13"

        outcome = await wallet.look_up(SENT)

        assert isinstance(outcome, Unknown)
        assert "compare the balances" in outcome.reason
        assert outcome.number_used

    async def test_a_state_that_does_not_end_is_unknown_and_found_later(self, relayer, wallet):
        relayer.states = [relayer.state("STATE_MINED", HASH)]
        unknown = await wallet.execute((CALL,))
        assert isinstance(unknown, Unknown)
        assert unknown.reference == f"{SENT}t-1"

        relayer.states = [relayer.state("STATE_CONFIRMED", HASH)]

        assert isinstance(await wallet.look_up(unknown.reference), Confirmed)

    async def test_a_state_that_nobody_knows_is_no_end(self, relayer, wallet):
        relayer.states = [relayer.state("STATE_SPLENDID", HASH)]

        assert isinstance(await wallet.execute((CALL,)), Unknown)

    async def test_a_poll_that_fails_is_asked_again(self, relayer, wallet):
        relayer.states.insert(0, Answer(b"", status=500))

        assert isinstance(await wallet.execute((CALL,)), Confirmed)

    async def test_what_is_no_reference_is_refused(self, wallet):
        with pytest.raises(ValueError, match="no reference of a batch"):
            await wallet.look_up("tx:1:0x")


async def test_a_question_that_is_refused_says_whether_to_ask_again(relayer, api):
    relayer.server.answers[PARAMS] = lambda _: refusal("no such path", status=404)

    with pytest.raises(RelayerError, match="HTTP 404: no such path") as told:
        await api.nonce(ADDRESS)

    assert told.value.permanent


class TestAClockThatIsWrong:
    """Deadlines are ours to set and the venue's to judge."""

    @staticmethod
    def venue(clock, off_s):
        async def told():
            return None if off_s is None else clock.now_ns() // 1_000_000_000 - off_s

        return told

    @pytest.mark.parametrize(("off_s", "words"), [(-600, "600 s behind"), (601, "601 s ahead of")])
    async def test_sends_nothing_and_says_so(self, relayer, make_wallet, clock, off_s, words):
        wallet = make_wallet(self.venue(clock, off_s))

        outcome = await wallet.execute((CALL,))

        assert outcome.code is RefusalCode.CLOCK_OFF
        assert f"this machine's clock is {words} the venue's" in outcome.text
        assert relayer.submitted == []

    @pytest.mark.parametrize("off_s", [-60, 0, 60, None])
    async def test_within_the_grace_or_unknown_keeps_nothing_from_being_sent(
        self, relayer, make_wallet, clock, off_s
    ):
        wallet = make_wallet(self.venue(clock, off_s))

        assert isinstance(await wallet.execute((CALL,)), Confirmed)

    async def test_does_not_conclude_that_a_deadline_has_passed(self, relayer, make_wallet, clock):
        clock.advance(timedelta(seconds=600 + 61))

        found = await make_wallet(self.venue(clock, 600)).look_up(SENT)

        assert isinstance(found, Unknown)
        assert "600 s ahead of the venue's" in found.reason
        assert isinstance(await make_wallet(self.venue(clock, 0)).look_up(SENT), Reverted)
