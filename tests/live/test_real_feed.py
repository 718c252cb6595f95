"""The feed of the real venue, whose addresses in venues.yaml are those of a venue of this machine.

No machine of ours reaches the real one. What trades here is what would trade there: the mode, the
signer's socket, the hosts, the relayer's key file, the chain's endpoints, the promotion.
"""

import json
import shutil

import pytest
import yaml

from polyarb_site.clock import SystemClock
from tests.conftest import make_profile
from tests.helpers.evm import local_chain, needs_npm
from tests.helpers.grants import put_in_force
from tests.helpers.installation import wait_for
from tests.live.rig import COMPARING, Rig, address_of, gas_micro
from tests.simulator.official import ClobClient
from trading.models import ArbitrageSet, EngineSession, Mandate, Order
from trading.selectors.status import live_state
from trading.simulator.codes import COLLATERAL
from trading.simulator.local_venue import PLAY_MONEY_MICRO

__all__ = ["local_chain"]
pytestmark = [needs_npm, pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROOMY = {"TRADE_SIZE": "6", "COOLDOWN_MS": 100, "RESYNC_EVERY_MS": 500, "LEG_LOSS_MAX": "0.50"}


@pytest.fixture
def here(settings, tmp_path, monkeypatch):
    """Let venues.yaml name a venue and a chain of this machine."""
    folder = tmp_path / "config"
    shutil.copytree(settings.CONFIG_DIR, folder)
    settings.CONFIG_DIR = folder
    settings.RELAYER_KEY_FILE = tmp_path / "relayer.json"

    def point(port, rpc_url):
        told = yaml.safe_load((folder / "venues.yaml").read_text())
        http = f"http://127.0.0.1:{port}"
        told["hosts"] |= {"clob": http, "gamma": http, "relayer": http, "polygon_rpcs": [rpc_url]}
        told["hosts"] |= {
            f"{name}_ws": f"ws://127.0.0.1:{port}/ws/{name}" for name in ("market", "user")
        }
        told["chain"] |= {"confirmations": 1, "poll_every_ms": 200}
        (folder / "venues.yaml").write_text(yaml.safe_dump(told))

    return point


def promoted(phase=1):
    profile = make_profile("live_safe_atomic_v1", **ROOMY)
    put_in_force("main", profile, phase=phase, venue="polymarket", at=SystemClock().now())


@pytest.mark.parametrize(("kind", "key"), [(3, "33"), (0, "44")], ids=["deposit wallet", "EOA"])
def test_a_set_is_traded_and_merged_with_what_would_be_real_money(
    kind, key, local_chain, make_venue, signers, account_wanted, settings, here
):
    key = f"0x{key * 32}"
    owner = address_of(key)
    wallet = owner if kind == 0 else local_chain.deposit_wallet_of(owner)
    signer = signers(key, wallet, kind)
    settings.SIGNER_SOCKET = signer.socket
    venue = make_venue(seed=200 + kind, chain=local_chain)
    here(venue.port, local_chain.rpc_url)
    settings.SIMULATOR_PORT = 1  # nothing may be asked of the local venue as such
    if kind == 3:
        client = ClobClient(f"http://127.0.0.1:{venue.port}", chain_id=137, key=key)
        known = client.create_or_derive_api_key().api_key
        settings.RELAYER_KEY_FILE.write_text(json.dumps({"key": known, "address": owner}))
        settings.RELAYER_KEY_FILE.chmod(0o600)
    promoted()
    rig = Rig(venue, signer, owner=owner, wallet=wallet)

    with rig.trading(times=COMPARING):
        rig.venue.gap()
        rig.ended("MERGED", seconds=20)
        rig.agree()
        run = rig.compared("MATCH", after=rig.newest_run())
        state = live_state("main", SystemClock().now())

    assert run.block_number > 0
    one = ArbitrageSet.objects.get()
    gained = rig.venue.holds(rig.wallet)[COLLATERAL] - PLAY_MONEY_MICRO
    assert gained == one.realised_micro + gas_micro()
    session = EngineSession.objects.get()
    assert (session.label, session.mode, session.phase) == ("LIVE", "LIVE", 1)
    assert state["label"] == "LIVE"


def test_without_a_promotion_the_same_engine_sends_nothing(
    local_chain, make_venue, signers, account_wanted, settings, here
):
    owner = address_of("0x" + "55" * 32)
    signer = signers("0x" + "55" * 32, owner, 0)
    settings.SIGNER_SOCKET = signer.socket
    venue = make_venue(seed=300, chain=local_chain)
    here(venue.port, local_chain.rpc_url)
    promoted()
    Mandate.objects.update(grant={}, grant_sha256="")
    rig = Rig(venue, signer, owner=owner, wallet=owner)

    with rig.trading(times=COMPARING, wait=False) as shift:
        rig.venue.gap()
        wait_for(lambda: rig.state()[0] == "HALTED", 15, "a session that may not trade")
        shift.join_not(2)
        reason = EngineSession.objects.get().state_reason

    assert venue.batches() == []
    assert Order.objects.count() == 0
    assert "no promotion allows it" in reason
