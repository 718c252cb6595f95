"""Asks a venue whether it can be traded on: its market channel, its clock, its chain.

Each call opens connections of its own, with the product's own clients, and closes them. Nothing is
sent but public reads. Each ends within the seconds given, whatever the venue does.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from polyarb_site.clock import Clock
from polyarb_site.yaml_files import read_yaml
from trading.adapters.feed import Feed, FeedError, MarketRecord
from trading.adapters.wire import MarketDecoder
from trading.config.venues import venue_settings
from trading.engine.events import BookSnapshot, Event, Levels, MarketListed
from trading.engine.market import MarketSpec
from trading.engine.sizes import Bounds, find_smallest, price_size
from trading.engine.units import MICRO
from trading.engine.walk import LegBook
from trading.feeds import feed_factory
from trading.models import PLAY_FEED
from trading.services.refusals import ServiceRefused
from trading.services.wallet_place import wallet_place
from trading.wallets.ports import ProbeError
from trading.wallets.rpc import endpoint_names
from trading.wallets.rpc_node import RpcError, RpcNode, RpcSettings, quantity
from trading.wallets.venue_reads import venue_skew_ms

RECORDED = "recorded"
CLOSE_S_MAX = 1.0
CLOCK_S_MAX = 4.0
ENDPOINT_MS_MAX = 2_500  # of each of two questions
NS_PER_MS = 1_000_000
START_VENUE = "start it: make run FEED=simulator, or manage.py simulate_exchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketHeard:
    """A market whose both books came. `cost_micro` is that of the smallest set that the venue
    takes, all legs and fees together; None when it takes none, and `problem` says why.
    """

    slug: str
    cost_micro: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of listening to a feed."""

    frames: int
    books: int  # whole books that came over the channel
    first_book_ms: int | None  # after the start
    markets: tuple[MarketHeard, ...]
    listed: int  # markets that the venue named
    problem: str  # of the feed, empty when it had none


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSeen:
    """What one endpoint of the chain answered. Its name is its host alone."""

    name: str
    block: int | None  # None: it did not answer as it has to
    problem: str


@dataclass(slots=True)
class _Ear:
    """Takes what a feed hands on, until there is enough of it."""

    clock: Clock
    wanted: int  # markets with both books; 0: the first book is enough
    lists_first: bool  # every market is named before the first book, so that all can be waited for
    began_ns: int
    enough: asyncio.Event
    decoder: MarketDecoder = field(default_factory=MarketDecoder)
    records: dict[str, MarketRecord] = field(default_factory=dict)
    specs: dict[str, MarketSpec] = field(default_factory=dict)
    asks: dict[str, Levels] = field(default_factory=dict)  # by token
    frames: int = 0
    books: int = 0
    first_book_ms: int | None = None

    def on_frame(self, raw: bytes, connection: int) -> None:
        """Count a frame, and keep the books in it."""
        del connection
        self.frames += 1
        for event in self.decoder.decode(raw):
            if isinstance(event, BookSnapshot):
                self.books += 1
                self._book(event)

    def on_event(self, event: Event) -> None:
        """Keep what says which markets there are. A book that was read is none of the channel."""
        if isinstance(event, MarketListed):
            self.specs[event.spec.condition_id] = event.spec
        elif isinstance(event, BookSnapshot):
            self.asks[event.token_id] = event.asks

    def on_market(self, record: MarketRecord) -> None:
        """Keep what people call a market."""
        self.records[record.spec.condition_id] = record

    def _book(self, book: BookSnapshot) -> None:
        self.asks[book.token_id] = book.asks
        if self.first_book_ms is None:
            self.first_book_ms = (self.clock.monotonic_ns() - self.began_ns) // NS_PER_MS
        wanted = min(self.wanted, len(self.specs)) if self.lists_first else self.wanted
        if not self.wanted or len(self.whole()) >= wanted:
            self.enough.set()

    def whole(self) -> list[MarketSpec]:
        """Return the markets whose both books are here."""
        return [
            spec
            for spec in self.specs.values()
            if all(token in self.asks for token in spec.token_ids)
        ]


def listen(
    venue: str,
    options: Mapping[str, str],
    clock: Clock,
    *,
    seconds: float,
    markets_max: int,
    markets_wanted: int = 0,
) -> Heard:
    """Run the feed of a venue until its first whole book came, or those of so many markets, or of
    all that it names.

    `markets_max` bounds what is asked of the venue. Never raises for what the venue does: `problem`
    says it.
    """
    return asyncio.run(_listen(venue, options, clock, seconds, markets_max, markets_wanted))


