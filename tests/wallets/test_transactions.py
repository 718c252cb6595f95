"""An EOA's transactions: one at a time, none twice, and no end that is only believed."""

import asyncio
import dataclasses
import re

import pytest

from tests.feeds.misbehaving import Answer
from tests.wallets.chain import ADDRESS, GWEI, Intents, KeySigner, SmallChain
from tests.wallets.nodes import Fault
from trading.wallets import abi
from trading.wallets.gas import GasLimits
from trading.wallets.messages import Call, Confirmed, RefusalCode, Refused, Reverted, Unknown
from trading.wallets.transactions import EoaSettings, EoaWallet

CALL = Call(target="0x" + "11" * 20, data="0x1234")
LIMITS = GasLimits(
    price_wei_max=500 * GWEI,
    cost_micro_max=500_000,
    multiplier_micro=1_200_000,
    pol_price_micro=1_000_000,
)
OUT_OF_FUNDS = "0x08c379a0" + abi.call("0x", "x(string)", "burn too much").data[10:]


class PassingClock:
    """The clock of the endpoints, which moves on by 100 ms with each look of the wallet."""

    def __init__(self, hand_clock):
        self.hand_clock = hand_clock

    def monotonic_ns(self):
        self.hand_clock.now_ns += 100 * 10**6
        return self.hand_clock.now_ns


@pytest.fixture
def chain(nodes):
    return SmallChain(*nodes[:2])


@pytest.fixture
def signer():
    return KeySigner()


@pytest.fixture
def intents():
    return Intents()


@pytest.fixture
def make_wallet(chain, reader, signer, intents, hand_clock):
    def make(**changes):
        settings = EoaSettings(
            chain_id=137,
            address=ADDRESS,
            gas=LIMITS,
            receipt_within_ms=300,
            poll_every_ms=1,
        )
        return EoaWallet(
            dataclasses.replace(settings, **changes),
            reader=reader,
            signer=signer,
            intents=intents,
            clock=PassingClock(hand_clock),
        )

    return make


@pytest.fixture
def wallet(make_wallet):
    return make_wallet()


class TestSending:
    async def test_a_call_is_signed_written_down_sent_and_confirmed(
        self, chain, wallet, signer, intents
    ):
        outcome = await wallet.execute((CALL,))

        assert isinstance(outcome, Confirmed)
        assert (outcome.transaction_hash, outcome.block) == (chain.sent[0], 101)
        assert (outcome.gas_used, outcome.gas_micro) == (85_000, 6_800)
        assert outcome.reference == f"tx:3:{chain.sent[0]}"
        assert intents.references == [outcome.reference]
        (fields,) = signer.signed
        assert (fields.chain_id, fields.nonce, fields.call) == (137, 3, CALL)
        assert (fields.gas_limit, fields.fee_wei_max) == (120_000, 130 * GWEI)

    async def test_the_next_gets_the_next_nonce(self, wallet, signer):
        await wallet.execute((CALL,))
        await wallet.execute((CALL,))

        assert [fields.nonce for fields in signer.signed] == [3, 4]

    async def test_two_at_once_go_one_after_the_other(self, wallet, signer):
        outcomes = await asyncio.gather(wallet.execute((CALL,)), wallet.execute((CALL,)))

        assert [type(one) for one in outcomes] == [Confirmed, Confirmed]
        assert [fields.nonce for fields in signer.signed] == [3, 4]

    async def test_what_reverts_on_the_chain_cost_its_gas_and_says_why(self, chain, wallet):
        chain.succeeds = False
        chain.revert = Fault(3, "execution reverted", OUT_OF_FUNDS)

        outcome = await wallet.execute((CALL,))

        assert isinstance(outcome, Reverted)
        assert (outcome.reason, outcome.gas_micro) == ("burn too much", 6_800)

    async def test_it_waits_for_the_confirmations(self, chain, make_wallet):
        chain.mines = False
        wallet = make_wallet(confirmations=3)
        unknown = await wallet.execute((CALL,))
        chain.mine(chain.sent[0])
        chain.block += 1
        assert isinstance(await wallet.look_up(unknown.reference), Unknown)

        chain.block += 1

        assert isinstance(await wallet.look_up(unknown.reference), Confirmed)


