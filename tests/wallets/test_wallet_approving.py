"""`manage.py wallet_approve` against the real venue, signer and chain."""

import json

import pytest

from polyarb_site.audit.models import AuditEvent
from tests.helpers.commands import run_command
from tests.helpers.evm import CONTRACTS, ask, needs_npm
from tests.signer.conftest import short_dir as short_dir  # noqa: PLC0414
from tests.wallets.real_place import enter as enter  # noqa: PLC0414
from tests.wallets.real_place import on_chain as on_chain  # noqa: PLC0414
from trading.engine.units import MICRO
from trading.services import wallet_sending
from trading.simulator.evm.abi import call_data
from trading.wallets.transactions import EoaWallet

pytestmark = [pytest.mark.django_db, pytest.mark.slow, needs_npm]
KINDS = pytest.mark.parametrize("kind", ["DEPOSIT", "EOA"])


def allowance(trader, spender):
    """Return what a contract may take of the wallet's dollars, from the chain itself."""
    data = call_data("allowance(address,address)", trader.wallet, spender)
    call = {"to": CONTRACTS.pusd, "data": data}
    return int(ask(trader.venue.rpc_url, "eth_call", call, "latest"), 16)


class TestApproving:
    @KINDS
    def test_gives_exactly_what_is_needed_and_takes_it_all_back(self, enter, on_chain, kind):
        trader, _ = enter(on_chain, kind)

        status, out, err = run_command("wallet_approve", "--yes")

        assert (status, err) == (0, "")
        assert f"collateral for exchange {CONTRACTS.exchange}: $0 -> $20 (missing)" in out
        assert allowance(trader, CONTRACTS.exchange) == 20 * MICRO
        assert allowance(trader, CONTRACTS.collateral_adapter) == 0
        assert "nothing has to be changed" in run_command("wallet_approve", "--yes")[1]
        status, out, _ = run_command("wallet_approve", "--revoke", "--yes")
        assert status == 0
        assert "$20 -> $0 (not needed)" in out
        assert allowance(trader, CONTRACTS.exchange) == 0

    def test_every_reference_is_in_the_audit_between_the_plan_and_its_end(self, enter, on_chain):
        trader, _ = enter(on_chain, "EOA")
        run_command("wallet_approve", "--yes")

        events = list(AuditEvent.objects.filter(target="wallet:main").order_by("sequence"))
        pairs = ["wallet.approval_sending", "wallet.approval_ended"]
        assert [one.action for one in events] == ["wallet.approve", *pairs * 3, "wallet.approved"]
        assert [one["outcome"] for one in events[-1].after["outcomes"]] == ["Confirmed"] * 3
        sent = [one.after["reference_hashes"] for one in events if one.action == pairs[0]]
        ended = [one.after["reference_hashes"] for one in events if one.action == pairs[1]]
        assert sent == ended
        assert [one[0].partition("0x")[0] for one in sent] == ["tx:0:", "tx:1:", "tx:2:"]
        assert trader.key.removeprefix("0x") not in json.dumps([one.after for one in events])

    def test_without_a_yes_nothing_is_changed(self, enter, on_chain):
        trader, _ = enter(on_chain, "EOA")

        status, out, err = run_command("wallet_approve")

        assert status == 1
        assert "$0 -> $20" in out
        assert "say --yes" in err
        assert allowance(trader, CONTRACTS.exchange) == 0

    def test_what_the_signer_refuses_is_2_and_not_sent(self, enter, on_chain):
        trader, _ = enter(on_chain)
        trader.start_signer(approval_micro_max=1 * MICRO)

        status, out, _ = run_command("wallet_approve", "--yes")

        assert status == 2
        assert "not sent: SIGNER_REFUSED: APPROVAL_TOO_LARGE" in out
        assert allowance(trader, CONTRACTS.exchange) == 0

    def test_a_wallet_that_is_not_seen_is_not_touched(self, enter, on_chain, settings, short_dir):
        enter(on_chain)
        settings.SIGNER_PLAY_SOCKET = short_dir / "nobody.sock"

        status, _, err = run_command("wallet_approve", "--yes")

        assert status == 1
        assert "no signer answers" in err
        assert "wallet_check" in err


class Killed(BaseException):
    """The process is gone: nothing of ours handles this."""


class TestAKillBetween:
    """The reference is durable before anything is sent, and the next run asks for it first."""

    def test_written_down_and_sent_is_found_and_not_sent_again(self, enter, on_chain, monkeypatch):
        trader, _ = enter(on_chain, "EOA")

        async def die(*_, **__):
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(EoaWallet, "_wait", die)
            with pytest.raises(Killed):
                run_command("wallet_approve", "--yes")

        status, out, _ = run_command("wallet_approve", "--yes")

        assert status == 0
        found = AuditEvent.objects.filter(action="wallet.approval_sending").last()
        (reference,) = found.after["reference_hashes"]
        assert f"an earlier run sent {reference}: confirmed" in out
        assert out.index("an earlier run") < out.index("wallet 0x")  # before it plans
        nonce = ask(trader.venue.rpc_url, "eth_getTransactionCount", trader.owner, "latest")
        assert int(nonce, 16) == 3  # one each, and none twice
        assert "an earlier run" not in run_command("wallet_approve", "--yes")[1]

    @KINDS
    def test_written_down_and_not_sent_is_looked_up_and_its_number_used(
        self, enter, on_chain, kind, monkeypatch
    ):
        trader, _ = enter(on_chain, kind)

        class Dying(wallet_sending._Written):
            async def about_to_send(self, reference, calls):
                await super().about_to_send(reference, calls)
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(wallet_sending, "_Written", Dying)
            with pytest.raises(Killed):
                run_command("wallet_approve", "--yes")
        assert allowance(trader, CONTRACTS.exchange) == 0
        assert AuditEvent.objects.filter(action="wallet.approval_sending").count() == 1

        status, out, _ = run_command("wallet_approve", "--yes")

        assert status == 0
        assert "an earlier run was about to send" in out
        assert "nonce 0 still waits" in out
        assert allowance(trader, CONTRACTS.exchange) == 20 * MICRO

    def test_a_run_that_writes_nothing_down_sends_nothing(self, enter, on_chain, monkeypatch):
        trader, _ = enter(on_chain, "EOA")

        class Deaf(wallet_sending._Written):
            async def about_to_send(self, reference, calls):
                raise OSError("the disk is full")

        monkeypatch.setattr(wallet_sending, "_Written", Deaf)
        with pytest.raises(OSError, match="disk is full"):
            run_command("wallet_approve", "--yes")

        count = ask(trader.venue.rpc_url, "eth_getTransactionCount", trader.owner, "pending")
        assert int(count, 16) == 0
