"""A live engine without what its orders need: it says so and never that it trades."""

import pytest

from polyarb_site.clock import SystemClock
from tests.conftest import make_profile
from tests.helpers.journals import until
from tests.helpers.shifts import shift
from trading.live_ports import live_ports
from trading.models import EngineSession, Mandate, MetricSample
from trading.selectors import live_state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_an_engine_whose_signer_does_not_answer_is_not_trading(wanted, place, settings):
    settings.SIGNER_PLAY_SOCKET = place / "nobody.sock"
    profile = make_profile("simulated_atomic_v1")
    Mandate.objects.update(mode="LIVE", feed="simulator", profile=profile)

    with shift(live_ports=live_ports(SystemClock())) as one:
        until(lambda: one.feed.sink is not None)
        one.feed.calm()
        until(lambda: EngineSession.objects.filter(state="NO_ACCESS").exists())
        one.feed.gap()
        until(lambda: MetricSample.objects.filter(session__state="NO_ACCESS").exists())
        row = EngineSession.objects.get()
        access = live_state("main", SystemClock().now())["access"]

    assert row.state_reason.startswith("SIGNER_DOWN: ")
    assert (access["works"], access["label"]) == (False, "Signer down")
    assert MetricSample.objects.latest("pk").values["access_problem"] == "SIGNER_DOWN"
    assert MetricSample.objects.latest("pk").values["sets_submitted"] == 0
