"""Discovery: which markets exist, read page by page from Gamma.

The walk is bounded in pages and markets, a cursor that comes twice ends it with an error (the venue
has answered the same page for ever before), and a listing that cannot be read is set aside with its
reason while the others go on.
"""

from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec

from trading.adapters.clob_rest import MIB
from trading.adapters.feed import FeedError, MonotonicClock
from trading.adapters.gamma_market import (
    GammaMarket,
    Listing,
    listing_from,
    market_from,
    name_of,
    plain,
)
from trading.adapters.http_reads import (
    Endpoint,
    HttpReader,
    HttpSettings,
    RateLimiter,
    decoded,
)

PAGE_SIZE = 100  # the venue clamps larger ones without a word
CONDITIONS_PER_QUESTION = 100
REFUSED_KEPT_MAX = 50
REASON_LENGTH_MAX = 300
CURSOR_LENGTH_MAX = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which markets are wanted. Empty prefixes or tags: all."""

    markets_max: int = 100
    slug_prefixes: tuple[str, ...] = ()
    tag_slugs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaSettings:
    """Limits are requests in a window; ours are kept below the venue's."""

    base_url: str
    http: HttpSettings = field(default_factory=HttpSettings)
    window_ms: int = 10_000
    markets_per_window: int = 150
    events_per_window: int = 250
    pages_max: int = 20
    page_bytes_max: int = 16 * MIB
    selection: Selection = field(default_factory=Selection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A listing that was set aside, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """One walk. `selected` is ordered by volume; `open_ids` are all markets seen open.

    `listings` holds everything that fits the selection, by condition id, also beyond its limit.
    """

    selected: tuple[Listing, ...]
    listings: dict[str, Listing]
    open_ids: frozenset[str]
    refused: tuple[Refused, ...]  # the first ones; `refused_count` counts all
    refused_count: int
    skipped: dict[str, int]  # by reason: closed, archived ...
    pages: int
    complete: bool  # False: the page limit came before the end


class _Page(msgspec.Struct):
    markets: list[msgspec.Raw]
    next_cursor: str | None = None


class _EventMarket(msgspec.Struct, rename="camel"):
    condition_id: str | None = None
    neg_risk_market_id: str | None = msgspec.field(default=None, name="negRiskMarketID")


class _EventDetail(msgspec.Struct):
    markets: list[_EventMarket]


class _ClosedMarket(msgspec.Struct, rename="camel"):
    condition_id: str
    closed: bool | None = None


class GammaReader:
    """Walks the listing."""

    def __init__(self, settings: GammaSettings, clock: MonotonicClock) -> None:
        self._settings = settings
        self._http = HttpReader(settings.base_url, settings.http, clock)
        window_ms = settings.window_ms
        self._markets = Endpoint(
            name="GET /markets/keyset",
            method="GET",
            limiter=RateLimiter(requests=settings.markets_per_window, window_ms=window_ms),
            body_bytes_max=settings.page_bytes_max,
        )
        self._events = Endpoint(
            name="GET /events/slug",
            method="GET",
            limiter=RateLimiter(requests=settings.events_per_window, window_ms=window_ms),
            body_bytes_max=settings.page_bytes_max,
        )

    async def discover(self) -> Discovery:
        """Read the open markets and choose. Raises FeedError."""
        walk = _Walk(self._settings.selection)
        cursors: set[str] = set()
        cursor = ""
        for _ in range(self._settings.pages_max):
            page = await self._page(self._question(cursor))
            walk.take(page.markets)
            cursor = page.next_cursor or ""
            if not cursor or not page.markets:
                return walk.result(complete=True)
            if cursor in cursors or len(cursor) > CURSOR_LENGTH_MAX:
                raise FeedError(
                    f"{self._markets.name}: the cursor {cursor!r:.60} came twice, the walk would"
                    " never end",
                    permanent=False,
                )
            cursors.add(cursor)
        return walk.result(complete=False)

    async def closed_among(self, condition_ids: tuple[str, ...]) -> frozenset[str]:
        """Return which of these markets Gamma calls closed. Raises FeedError."""
        closed: set[str] = set()
        for start in range(0, len(condition_ids), CONDITIONS_PER_QUESTION):
            asked = condition_ids[start : start + CONDITIONS_PER_QUESTION]
            params = [("closed", "true"), ("limit", str(PAGE_SIZE))]
            params += [("condition_ids", condition_id) for condition_id in asked]
            page = await self._page(params)
            for raw in page.markets:
                market = decoded(bytes(raw), _ClosedMarket, self._markets)
                if market.closed is True and market.condition_id in asked:
                    closed.add(market.condition_id)
        return frozenset(closed)

    async def neg_risk_legs(self, event_slug: str, neg_risk_event_id: str) -> int:
        """Return how many outcomes a neg-risk event has, open or not. Raises FeedError."""
        answer = await self._http.read(self._events, f"/events/slug/{_path_part(event_slug)}")
        event = decoded(answer, _EventDetail, self._events)
        # A market that names another group, or none, is not an outcome of this one.
        return sum(market.neg_risk_market_id == neg_risk_event_id for market in event.markets)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _question(self, cursor: str) -> list[tuple[str, str]]:
        params = [
            ("active", "true"),
            ("closed", "false"),
            ("limit", str(PAGE_SIZE)),
            ("order", "volume24hr"),
            ("ascending", "false"),
        ]
        if self._settings.selection.tag_slugs:
            params.append(("include_tag", "true"))
        if cursor:
            params.append(("after_cursor", cursor))
        return params

    async def _page(self, params: list[tuple[str, str]]) -> _Page:
        answer = await self._http.read(self._markets, "/markets/keyset", params=params)
        return decoded(answer, _Page, self._markets)


class _Walk:
    """What the pages brought so far."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._wanted: dict[str, Listing] = {}
        self._open_ids: set[str] = set()
        self._refused: list[Refused] = []
        self._refused_count = 0
        self._skipped: Counter[str] = Counter()
        self._pages = 0

    def take(self, markets: list[msgspec.Raw]) -> None:
        """Sort one page into wanted, skipped and refused."""
        self._pages += 1
        for raw in markets:
            try:
                market = market_from(raw)
                if market.closed is not True:
                    self._open_ids.add(market.condition_id)
                reason = _not_tradable(market)
                if reason:
                    self._skipped[reason] += 1
                else:
                    self._take_one(listing_from(market))
            except ValueError as error:  # every decoding error is one
                self._refuse(name_of(raw), str(error))

    def _take_one(self, listing: Listing) -> None:
        reason = self._not_selected(listing)
        earlier = self._wanted.get(listing.condition_id)
        if reason:
            self._skipped[reason] += 1
        elif earlier is not None and earlier.token_ids != listing.token_ids:
            self._refuse(listing.slug, "listed twice with different tokens")
        else:
            self._wanted[listing.condition_id] = listing

    def result(self, *, complete: bool) -> Discovery:
        """Choose the busiest; equal volumes in the order of their ids, so that runs agree."""
        ordered = sorted(self._wanted.values(), key=lambda one: (-one.volume, one.condition_id))
        return Discovery(
            selected=tuple(ordered[: self._selection.markets_max]),
            listings=dict(self._wanted),
            open_ids=frozenset(self._open_ids),
            refused=tuple(self._refused),
            refused_count=self._refused_count,
            skipped=dict(self._skipped),
            pages=self._pages,
            complete=complete,
        )

    def _refuse(self, name: str, reason: str) -> None:
        self._refused_count += 1
        if len(self._refused) < REFUSED_KEPT_MAX:
            self._refused.append(Refused(name=name, reason=plain(reason, REASON_LENGTH_MAX)))

    def _not_selected(self, listing: Listing) -> str:
        prefixes = self._selection.slug_prefixes
        if prefixes and not listing.slug.startswith(prefixes):
            return "another slug"
        tags = self._selection.tag_slugs
        if tags and not set(tags) & set(listing.tag_slugs):
            return "another tag"
        return ""


def _not_tradable(market: GammaMarket) -> str:
    """Return why nobody can trade in this market, or an empty text."""
    for flag, wanted, reason in (
        (market.closed, False, "closed"),
        (market.archived, False, "archived"),
        (market.active, True, "not active"),
        (market.enable_order_book, True, "no order book"),
        (market.accepting_orders, True, "not accepting orders"),
    ):
        # A flag that should be true and is missing is no yes; a missing "closed" is no closing.
        if (flag is True) != wanted:
            return reason
    return ""


def _path_part(text: str) -> str:
    return quote(text, safe="")
