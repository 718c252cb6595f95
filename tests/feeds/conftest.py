import math
from pathlib import Path
from typing import Any

import pytest

from tests.feeds.listening import PAIR, HandClock, Listener, MachineClock, running
from tests.feeds.misbehaving import Venue
from tests.feeds.recordings import DEFAULTS, write
from tests.feeds.world import World
from trading.adapters.channel_socket import SocketSettings
from trading.adapters.clob_rest import RestSettings
from trading.adapters.clob_slot import SlotSettings
from trading.adapters.clob_ws import ChannelSettings, MarketChannel
from trading.adapters.discovery import DiscoverySettings
from trading.adapters.gamma import GammaSettings
from trading.adapters.player import Player, PlaySettings
from trading.adapters.polymarket_feed import FeedSettings, PolymarketFeed


@pytest.fixture
async def venue():
    async with Venue() as venue:
        yield venue


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def make_channel(venue, listener):
    """Return a maker of channels to the venue: seconds become milliseconds here."""

    def make(*, tokens_per_socket_max=200, jitter=lambda: 0.0, on_books_missing=None, **times):
        socket = {"handshake_ms": 1_000}
        socket |= {k: times.pop(k) for k in list(times) if k in SocketSettings.__dataclass_fields__}
        slot = {
            "ping_every_ms": 30,
            "pong_within_ms": 5_000,
            "first_books_within_ms": 5_000,
            "backoff_ms": 10,
            "backoff_ms_max": 100,
        }
        settings = ChannelSettings(
            slot=SlotSettings(socket=SocketSettings(url=venue.ws_url, **socket), **(slot | times)),
            tokens_per_socket_max=tokens_per_socket_max,
        )
        return MarketChannel(
            settings,
            clock=MachineClock(),
            jitter=jitter,
            sink=listener,
            on_books_missing=on_books_missing or (lambda token_ids: None),
        )

    return make


@pytest.fixture
async def served(venue, listener, make_channel):
    """Return a function that serves each socket as given and waits for something to happen."""

    async def serve(behave, until, **settings):
        venue.on_socket = behave
        channel = make_channel(**settings)
        channel.change(PAIR)
        async with running(channel.run()):
            await listener.until(lambda _: until(channel))
        return channel

    return serve


@pytest.fixture
def make_player(tmp_path):
    """Return a maker of players of small recordings: once, at top speed."""

    def make(frames, markets=None, **changes):
        path = frames if isinstance(frames, Path) else write(tmp_path, frames, markets)
        settings: dict[str, Any] = {"speed": math.inf, "loop": False} | changes
        return Player(PlaySettings(frames=path, defaults=DEFAULTS, **settings), clock=HandClock(77))

    return make


@pytest.fixture
def world(venue):
    return World(venue)


@pytest.fixture
def make_feed(venue):
    """Return a maker of feeds in which seconds pass as milliseconds."""

    def make(*, gamma=None, discovery=None, rest=None, slot=None, **changes):
        times = {
            "discover_every_ms": 60_000,
            "control_every_ms": 60_000,
            "snapshot_every_ms": 40,
            "retry_ms": 10,
            "retry_ms_max": 20,
        }
        socket = SocketSettings(url=venue.ws_url, handshake_ms=500)
        slots = SlotSettings(socket=socket, backoff_ms=5, **(slot or {}))
        settings = FeedSettings(
            channel=ChannelSettings(slot=slots),
            rest=RestSettings(base_url=venue.http_url, **(rest or {})),
            gamma=GammaSettings(base_url=venue.http_url, **(gamma or {})),
            discovery=DiscoverySettings(**(discovery or {})),
            **(times | changes),
        )
        return PolymarketFeed(settings, clock=MachineClock(), jitter=lambda: 0.5)

    return make
