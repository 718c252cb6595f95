"""Public reads of the CLOB: whole books, market parameters, the venue's clock.

Each field is checked as it comes in and an error names the field. One book among a hundred that
cannot be read is left out and reported, the others are used.
"""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import quote as quote_url

import msgspec

from trading.adapters.decimals import micro_from_number, whole_from_number
from trading.adapters.feed import FeedError, MonotonicClock
from trading.adapters.http_reads import (
    Endpoint,
    HttpReader,
    HttpSettings,
    RateLimiter,
    decoded,
)
from trading.adapters.wire import SIZE_MICRO_MAX
from trading.engine.events import BookSnapshot, Levels
from trading.engine.market import TICKS_MICRO, FeeSchedule
from trading.engine.units import MICRO, UnitError, unsigned_micro_from_text

MIB = 1_048_576
LEVELS_MAX = 10_000  # of one side: every price of the finest tick
BOOKS_PER_BREATH = 4  # books turned into events before the event loop gets a turn
PAYLOAD_TOO_LARGE = "payload exceeds the limit"
SECONDS_DELAY_MAX = 86_400
FEE_EXPONENT_MAX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSettings:
    """Limits are requests in a window; ours are kept below the venue's."""

    base_url: str
    http: HttpSettings = field(default_factory=HttpSettings)
    window_ms: int = 10_000
    books_per_window: int = 250
    reads_per_window: int = 1_000
    books_chunk_max: int = 100  # tokens asked for in one POST /books
    books_bytes_max: int = 64 * MIB
    market_bytes_max: int = MIB
    time_bytes_max: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClobMarket:
    """The trading parameters of one market. `fee` None: the record has no fee, so it is zero."""

    condition_id: str
    outcomes: tuple[tuple[str, str], tuple[str, str]]  # (token id, outcome), in no promised order
    tick_micro: int
    min_order_size_micro: int
    fee: FeeSchedule | None
    protocol: str  # empty: not said
    neg_risk: bool
    accepting_orders: bool | None  # None: not said
    taker_delay: bool
    seconds_delay: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookReads:
    """Answer to one or more POST /books, in the order of the tokens asked for."""

    snapshots: tuple[BookSnapshot, ...]
    refused: tuple[str, ...]  # books left out, with the field that is wrong


class _Level(msgspec.Struct):
    price: str
    size: str


class _Book(msgspec.Struct):
    market: str
    asset_id: str
    timestamp: str
    bids: list[_Level]
    asks: list[_Level]
    tick_size: str | None = None


class _Fee(msgspec.Struct):
    r: Decimal
    e: Decimal
    to: bool


class _Token(msgspec.Struct):
    t: str
    o: str


class _Market(msgspec.Struct):
    c: str
    t: list[_Token]
    mos: Decimal
    mts: Decimal
    v: str = ""
    nr: bool = False
    ao: bool | None = None
    fd: _Fee | None = None
    itode: bool = False
    sd: int = 0


class ClobReader:
    """Reads the public side of the CLOB."""

    def __init__(self, settings: RestSettings, clock: MonotonicClock) -> None:
        self._http = HttpReader(settings.base_url, settings.http, clock)
        self._chunk = settings.books_chunk_max
        reads = RateLimiter(requests=settings.reads_per_window, window_ms=settings.window_ms)
        books = RateLimiter(requests=settings.books_per_window, window_ms=settings.window_ms)
        self._books = Endpoint(
            name="POST /books",
            method="POST",
            limiter=books,
            body_bytes_max=settings.books_bytes_max,
        )
        self._market = Endpoint(
            name="GET /clob-markets",
            method="GET",
            limiter=reads,
            body_bytes_max=settings.market_bytes_max,
        )
        self._time = Endpoint(
            name="GET /time", method="GET", limiter=reads, body_bytes_max=settings.time_bytes_max
        )

    async def books(self, token_ids: tuple[str, ...]) -> BookReads:
        """Read whole books. Unknown tokens are simply missing in the answer. Raises FeedError."""
        snapshots: list[BookSnapshot] = []
        refused: list[str] = []
        rest = token_ids
        while rest:
            chunk = rest[: self._chunk]
            try:
                answer = await self._http.read(self._books, "/books", body=_books_question(chunk))
            except FeedError as error:
                if PAYLOAD_TOO_LARGE not in error.message.lower() or len(chunk) == 1:
                    raise
                # The venue publishes no number. What it refused once is not asked for again.
                self._chunk = len(chunk) // 2
                continue
            rest = rest[len(chunk) :]
            found = await _books_from(
                decoded(answer, list[msgspec.Raw], self._books), chunk, refused
            )
            snapshots += [found[token_id] for token_id in chunk if token_id in found]
        return BookReads(snapshots=tuple(snapshots), refused=tuple(refused))

    async def market(self, condition_id: str) -> ClobMarket:
        """Read the parameters of one market. Raises FeedError, also for an incomplete record.

        Only a record with everything else in place may say "no fee" by leaving `fd` out.
        """
        path = f"/clob-markets/{quote_url(condition_id, safe='')}"
        market = decoded(await self._http.read(self._market, path), _Market, self._market)
        try:
            return _market_from(market, condition_id)
        except ValueError as error:
            raise FeedError(f"{self._market.name}: {error}", permanent=True) from error

    async def server_time_s(self) -> int:
        """Return the venue's clock in whole seconds. Raises FeedError."""
        seconds = decoded(await self._http.read(self._time, "/time"), int, self._time)
        if not 10**9 <= seconds < 10**11:
            raise FeedError(f"GET /time: {seconds} are no seconds since 1970", permanent=False)
        return seconds

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _books_question(token_ids: tuple[str, ...]) -> bytes:
    return msgspec.json.encode([{"token_id": token_id} for token_id in token_ids])


