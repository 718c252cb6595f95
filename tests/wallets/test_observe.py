"""What is seen of a wallet, on the local chain and from a venue that fails in every part."""

import dataclasses
from datetime import timedelta

import pytest

from tests.feeds.listening import MachineClock
from tests.feeds.misbehaving import Answer, as_json
from tests.helpers.evm import CONTRACTS, VENUE, Wallet
from tests.helpers.evm import local_chain as local_chain  # noqa: PLC0414 - a fixture
from trading.engine.units import MICRO
from trading.wallets.addresses import WalletFactory, deposit_wallets
from trading.wallets.allowances import wallet_contracts
from trading.wallets.facts import NotSeen, Region, SignerSeen
from trading.wallets.ledgers import ChainLedger
from trading.wallets.messages import Kind
from trading.wallets.observe import Eyes, observe
from trading.wallets.ports import ProbeError
from trading.wallets.rpc import RpcPool
from trading.wallets.rpc_node import RpcSettings
from trading.wallets.venue_reads import local_chain as read_local_chain
from trading.wallets.venue_reads import region, venue_skew_ms

KNOWN = wallet_contracts(CONTRACTS, VENUE.never_approve)
FACTORY = WalletFactory(
    factory=CONTRACTS.deposit_wallet_factory,
    beacon=CONTRACTS.deposit_wallet_beacon,
    implementation=CONTRACTS.deposit_wallet_implementation,
)
DOWN = NotSeen("the signer is down")
HERE = Region(blocked=False, country="IE", region="L")


def says(value):
    async def say():
        if isinstance(value, Exception):
            raise value
        return value

    return say


def all_eyes(**changes):
    answers = {
        "venue_collateral_micro": 5 * MICRO,
        "closed_only": False,
        "region": HERE,
        "venue_skew_ms": 3,
    }
    return Eyes(**{name: says(value) for name, value in (answers | changes).items()})


def signer_of(address, *, kind=Kind.DEPOSIT, wallet=""):
    exchange = CONTRACTS.exchange
    return SignerSeen(address=address, chain_id=137, exchange=exchange, kind=kind, wallet=wallet)


async def look(pool, signer, eyes=None, *, kind=Kind.DEPOSIT, funder=""):
    known = not isinstance(signer, NotSeen)
    return await observe(
        kind=kind,
        funder=funder,
        signer=signer_of(signer) if known else signer,
        derived=deposit_wallets(signer, FACTORY) if known else signer,
        ledger=ChainLedger(pool, KNOWN),
        eyes=eyes or all_eyes(),
        look_again_s=0.001,
    )


@pytest.fixture
async def pool(local_chain):
    settings = RpcSettings(chain_id=137, urls=(local_chain.rpc_url,), requests_per_second=10_000)
    pool = RpcPool(settings, MachineClock())
    yield pool
    await pool.close()


@pytest.fixture
def owner(local_chain):
    return Wallet(local_chain)


async def test_the_deposit_wallet_of_the_signer_is_found_with_what_it_holds(
    local_chain, pool, owner
):
    wallet = local_chain.deposit_wallet_of(owner.address)
    local_chain.fund(wallet, 5 * MICRO)

    facts = await look(pool, owner.address)

    assert (facts.signer.address, facts.funder, facts.deployed) == (owner.address, wallet, True)
    assert (facts.pusd_micro, facts.usdc_e_micro, facts.venue_micro) == (5 * MICRO, 0, 5 * MICRO)
    assert {one.micro for one in facts.approvals} == {0}
    assert (facts.closed_only, facts.region, facts.skew_ms) == (False, HERE, 3)
    assert [one.chain_id for one in facts.endpoints] == [137]
    assert facts.block > 0


async def test_one_that_is_not_made_yet_is_not_deployed(pool, owner):
    assert (await look(pool, owner.address)).deployed is False


async def test_a_plain_wallet_is_the_signer_itself(local_chain, pool, owner):
    local_chain.fund(owner.address, 7 * MICRO)

    facts = await look(pool, owner.address, kind=Kind.EOA)

    assert (facts.funder, facts.pusd_micro) == (owner.address, 7 * MICRO)
    assert facts.gas_wei > 0


async def test_a_given_funder_is_looked_at_without_a_signer(local_chain, pool, owner):
    local_chain.fund(owner.address, 7 * MICRO)

    facts = await look(pool, DOWN, funder=owner.address)

    assert facts.signer == facts.derived == DOWN
    assert facts.pusd_micro == 7 * MICRO


