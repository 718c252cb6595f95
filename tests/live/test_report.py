"""The report of a run on the local venue says what the venue's books and the chain say, exactly."""

from datetime import timedelta

import pytest

from polyarb_site.clock import SystemClock
from reports.services.daily import make_stop_report
from tests.helpers.evm import local_chain, needs_npm
from tests.live.rig import COMPARING, Rig, address_of, gas_micro
from trading.models import ArbitrageSet, Trade
from trading.selectors.stops import stops_since
from trading.simulator.codes import COLLATERAL
from trading.simulator.local_venue import PLAY_MONEY_MICRO

__all__ = ["local_chain"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SHARES = 10


@pytest.fixture(autouse=True)
def reports_dir(settings, tmp_path):
    settings.REPORTS_DIR = tmp_path / "reports"


def report_of_the_run():
    now = SystemClock().now()
    (stop,) = stops_since("main", now - timedelta(hours=1), now + timedelta(minutes=5))
    return make_stop_report(stop, by_name="test")


def assert_same_as_the_venue(rig, figures):
    """Cash and every token of the report are what the wallet holds; so are profit and fills."""
    (money,) = figures["money"]
    held = rig.venue.holds(rig.wallet)
    positions = money["positions"]
    told = {line["token_id"]: line["shares_micro"] for line in positions["held"]}

    assert money["money"] == "PLAY"
    assert {COLLATERAL: positions["cash_micro"] + gas_micro(), **told} == held
    assert positions["held_count"] == len(held) - 1
    realised = sum(ArbitrageSet.objects.values_list("realised_micro", flat=True))
    assert money["realised"]["total_micro"] == money["sets"]["kept_micro"] == realised
    assert money["trades"]["gas_micro"] == gas_micro()
    assert money["trades"]["confirmed"] == Trade.objects.count() > 0
    assert money["trades"]["capital_micro"] == PLAY_MONEY_MICRO
    assert (money["orders"]["refused"], money["sets"]["won"]) == (0, 2)
    assert figures["reconciliation"]["last_verdict"] == "MATCH"
    assert figures["runs"]["configurations"][0]["label"] == "SIMULATED"
    assert figures["latency"]["decisions"] > 0


def trade_two_sets(rig):
    with rig.trading(times=COMPARING):
        for sets in (1, 2):
            rig.venue.gap(SHARES)
            rig.ended("MERGED", sets=sets, seconds=20)
            rig.agree()
        rig.compared("MATCH", after=rig.newest_run())


def test_on_the_venues_own_books(rig):
    trade_two_sets(rig)

    assert_same_as_the_venue(rig, report_of_the_run().figures)


@needs_npm
@pytest.mark.parametrize(("kind", "key"), [(3, "33"), (0, "44")], ids=["deposit wallet", "EOA"])
def test_on_the_chain(kind, key, local_chain, make_venue, signers, account_wanted, settings):
    key = f"0x{key * 32}"
    owner = address_of(key)
    wallet = owner if kind == 0 else local_chain.deposit_wallet_of(owner)
    signer = signers(key, wallet, kind)
    settings.SIGNER_PLAY_SOCKET = signer.socket
    rig = Rig(make_venue(seed=100 + kind, chain=local_chain), signer, owner=owner, wallet=wallet)
    trade_two_sets(rig)

    assert_same_as_the_venue(rig, report_of_the_run().figures)
