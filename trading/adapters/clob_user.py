"""The user channel: what happens to our orders and trades, as it happens.

Theory of operation. The venue neither confirms a login nor repeats what was missed. So a PING goes
out right behind the login, and a socket counts as connected once its PONG is back, or a message of
ours: from then on everything that happens is told, and whoever hears `on_connected` reads orders
and trades over REST to learn what happened before. That holds for each new socket, also for the one
that takes the place of a healthy one every few minutes; it is made first, so that nobody waits.

A wrong key is not answered with a word either: the venue closes the socket, or stays silent. Both
end in a reason that says so, and are tried again with growing pauses, as every loss is. Messages
may come twice and in any order.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import picows

from trading.adapters.account_fields import WireError
from trading.adapters.account_wire import user_news
from trading.adapters.channel_socket import (
    OPEN_ERRORS,
    PONG,
    ChannelSocket,
    LifeSettings,
    open_problem,
    open_socket,
)
from trading.adapters.clob_slot import Backoff, SlotCounts
from trading.adapters.failures import repeats, secrets_of, without
from trading.adapters.feed import MonotonicClock
from trading.execution.messages import OrderNews, VenueTrade
from trading.signing.headers import ApiCredentials

PLANNED = "planned reconnect"
DOUBT_S = 5.0  # who is put out within this time, and has heard nothing, was maybe never let in
UNREADABLE_LENGTH_MAX = 200


class UserSink(Protocol):
    """Who listens. Called in the event loop; none of these may block."""

    def on_connected(self) -> None:
        """Take notice that all that happens is told from here on: read now what was before."""
        ...

    def on_order(self, news: OrderNews) -> None:
        """Take a change of one of our orders."""
        ...

    def on_trade(self, trade: VenueTrade) -> None:
        """Take a trade of ours, or a new state of one."""
        ...

    def on_unreadable(self, text: str) -> None:
        """Take notice of a message that could not be read: something happened, unknown what."""
        ...

    def on_lost(self, reason: str) -> None:
        """Take notice that nothing is told now. Repeated for each attempt that fails."""
        ...


class _UserSocket(ChannelSocket):
    """One connection. `proven`: the venue has taken the login, as far as that can be known."""

    def __init__(self, owner: "UserChannel", settings: LifeSettings, clock: MonotonicClock) -> None:
        super().__init__(settings=settings.socket, wake=owner.wake)
        self.proven = False
        self.greeted = False
        self.pinged_s = 0.0  # event loop time of the last PING
        self._owner = owner
        self._clock = clock

    def _greeting(self) -> dict[str, object]:
        return self._owner.login()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Log in, and ask for a sign of life behind it."""
        super().on_ws_connected(transport)
        self.greeted = True
        self.ping()

    def ping(self) -> None:
        """Send a PING, and remember when."""
        self.pinged_s = asyncio.get_running_loop().time()
        super().ping()

    def _message(self, raw: bytes) -> None:
        self.received_bytes += len(raw)
        try:
            if raw[:1] in (b"{", b"["):
                self.last_frame_ns = self._clock.monotonic_ns()
                self._owner.heard(self, raw)
            else:
                self._plain_text(raw)
                if raw == PONG and not self.proven:
                    self._owner.prove(self)
        except BaseException:
            self._lost("whoever takes the messages failed")  # and must get no more of them
            raise