async def test_without_signer_and_funder_nothing_of_the_wallet_is_seen(pool):
    facts = await look(pool, DOWN)

    assert (facts.funder, facts.pusd_micro, facts.approvals, facts.deployed) == (DOWN,) * 4


@pytest.mark.parametrize(
    ("eye", "field"),
    [
        ("venue_collateral_micro", "venue_micro"),
        ("closed_only", "closed_only"),
        ("region", "region"),
        ("venue_skew_ms", "skew_ms"),
    ],
)
async def test_a_question_that_fails_is_not_seen(pool, owner, eye, field):
    facts = await look(pool, owner.address, all_eyes(**{eye: ProbeError("no")}))

    assert getattr(facts, field) == NotSeen("no")


async def test_a_difference_that_passes_is_none(local_chain, pool, owner):
    wallet = local_chain.deposit_wallet_of(owner.address)
    local_chain.fund(wallet, 5 * MICRO)
    told = [4 * MICRO, 4 * MICRO, 5 * MICRO]

    async def say():
        return told.pop(0)

    facts = await look(
        pool, owner.address, dataclasses.replace(all_eyes(), venue_collateral_micro=say)
    )

    assert (facts.venue_micro, facts.pusd_micro, told) == (5 * MICRO, 5 * MICRO, [])


async def test_a_difference_that_stays_is_seen(pool, owner):
    facts = await look(pool, owner.address)

    assert (facts.venue_micro, facts.pusd_micro) == (5 * MICRO, 0)


async def test_a_chain_that_contradicts_itself_shows_nothing(nodes, make_pool, owner):
    for index, node in enumerate(nodes[:2]):
        node.says["eth_call"] = f"0x{index:064x}"
        node.says["eth_getCode"] = f"0x{index:02x}"

    facts = await look(make_pool(*nodes[:2]), owner.address)

    assert "differently at the same block" in facts.pusd_micro.reason
    assert isinstance(facts.deployed, NotSeen)


class TestTheVenue:
    @pytest.fixture
    def server(self, nodes):
        return nodes[0].server

    async def test_says_where_we_are(self, server, clock):
        server.answers["/api/geoblock"] = lambda _: as_json(
            {"blocked": True, "ip": "1.2.3.4", "country": "US", "region": "NY"}
        )

        seen = await region(f"{server.http_url}/api/geoblock", clock)

        assert seen == Region(blocked=True, country="US", region="NY")

    @pytest.mark.parametrize("answer", [Answer(b"", status=500), as_json({"country": "IE"})])
    async def test_that_does_not_say_is_no_permission(self, server, clock, answer):
        server.answers["/api/geoblock"] = lambda _: answer

        with pytest.raises(ProbeError, match="GET geoblock"):
            await region(f"{server.http_url}/api/geoblock", clock)

    @pytest.mark.parametrize(("off_s", "skew_ms"), [(0, 500), (3, 3_500), (-3, -2_500)])
    async def test_tells_whole_seconds(self, server, clock, off_s, skew_ms):
        now_s = clock.now_ns() // 10**9
        server.answers["/time"] = lambda _: as_json(now_s + off_s)

        assert await venue_skew_ms(server.http_url, clock) == skew_ms

    async def test_what_the_first_question_took_to_connect_does_not_count(self, server, clock):
        clock.advance(timedelta(milliseconds=500))
        slow = iter([timedelta(milliseconds=800), timedelta(0)])

        def answer(_):
            clock.advance(next(slow))
            return as_json(clock.now_ns() // 10**9)

        server.answers["/time"] = answer
        assert await venue_skew_ms(server.http_url, clock) == 200  # taken by itself it was 600

    async def test_a_clock_that_was_set_in_between_is_the_one_that_counts(self, server, clock):
        now_s = clock.now_ns() // 10**9
        told = iter([now_s + 60, now_s])
        server.answers["/time"] = lambda _: as_json(next(told))

        assert await venue_skew_ms(server.http_url, clock) == 500

    async def test_on_this_machine_says_where_its_chain_is(self, server, clock):
        place = {"rpc": "http://127.0.0.1:1/", "chain_id": 137, "contracts": {"pusd": "0x1"}}
        server.answers["/simulator/info"] = lambda _: as_json({"chain": place})

        seen = await read_local_chain(server.http_url, clock)

        assert (seen.rpc_url, seen.chain_id) == ("http://127.0.0.1:1", 137)
        assert seen.contracts == (("pusd", "0x1"),)

    async def test_on_this_machine_may_have_no_chain(self, server, clock):
        server.answers["/simulator/info"] = lambda _: as_json({"chain": None})

        assert await read_local_chain(server.http_url, clock) is None