class TestNotSending:
    async def refusal(self, wallet, chain, code, *calls):
        outcome = await wallet.execute(calls or (CALL,))

        assert isinstance(outcome, Refused)
        assert outcome.code is code
        assert chain.sent == []
        return outcome.text

    async def test_a_call_that_would_revert(self, chain, wallet):
        chain.estimate = Fault(3, "execution reverted", OUT_OF_FUNDS)

        text = await self.refusal(wallet, chain, RefusalCode.WOULD_REVERT)

        assert text == "burn too much"

    async def test_gas_that_is_too_dear(self, chain, wallet):
        chain.base_fee_wei = 480 * GWEI

        await self.refusal(wallet, chain, RefusalCode.GAS_PRICE_TOO_HIGH)

    async def test_too_little_pol(self, chain, wallet):
        chain.wei = 120_000 * 130 * GWEI - 1

        text = await self.refusal(wallet, chain, RefusalCode.GAS_MONEY_MISSING)

        assert "send POL to it" in text

    async def test_just_enough_pol_is_enough(self, chain, wallet):
        chain.wei = 120_000 * 130 * GWEI

        assert isinstance(await wallet.execute((CALL,)), Confirmed)

    async def test_a_signer_that_refuses(self, chain, wallet, signer):
        signer.refuses = True

        text = await self.refusal(wallet, chain, RefusalCode.SIGNER_REFUSED)

        assert "policy" in text

    async def test_a_hash_that_is_not_that_of_the_transaction(self, chain, wallet, signer):
        signer.lies = True

        await self.refusal(wallet, chain, RefusalCode.SIGNER_REFUSED)

    async def test_a_transaction_of_somebody_else_that_waits(self, nodes, chain, wallet):
        for node in nodes[:2]:
            node.says["eth_getTransactionCount"] = lambda _, at: "0x4" if at == "pending" else "0x3"

        text = await self.refusal(wallet, chain, RefusalCode.WALLET_BUSY)

        assert "not of this process" in text

    async def test_a_chain_that_contradicts_itself(self, nodes, chain, wallet):
        nodes[0].says["eth_getBalance"] = hex(10**30)

        await self.refusal(wallet, chain, RefusalCode.CHAIN_UNREADABLE)

    async def test_two_calls_at_once_and_none(self, chain, wallet):
        await self.refusal(wallet, chain, RefusalCode.TOO_MANY_CALLS, CALL, CALL)
        assert (await wallet.execute(())).code is RefusalCode.NO_CALLS

    async def test_an_intent_that_cannot_be_written_down(self, chain, wallet, intents):
        intents.fails = True

        with pytest.raises(OSError, match="disk is full"):
            await wallet.execute((CALL,))

        assert chain.sent == []