class UserChannel:
    """Keeps the user channel of one API key open, for all markets. `run` serves until cancelled."""

    def __init__(
        self,
        settings: LifeSettings,
        *,
        credentials: ApiCredentials,
        clock: MonotonicClock,
        jitter: Callable[[], float],
        sink: UserSink,
    ) -> None:
        """`jitter` draws from 0 to 1."""
        self.counts = SlotCounts()
        self.login_failures = 0  # in a row: sockets that ended right after the login
        self._settings = settings
        self._credentials = credentials
        self._clock = clock
        self._sink = sink
        self._backoff = Backoff(settings, jitter)
        self._serving: _UserSocket | None = None
        self._coming: _UserSocket | None = None  # open, and not proven yet
        self._opening: asyncio.Task[_UserSocket] | None = None
        self._wake = asyncio.Event()
        self._served_before = False
        self._serving_since_s = 0.0
        self._open_at_s = 0.0

    @property
    def connected(self) -> bool:
        """Whether what happens is told now."""
        return self._serving is not None and not self._serving.lost

    async def run(self) -> None:
        """Serve until cancelled. Raises only what the sink raised."""
        try:
            while True:
                self._take_opened()
                await self._after_losses()
                self._look_for_pongs()
                self._open_when_due()
                await self._pause()
        finally:
            await self._end_all()

    # What sockets call

    def wake(self) -> None:
        """Look at the sockets in the next turn."""
        self._wake.set()

    def login(self) -> dict[str, object]:
        """Return the first frame. It holds the secret: it is sent, and never shown."""
        key = self._credentials
        auth = {"apiKey": key.api_key, "secret": key.secret, "passphrase": key.passphrase}
        return {"type": "user", "auth": auth}

    def prove(self, socket: _UserSocket) -> None:
        """Let a socket serve, instead of the one that did so far."""
        old, self._serving = self._serving, socket
        socket.proven, self._coming = True, None
        now_s = asyncio.get_running_loop().time()
        self._serving_since_s = now_s
        self._open_at_s = now_s + self._settings.replace_every_ms / 1000
        if self._served_before:
            self.counts.reconnects += 1
        self._served_before = True
        if old is not None:
            reason = old.reason if old.lost else PLANNED
            old.end(reason)
            self.counts.add(old)
            self._sink.on_lost(self._hidden(reason))
        self._sink.on_connected()
        self.wake()

    def heard(self, socket: _UserSocket, raw: bytes) -> None:
        """Hand on what a frame says, each message by its kind."""
        if repeats(self._credentials, raw):  # not a part of it goes any further
            self._unreadable("a frame that repeats our credentials")
            return
        news = user_news(raw)
        if not socket.proven and any(not isinstance(one, WireError) for one in news):
            self.prove(socket)
        for one in news:
            if isinstance(one, OrderNews):
                self._sink.on_order(one)
            elif isinstance(one, VenueTrade):
                self._sink.on_trade(one)
            else:
                self._unreadable(self._hidden(str(one)))

    def _unreadable(self, text: str) -> None:
        self.counts.unknown_frames += 1
        self._sink.on_unreadable(text[:UNREADABLE_LENGTH_MAX])

    # One turn

    def _take_opened(self) -> None:
        """Turn a finished attempt into a socket that has to prove itself, or count it as failed."""
        opening = self._opening
        if opening is None or not opening.done():
            return
        self._opening = None
        try:
            socket = opening.result()
        except OPEN_ERRORS as error:
            self._failed(open_problem(error))
            return
        if not socket.proven:  # it can be quicker than this turn
            self._coming = socket

    async def _after_losses(self) -> None:
        now_s = asyncio.get_running_loop().time()
        coming, serving = self._coming, self._serving
        if coming is not None and coming.lost:
            self._coming = None
            self.counts.add(coming)
            self._failed(self._reason_of(coming))
            await coming.gone()
        if serving is not None and serving.lost:
            self._serving = None
            self.counts.add(serving)
            if now_s - self._serving_since_s >= self._settings.stable_after_ms / 1000:
                self._backoff.reset()
            self._open_at_s = now_s + self._backoff.pause_s()
            self.counts.last_problem = self._hidden(self._reason_of(serving))
            self._sink.on_lost(self.counts.last_problem)
            await serving.gone()

    def _reason_of(self, socket: _UserSocket) -> str:
        """Return why a socket was lost; of one that ended right after the login, what to do."""
        lived_s = asyncio.get_running_loop().time() - self._serving_since_s
        if socket.proven and (socket.last_frame_ns is not None or lived_s >= DOUBT_S):
            self.login_failures = 0
            return socket.reason
        self.login_failures += 1
        return (
            f"{socket.reason}, right after the login ({self.login_failures} in a row): "
            "the API key may be wrong or deleted, log in again"
        )

    def _look_for_pongs(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for socket in (self._serving, self._coming):
            if socket is None or socket.lost:
                continue
            if now_s - socket.pong_s >= self._settings.pong_within_ms / 1000:
                socket.end(f"no PONG for {self._settings.pong_within_ms / 1000:g} s")
            elif now_s - socket.pinged_s >= self._settings.ping_every_ms / 1000:
                socket.ping()

    def _open_when_due(self) -> None:
        if self._opening is not None or self._coming is not None:
            return
        if asyncio.get_running_loop().time() >= self._open_at_s:
            self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> _UserSocket:
        socket = _UserSocket(self, self._settings, self._clock)
        try:
            await open_socket(socket, self._settings.socket)
        except OPEN_ERRORS:
            if not (socket.greeted and socket.lost):
                raise
            # It was open, and its own reason says more: it was closed right after the login.
        finally:
            self.wake()
        return socket

    def _failed(self, problem: str) -> None:
        """Note a failed attempt; what still serves is kept and replaced some time later."""
        self.counts.failures += 1
        self.counts.last_problem = self._hidden(problem)
        now_s = asyncio.get_running_loop().time()
        if self._serving is None:
            self._open_at_s = now_s + self._backoff.pause_s()
            self._sink.on_lost(self.counts.last_problem)
        else:
            self._open_at_s = now_s + self._settings.backoff_ms_max / 1000

    async def _pause(self) -> None:
        """Sleep until something is due, or until a socket has something to say."""
        settings = self._settings
        times = []
        for socket in (self._serving, self._coming):
            if socket is not None and socket.lost:
                return
            if socket is not None:
                times.append(socket.pinged_s + settings.ping_every_ms / 1000)
                times.append(socket.pong_s + settings.pong_within_ms / 1000)
        if self._opening is None and self._coming is None:
            times.append(self._open_at_s)
        seconds = min(times, default=None)
        now_s = asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else max(seconds - now_s, 0)):
                await self._wake.wait()
        self._wake.clear()

    async def _end_all(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
            if not self._opening.cancelled():
                self._take_opened()
        sockets = [socket for socket in (self._serving, self._coming) if socket is not None]
        self._serving = self._coming = None
        for socket in sockets:
            socket.end("closed")
            self.counts.add(socket)
        for socket in sockets:
            await socket.gone()

    def _hidden(self, text: str) -> str:
        return without(secrets_of(self._credentials), text)
