"""One WebSocket of the venue, from its handshake to its end; what its frames mean lies above it.

Theory of operation. The C client underneath answers protocol pings by itself and cuts the stream
into frames; everything the venue means lies in text frames: `PONG`, now and then another plain
text, and JSON. A socket ends once, with one reason, and says nothing more after that. A frame that
cannot be taken (binary, too large) ends it: something was missed, and nobody knows what.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import picows

MIB = 1_048_576
PING = b"PING"
PONG = b"PONG"
REASON_LENGTH_MAX = 160
END_S_MAX = 1.0
OPEN_ERRORS = (OSError, TimeoutError, picows.WSError)

# Looked up once: these are asked for with every frame.
_TEXT = picows.WSMsgType.TEXT
_CONTINUATION = picows.WSMsgType.CONTINUATION

# At DEBUG this library writes down whatever comes in, names of our account included, and at INFO
# every connection, also to whoever runs a command.
logging.getLogger("picows").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSettings:
    """Limits of one socket."""

    url: str
    handshake_ms: int = 10_000
    message_bytes_max: int = 16 * MIB
    held_bytes_max: int = 16 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeSettings:
    """Times of a connection that is kept for ever, by one socket after the other."""

    socket: SocketSettings
    ping_every_ms: int = 10_000
    pong_within_ms: int = 30_000
    replace_every_ms: int = 600_000
    backoff_ms: int = 500
    backoff_ms_max: int = 30_000
    stable_after_ms: int = 60_000


class ChannelSocket(picows.WSListener):
    """One connection. `wake` is called when somebody should look at it.

    A kind of channel adds two methods: `_greeting`, its first frame, and `_message`, which takes
    each text as it came.
    """

    def __init__(self, *, settings: SocketSettings, wake: Callable[[], None]) -> None:
        self.lost = False
        self.reason = ""
        self.pong_s = 0.0  # event loop time of the last PONG
        self.last_frame_ns: int | None = None
        self.received_bytes = 0
        self.non_json_frames = 0
        self.unknown_frames = 0
        self._settings = settings
        self._wake = wake
        self._parts: bytearray | None = None  # of a message that comes in fragments
        self._transport: picows.WSTransport | None = None

    def _greeting(self) -> dict[str, object]:
        raise NotImplementedError

    def _message(self, raw: bytes) -> None:
        raise NotImplementedError

    def ping(self) -> None:
        """Send the venue's own text ping; a protocol ping would not keep the channel alive."""
        if self._transport is not None and not self.lost:
            self._transport.send(_TEXT, PING)

    def end(self, reason: str, code: picows.WSCloseCode = picows.WSCloseCode.OK) -> None:
        """End the connection. Nothing more is handed on from here."""
        transport = self._transport
        self._lost(reason)
        if transport is not None and not transport.is_disconnected:
            transport.send_close(code, None)
            transport.disconnect(True)
            # A peer that reads nothing would keep a graceful end waiting for ever.
            asyncio.get_running_loop().call_later(END_S_MAX, transport.disconnect, False)

    async def gone(self) -> None:
        """Wait until the connection is closed. Raises what the taker of the frames raised."""
        if self._transport is not None:
            # A fault of the peer is told by `reason`; it is nobody's bug here.
            with contextlib.suppress(picows.WSError):
                await self._transport.wait_disconnected()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Send the first frame."""
        self._transport = transport
        self.pong_s = asyncio.get_running_loop().time()
        self._send(self._greeting())

    def on_ws_frame(self, _transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Sort a frame. The common case, a whole text, comes first."""
        if self.lost:
            return
        kind = frame.msg_type
        if kind == _TEXT and frame.fin and self._parts is None:
            self._message(frame.get_payload_as_bytes())
        elif kind in (_TEXT, _CONTINUATION):
            self._fragment(frame)
        elif kind == picows.WSMsgType.CLOSE:
            self.end(f"closed by the venue ({_close_words(frame)})")
        elif kind == picows.WSMsgType.BINARY:
            self.unknown_frames += 1
            self.end("a binary frame", picows.WSCloseCode.UNSUPPORTED_DATA)
        # A protocol PONG answers nothing that we sent: it is no sign of life of the channel.

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """The connection is gone, whoever ended it."""
        handshake: Any = transport.close_handshake
        sent = handshake.sent if handshake is not None else None
        if sent is not None and sent.code == picows.WSCloseCode.MESSAGE_TOO_BIG:
            self.unknown_frames += 1
        self._lost(sent.reason if sent is not None and sent.reason else "the connection dropped")

    def _fragment(self, frame: picows.WSFrame) -> None:
        if self._parts is None:
            self._parts = bytearray()
        self._parts += frame.get_payload_as_bytes()
        if len(self._parts) > self._settings.message_bytes_max:
            self.unknown_frames += 1
            self._parts = None
            self.end("a message above the limit", picows.WSCloseCode.MESSAGE_TOO_BIG)
        elif frame.fin:
            whole, self._parts = bytes(self._parts), None
            self._message(whole)

    def _plain_text(self, raw: bytes) -> None:
        if raw == PONG:
            self.pong_s = asyncio.get_running_loop().time()
        else:
            self.non_json_frames += 1

    def _lost(self, reason: str) -> None:
        if not self.lost:
            self.lost = True
            self.reason = "".join(c for c in reason if c.isprintable())[:REASON_LENGTH_MAX]
            self._wake()

    def _send(self, message: dict[str, object]) -> None:
        if self._transport is not None:
            self._transport.send(_TEXT, msgspec.json.encode(message))


def _close_words(frame: picows.WSFrame) -> str:
    if not frame.payload_size:
        return "without a code"
    text = (frame.get_close_message() or b"").decode("utf-8", "replace")
    code: Any = frame.get_close_code()  # an integer too, whatever its type promises
    return f"{int(code)} {text}".strip()


async def open_socket(socket: ChannelSocket, settings: SocketSettings) -> None:
    """Connect and greet. Raises one of OPEN_ERRORS, also for a handshake that was dropped.

    Cancelling leaves nothing open: a handshake under way is closed as soon as it ends.
    """
    connecting = asyncio.ensure_future(
        picows.ws_connect(
            lambda: socket,
            settings.url,
            websocket_handshake_timeout=settings.handshake_ms / 1000,
            max_frame_size=settings.message_bytes_max,
            max_redirects=0,
            enable_auto_ping=False,
            enable_auto_pong=True,
        )
    )
    try:
        async with asyncio.timeout(settings.handshake_ms / 1000 * 2):
            transport, listener = await asyncio.shield(connecting)
    except (asyncio.CancelledError, TimeoutError):
        connecting.add_done_callback(_close_late)
        raise
    reported: Any = listener
    if reported is None or transport.is_disconnected:
        # The client reports a connection that dropped in the handshake as made, without listener.
        transport.disconnect(False)
        raise ConnectionResetError("the connection dropped in the handshake")


def open_problem(error: BaseException) -> str:
    """Return why a connection could not be made, for people."""
    if isinstance(error, picows.WSInvalidStatusError):
        response: Any = error.response
        return f"the handshake was answered with HTTP {int(response.status)}"
    if isinstance(error, TimeoutError):
        return "the handshake took too long"
    text = f"{type(error).__name__} {error}".strip()
    return "".join(c for c in text if c.isprintable())[:REASON_LENGTH_MAX]


def _close_late(connecting: "asyncio.Task[tuple[picows.WSTransport, picows.WSListener]]") -> None:
    if connecting.cancelled() or connecting.exception() is not None:
        return
    transport, _ = connecting.result()
    transport.disconnect(False)
