"""What anybody may ask the venue about this place and this moment: the region, and the time.

Also where the local venue's chain is. Each raises ProbeError.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from polyarb_site.clock import Clock
from trading.adapters.feed import FeedError
from trading.adapters.http_reads import Endpoint, HttpReader, HttpSettings, RateLimiter, decoded
from trading.wallets.facts import Region
from trading.wallets.ports import ProbeError

ANSWER_BYTES_MAX = 65_536
DEPOSIT_TYPE = "3"  # the signature type of a deposit wallet
NS_PER_MS, MS_PER_S = 1_000_000, 1_000
SETTINGS = HttpSettings(connect_ms=3_000, read_ms=5_000, total_ms=6_000)

Shape = TypeVar("Shape")


class _Ask(Protocol):
    async def __call__(self, shape: type[Shape], /) -> Shape: ...


class _Region(msgspec.Struct):
    blocked: bool
    country: str = ""
    region: str = ""


class _Chain(msgspec.Struct):
    rpc: str
    chain_id: int
    contracts: dict[str, str]


class _Info(msgspec.Struct):
    chain: _Chain | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalChainPlace:
    """Where the local venue's chain is, and its contracts by the names of config/venues.yaml."""

    rpc_url: str
    chain_id: int
    contracts: tuple[tuple[str, str], ...]


async def region(geoblock_url: str, clock: Clock) -> Region:
    """Return what the venue says of where we are (polymarket.md section 10)."""
    told = await _read(geoblock_url, "geoblock", clock, _Region)
    return Region(blocked=told.blocked, country=told.country[:40], region=told.region[:40])


async def venue_skew_ms(clob_url: str, clock: Clock) -> int:
    """Return the venue's clock less ours, to half a second, since it tells whole ones.

    It is asked twice over one connection. Each answer was true at some instant between question
    and answer, which leaves a span; returned is the middle of what both leave. How long the first
    took to connect does not count therefore.
    """
    async with _asking(f"{clob_url}/time", "time", clock) as ask:
        first = await _skew_span(ask, clock)
        second = await _skew_span(ask, clock)
    low, high = max(first[0], second[0]), min(first[1], second[1])
    if low > high:  # one of the clocks was set in between
        low, high = second
    return (low + high) // 2


async def _skew_span(ask: _Ask, clock: Clock) -> tuple[int, int]:
    """Return the least and the most milliseconds that the venue's clock may be ahead of ours."""
    sent_ns, before_ns = clock.now_ns(), clock.monotonic_ns()
    told_ms = await ask(int) * MS_PER_S
    took_ns = clock.monotonic_ns() - before_ns
    return told_ms - (sent_ns + took_ns) // NS_PER_MS, told_ms + MS_PER_S - sent_ns // NS_PER_MS


async def local_chain(venue_url: str, clock: Clock) -> LocalChainPlace | None:
    """Return where the local venue's chain is, None when it runs without one."""
    info = await _read(f"{venue_url}/simulator/info", "local venue", clock, _Info)
    if info.chain is None:
        return None
    return LocalChainPlace(
        rpc_url=info.chain.rpc.rstrip("/"),
        chain_id=info.chain.chain_id,
        contracts=tuple(sorted(info.chain.contracts.items())),
    )


async def local_wallets(venue_url: str, owner: str, clock: Clock) -> tuple[str, ...]:
    """Return the deposit wallets of an owner on a local venue that settles on its own books."""
    told = await _read(f"{venue_url}/simulator/wallets/{owner}", "wallets", clock, dict[str, str])
    return (told[DEPOSIT_TYPE],) if DEPOSIT_TYPE in told else ()


async def _read(url: str, name: str, clock: Clock, shape: type[Shape]) -> Shape:
    async with _asking(url, name, clock) as ask:
        return await ask(shape)


@asynccontextmanager
async def _asking(url: str, name: str, clock: Clock) -> AsyncIterator[_Ask]:
    """Open a connection on which one address is asked, as often as wanted. Raises ProbeError."""
    parts = urlsplit(url)
    limiter = RateLimiter(requests=10, window_ms=1_000)
    endpoint = Endpoint(
        name=f"GET {name}", method="GET", limiter=limiter, body_bytes_max=ANSWER_BYTES_MAX
    )
    reader = HttpReader(f"{parts.scheme}://{parts.netloc}", SETTINGS, clock)

    async def ask(shape: type[Shape]) -> Shape:
        return decoded(await reader.read(endpoint, parts.path), shape, endpoint)

    try:
        yield ask
    except FeedError as error:
        raise ProbeError(error.message) from error
    finally:
        await reader.close()
