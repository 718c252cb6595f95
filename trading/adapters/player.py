"""Plays a recording as a feed, at the pace at which it was recorded or faster.

The engine must not be able to tell: books arrive as frames, a request for a snapshot is answered
from what the recording has shown so far, never from what it will show. Where the recording leaps in
time, or begins again, its books are worth nothing, and the engine is told that the connection
changed. What is played is called RECORDED wherever people see it.
"""

import asyncio
import math
from dataclasses import dataclass, field
from pathlib import Path

from trading.adapters.feed import FeedSink, FeedStatus, MarketRecord, MonotonicClock
from trading.adapters.recording import (
    FEED_NAME,
    RecordingError,
    RecordingLimits,
    began_ms,
    ended,
    load_markets,
    markets_path,
    read_frames,
)
from trading.adapters.wire import MarketDecoder
from trading.config.venues import RecordingDefaults
from trading.engine.events import (
    BookDelta,
    BookSnapshot,
    FeedChanged,
    Levels,
    MarketListed,
)

SPEED_MAX = math.inf  # as fast as the frames are taken
SPEED_LOWEST = 0.01
SPEED_HIGHEST = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaySettings:
    """What to play and how. `speed` 1.0 is real time."""

    frames: Path
    defaults: RecordingDefaults
    speed: float = 1.0
    loop: bool = True
    leap_ms: int = 60_000  # a longer gap, or a step back, is a leap in time
    leap_pause_ms: int = 5_000  # what is left of a leap
    late_ms_max: int = 1_000  # further behind, the player goes slower instead of catching up
    snapshot_every_ms: int = 100  # requests within this time are answered together
    limits: RecordingLimits = field(default_factory=RecordingLimits)


def parse_speed(text: str) -> float:
    """Return the speed that a person wrote: a factor such as 1 or 2.5, or "max"."""
    if text == "max":
        return SPEED_MAX
    try:
        speed = float(text) if text.isascii() and len(text) <= 10 else math.nan
    except ValueError:
        speed = math.nan
    if not SPEED_LOWEST <= speed <= SPEED_HIGHEST:
        raise ValueError(
            f'speed {text!r:.20}: write "max" or a factor from {SPEED_LOWEST} to {SPEED_HIGHEST:g}'
        )
    return speed


class _Book:
    """What the recording has shown of one token so far."""

    def __init__(self, condition_id: str) -> None:
        self.condition_id = condition_id
        self.venue_ms = 0  # 0: no whole book yet, and changes alone do not make one
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def load(self, snapshot: BookSnapshot) -> None:
        self.venue_ms = snapshot.venue_ms
        self._bids = dict(snapshot.bids)
        self._asks = dict(snapshot.asks)

    def change(self, venue_ms: int, is_ask: bool, price_micro: int, size_micro: int) -> None:
        if not self.venue_ms:
            return
        self.venue_ms = venue_ms
        side = self._asks if is_ask else self._bids
        if size_micro:
            side[price_micro] = size_micro
        else:
            side.pop(price_micro, None)

    def sides(self) -> tuple[Levels, Levels]:
        return tuple(self._bids.items()), tuple(self._asks.items())