def clock_skew_ms(venue: str, clock: Clock) -> int:
    """Return a venue's clock less ours, as its REST interface tells it. Raises ServiceRefused."""
    if venue == PLAY_FEED:
        url = f"http://127.0.0.1:{settings.SIMULATOR_PORT}"
    else:
        url = venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml")).hosts.clob
    try:
        return asyncio.run(_within(venue_skew_ms(url, clock)))
    except (ProbeError, TimeoutError) as error:
        told = error.message if isinstance(error, ProbeError) else f"not within {CLOCK_S_MAX:.0f} s"
        remedy = START_VENUE if venue == PLAY_FEED else "look whether this machine has a network"
        raise ServiceRefused("VENUE_SILENT", told, remedy) from error


def ask_endpoints(venue: str, clock: Clock) -> tuple[EndpointSeen, ...] | None:
    """Ask every endpoint of a venue's chain for its newest block; None for a venue without a chain.

    Each is asked by itself, so that one which hides behind another is seen. Raises ServiceRefused
    when the local venue does not say whether it has a chain.
    """
    return asyncio.run(_ask_endpoints(venue, clock))


async def _listen(
    venue: str,
    options: Mapping[str, str],
    clock: Clock,
    seconds: float,
    markets_max: int,
    wanted: int,
) -> Heard:
    ear = _Ear(clock, wanted, venue != RECORDED, clock.monotonic_ns(), asyncio.Event())
    problem = ""
    try:
        feed = feed_factory(clock, markets_max=markets_max)(venue, options)
    except (ValueError, OSError) as error:
        return _heard(ear, f"the feed {venue:.20} cannot be made: {error}")
    running = asyncio.ensure_future(feed.run(ear))
    enough = asyncio.ensure_future(ear.enough.wait())
    try:
        await asyncio.wait({running, enough}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        problem = _ended(running, feed)
    finally:
        enough.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S_MAX):
                await feed.close()
        running.cancel()
        await asyncio.wait({running, enough})
    return _heard(ear, problem)


def _ended(running: "asyncio.Future[None]", feed: Feed) -> str:
    """Return what went wrong so far; a bug of ours is raised."""
    if running.done():
        error = running.exception()
        if error is not None and not isinstance(error, FeedError):
            raise error
        return error.message if isinstance(error, FeedError) else ""
    return feed.status().last_problem


def _heard(ear: _Ear, problem: str) -> Heard:
    return Heard(
        frames=ear.frames,
        books=ear.books,
        first_book_ms=ear.first_book_ms,
        markets=tuple(_priced(spec, ear) for spec in ear.whole()),
        listed=len(ear.specs),
        problem=problem[:300],
    )


def _priced(spec: MarketSpec, ear: _Ear) -> MarketHeard:
    """Return what the smallest set of a market costs by the books that came."""
    record = ear.records.get(spec.condition_id)
    slug = (record.slug if record is not None else "") or spec.condition_id
    if spec.fee is None:
        return MarketHeard(slug=slug, cost_micro=None, problem="its fee is not known")
    if not spec.accepting_orders:
        return MarketHeard(slug=slug, cost_micro=None, problem="it takes no orders")
    legs = [
        LegBook(
            token_id=token,
            asks=tuple(sorted(ear.asks[token])),
            fee=spec.fee,
            tick_micro=spec.tick_micro,
            min_order_size_micro=spec.min_order_size_micro,
        )
        for token in spec.token_ids
    ]
    found = find_smallest(legs) if all(leg.asks for leg in legs) else None
    if found is None:
        return MarketHeard(slug=slug, cost_micro=None, problem="too little is offered")
    stretch, size_micro = found
    return MarketHeard(slug=slug, cost_micro=price_size(stretch, size_micro, _ANY).cost_micro)


# Only the cost is asked for, whatever the set would gain.
_ANY = Bounds(
    payout_micro=MICRO,
    cost_max_micro=10**15,
    min_profit_ratio_micro=0,
    slippage_max_ratio_micro=MICRO,
    slippage_allowance_ratio_micro=0,
    gas_per_set_micro=0,
    raise_to_minimum=True,
)


async def _within(asked: Coroutine[Any, Any, int]) -> int:
    async with asyncio.timeout(CLOCK_S_MAX):
        return await asked


async def _ask_endpoints(venue: str, clock: Clock) -> tuple[EndpointSeen, ...] | None:
    if venue == RECORDED:
        return None
    rpc = (await wallet_place(venue, clock)).rpc
    if rpc is None:
        return None
    rpc = replace(rpc, request_ms=min(rpc.request_ms, ENDPOINT_MS_MAX))
    named = zip(endpoint_names(rpc.urls), rpc.urls, strict=True)
    asked = [_ask_one(name, url, rpc, clock) for name, url in named]
    return tuple(await asyncio.gather(*asked))


async def _ask_one(name: str, url: str, rpc: RpcSettings, clock: Clock) -> EndpointSeen:
    node = RpcNode(name, url, rpc, clock)
    try:
        block = quantity(await node.ask("eth_blockNumber", ()), f"{name} eth_blockNumber")
    except RpcError as error:
        return EndpointSeen(name=name, block=None, problem=error.message[:200])
    finally:
        await node.close()
    return EndpointSeen(name=name, block=block, problem="")
