"""The wallet's commands against the real venue, signer and chain: ready, and broken piece by piece.

A door stands between portal and venue, for what the local venue never does by itself.
"""

import asyncio
import shutil

import pytest
import yaml

from polyarb_site.clock import SystemClock
from tests.helpers.commands import run_command
from tests.helpers.evm import CONTRACTS, needs_npm
from tests.signer.conftest import short_dir as short_dir  # noqa: PLC0414
from tests.wallets.real_place import Between
from tests.wallets.real_place import as_started as as_started  # noqa: PLC0414
from tests.wallets.real_place import enter as enter  # noqa: PLC0414
from tests.wallets.real_place import on_books as on_books  # noqa: PLC0414
from tests.wallets.real_place import on_chain as on_chain  # noqa: PLC0414
from trading.engine.units import MICRO
from trading.models import Mandate, WalletCheck
from trading.services.wallet_account import VenueAccount
from trading.services.wallet_place import wallet_place
from trading.wallets.facts import OWN_BOOKS

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
APPROVE, APPROVE_ALL = "approve(address,uint256)", "setApprovalForAll(address,bool)"


def checked():
    """Run the command; return its status and the lines that are not ok, by id."""
    status, _, _ = run_command("wallet_check")
    check = WalletCheck.objects.order_by("id").last()
    assert (status == 0) is check.ok
    return status, {one["id"]: one["status"] for one in check.lines if one["status"] != "ok"}


@needs_npm
@pytest.mark.parametrize("kind", ["DEPOSIT", "EOA"])
def test_a_ready_wallet_is_ok_in_every_line(enter, on_chain, kind):
    trader, _ = enter(on_chain, kind)
    assert checked()[0] == 1
    assert run_command("wallet_approve", "--yes")[0] == 0

    status, out, err = run_command("wallet_check")

    assert (status, err) == (0, ""), out
    assert "the wallet is ready" in out
    check = WalletCheck.objects.order_by("id").last()
    assert (check.funder, check.kind, check.ok) == (trader.wallet, kind, True)
    lines = {one["id"]: one["seen"] for one in check.lines}
    assert lines["venue_balance"] == "venue 10000, chain 10000"
    assert lines["closed_only"] == "may trade"