class Player:
    """Feeds from a recording. Runs once."""

    name = FEED_NAME
    label = "RECORDED"

    def __init__(self, settings: PlaySettings, *, clock: MonotonicClock) -> None:
        self._settings = settings
        self._clock = clock
        self._decoder = MarketDecoder()
        self._markets: dict[str, MarketRecord] = {}
        self._books: dict[str, _Book] = {}
        self._known: set[str] = set()  # markets that people were told about
        self._open: set[str] = set()  # markets that were listed and have not ended
        self._over: set[str] = set()  # markets that ended in this pass
        self._asked: dict[str, None] = {}
        self._sink: FeedSink | None = None
        self._connected = False
        self._connection = 0
        self._at_ms = 0  # venue time of the last frame
        self._began_ms: int | None = None  # of a recording as it came: then time only goes on
        self._due_s = 0.0  # event loop time at which the next frame is due
        self._answer_at_s = 0.0  # event loop time from which reads are answered again
        self._last_frame_ns: int | None = None
        self._received_bytes = 0
        self._requested = self._answered = 0
        self._closed = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self, sink: FeedSink) -> None:
        """Play until closed, or to the end. Raises RecordingError for a file that is damaged."""
        self._sink = sink
        self._due_s = asyncio.get_running_loop().time()
        reason = "the recording ended"
        try:
            beside = markets_path(self._settings.frames)
            records = load_markets(beside, self._settings.defaults)
            self._began_ms = began_ms(beside)
            self._markets = {record.spec.condition_id: record for record in records}
            await self._play(sink, first=True)
            while self._settings.loop and not self._closed.is_set():
                await self._play(sink, first=False)
        except RecordingError as error:
            reason = error.message
            raise
        finally:
            if self._connected:
                self._connect(sink, connected=False, reason=reason)
            self._sink = None
            self._ended.set()

    def request_snapshot(self, condition_id: str, token_ids: tuple[str, ...]) -> None:
        """Ask for whole books as far as they were played."""
        for token_id in token_ids:
            book = self._books.get(token_id)
            if book is None or not book.venue_ms or book.condition_id != condition_id:
                continue  # nothing whole to show
            if token_id in self._asked:
                continue
            if not self._asked:
                loop = asyncio.get_running_loop()
                loop.call_at(max(loop.time(), self._answer_at_s), self._answer)
            self._asked[token_id] = None
            self._requested += 1

    async def close(self) -> None:
        """End `run` and wait for it."""
        self._closed.set()
        if self._sink is not None:
            await self._ended.wait()

    def status(self) -> FeedStatus:
        """Return how it is doing. Leaps are part of the recording and no reconnects."""
        counts = self._decoder.counts
        return FeedStatus(
            connections=int(self._connected),
            connections_wanted=1,
            last_frame_monotonic_ns=self._last_frame_ns,
            received_bytes=self._received_bytes,
            non_json_frames=counts["non_json"],
            unknown_frames=sum(n for name, n in counts.items() if name.startswith("unknown:")),
            snapshots_requested=self._requested,
            snapshots_answered=self._answered,
            markets_watched=len(self._open),
        )

    async def _play(self, sink: FeedSink, *, first: bool) -> None:
        """Play the file once."""
        reason = "connected" if first else "the recording begins again"
        leap = True  # into the first frame
        for raw, stamp_ms in read_frames(self._settings.frames, self._settings.limits):
            venue_ms = stamp_ms
            if self._began_ms is not None:
                venue_ms = max(stamp_ms, self._began_ms if leap else self._at_ms)
            step_ms = venue_ms - self._at_ms
            if not leap and self._began_ms is None and abs(step_ms) > self._settings.leap_ms:
                leap, reason = True, f"the recording leaps by {step_ms // 1000} s"
            if leap:
                pause_ms = 0 if first else min(abs(step_ms), self._settings.leap_pause_ms)
                await self._pace(pause_ms)
            else:
                await self._pace(max(step_ms, 0))
            if self._closed.is_set():
                return
            if leap:
                self._leap(sink, reason, back=step_ms < 0)
                self._at_ms = venue_ms
            # Frames of two markets may be out of order by a little; time goes on all the same.
            self._at_ms = max(self._at_ms, venue_ms)
            leap = first = False
            self._end_markets(sink)
            self._hand_on(raw, sink)

    async def _pace(self, step_ms: int) -> None:
        """Wait until the next frame is due; at top speed only let others run."""
        loop = asyncio.get_running_loop()
        due_s = self._due_s + step_ms / 1000 / self._settings.speed
        self._due_s = max(due_s, loop.time() - self._settings.late_ms_max / 1000)
        wait_s = self._due_s - loop.time()
        if wait_s <= 0:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(wait_s):
                await self._closed.wait()
        except TimeoutError:
            return

    def _leap(self, sink: FeedSink, reason: str, *, back: bool) -> None:
        """Nothing that was known holds on the other side of a leap."""
        self._books.clear()
        if self._connected:
            self._connect(sink, connected=False, reason=reason)
        if back:
            # Markets of a later hour do not exist yet, and those that ended are to come again.
            for condition_id in sorted(self._open):
                self._end(condition_id, sink)
            self._over.clear()
        self._connection += 1
        self._connect(sink, connected=True, reason=reason)

    def _connect(self, sink: FeedSink, *, connected: bool, reason: str) -> None:
        self._connected = connected
        sink.on_event(FeedChanged(connected=connected, token_ids=(), reason=reason))

    def _end_markets(self, sink: FeedSink) -> None:
        """Close the markets whose end the recording has passed."""
        for condition_id in sorted(self._open):
            ends_at_ms = self._markets[condition_id].ends_at_ms
            if ends_at_ms is not None and ends_at_ms <= self._at_ms:
                self._end(condition_id, sink)

    def _end(self, condition_id: str, sink: FeedSink) -> None:
        self._open.discard(condition_id)
        self._over.add(condition_id)
        sink.on_event(ended(self._markets[condition_id]))

    def _hand_on(self, raw: bytes, sink: FeedSink) -> None:
        """List the markets of a frame, hand it on, and remember what it shows."""
        books = [
            event
            for event in self._decoder.decode(raw)
            if isinstance(event, BookSnapshot | BookDelta)
        ]
        for event in books:
            self._list(event.condition_id, sink)
        self._last_frame_ns = self._clock.monotonic_ns()
        self._received_bytes += len(raw)
        sink.on_frame(raw, self._connection)
        for event in books:
            if isinstance(event, BookSnapshot):
                self._book(event.condition_id, event.token_id).load(event)
                continue
            for token_id, is_ask, price_micro, size_micro, _, _ in event.changes:
                book = self._book(event.condition_id, token_id)
                book.change(event.venue_ms, is_ask, price_micro, size_micro)

    def _list(self, condition_id: str, sink: FeedSink) -> None:
        """Tell about a market before its first frame. What ended stays ended in this pass."""
        if condition_id in self._open or condition_id in self._over:
            return
        record = self._markets.get(condition_id)
        if record is None:
            name = self._settings.frames.name
            raise RecordingError(
                f"{name}: a frame of {condition_id!r:.80}, which is no market of it"
            )
        self._open.add(condition_id)
        if condition_id not in self._known:
            self._known.add(condition_id)
            sink.on_market(record)
        sink.on_event(MarketListed(spec=record.spec))

    def _book(self, condition_id: str, token_id: str) -> _Book:
        book = self._books.get(token_id)
        if book is None:
            book = self._books[token_id] = _Book(condition_id)
        return book

    def _answer(self) -> None:
        """Answer what was asked with the books as they are now.

        Each keeps the venue time of its own last frame. A leg that lags in the recording lags in
        the answer too: giving both the same instant would make a gap true that never was.
        """
        asked, self._asked = self._asked, {}
        loop = asyncio.get_running_loop()
        self._answer_at_s = loop.time() + self._settings.snapshot_every_ms / 1000
        for token_id in asked:
            book = self._books.get(token_id)
            if book is None or not book.venue_ms or self._sink is None:
                continue  # a leap came between: what was asked about is gone
            bids, asks = book.sides()
            self._answered += 1
            self._sink.on_event(
                BookSnapshot(book.condition_id, token_id, book.venue_ms, bids, asks, from_read=True)
            )
