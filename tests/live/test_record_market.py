"""The command that records live market data, on the local venue, and what can be done with it."""

import json
import os
import signal
import threading
import time

import pytest

from polyarb_site.yaml_files import read_yaml
from tests.helpers.commands import run_command
from trading.adapters.recording import load_markets, markets_path, read_frames
from trading.config.venues import venue_settings
from trading.models import Mandate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venue(make_venue):
    return make_venue()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "recordings" / "local.frames.jsonl.zst"


def defaults(settings):
    return venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml")).recordings


def later(seconds, call):
    timer = threading.Timer(seconds, call)
    timer.start()
    return timer


def test_what_is_recorded_on_the_local_venue_can_be_replayed(venue, account_wanted, out, settings):
    later(1.5, lambda: venue.gap(10))

    status, said, complained = run_command("record_market", "--seconds", "4", "--out", str(out))

    assert (status, complained) == (0, "")
    assert f"manage.py replay {out}" in said
    frames = list(read_frames(out))
    markets = load_markets(markets_path(out), defaults(settings))
    assert len(frames) > 20
    assert {one.spec.condition_id for one in markets} >= set(venue.venue.markets)
    assert not list(out.parent.glob("*.partial.*"))

    first, second = (json.loads(run_command("replay", str(out), "--json")[1]) for _ in range(2))
    assert first == second
    assert first["frames"] == len(frames)
    assert first["malformed_frames"] == 0
    assert first["gaps_confirmed"] > 0  # the gap that was offered


def test_ctrl_c_ends_it_in_order(venue, account_wanted, out):
    later(2.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    began = time.monotonic()

    status, said, _ = run_command("record_market", "--out", str(out))

    assert (status, "frames of" in said) == (0, True)
    assert time.monotonic() - began < 15
    assert len(list(read_frames(out))) > 0


def test_a_recording_that_was_cut_off_is_replayed_as_far_as_it_goes(venue, account_wanted, out):
    run_command("record_market", "--seconds", "3", "--out", str(out))
    torn = out.with_name("local.partial.frames.jsonl.zst")
    torn.write_bytes(out.read_bytes()[:-5])
    markets_path(torn).write_bytes(markets_path(out).read_bytes())

    status, said, _ = run_command("replay", str(torn))

    assert status == 0
    assert "is torn" in said
    assert "replayed up to there" in said
    whole = torn.rename(out.with_name("other.frames.jsonl.zst"))
    markets_path(whole).write_bytes(markets_path(out).read_bytes())
    assert run_command("replay", str(whole))[0] == 1  # that name says that it is whole


def test_without_a_venue_nothing_is_left_behind(account_wanted, settings, out):
    settings.SIMULATOR_PORT = 9  # nobody is there

    status, _, complained = run_command("record_market", "--seconds", "2", "--out", str(out))

    assert status == 2
    assert "nothing came before" in complained or "no frame came" in complained
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--seconds", "0"], "give at least 1"),
        (["--out", "somewhere.csv"], "ends in .frames.jsonl.zst"),
    ],
)
def test_refuses_with_a_remedy(account_wanted, arguments, remedy):
    status, _, complained = run_command("record_market", *arguments)

    assert status == 1
    assert remedy in complained


def test_refuses_to_record_a_recording(account_wanted):
    Mandate.objects.update(feed="recorded")

    status, _, complained = run_command("record_market")

    assert status == 1
    assert "--feed polymarket or --feed simulator" in complained