@needs_npm
class TestEachThingBroken:
    """Exactly its line is not ok, and says so in the words that the table of lines has for it."""

    @pytest.fixture
    def ready(self, enter, on_chain):
        trader, door = enter(on_chain)
        run_command("wallet_approve", "--yes")
        return trader, door

    @pytest.fixture
    def plain(self, enter, on_chain):
        trader, door = enter(on_chain, "EOA")
        run_command("wallet_approve", "--yes")
        return trader, door

    def test_closed_only(self, ready):
        ready[1].answers["/auth/ban-status/closed-only"] = {"closed_only": True}

        assert checked() == (1, {"closed_only": "failed"})

    @pytest.mark.parametrize(
        ("to", "signature", "spender", "nothing", "line"),
        [
            (CONTRACTS.pusd, APPROVE, "exchange", 0, "approval:exchange:collateral"),
            (
                CONTRACTS.conditional_tokens,
                APPROVE_ALL,
                "collateral_adapter",
                False,
                "approval:collateral_adapter:shares",
            ),
        ],
    )
    def test_an_allowance_that_was_revoked(self, plain, to, signature, spender, nothing, line):
        plain[0].send(to, signature, getattr(CONTRACTS, spender), nothing)

        assert checked() == (1, {line: "failed"})

    def test_an_approval_of_a_dead_exchange(self, plain):
        dead = "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E"
        plain[0].send(CONTRACTS.pusd, APPROVE, dead, 1)

        assert checked() == (1, {"approvals_other": "failed"})

    def test_a_view_of_the_venue_that_is_old(self, plain):
        plain[0].send(CONTRACTS.pusd, "transfer(address,uint256)", CONTRACTS.usdc_e, MICRO)

        assert checked() == (1, {"venue_balance": "failed"})

    def test_a_clock_that_is_off(self, ready):
        ready[1].answers["/time"] = lambda now_s: now_s + 5

        assert checked() == (1, {"clock": "failed"})

    def test_a_chain_with_another_id(self, ready):
        door = ready[1]
        wrong = Between(door.target)
        wrong.answers["/"] = {"jsonrpc": "2.0", "id": 1, "result": hex(80_002)}
        door.answers["/simulator/info"] = lambda said: {
            "chain": {**said["chain"], "rpc": wrong.address}
        }

        status, lines = checked()

        wrong.close()
        name = f"rpc:127.0.0.1:{wrong.port}"
        failed = {line for line, said in lines.items() if said == "failed"}
        assert (status, failed) == (1, {name, "rpc_count"})
        # What stands on the chain is not known without one, and nothing else is touched.
        assert lines.keys() - failed == {
            *("wallet", "chain", "collateral", "usdc_e", "approvals_other", "venue_balance"),
            *("approval:exchange:collateral", "approval:exchange:shares"),
            "approval:collateral_adapter:shares",
        }

    def test_a_signer_for_another_chain(self, ready):
        ready[0].start_signer(chain_id=80_002)

        status, lines = checked()

        assert status == 1
        # With it nobody logs in either, so that what the venue tells only us is not known.
        assert lines == {
            "signer_terms": "failed",
            "venue_balance": "unknown",
            "closed_only": "unknown",
        }

    def test_a_venue_that_lets_nobody_in(self, ready):
        ready[1].answers["/auth/api-key"] = ready[1].answers["/auth/derive-api-key"] = {"no": 1}

        status, lines = checked()

        assert status == 1
        assert lines == {"venue_balance": "unknown", "closed_only": "unknown"}
        (line,) = [one for one in WalletCheck.objects.last().lines if one["id"] == "closed_only"]
        assert "the venue does not let us in" in line["seen"]

    def test_no_signer(self, ready):
        ready[0].signer.stop()

        status, lines = checked()

        assert status == 1
        assert {"signer", "signer_terms", "wallet", "closed_only"} <= lines.keys()
        assert set(lines.values()) == {"unknown"}


class TestOnItsOwnBooks:
    @pytest.mark.parametrize("kind", ["DEPOSIT", "EOA"])
    def test_a_ready_wallet_is_ok_in_every_line(self, enter, on_books, kind):
        trader, _ = enter(on_books, kind)
        assert run_command("wallet_check")[0] == 1
        status, out, err = run_command("wallet_approve", "--yes")
        assert (status, err) == (0, "")
        assert f"collateral for exchange {CONTRACTS.exchange}: $0 -> $20 (missing)" in out
        assert "nothing has to be changed" in run_command("wallet_approve", "--yes")[1]

        assert checked() == (0, {})

        check = WalletCheck.objects.order_by("id").last()
        lines = {one["id"]: one["seen"] for one in check.lines}
        of_a_chain = {"rpc_count", "chain", "usdc_e", *({"gas"} if kind == "EOA" else ())}
        assert {name for name, said in lines.items() if said == OWN_BOOKS.reason} == of_a_chain
        assert lines["collateral"] == "10000 pUSD"
        assert check.funder == trader.wallet

    def test_a_wallet_that_the_venue_made_is_ready_by_itself(self, enter, as_started):
        enter(as_started)

        assert checked() == (0, {})

        lines = {one["id"]: one["seen"] for one in WalletCheck.objects.last().lines}
        assert lines["approval:exchange:collateral"] == "without limit"

    def test_an_approval_that_was_taken_back_fails(self, enter, on_books):
        enter(on_books)
        run_command("wallet_approve", "--yes")
        assert run_command("wallet_approve", "--revoke", "--yes")[0] == 0

        assert checked() == (
            1,
            {
                "approval:exchange:collateral": "failed",
                "approval:exchange:shares": "failed",
                "approval:collateral_adapter:shares": "failed",
            },
        )

    def test_without_a_venue_it_cannot_be_run(self, mandate, settings):
        settings.SIMULATOR_PORT = 9  # nobody listens there
        Mandate.objects.update(feed="simulator")

        status, _, err = run_command("wallet_check")

        assert status == 2
        assert "start it: make run FEED=simulator" in err
        assert WalletCheck.objects.count() == 0


