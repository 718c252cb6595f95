"""A running live engine opens a set only while everything is as its promotion found it."""

import shutil
from dataclasses import replace

import pytest

from checks.models import Approval, CheckResult, CriterionVerdict, Promotion
from polyarb_site.clock import SystemClock
from tests.conftest import make_profile
from tests.helpers.grants import put_in_force
from tests.helpers.installation import wait_for
from tests.live.rig import TIMES
from trading.models import ArbitrageSet, Mandate, Order, Profile
from trading.services import apply_profile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# The engine looks at its mandate so seldom that only the question before the post can keep it.
DEAF = replace(TIMES, mandate_ms=600_000)
ROOMY = {"TRADE_SIZE": "6", "COOLDOWN_MS": 100, "RESYNC_EVERY_MS": 500, "LEG_LOSS_MAX": "0.50"}


@pytest.fixture
def own_config(settings, tmp_path):
    """Configuration files of this test alone."""
    folder = tmp_path / "config"
    shutil.copytree(settings.CONFIG_DIR, folder)
    settings.CONFIG_DIR = folder
    return folder


@pytest.fixture
def promoted(rig, own_config):
    """The account trades in phase 1, on the local venue, with a promotion in force."""
    profile = make_profile("live_safe_atomic_v1", **ROOMY)
    put_in_force("main", profile, at=SystemClock().now())
    return profile


def other_config(folder):
    path = folder / "venues.yaml"
    path.write_text(path.read_text() + "# another line\n")


def apply_other(_folder):
    make_profile("live_safe_atomic_v1", revision=2, **{**ROOMY, "TRADE_SIZE": "5"})
    apply_profile("live_safe_atomic_v1", by=None, by_name="test", reason="smaller", account="main")


def edit_profile(_folder):
    row = Profile.objects.get(name="live_safe_atomic_v1")
    Profile.objects.filter(pk=row.pk).update(values={**row.values, "TRADE_SIZE": "5.5"})


def edit_grant(**changes):
    def edit(_folder):
        Mandate.objects.update(grant={**Mandate.objects.get().grant, **changes})

    return edit


FLIPS = {
    "another profile is applied": apply_other,
    "the content of the profile is edited": edit_profile,
    "a file of the configuration is edited": other_config,
    "the software is another": edit_grant(software="0.0.9+0000000000000000"),
    "the phase is edited": lambda _: Mandate.objects.update(phase=2),
    "the grant is edited": edit_grant(profile_sha256="a" * 64),
    "the grant is taken away": lambda _: Mandate.objects.update(grant={}, grant_sha256=""),
    "a result of the check run is edited": lambda _: CheckResult.objects.update(status="FAIL"),
    "a verdict is edited": lambda _: CriterionVerdict.objects.update(value="6"),
    "a verdict is removed": lambda _: CriterionVerdict.objects.all().delete(),
    "the backup fails": lambda _: _fail_backup(),
    "an approval is edited": lambda _: Approval.objects.filter(by_name="anna").update(answer="NO"),
    "the promotion is void": lambda _: Promotion.objects.update(state="VOID"),
    "what it was bound to is edited": lambda _: Promotion.objects.update(binding={}),
}


def _fail_backup():
    from reports.models import BackupRun

    BackupRun.objects.update(state=BackupRun.State.FAILED)


def test_with_its_promotion_it_trades_and_says_its_phase(rig, promoted):
    with rig.trading() as shift:
        rig.venue.gap()
        rig.ended("MERGED")
        rig.venue.no_gap()
        shift.join_not(0.1)

        assert rig.venue.batches() != []


@pytest.mark.parametrize("flip", FLIPS)
def test_no_order_that_opens_a_set_leaves_after(rig, promoted, own_config, flip):
    with rig.trading(times=DEAF):
        FLIPS[flip](own_config)
        rig.venue.gap()
        rig.ended("ABANDONED")
        rig.venue.no_gap()
        rig.rests()
        rig.agree()

        assert rig.venue.batches() == []
        assert {order.state for order in Order.objects.all()} == {"REFUSED"}
        assert ArbitrageSet.objects.exclude(state="ABANDONED").count() == 0


@pytest.mark.parametrize("flip", FLIPS)
def test_the_engine_says_within_a_second_that_it_may_not(rig, promoted, own_config, flip):
    with rig.trading(times=replace(TIMES, mandate_ms=50)):
        FLIPS[flip](own_config)

        wait_for(lambda: not rig._side()._loop.may_trade, 5, "an engine that may not trade")
        wait_for(lambda: rig.state()[0] == "HALTED", 5, "a session that says so")
