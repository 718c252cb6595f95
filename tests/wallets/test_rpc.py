"""Several endpoints: which one is asked, when one is left out, and when nobody knows."""

import asyncio

import pytest

from tests.feeds.misbehaving import Answer, as_json
from tests.wallets.nodes import Fault, word
from trading.wallets.rpc_node import RpcDisagreesError, RpcError, RpcRefusedError, quantity

SECOND_NS = 10**9


class TestFirstUse:
    async def test_the_chain_is_asked_once_before_anything_else(self, nodes, make_pool):
        pool = make_pool(nodes[0])

        await pool.ask("eth_blockNumber")
        await pool.ask("eth_blockNumber")

        assert [method for method, _ in nodes[0].asked] == [
            "eth_chainId",
            "eth_blockNumber",
            "eth_blockNumber",
        ]

    async def test_an_endpoint_of_another_chain_is_out_for_good_and_named(
        self, nodes, make_pool, hand_clock
    ):
        nodes[0].says["eth_chainId"] = hex(1)
        pool = make_pool(nodes[0], nodes[1])

        assert await pool.ask("eth_blockNumber") == hex(100)
        hand_clock.now_ns += 3_600 * SECOND_NS
        nodes[0].says["eth_chainId"] = hex(137)
        await pool.ask("eth_blockNumber")

        assert nodes[0].times("eth_chainId") == 1
        assert nodes[0].times("eth_blockNumber") == 0
        out = pool.status()[0].out_because
        assert nodes[0].name in out
        assert "is chain 1, not 137" in out

    async def test_all_of_another_chain_is_a_permanent_error(self, nodes, make_pool):
        for node in nodes:
            node.says["eth_chainId"] = hex(80_002)
        pool = make_pool(*nodes)

        with pytest.raises(RpcError, match=r"no endpoint is left.*is chain 80002") as told:
            await pool.ask("eth_blockNumber")

        assert told.value.permanent

    async def test_no_endpoint_at_all_is_refused(self, make_pool):
        with pytest.raises(ValueError, match=r"hosts\.polygon_rpcs"):
            make_pool()


async def test_requests_at_the_same_time_get_their_own_answers(nodes, make_pool):
    nodes[0].says["eth_call"] = word
    pool = make_pool(nodes[0])

    answers = await asyncio.gather(*(pool.ask("eth_call", (number,)) for number in range(9)))

    assert answers == [word(number) for number in range(9)]


BROKEN = {
    "an error of the server": Answer(b"down", status=503),
    "a page instead of JSON": Answer(b"<html>"),
    "a torn answer": Answer(b'{"result": "0x1"}', torn=5),
    "no answer in time": Answer(b"{}", delay_s=0.6),
    "no result": as_json({"jsonrpc": "2.0", "id": 1}),
    "an answer to another request": as_json({"jsonrpc": "2.0", "id": 99, "result": "0x1"}),
    "a limit of the endpoint": as_json(
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "rate limit"}}
    ),
}


