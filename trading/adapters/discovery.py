"""One round of discovery: what is new, what changed, what is over."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from trading.adapters.clob_rest import ClobReader
from trading.adapters.feed import FeedError, MarketRecord
from trading.adapters.gamma import GammaReader
from trading.adapters.gamma_market import Listing
from trading.adapters.market_records import market_record


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverySettings:
    """Limits of a round."""

    markets_max: int = 100
    taker_delay_ms: int = 250
    reads_at_once: int = 8
    neg_risk_events_max: int = 20  # new ones looked up in one round


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round found. `listed` holds new markets and those whose parameters changed."""

    listed: tuple[MarketRecord, ...]
    closed: tuple[str, ...]
    refused: int
    problem: str  # the last reason for a refusal


class Discoverer:
    """Asks Gamma what exists and the CLOB by which parameters it trades."""

    def __init__(
        self, settings: DiscoverySettings, gamma: GammaReader, clob: ClobReader, *, source: str
    ) -> None:
        self._settings = settings
        self._gamma = gamma
        self._clob = clob
        self._source = source
        self._legs: dict[str, int] = {}  # outcomes of a neg-risk event, which do not change

    async def round(self, watched: Mapping[str, MarketRecord]) -> Round:
        """Compare the venue with what is watched. Raises FeedError when Gamma cannot be read."""
        found = await self._gamma.discover()
        gone = tuple(c for c in watched if c not in found.open_ids)
        closed = await self._gamma.closed_among(gone) if gone else frozenset()
        room = max(self._settings.markets_max - len(watched) + len(closed), 0)
        new = [one for one in found.selected if one.condition_id not in watched][:room]
        known = [found.listings[c] for c in watched if c in found.listings]
        await self._count_legs([*new, *known])
        at_once = asyncio.Semaphore(self._settings.reads_at_once)
        results = await asyncio.gather(*(self._record(one, at_once) for one in [*new, *known]))
        records = [result for result in results if isinstance(result, MarketRecord)]
        problems = [result for result in results if isinstance(result, str)]
        problems = [f"{one.name}: {one.reason}" for one in found.refused] + problems
        return Round(
            listed=tuple(r for r in records if watched.get(r.spec.condition_id) != r),
            closed=tuple(c for c in watched if c in closed),
            refused=found.refused_count + len(problems) - len(found.refused),
            problem=problems[-1] if problems else "",
        )

    async def _record(self, listing: Listing, at_once: asyncio.Semaphore) -> MarketRecord | str:
        """Return the market, or why it is not traded in this round. The next one asks again."""
        try:
            async with at_once:
                market = await self._clob.market(listing.condition_id)
            return market_record(
                listing,
                market,
                taker_delay_ms=self._settings.taker_delay_ms,
                neg_risk_legs=self._legs.get(listing.neg_risk_event_id, 0),
                source=self._source,
            )
        except (FeedError, ValueError) as error:
            return f"{listing.slug}: {error}"

    async def _count_legs(self, listings: list[Listing]) -> None:
        """Look up how many outcomes new neg-risk events have. Unknown stays 0: never complete."""
        slugs = {
            one.neg_risk_event_id: one.event_slug
            for one in listings
            if one.neg_risk_event_id and one.neg_risk_event_id not in self._legs and one.event_slug
        }
        for event_id, slug in list(slugs.items())[: self._settings.neg_risk_events_max]:
            try:
                self._legs[event_id] = await self._gamma.neg_risk_legs(slug, event_id)
            except FeedError:
                continue  # its markets are listed as incomplete until a later round
