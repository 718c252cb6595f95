"""Frames over WebSocket on loopback: our client of the market channel, decoder and engine.

The server (loopback_server.py) has another core and sends ready-made frames, so that the client is
what limits. Each frame that arrives is compared with the one that has to come next on its
connection: what is lost, doubled or out of order is counted, and fails the run.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter_ns, time_ns

from tests.bench import ROOT, Report, Settings, pinned, quiet_gc
from tests.bench.engine_path import started, time_engine
from tests.bench.loopback_server import market_of
from tests.bench.stream import Stream, generate, write
from trading.adapters.channel_socket import SocketSettings
from trading.adapters.clob_slot import SlotSettings
from trading.adapters.clob_ws import ChannelSettings, MarketChannel
from trading.adapters.feed import MarketRecord
from trading.engine.events import Event, Tick

KEYS = (
    "loopback_frames_per_s",
    "loopback_vs_engine_ratio",
    "loopback_dropped",
    "loopback_out_of_order",
    "loopback_connections",
)
ROUNDS_MAX = 5
TIMEOUT_S = 60.0
QUIET_S = 5.0
TICK_S = 0.1


class MonotonicClock:
    """The clock that the client asks for."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never go back."""
        return perf_counter_ns()


class Sink:
    """Takes frames as the runtime does: decode, engine, next."""

    def __init__(self, stream: Stream) -> None:
        decoder, engine = started(stream)
        self._decode, self._handle = decoder.decode, engine.handle
        self._stream = stream
        self.connections: dict[int, Iterator[bytes]] = {}
        self.channel: MarketChannel | None = None
        self.received = 0
        self.books = 0
        self.out_of_order = 0
        self.wanted = len(stream.frames)
        self.first_books = asyncio.Event()
        self.done = asyncio.Event()
        self.start_ns = 0
        self.end_ns = 0

    def on_frame(self, raw: bytes, connection: int) -> None:
        """Take one frame."""
        expected = self.connections.get(connection)
        if expected is None:
            self._first(connection)
            return
        if not self.received:
            self.start_ns = perf_counter_ns()
        if raw != next(expected, None):
            self.out_of_order += 1
        now_ns = time_ns()
        for event in self._decode(raw):
            self._handle(event, now_ns)
        self.received += 1
        if self.received == self.wanted:
            self.end_ns = perf_counter_ns()
            self.done.set()

    def on_event(self, event: Event) -> None:
        """Connections come and go before and after the measurement."""

    def on_market(self, record: MarketRecord) -> None:
        """The markets are known beforehand."""

    def _first(self, connection: int) -> None:
        """The first books of one connection: from here on its frames are known."""
        assert self.channel is not None
        slots = self.channel.slots()
        markets = next(s.markets for s in slots if s.socket and s.socket.serial == connection)
        mine = {condition_id.encode() for condition_id in markets}
        self.connections[connection] = iter(
            [raw for raw in self._stream.frames if market_of(raw) in mine]
        )
        self.books += len(markets)
        if self.books == len(self._stream.specs):
            self.first_books.set()

    async def finished(self) -> None:
        """Return when every frame is in, or when nothing has come for five seconds."""
        before = -1
        while not self.done.is_set() and self.received != before:
            before = self.received
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(QUIET_S):
                    await self.done.wait()

    async def tick(self) -> None:
        """Let time pass for the engine, as the runtime does."""
        while True:
            await asyncio.sleep(TICK_S)
            self._handle(Tick(), time_ns())


class Server:
    """The other process. Ends with the `with` block."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.loopback_server", path],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()  # the end of its input ends it

    def go(self) -> None:
        """Let it send."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()


async def play(stream: Stream, server: Server) -> Sink:
    """Connect, subscribe, wait for the first books, then take everything that comes."""
    sink = Sink(stream)
    socket = SocketSettings(url=f"ws://127.0.0.1:{server.port}/ws/market")
    channel = MarketChannel(
        ChannelSettings(slot=SlotSettings(socket=socket)),
        clock=MonotonicClock(),
        jitter=lambda: 0.5,
        sink=sink,
        on_books_missing=lambda _tokens: None,
    )
    sink.channel = channel
    channel.change({spec.condition_id: spec.token_ids for spec in stream.specs})
    tasks = [asyncio.create_task(channel.run()), asyncio.create_task(sink.tick())]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await sink.first_books.wait()
        with quiet_gc():
            server.go()
            await sink.finished()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return sink


def run(settings: Settings) -> Report:
    """Measure several rounds, each with new connections and a new engine."""
    report = Report(values=dict.fromkeys(KEYS))
    stream = generate(settings.frames, markets=settings.markets, seed=settings.seed)
    path = settings.build / "bench-frames.jsonl"
    write(stream, path)
    sinks, alone = [], []
    try:
        with pinned(0), Server(path) as server, pinned(1):
            for _ in range(min(settings.rounds, ROUNDS_MAX)):
                alone.append(len(stream.frames) * 1e9 / time_engine(stream).frames.wall_ns)
                sinks.append(asyncio.run(play(stream, server)))
    finally:
        path.unlink()
    dropped = sum(sink.wanted - sink.received for sink in sinks)
    disordered = sum(sink.out_of_order for sink in sinks)
    report.values["loopback_dropped"] = dropped
    report.values["loopback_out_of_order"] = disordered
    report.values["loopback_connections"] = len(sinks[0].connections)
    if dropped or disordered:
        report.problems.append(f"loopback: {dropped} frames dropped, {disordered} out of order")
        return report
    rates = [sink.received * 1e9 / (sink.end_ns - sink.start_ns) for sink in sinks]
    report.measure("loopback_frames_per_s", rates)
    shares = [over / by for over, by in zip(rates, alone, strict=True)]
    report.measure("loopback_vs_engine_ratio", shares)
    return report