class TestFailOver:
    @pytest.mark.parametrize("what", BROKEN)
    async def test_the_next_is_asked_after(self, nodes, make_pool, what):
        nodes[0].breaks = BROKEN[what]
        pool = make_pool(nodes[0], nodes[1])

        assert await pool.ask("eth_blockNumber") == hex(100)

        first, second = pool.status()
        assert (first.errors, second.errors) == (1, 0)
        assert nodes[0].name in first.last_problem

    async def test_a_failing_endpoint_stays_away_twice_as_long_each_time(
        self, nodes, make_pool, hand_clock
    ):
        nodes[0].breaks = Answer(b"", status=500)
        pool = make_pool(nodes[0], nodes[1], backoff_ms=1_000, backoff_ms_max=3_000)
        asked = []
        for _ in range(12):
            await pool.ask("eth_blockNumber")
            asked.append(len(nodes[0].asked))
            hand_clock.now_ns += SECOND_NS

        # Away for 1, 2, 3 and again 3 seconds.
        assert asked == [1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]

    async def test_an_endpoint_that_recovers_is_the_first_again(self, nodes, make_pool, hand_clock):
        nodes[0].breaks = Answer(b"", status=500)
        pool = make_pool(nodes[0], nodes[1])
        await pool.ask("eth_blockNumber")
        nodes[0].breaks = None
        hand_clock.now_ns += SECOND_NS

        nodes[0].says["eth_blockNumber"] = hex(7)
        assert await pool.ask("eth_blockNumber") == hex(7)

    async def test_nobody_left_says_why_and_may_be_tried_again(self, nodes, make_pool):
        for node in nodes:
            node.breaks = Answer(b"", status=500)
        pool = make_pool(*nodes)

        with pytest.raises(RpcError, match="HTTP 500") as told:
            await pool.ask("eth_blockNumber")
        with pytest.raises(RpcError, match="stays away after"):
            await pool.ask("eth_blockNumber")

        assert not told.value.permanent

    async def test_a_no_of_the_chain_is_an_answer_and_asks_nobody_else(self, nodes, make_pool):
        nodes[0].says["eth_call"] = Fault(3, "execution reverted", "0x08c379a0")
        pool = make_pool(*nodes)

        with pytest.raises(RpcRefusedError, match="execution reverted") as told:
            await pool.ask("eth_call", ())

        assert told.value.data == "0x08c379a0"
        assert nodes[1].asked == []
        assert pool.status()[0].errors == 0

    async def test_what_follows_the_host_is_in_no_message_and_no_status(self, nodes, make_pool):
        nodes[0].breaks = Answer(b"", status=500)
        pool = make_pool(nodes[0])

        with pytest.raises(RpcError) as told:
            await pool.ask("eth_blockNumber")

        assert "key" not in told.value.message + repr(pool.status())


class TestWhatTwoSay:
    async def test_the_same_answer_has_two_witnesses(self, nodes, make_pool):
        for node in nodes:
            node.says["eth_call"] = word(5)
        pool = make_pool(*nodes)

        agreed = await pool.agree("eth_call", ())

        assert (agreed.value, agreed.witnesses) == (word(5), 2)
        assert nodes[2].asked == []

    async def test_a_lie_makes_the_value_unknown(self, nodes, make_pool):
        nodes[0].says["eth_call"], nodes[1].says["eth_call"] = word(5), word(6)
        pool = make_pool(*nodes)

        with pytest.raises(RpcDisagreesError, match="answer eth_call differently") as told:
            await pool.agree("eth_call", ())

        assert not told.value.permanent
        assert [one.disagreed for one in pool.status()] == [1, 1, 0]

    async def test_a_revert_against_a_value_is_a_lie_too(self, nodes, make_pool):
        nodes[0].says["eth_call"] = Fault(3, "execution reverted")
        nodes[1].says["eth_call"] = word(6)

        with pytest.raises(RpcDisagreesError):
            await make_pool(*nodes).agree("eth_call", ())

    async def test_the_third_stands_in_for_one_that_fails(self, nodes, make_pool):
        nodes[0].breaks = Answer(b"", status=500)
        for node in nodes[1:]:
            node.says["eth_call"] = word(5)

        assert (await make_pool(*nodes).agree("eth_call", ())).witnesses == 2

    async def test_one_left_speaks_alone(self, nodes, make_pool):
        nodes[0].breaks = Answer(b"", status=500)
        nodes[1].says["eth_call"] = word(5)

        assert (await make_pool(*nodes[:2]).agree("eth_call", ())).witnesses == 1


