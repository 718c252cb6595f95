"""A kill criterion on a live engine with play money: down to the end, with nothing left open."""

import pytest

from checks.models import Rollback
from checks.services.rollbacks import carry_on
from checks.services.watching import watch_account
from polyarb_site.clock import SystemClock
from tests.checks.granting import go_live
from tests.checks.rollback_actor import channel, no_backup
from tests.checks.test_kill_criteria import Judging
from tests.conftest import make_profile
from trading.models import ArbitrageSet, EngineSession, Incident, Mandate
from trading.selectors.closing import open_orders, open_sets

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def in_phase_1(rig, settings):
    """The engine's venue, and an account whose grant the engine accepts."""
    channel()
    profile = make_profile(
        "live_safe_atomic_v1", TRADE_SIZE="6", COOLDOWN_MS=100, RESYNC_EVERY_MS=500
    )
    go_live(Mandate.objects.get(), profile=profile, at=SystemClock().now())
    return rig


def test_it_ends_with_no_order_open_no_half_set_and_the_phase_below(in_phase_1, monkeypatch):
    rig, clock = in_phase_1, SystemClock()
    no_backup(monkeypatch)
    with rig.trading() as shift:
        rig.venue.fault("refuse_leg", leg_number=1)
        rig.venue.gap()
        rig.ended("SETTLING", "ONE_MATCHED", "COMPLETING", "FAILED_LEG", "UNWINDING")
        row = watch_account("main", now=clock.now(), evaluate=Judging(daily_loss="FAIL"))
        row = carry_on(row, clock=clock)
        shift.join()
        rig.agree()

    told = [(step.name, step.state, step.detail) for step in row.steps.order_by("order")]
    assert row.state == Rollback.State.FINISHED, told
    assert open_orders("main", "simulator")[0] == 0
    assert open_sets("main", "simulator")[:2] == (0, 0)
    assert {one.state for one in ArbitrageSet.objects.all()} <= {"MERGED", "UNWOUND", "ABANDONED"}
    mandate = Mandate.objects.get()
    assert (mandate.phase, mandate.mode, mandate.desired, mandate.halted) == (
        *(0, "SHADOW", "STOP"),
        True,
    )
    assert EngineSession.objects.get().phase == 1
    assert Incident.objects.get().kind == "ROLLBACK"
    assert channel().delivery_set.count() == 1
