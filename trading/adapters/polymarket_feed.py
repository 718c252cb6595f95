"""The live feed: discovery, the market channel, and control reads, joined.

The stream says what changes, but cannot say that nothing was missed: it has no sequence numbers,
and a socket can stay open and silent for hours. So every few seconds some books are read over HTTP
as well. Whether a book agrees with such a read is for the engine to judge; only whether a whole
socket is frozen is judged here.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trading.adapters.clob_rest import ClobReader, RestSettings
from trading.adapters.clob_ws import ChannelSettings, MarketChannel
from trading.adapters.discovery import Discoverer, DiscoverySettings
from trading.adapters.feed import FeedError, FeedSink, FeedStatus, MarketRecord, MonotonicClock
from trading.adapters.gamma import GammaReader, GammaSettings
from trading.adapters.silence import SilenceWatch
from trading.engine.codes import MarketState
from trading.engine.events import BookSnapshot, BookSuspect, MarketListed, MarketStatus

NS_PER_MS = 1_000_000
FEED_NAME = "polymarket"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """Everything that can be set about the live feed."""

    channel: ChannelSettings
    rest: RestSettings
    gamma: GammaSettings
    discovery: DiscoverySettings = field(default_factory=DiscoverySettings)
    discover_every_ms: int = 120_000
    control_every_ms: int = 3_000
    control_tokens: int = 100  # read in one control read, in turn
    snapshot_every_ms: int = 1_000  # at most one read on request per token in this time
    silent_after_ms: int = 15_000
    silence_lag_ms: int = 1_000
    start_attempts_max: int = 5
    retry_ms: int = 1_000
    retry_ms_max: int = 30_000


class PolymarketFeed:
    """Feeds from the venue itself, or from one that speaks like it. Runs once."""

    def __init__(
        self,
        settings: FeedSettings,
        *,
        clock: MonotonicClock,
        jitter: Callable[[], float],
        name: str = FEED_NAME,
        label: str = "SHADOW",
    ) -> None:
        self.name = name
        self.label = label
        self._settings = settings
        self._clock = clock
        self._jitter = jitter
        self._gamma = GammaReader(settings.gamma, clock)
        self._clob = ClobReader(settings.rest, clock)
        self._discoverer = Discoverer(settings.discovery, self._gamma, self._clob, source=name)
        self._silence = SilenceWatch(
            silent_after_ms=settings.silent_after_ms, lag_ms=settings.silence_lag_ms
        )
        self._channel: MarketChannel | None = None
        self._watched: dict[str, MarketRecord] = {}
        self._condition_of: dict[str, str] = {}  # by token
        self._turn = 0  # whose control read is next
        self._asked: dict[str, None] = {}  # tokens to read on request, oldest first
        self._asked_before_ns: dict[str, int] = {}
        self._asking = asyncio.Event()
        self._closed = asyncio.Event()
        self._ended = asyncio.Event()
        self._requested = self._answered = self._read_failures = self._refused = 0
        self._problem = ""

    async def run(self, sink: FeedSink) -> None:
        """Feed `sink` until closed. Raises FeedError when not even the first discovery works."""
        work = asyncio.ensure_future(self._work(sink))
        closed = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({work, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()
            work.cancel()
            await asyncio.wait({work})
            await self._gamma.close()
            await self._clob.close()
            self._ended.set()
        if not work.cancelled():
            work.result()

    async def close(self) -> None:
        """End `run` and wait for it."""
        self._closed.set()
        if self._channel is not None:
            await self._ended.wait()

    def request_snapshot(self, condition_id: str, token_ids: tuple[str, ...]) -> None:
        """Ask for whole books. What is asked for already, or not watched, is not asked again."""
        for token_id in token_ids:
            if self._condition_of.get(token_id) == condition_id and token_id not in self._asked:
                self._asked[token_id] = None
                self._requested += 1
                self._asking.set()

    def status(self) -> FeedStatus:
        """Return how it is doing."""
        channel = self._channel
        if channel is None:
            return FeedStatus(connections=0, connections_wanted=0, last_problem=self._problem)
        counts = channel.counts()
        slots = channel.slots()
        return FeedStatus(
            connections=sum(slot.socket is not None for slot in slots),
            connections_wanted=len(slots),
            reconnects=counts.reconnects,
            reconnect_failures=counts.failures,
            last_frame_monotonic_ns=counts.last_frame_ns,
            received_bytes=counts.received_bytes,
            non_json_frames=counts.non_json_frames,
            unknown_frames=counts.unknown_frames,
            snapshots_requested=self._requested,
            snapshots_answered=self._answered,
            markets_watched=len(self._watched),
            markets_refused=self._refused,
            read_failures=self._read_failures,
            last_problem=self._problem or counts.last_problem,
        )

    async def _work(self, sink: FeedSink) -> None:
        channel = self._channel = MarketChannel(
            self._settings.channel,
            clock=self._clock,
            jitter=self._jitter,
            sink=sink,
            on_books_missing=self._request_missing,
        )
        await self._first_round(channel, sink)
        async with asyncio.TaskGroup() as group:
            group.create_task(channel.run())
            group.create_task(self._discover_for_ever(channel, sink))
            group.create_task(self._control_for_ever(channel, sink))
            group.create_task(self._answer_for_ever(sink))

    async def _first_round(self, channel: MarketChannel, sink: FeedSink) -> None:
        for attempt in range(1, self._settings.start_attempts_max + 1):
            try:
                await self._round(channel, sink)
            except FeedError as error:
                self._note(error.message)
                if error.permanent or attempt == self._settings.start_attempts_max:
                    raise
                await asyncio.sleep(self._retry_s(attempt, error))
            else:
                return

    async def _discover_for_ever(self, channel: MarketChannel, sink: FeedSink) -> None:
        attempt = 0
        pause_s = self._settings.discover_every_ms / 1000
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self._round(channel, sink)
            except FeedError as error:
                # What is watched goes on; only what is new waits.
                self._note(error.message)
                attempt += 1
                pause_s = self._retry_s(attempt, error)
            else:
                attempt = 0
                pause_s = self._settings.discover_every_ms / 1000

    async def _round(self, channel: MarketChannel, sink: FeedSink) -> None:
        found = await self._discoverer.round(self._watched)
        self._refused = found.refused
        self._problem = found.problem
        for condition_id in found.closed:
            for token_id in self._watched.pop(condition_id).spec.token_ids:
                self._condition_of.pop(token_id, None)
                self._asked.pop(token_id, None)
                self._asked_before_ns.pop(token_id, None)
            sink.on_event(MarketStatus(condition_id=condition_id, state=MarketState.CLOSED))
        for record in found.listed:
            spec = record.spec
            self._watched[spec.condition_id] = record
            self._condition_of.update(dict.fromkeys(spec.token_ids, spec.condition_id))
            sink.on_market(record)
            sink.on_event(MarketListed(spec=spec))
        channel.change({r.spec.condition_id: r.spec.token_ids for r in found.listed}, found.closed)

    async def _control_for_ever(self, channel: MarketChannel, sink: FeedSink) -> None:
        while True:
            await asyncio.sleep(self._settings.control_every_ms / 1000)
            token_ids = self._next_to_control()
            if not token_ids:
                continue
            snapshots = await self._read(token_ids)
            for snapshot in snapshots:
                self._deliver(snapshot, sink)
            for snapshot in snapshots:
                self._judge_silence(channel, snapshot, sink)
            serials = {slot.socket.serial for slot in channel.slots() if slot.socket is not None}
            self._silence.keep(serials, set(self._condition_of))

    def _next_to_control(self) -> tuple[str, ...]:
        """Return tokens under suspicion, then the next ones in turn, both of a market together."""
        pairs = [record.spec.token_ids for record in self._watched.values()]
        count = min(max(self._settings.control_tokens // 2, 1), len(pairs))
        chosen = [pairs[(self._turn + step) % len(pairs)] for step in range(count)]
        self._turn = (self._turn + count) % len(pairs) if pairs else 0
        tokens = dict.fromkeys(t for t in self._silence.suspects() if t in self._condition_of)
        tokens.update(dict.fromkeys(token for pair in chosen for token in pair))
        return tuple(tokens)

    def _judge_silence(
        self, channel: MarketChannel, snapshot: BookSnapshot, sink: FeedSink
    ) -> None:
        slot = channel.slot_of(snapshot.condition_id)
        if slot is None or slot.socket is None or slot.socket.lost:
            return
        socket = slot.socket
        now_ns = self._clock.monotonic_ns()
        if self._silence.is_frozen(socket.serial, socket.newest_ms(), snapshot, now_ns):
            reason = f"no book data for {self._settings.silent_after_ms / 1000:g} s that HTTP has"
            sink.on_event(BookSuspect(token_ids=slot.token_ids, reason=reason))
            slot.reconnect(reason)

    async def _answer_for_ever(self, sink: FeedSink) -> None:
        while True:
            await self._asking.wait()
            now_ns = self._clock.monotonic_ns()
            every_ns = self._settings.snapshot_every_ms * NS_PER_MS
            due = [t for t in self._asked if self._asked_before_ns.get(t, 0) <= now_ns]
            if due:
                for token_id in due:
                    del self._asked[token_id]
                    self._asked_before_ns[token_id] = now_ns + every_ns
                for snapshot in await self._read(tuple(due)):
                    self._answered += self._deliver(snapshot, sink)
            if not self._asked:
                self._asking.clear()
            elif not due:
                await asyncio.sleep(self._settings.snapshot_every_ms / 1000 / 4)

    def _request_missing(self, token_ids: tuple[str, ...]) -> None:
        """The stream brought no first book for these: a read is the only way to get one."""
        for token_id in token_ids:
            self.request_snapshot(self._condition_of.get(token_id, ""), (token_id,))

    async def _read(self, token_ids: Sequence[str]) -> tuple[BookSnapshot, ...]:
        """Read books; a failed read is counted and brings nothing."""
        try:
            reads = await self._clob.books(tuple(token_ids))
        except FeedError as error:
            self._read_failures += 1
            self._note(error.message)
            return ()
        if reads.refused:
            self._read_failures += len(reads.refused)
            self._note(reads.refused[-1])
        return reads.snapshots

    def _deliver(self, snapshot: BookSnapshot, sink: FeedSink) -> bool:
        """Hand a book on if it is still watched and belongs to the market that it says."""
        if self._condition_of.get(snapshot.token_id) != snapshot.condition_id:
            return False
        sink.on_event(snapshot)
        return True

    def _retry_s(self, attempt: int, error: FeedError) -> float:
        bound_ms = min(self._settings.retry_ms << min(attempt, 20), self._settings.retry_ms_max)
        return max(self._jitter() * bound_ms, error.retry_after_ms) / 1000

    def _note(self, problem: str) -> None:
        self._problem = problem
