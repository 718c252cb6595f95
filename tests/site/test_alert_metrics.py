"""What /metrics says of alerts, of who judges them and of the channels."""

from datetime import timedelta

import pytest

from alerts.models import Watch
from polyarb_site.metrics import MetricsView
from tests.api.alert_building import make_alert, make_channel, make_delivery
from tests.api.building import Caller
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock
from tests.site.test_metrics import scrape, value

pytestmark = pytest.mark.django_db


@pytest.fixture
def scraper(viewer, mandate, monkeypatch):
    monkeypatch.setattr(MetricsView, "clock", FixedClock(NOON))
    return Caller(viewer)


def test_alerts_are_counted_by_level_and_state_zeros_too(scraper):
    make_alert()
    make_alert("ENGINE_STALE", state="ACKED")
    make_alert("LOW_BALANCE", level="WARNING", state="RESOLVED", resolved_at=NOON)

    found = scrape(scraper)

    counts = {
        (level, state): value(found, "polyarb_alerts", level=level, state=state)
        for level in ("CRITICAL", "WARNING", "INFO")
        for state in ("PENDING", "FIRING", "ACKED")
    }
    assert counts.pop(("CRITICAL", "FIRING")) == counts.pop(("CRITICAL", "ACKED")) == 1
    assert set(counts.values()) == {0}
    assert value(found, "polyarb_alerts", level="WARNING", state="RESOLVED") is None


def test_the_age_of_the_judgement_is_absent_before_the_first(scraper):
    name = ("polyarb_alert_rules_judged_age_seconds", ())
    before = scrape(scraper)
    Watch.objects.create(name="JUDGE", beat_at=NOON - timedelta(seconds=75))

    assert name not in before
    assert scrape(scraper)[name] == 75


def test_channels_tell_what_waits_and_whether_they_fail(scraper):
    office = make_channel(failing_since=NOON)
    make_channel("off", enabled=False)
    make_channel("night shift")
    make_delivery(office, 1)
    make_delivery(office, 2, state="SENDING")
    make_delivery(office, 3, state="SENT")

    found = scrape(scraper)

    def told(name):
        return {
            dict(labels)["channel"]: number
            for (one, labels), number in found.items()
            if one == name
        }

    assert told("polyarb_deliveries_unsent") == {"office": 2, "night shift": 0}
    assert told("polyarb_channel_failing") == {"office": 1, "night shift": 0}