async def _books_from(
    raw_books: list[msgspec.Raw], asked: tuple[str, ...], refused: list[str]
) -> dict[str, BookSnapshot]:
    """Turn an answer into snapshots by token. Faulty books go to `refused`."""
    wanted = set(asked)
    found: dict[str, BookSnapshot] = {}
    for index, raw in enumerate(raw_books):
        if index % BOOKS_PER_BREATH == 0:
            # A hundred deep books take ten milliseconds: frames must not wait for all of them.
            await asyncio.sleep(0)
        try:
            snapshot = _snapshot(msgspec.json.decode(raw, type=_Book))
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
            refused.append(f"books[{index}]: {error}")
            continue
        if snapshot.token_id not in wanted:
            refused.append(f"books[{index}].asset_id: not asked for, or sent twice")
            continue
        wanted.discard(snapshot.token_id)
        found[snapshot.token_id] = snapshot
    return found


def _snapshot(book: _Book) -> BookSnapshot:
    """Return one book as an event, or raise ValueError naming the field."""
    if not (
        book.timestamp.isascii() and book.timestamp.isdigit() and 12 <= len(book.timestamp) <= 14
    ):
        raise ValueError(f"timestamp: {book.timestamp!r:.40} is not in milliseconds")
    tick_micro = None
    if book.tick_size:
        tick_micro = _micro("tick_size", book.tick_size)
        if tick_micro not in TICKS_MICRO:
            raise ValueError(f"tick_size: {book.tick_size!r:.40} is not one that the venue uses")
    return BookSnapshot(
        book.market,
        book.asset_id,
        int(book.timestamp),
        _levels("bids", book.bids),
        _levels("asks", book.asks),
        tick_micro,
        from_read=True,
    )


def _levels(side: str, levels: list[_Level]) -> Levels:
    if len(levels) > LEVELS_MAX:
        raise ValueError(f"{side}: {len(levels)} levels, more than there are prices")
    result = []
    for index, level in enumerate(levels):
        price = _micro(f"{side}[{index}].price", level.price)
        size = _micro(f"{side}[{index}].size", level.size)
        if not 0 < price < MICRO:
            raise ValueError(f"{side}[{index}].price: {level.price!r:.40} is not between 0 and 1")
        if size > SIZE_MICRO_MAX:
            raise ValueError(f"{side}[{index}].size: {level.size!r:.40} is above any real size")
        if size:
            result.append((price, size))
    return tuple(result)


def _micro(name: str, text: str) -> int:
    try:
        return unsigned_micro_from_text(text)
    except UnitError as error:
        raise ValueError(f"{name}: {error}") from error


def _market_from(market: _Market, condition_id: str) -> ClobMarket:
    """Check one record. Raises ValueError naming the field."""
    if market.c != condition_id:
        raise ValueError(f"c: the answer is about {market.c!r:.80}, not about {condition_id}")
    if len(market.t) != 2:
        raise ValueError(f"t: {len(market.t)} tokens, not two")
    first, second = market.t
    if first.t == second.t:
        raise ValueError("t: both tokens are the same")
    tick_micro = micro_from_number(market.mts, "mts")
    if tick_micro not in TICKS_MICRO:
        raise ValueError(f"mts: {market.mts} is not a tick that the venue uses")
    min_order_size_micro = micro_from_number(market.mos, "mos")
    if not 0 <= market.sd <= SECONDS_DELAY_MAX:
        raise ValueError(f"sd: {market.sd} s is out of range")
    return ClobMarket(
        condition_id=condition_id,
        outcomes=((first.t, first.o), (second.t, second.o)),
        tick_micro=tick_micro,
        min_order_size_micro=min_order_size_micro,
        fee=_fee_from(market.fd),
        protocol=market.v,
        neg_risk=market.nr,
        accepting_orders=market.ao,
        taker_delay=market.itode,
        seconds_delay=market.sd,
    )


def _fee_from(fee: _Fee | None) -> FeeSchedule | None:
    if fee is None:
        return None
    return fee_schedule(fee.r, fee.e, taker_only=fee.to, name="fd")


def fee_schedule(rate: Decimal, exponent: Decimal, *, taker_only: bool, name: str) -> FeeSchedule:
    """Return a checked fee schedule, or raise ValueError naming the field."""
    rate_micro = micro_from_number(rate, f"{name} rate")
    if rate_micro > MICRO:
        raise ValueError(f"{name} rate: {rate} is above 1")
    whole = whole_from_number(exponent, f"{name} exponent", highest=FEE_EXPONENT_MAX)
    return FeeSchedule(rate_micro=rate_micro, exponent=whole, taker_only=taker_only)
