"""What `manage.py up` asks of the engine, before it starts a single process."""

import io

import pytest
from django.core.management.base import CommandError

from polyarb_site.management.commands import up
from tests.conftest import NOON, make_profile
from tests.helpers.audit import last_event
from trading import services
from trading.models import Mandate, Money, money_of

pytestmark = pytest.mark.django_db

NOTHING = {"feed": None, "shadow": False, "speed": None, "recording": None}


@pytest.fixture
def profiles(mandate, profile):
    """Both profiles that it starts with."""
    return {"live_shadow_atomic_v1": profile, "simulated_atomic_v1": make_profile(PLAY)}


PLAY = "simulated_atomic_v1"


def start(**options):
    """Ask as `handle` does, and return the mandate and what was said."""
    given = {**NOTHING, **options}
    said = io.StringIO()
    command = up.Command(stdout=said)
    wanted = command._start_trading(up.chosen_feed(given), given)
    row = Mandate.objects.select_related("profile").get()
    assert wanted == (row.desired == "RUN")
    return row, said.getvalue()


class TestTheFeed:
    @pytest.mark.parametrize("default", ["recorded", "simulator"])
    def test_is_the_default_when_nothing_is_said(self, monkeypatch, default):
        monkeypatch.setattr(up, "DEFAULT_FEED", default)

        assert up.chosen_feed(NOTHING) == default
        assert up.chosen_feed({**NOTHING, "feed": "polymarket"}) == "polymarket"

    @pytest.mark.parametrize("option", ["speed", "recording"])
    def test_is_a_recording_for_who_says_how_to_play_one(self, monkeypatch, option):
        monkeypatch.setattr(up, "DEFAULT_FEED", "simulator")

        assert up.chosen_feed({**NOTHING, option: "10"}) == "recorded"
        assert up.chosen_feed({**NOTHING, option: "10", "feed": "simulator"}) == "simulator"


class TestStarting:
    def test_on_the_local_venue_is_with_play_money(self, profiles):
        row, _ = start(feed="simulator")

        assert (row.desired, row.mode, row.feed) == ("RUN", "LIVE", "simulator")
        assert row.profile == profiles[PLAY]
        assert money_of(row.mode, row.feed) is Money.PLAY
        assert last_event().action == "engine.start_simulated"

    def test_by_default_it_is_that_once_the_default_is_the_local_venue(self, profiles, monkeypatch):
        monkeypatch.setattr(up, "DEFAULT_FEED", "simulator")
        row, _ = start()

        assert (row.mode, row.feed) == ("LIVE", "simulator")

    def test_on_the_local_venue_it_stays_on_paper_for_who_asks(self, profiles):
        row, _ = start(feed="simulator", shadow=True)

        assert (row.mode, row.feed) == ("SHADOW", "simulator")
        assert row.profile == profiles["live_shadow_atomic_v1"]

    @pytest.mark.parametrize("shadow", [False, True])
    @pytest.mark.parametrize("feed", ["recorded", "polymarket"])
    def test_on_any_other_feed_is_on_paper(self, profiles, feed, shadow):
        row, _ = start(feed=feed, shadow=shadow)

        assert (row.desired, row.mode, row.feed) == ("RUN", "SHADOW", feed)

    def test_after_a_run_with_play_money_is_on_paper_again(self, profiles):
        start(feed="simulator")
        row, _ = start(feed="recorded", speed="10")

        assert (row.mode, row.feed, row.feed_options) == ("SHADOW", "recorded", {"speed": "10"})

    @pytest.mark.parametrize("shadow", [False, True])
    def test_a_speed_means_nothing_on_the_local_venue_and_is_refused(self, profiles, shadow):
        with pytest.raises(CommandError, match="has no option 'speed'"):
            start(feed="simulator", speed="10", shadow=shadow)

        assert Mandate.objects.get().desired == "STOP"

    def test_a_halt_is_left_as_it_is_and_said(self, profiles, operator):
        services.halt("main", by=operator, reason="odd fills", at=NOON)
        row, said = start(feed="simulator")

        assert (row.halted, row.desired) == (True, "STOP")
        assert "stays halted" in said


@pytest.mark.parametrize("options", [(), ("--drills",)])
def test_the_local_venue_is_open_to_drills_only_for_who_asks(options):
    class Programs(list):
        def add(self, program, probe=None):
            self.append(program)

    programs = Programs()
    up._add_local_venue(programs, options)

    (venue,) = (one for one in programs if one.name == "venue")
    assert ("--drills" in venue.command) == bool(options)