class TestNotKnowing:
    async def test_a_transaction_that_is_in_no_block_in_time(self, chain, wallet, intents):
        chain.mines = False

        outcome = await wallet.execute((CALL,))

        assert isinstance(outcome, Unknown)
        assert outcome.reference == intents.references[0] == f"tx:3:{chain.sent[0]}"

    async def test_nothing_else_is_sent_while_it_is_unknown(self, chain, wallet):
        chain.mines = False
        await wallet.execute((CALL,))

        outcome = await wallet.execute((CALL,))

        assert outcome.code is RefusalCode.WALLET_BUSY
        assert len(chain.sent) == 1

    async def test_the_address_of_an_endpoint_is_in_no_log(self, wallet, caplog):
        await wallet.execute((CALL,))

        assert "/key" not in caplog.text

    async def test_it_is_found_later_by_its_reference(self, chain, wallet):
        chain.mines = False
        unknown = await wallet.execute((CALL,))
        assert isinstance(await wallet.look_up(unknown.reference), Unknown)

        chain.mine(chain.sent[0])

        assert isinstance(await wallet.look_up(unknown.reference), Confirmed)
        chain.mines = True
        assert isinstance(await wallet.execute((CALL,)), Confirmed)

    async def test_another_process_finds_it_too(self, chain, make_wallet):
        chain.mines = False
        unknown = await make_wallet().execute((CALL,))
        chain.mine(chain.sent[0])

        assert isinstance(await make_wallet().look_up(unknown.reference), Confirmed)

    async def test_a_send_without_an_answer_may_have_arrived(self, nodes, chain, make_wallet):
        wallet = make_wallet(receipt_within_ms=5_000)
        taken = nodes[0].says["eth_sendRawTransaction"]

        def take_and_fail(raw):
            taken(raw)
            return Fault(-32000, "internal trouble")

        for node in nodes[:2]:
            node.says["eth_sendRawTransaction"] = take_and_fail

        assert isinstance(await wallet.execute((CALL,)), Confirmed)
        assert len(chain.sent) == 1

    async def test_a_node_that_says_no_is_no_proof(self, nodes, chain, wallet):
        nodes[0].says["eth_sendRawTransaction"] = Fault(-32000, "insufficient funds")

        outcome = await wallet.execute((CALL,))

        assert isinstance(outcome, Unknown)
        assert "insufficient funds" in outcome.reason

    async def test_endpoints_that_fail_after_it_was_sent(self, nodes, chain, wallet):
        def take_and_die(raw):
            for node in nodes[:2]:
                node.breaks = Answer(b"", status=500)
            return "0x"

        for node in nodes[:2]:
            node.says["eth_sendRawTransaction"] = take_and_die

        assert isinstance(await wallet.execute((CALL,)), Unknown)

    async def test_a_nonce_that_another_transaction_used_ends_it(self, chain, make_wallet):
        chain.mines = False
        wallet = make_wallet(forgotten_after_blocks=10)
        unknown = await wallet.execute((CALL,))
        chain.mine("0x" + "99" * 32)
        chain.block += 9
        assert isinstance(await wallet.look_up(unknown.reference), Unknown)

        chain.block += 1

        ended = await wallet.look_up(unknown.reference)
        assert isinstance(ended, Reverted)
        assert ended.reason == "nonce 3 was used by another transaction"

    async def test_what_is_no_reference_is_refused(self, wallet):
        with pytest.raises(ValueError, match="no reference of a transaction"):
            await wallet.look_up("relayer:1")


class TestReplacing:
    async def test_more_gas_is_offered_for_the_same_call_and_nonce(self, chain, wallet, signer):
        chain.mines = False
        await wallet.execute((CALL,))
        chain.mines = True

        outcome = await wallet.replace()

        assert isinstance(outcome, Confirmed)
        first, second = signer.signed
        assert (first.nonce, first.call) == (second.nonce, second.call)
        assert second.fee_wei_max * 8 >= first.fee_wei_max * 9
        assert re.fullmatch(r"tx:3:0x\w{64},0x\w{64}", outcome.reference)

    async def test_the_first_may_be_the_one_that_is_mined(self, chain, wallet):
        chain.mines = False
        await wallet.execute((CALL,))
        unknown = await wallet.replace()
        chain.mine(chain.sent[0])

        found = await wallet.look_up(unknown.reference)

        assert isinstance(found, Confirmed)
        assert found.transaction_hash == chain.sent[0]

    async def test_nothing_is_replaced_when_nothing_waits(self, wallet):
        assert (await wallet.replace()).code is RefusalCode.WALLET_BUSY

    async def test_above_the_limits_nothing_is_replaced(self, chain, wallet):
        chain.mines = False
        await wallet.execute((CALL,))
        chain.base_fee_wei = 499 * GWEI

        assert (await wallet.replace()).code is RefusalCode.GAS_PRICE_TOO_HIGH
        assert len(chain.sent) == 1
