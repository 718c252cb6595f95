"""Keeps one socket of the market channel alive: pings it, replaces it, tells when it is down.

Theory of operation. A slot has at most one serving socket. It reconnects whenever that one is lost,
with growing pauses whose length is drawn at random (so that a thousand clients do not come back in
the same instant), and for ever: a feed that gives up is a feed that trades on old books. Every few
minutes it replaces a healthy socket too, because a socket can answer PONG and send no data for
hours. The new one is made, subscribed and filled first; only then does the old one go.

Whoever listens is told FeedChanged(connected=False) as soon as a socket is lost and True when a new
one serves, in the order in which frames come.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from trading.adapters.channel_socket import (
    OPEN_ERRORS,
    ChannelSocket,
    LifeSettings,
    open_problem,
    open_socket,
)
from trading.adapters.clob_socket import MarketSocket
from trading.adapters.feed import MonotonicClock


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSettings(LifeSettings):
    """Times of one slot."""

    first_books_within_ms: int = 5_000


@dataclass(slots=True)
class SlotCounts:
    """What happened so far. Grows only, also when sockets and slots come and go."""

    reconnects: int = 0
    failures: int = 0
    received_bytes: int = 0
    non_json_frames: int = 0
    unknown_frames: int = 0
    last_frame_ns: int | None = None
    last_problem: str = ""

    def add(self, socket: ChannelSocket) -> None:
        """Take over the counts of a socket that is gone."""
        self.received_bytes += socket.received_bytes
        self.non_json_frames += socket.non_json_frames
        self.unknown_frames += socket.unknown_frames
        self.last_frame_ns = _later(self.last_frame_ns, socket.last_frame_ns)


class SlotOwner(Protocol):
    """Who a slot reports to."""

    def next_serial(self) -> int:
        """Return a number that no connection had before."""

    def deliver(self, raw: bytes, serial: int) -> None:
        """Take a frame."""

    def changed(self, slot: "SocketSlot", *, connected: bool, reason: str) -> None:
        """Take notice that a socket serves now, or was lost."""

    def books_missing(self, token_ids: tuple[str, ...]) -> None:
        """Take notice that these tokens got no first book in time."""


class Backoff:
    """Pauses between attempts: a random share of a bound that doubles up to a cap."""

    def __init__(self, settings: LifeSettings, jitter: Callable[[], float]) -> None:
        self._settings = settings
        self._jitter = jitter
        self._attempts = 0

    def pause_s(self) -> float:
        """Return the next pause. `jitter` is drawn from 0 to 1."""
        doubled = self._settings.backoff_ms << min(self._attempts, 20)
        self._attempts += 1
        return self._jitter() * min(doubled, self._settings.backoff_ms_max) / 1000

    def reset(self) -> None:
        """Begin anew: the last connection held."""
        self._attempts = 0


@dataclass(slots=True, eq=False)
class SocketSlot:
    """One place for a socket, and the markets that it serves."""

    settings: SlotSettings
    clock: MonotonicClock
    owner: SlotOwner
    backoff: Backoff
    counts: SlotCounts = field(default_factory=SlotCounts)
    markets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    socket: MarketSocket | None = None  # the one that serves
    _standby: MarketSocket | None = None  # made already, takes over when it is filled
    _opening: "asyncio.Task[MarketSocket] | None" = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _served_before: bool = False
    _proven: bool = False  # the serving socket brought a frame
    _serving_since_s: float = 0.0
    _pinged_s: float = 0.0
    _replace_at_s: float = 0.0

    @property
    def token_ids(self) -> tuple[str, ...]:
        """All tokens of this slot, both of a market side by side."""
        return tuple(token_id for tokens in self.markets.values() for token_id in tokens)

    def add(self, markets: dict[str, tuple[str, ...]]) -> None:
        """Serve more markets, on the open socket if there is one."""
        self.markets.update(markets)
        if self.socket is not None:
            self.socket.subscribe(token for tokens in markets.values() for token in tokens)

    def remove(self, condition_ids: Iterable[str]) -> None:
        """Serve these markets no more."""
        tokens = [t for c in condition_ids for t in self.markets.pop(c, ())]
        if self.socket is not None:
            self.socket.unsubscribe(tokens)

    def reconnect(self, reason: str) -> None:
        """Give the serving socket up: somebody found that it cannot be trusted."""
        if self.socket is not None:
            self.socket.end(reason)

    async def run(self) -> None:
        """Serve until cancelled. Raises only what the owner raised."""
        try:
            while True:
                socket = await self._next_socket()
                if socket is None:
                    await asyncio.sleep(self.backoff.pause_s())
                    continue
                self._attach(socket, "reconnected" if self._served_before else "connected")
                await self._serve()
        finally:
            await self._end_all()

    async def _next_socket(self) -> MarketSocket | None:
        """Return an open socket, the standby if there is one, or None after a failed attempt."""
        if self._opening is None and self._standby is None:
            self._opening = asyncio.ensure_future(self._open())
        if self._opening is not None:
            await asyncio.wait({self._opening})
            self._take_opened()
        standby, self._standby = self._standby, None
        if standby is not None and standby.lost:
            self._failed(standby.reason)
            self._retire(standby)
            return None
        return standby

    async def _open(self) -> MarketSocket:
        socket = MarketSocket(
            serial=self.owner.next_serial(),
            token_ids=self.token_ids,
            settings=self.settings.socket,
            clock=self.clock,
            deliver=self.owner.deliver,
            wake=self._wake.set,
        )
        try:
            await open_socket(socket, self.settings.socket)
        finally:
            self._wake.set()
        return socket

    def _take_opened(self) -> None:
        """Turn a finished attempt into a standby, or count it as failed."""
        opening = self._opening
        if opening is None or not opening.done():
            return
        self._opening = None
        try:
            self._standby = opening.result()
        except OPEN_ERRORS as error:
            self._failed(open_problem(error))

    def _attach(self, socket: MarketSocket, reason: str) -> None:
        """Let a socket serve: say so, then let out what it held."""
        now_s = asyncio.get_running_loop().time()
        self.socket = socket
        self._proven = False
        self._serving_since_s = self._pinged_s = now_s
        self._replace_at_s = now_s + self.settings.replace_every_ms / 1000
        wanted = set(self.token_ids)
        socket.unsubscribe(socket.subscribed - wanted)
        socket.subscribe(token for token in self.token_ids if token not in socket.subscribed)
        self.owner.changed(self, connected=True, reason=reason)
        socket.release()

    async def _serve(self) -> None:
        """Keep the serving socket alive until it is lost."""
        while (socket := self.socket) is not None:
            await self._wait(self._due_in_s(socket))
            self._take_opened()
            self._prove(socket)
            if socket.lost:
                await self._after_loss(socket)
                return
            now_s = asyncio.get_running_loop().time()
            self._check_pong(socket, now_s)
            self._check_first_books(socket, now_s)
            self._check_replacement(socket, now_s)

    def _due_in_s(self, socket: MarketSocket) -> float:
        """Return when something has to be looked at next."""
        settings = self.settings
        times = [
            self._pinged_s + settings.ping_every_ms / 1000,
            socket.pong_s + settings.pong_within_ms / 1000,
        ]
        if socket.awaiting:
            times.append(socket.subscribed_s + settings.first_books_within_ms / 1000)
        if self._standby is not None:
            times.append(self._standby.subscribed_s + settings.first_books_within_ms / 1000)
        elif self._opening is None:
            times.append(self._replace_at_s)
        return min(times) - asyncio.get_running_loop().time()

    def _prove(self, socket: MarketSocket) -> None:
        """A connection counts once it brought data: a handshake alone proves nothing."""
        if self._proven or socket.last_frame_ns is None:
            return
        self._proven = True
        if self._served_before:
            self.counts.reconnects += 1
        self._served_before = True

    async def _after_loss(self, socket: MarketSocket) -> None:
        self.socket = None
        served_s = asyncio.get_running_loop().time() - self._serving_since_s
        self.counts.last_problem = socket.reason
        self.owner.changed(self, connected=False, reason=socket.reason)
        if not self._proven:
            self.counts.failures += 1
        if self._proven and served_s >= self.settings.stable_after_ms / 1000:
            self.backoff.reset()
        self._retire(socket)
        await socket.gone()
        if self._standby is None and self._opening is None:
            await asyncio.sleep(self.backoff.pause_s())

    def _check_pong(self, socket: MarketSocket, now_s: float) -> None:
        if now_s - socket.pong_s >= self.settings.pong_within_ms / 1000:
            socket.end(f"no PONG for {self.settings.pong_within_ms / 1000:g} s")
        elif now_s - self._pinged_s >= self.settings.ping_every_ms / 1000:
            self._pinged_s = now_s
            socket.ping()

    def _check_first_books(self, socket: MarketSocket, now_s: float) -> None:
        """The venue acknowledges no subscription: a book that does not come is all we learn."""
        due_s = socket.subscribed_s + self.settings.first_books_within_ms / 1000
        if socket.awaiting and now_s >= due_s:
            missing = tuple(sorted(socket.awaiting))
            socket.awaiting.clear()
            self.owner.books_missing(missing)

    def _check_replacement(self, socket: MarketSocket, now_s: float) -> None:
        standby = self._standby
        if standby is None:
            if self._opening is None and now_s >= self._replace_at_s and not socket.lost:
                self._opening = asyncio.ensure_future(self._open())
            return
        if standby.lost:
            self._standby = None
            self._failed(standby.reason)
            self._retire(standby)
        elif standby.ready or now_s >= (
            standby.subscribed_s + self.settings.first_books_within_ms / 1000
        ):
            self._standby = None
            reason = "planned reconnect"
            self.owner.changed(self, connected=False, reason=reason)
            socket.end(reason)
            self._retire(socket)
            self._attach(standby, reason)

    def _failed(self, problem: str) -> None:
        self.counts.failures += 1
        self.counts.last_problem = problem
        # A socket that still serves is kept; the next try to replace it waits a good while.
        now_s = asyncio.get_running_loop().time()
        self._replace_at_s = now_s + self.settings.backoff_ms_max / 1000

    async def _wait(self, seconds: float) -> None:
        """Sleep until then, or until a socket has something to say."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
        self._wake.clear()

    def _retire(self, socket: MarketSocket) -> None:
        socket.end("closed")
        self.counts.add(socket)

    async def _end_all(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
            if not self._opening.cancelled():
                self._take_opened()
        sockets = [socket for socket in (self.socket, self._standby) if socket is not None]
        self.socket = self._standby = None
        for socket in sockets:
            self._retire(socket)
        for socket in sockets:
            await socket.gone()


def _later(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
