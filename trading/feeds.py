"""Makes the feed that a mandate names."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import SystemRandom
from typing import TypeAlias

from django.conf import settings

from polyarb_site.clock import Clock
from polyarb_site.yaml_files import read_yaml
from trading.adapters.feed import Feed
from trading.adapters.player import Player, PlaySettings, parse_speed
from trading.adapters.polymarket_feed import PolymarketFeed
from trading.adapters.polymarket_settings import feed_settings
from trading.config.venues import VenueSettings, venue_settings

# Called in the event loop, with the mandate's feed and options. Raises ValueError or OSError.
FeedFactory: TypeAlias = Callable[[str, Mapping[str, str]], Feed]

RECORDING_PATTERN = "*.frames.jsonl*"
# Between attempts to reach the local venue: it starts within seconds, and nobody else uses it.
NEAR_BACKOFF_MS_MAX = 500


def feed_factory(clock: Clock, *, markets_max: int | None = None) -> FeedFactory:
    """Return a function that makes feeds; the venue's description is read once for each.

    With `markets_max` a live feed asks for the first page of markets only, and watches so many.
    """

    def make(name: str, options: Mapping[str, str]) -> Feed:
        venue = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml"))
        if markets_max is not None:
            fewer = min(markets_max, venue.feed.markets_max)
            venue = replace(venue, feed=replace(venue.feed, markets_max=fewer, pages_max=1))
        if name == "polymarket":
            jitter = SystemRandom().random
            return PolymarketFeed(feed_settings(venue), clock=clock, jitter=jitter)
        if name == "simulator":
            return _local_venue_feed(venue, clock)
        if name == "recorded":
            frames = Path(options["recording"]) if options.get("recording") else own_recording()
            speed = parse_speed(options.get("speed", "1"))
            play = PlaySettings(frames=frames, defaults=venue.recordings, speed=speed)
            return Player(play, clock=clock)
        raise ValueError(f"there is no feed {name!r:.40}")

    return make


def _local_venue_feed(venue: VenueSettings, clock: Clock) -> Feed:
    """Return the live feed, pointed at the local venue: not one line of it is another."""
    address = f"127.0.0.1:{settings.SIMULATOR_PORT}"
    http = f"http://{address}"
    hosts = replace(venue.hosts, clob=http, gamma=http, market_ws=f"ws://{address}/ws/market")
    near = replace(venue.feed, backoff_ms_max=NEAR_BACKOFF_MS_MAX)
    return PolymarketFeed(
        feed_settings(replace(venue, hosts=hosts, feed=near)),
        clock=clock,
        jitter=SystemRandom().random,
        name="simulator",
        label="SIMULATED",
    )


def own_recording() -> Path:
    """Return the recording that came along; raises FileNotFoundError when it was removed."""
    found = sorted(settings.RECORDINGS_DIR.glob(RECORDING_PATTERN))
    if not found:
        raise FileNotFoundError(f"there is no recording in {settings.RECORDINGS_DIR.name}")
    return found[0]