@needs_npm
class TestWithRealMoneysRules:
    """Every other feed goes by config/venues.yaml: here its hosts are those of this machine."""

    @pytest.fixture
    def second(self, on_chain):
        node = Between(on_chain.rpc_url)
        yield node
        node.close()

    @pytest.fixture
    def real(self, enter, on_chain, second, settings, tmp_path):
        """A plain wallet of phase 1, ready in every line, with two endpoints of the chain."""
        trader, door = enter(on_chain, "EOA")
        door.answers["/api/geoblock"] = {"blocked": False, "country": "IE", "region": "L"}
        shutil.copytree(settings.CONFIG_DIR, tmp_path / "config")
        settings.CONFIG_DIR = tmp_path / "config"
        file = settings.CONFIG_DIR / "venues.yaml"
        known = yaml.safe_load(file.read_text())
        known["hosts"] |= {
            "clob": door.address,
            "relayer": door.address,
            "geoblock": f"{door.address}/api/geoblock",
            "polygon_rpcs": [on_chain.rpc_url, second.address],
        }
        file.write_text(yaml.safe_dump(known))
        settings.SIGNER_SOCKET, settings.WALLET_TYPE = trader.signer.socket, "EOA"
        Mandate.objects.update(feed="polymarket", phase=1)
        run_command("wallet_check")  # logs in for the first time, which gives the wallet its money
        trader.send(CONTRACTS.pusd, "transfer(address,uint256)", CONTRACTS.usdc_e, 9_985 * MICRO)
        trader.send(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 20 * MICRO)
        for operator in (CONTRACTS.exchange, CONTRACTS.collateral_adapter):
            trader.send(CONTRACTS.conditional_tokens, APPROVE_ALL, operator, True)
        asyncio.run(let_the_venue_look())
        return trader, door

    def test_a_ready_wallet_is_ok_in_every_line(self, real, second):
        assert checked() == (0, {})

        lines = {one["id"]: one["seen"] for one in WalletCheck.objects.last().lines}
        assert lines["region"] == "IE L, not blocked"
        assert lines["rpc_count"] == "2 of the right chain that answer"
        assert "requests failed" in lines[f"rpc:127.0.0.1:{second.port}"]

    def test_a_blocked_region(self, real):
        real[1].answers["/api/geoblock"] = {"blocked": True, "country": "US", "region": "NY"}

        assert checked() == (1, {"region": "failed"})

    def test_a_region_that_nobody_tells(self, real):
        real[1].answers["/api/geoblock"] = {"country": "IE"}

        assert checked() == (1, {"region": "unknown"})

    def test_an_endpoint_of_another_chain(self, real, second):
        second.answers["/"] = {"jsonrpc": "2.0", "id": 1, "result": hex(80_002)}

        name = f"rpc:127.0.0.1:{second.port}"
        assert checked() == (1, {name: "failed", "rpc_count": "failed"})

    def test_an_endpoint_that_does_not_answer(self, real, second):
        second.answers["/"] = "nonsense"

        name = f"rpc:127.0.0.1:{second.port}"
        assert checked() == (1, {name: "unknown", "rpc_count": "failed"})

    def test_one_endpoint_is_enough_for_shadow(self, real, second):
        second.answers["/"] = "nonsense"
        Mandate.objects.update(phase=0)

        assert "rpc_count" not in checked()[1]

    def test_too_little_money_and_an_approval_without_limit(self, real):
        real[0].send(CONTRACTS.pusd, APPROVE, CONTRACTS.exchange, 2**256 - 1)
        Mandate.objects.update(phase=2)  # asks for at least 50 dollars

        assert checked() == (
            1,
            {"collateral": "failed", "approval:exchange:collateral": "failed"},
        )


async def let_the_venue_look():
    """Ask the venue, as the account, to read the chain again."""
    clock = SystemClock()
    account = VenueAccount(await wallet_place("polymarket", clock), clock)
    await account.let_it_look_again()
    await account.close()