class TestTheNewestBlock:
    async def test_is_the_lower_of_two(self, nodes, make_pool):
        nodes[0].says["eth_blockNumber"] = hex(103)

        assert await make_pool(*nodes[:2]).block() == (100, 2)

    async def test_is_unknown_when_two_are_far_apart(self, nodes, make_pool):
        nodes[0].says["eth_blockNumber"] = hex(106)
        pool = make_pool(*nodes[:2])

        with pytest.raises(RpcDisagreesError, match="more than 5 apart"):
            await pool.block()

        assert [one.disagreed for one in pool.status()] == [1, 1]

    async def test_an_endpoint_that_goes_back_is_left_out(self, nodes, make_pool):
        pool = make_pool(*nodes[:2])
        await pool.block()
        nodes[0].says["eth_blockNumber"] = hex(94)

        assert await pool.block() == (100, 1)
        assert [one.went_back for one in pool.status()] == [1, 0]

    async def test_one_that_goes_back_a_little_only_lags(self, nodes, make_pool):
        pool = make_pool(*nodes[:2])
        await pool.block()
        nodes[0].says["eth_blockNumber"] = hex(95)

        assert await pool.block() == (95, 2)

    async def test_going_back_alone_is_unknown(self, nodes, make_pool):
        pool = make_pool(nodes[0])
        await pool.block()
        nodes[0].says["eth_blockNumber"] = hex(94)

        with pytest.raises(RpcDisagreesError, match="went back from block 100 to 94"):
            await pool.block()

    async def test_a_stand_in_behind_what_was_seen_is_unknown(self, nodes, make_pool, hand_clock):
        nodes[1].says["eth_blockNumber"] = hex(90)
        pool = make_pool(*nodes[:2], blocks_back_max=5)
        nodes[1].breaks = Answer(b"", status=500)
        await pool.block()
        nodes[0].breaks, nodes[1].breaks = Answer(b"", status=500), None
        hand_clock.now_ns += SECOND_NS

        with pytest.raises(RpcDisagreesError, match="is at block 90, but 100 was seen before"):
            await pool.block()

    async def test_nonsense_is_no_block(self, nodes, make_pool):
        nodes[0].says["eth_blockNumber"] = "0xzz"
        pool = make_pool(*nodes[:2])

        assert await pool.block() == (100, 1)
        assert pool.status()[0].errors == 1


class TestEndpointsThatMove:
    """A local venue that starts anew has its chain at another address."""

    @pytest.fixture
    def asked(self):
        return []

    @pytest.fixture
    def moving(self, nodes, make_pool, asked):
        """A pool whose endpoint is gone, and where it is told to be now."""
        nodes[0].breaks = Answer(b"", status=500)

        def make(*urls):
            async def find_again():
                asked.append(1)
                return urls

            return make_pool(nodes[0], find_again=find_again)

        return make

    async def test_are_asked_at_their_new_place(self, nodes, moving, asked):
        pool = moving(nodes[1].url)

        assert await pool.ask("eth_blockNumber") == hex(100)
        assert await pool.block() == (100, 1)
        assert asked == [1]

    async def test_are_witnesses_there_too(self, nodes, moving):
        pool = moving(nodes[1].url)

        assert await pool.block() == (100, 1)

    @pytest.mark.parametrize("same", [True, False])
    async def test_are_waited_for_as_long_as_nobody_knows_another_place(
        self, nodes, moving, same, asked
    ):
        pool = moving(*([nodes[0].url] if same else []))

        with pytest.raises(RpcError, match="no endpoint answers eth_blockNumber"):
            await pool.ask("eth_blockNumber")
        assert asked == [1]


@pytest.mark.parametrize("value", ["0x0", "0x1f", "0x" + "f" * 64])
def test_a_number_in_hex_is_read(value):
    assert quantity(value, "it") == int(value, 16)


@pytest.mark.parametrize(
    "value", ["", "0x", "1f", "0x-1", "0x_1", "0x1 ", 5, None, "0x" + "f" * 65]
)
def test_anything_else_is_no_number(value):
    with pytest.raises(RpcError, match=r"it: .* is not a number in hex"):
        quantity(value, "it")
