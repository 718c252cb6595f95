"""One WebSocket of the market channel, from its handshake to its end.

Theory of operation. The C client underneath answers protocol pings by itself and cuts the stream
into frames; everything the venue means lies in text frames: `PONG`, now and then another plain
text, and JSON. JSON is handed on untouched. A socket ends once, with one reason, and says nothing
more after that. What cannot be handed on (a binary frame, a message too large) ends it too: what
was left out is a change that the books missed, and only a new connection brings them back.

A socket is *held* until it is released: it keeps its frames. So nothing comes out before somebody
has said that the connection is up, and a socket made while another still serves the same tokens can
take its place without losing anything.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import picows

from trading.adapters.feed import MonotonicClock

MIB = 1_048_576
PING = b"PING"
PONG = b"PONG"
REASON_LENGTH_MAX = 160
END_S_MAX = 1.0
OPEN_ERRORS = (OSError, TimeoutError, picows.WSError)

# Looked up once: these are asked for with every frame.
_TEXT = picows.WSMsgType.TEXT
_CONTINUATION = picows.WSMsgType.CONTINUATION

# Frames that carry book data: `new_market` also comes over a socket that is otherwise frozen.
_PRICE_CHANGES = b'"price_changes"'
_BIDS = b'"bids"'
_TIMESTAMP = re.compile(rb'"timestamp"\s*:\s*"?([0-9]{12,14})\b')


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSettings:
    """Limits of one socket."""

    url: str
    handshake_ms: int = 10_000
    message_bytes_max: int = 16 * MIB
    held_bytes_max: int = 16 * MIB


class _Head(msgspec.Struct):
    """Which token a message is about."""

    event_type: str = ""
    asset_id: str = ""


_HEADS = msgspec.json.Decoder(_Head | list[_Head])
Deliver = Callable[[bytes, int], None]


class MarketSocket(picows.WSListener):
    """One connection for some tokens. `wake` is called when somebody should look at it."""

    def __init__(
        self,
        *,
        serial: int,
        token_ids: tuple[str, ...],
        settings: SocketSettings,
        clock: MonotonicClock,
        deliver: Deliver,
        wake: Callable[[], None],
    ) -> None:
        self.serial = serial
        self.subscribed = set(token_ids)
        self.awaiting = set(token_ids)  # tokens whose first book has not come yet
        self.lost = False
        self.reason = ""
        self.pong_s = 0.0  # event loop time of the last PONG
        self.subscribed_s = 0.0  # event loop time of the last subscription
        self.last_frame_ns: int | None = None
        self.received_bytes = 0
        self.non_json_frames = 0
        self.unknown_frames = 0
        self._settings = settings
        self._clock = clock
        self._deliver = deliver
        self._wake = wake
        self._held: deque[bytes] | None = deque()
        self._held_bytes = 0
        self._parts: bytearray | None = None  # of a message that comes in fragments
        self._book_frame = b""
        self._newest_ms = 0
        self._transport: picows.WSTransport | None = None

    @property
    def ready(self) -> bool:
        """Whether a held socket can take over: every first book is in, or no more can be kept."""
        return not self.awaiting or self._held_bytes > self._settings.held_bytes_max

    def newest_ms(self) -> int:
        """Return the newest venue time seen in a frame with book data, 0 before the first."""
        if self._book_frame:
            self._note_time(self._book_frame)
            self._book_frame = b""
        return self._newest_ms

    def release(self) -> None:
        """Hand on everything that was held, in its order, and hold nothing from now on."""
        held, self._held = self._held, None
        self._held_bytes = 0
        for raw in held or ():
            self._hand_on(raw)

    def subscribe(self, token_ids: Iterable[str]) -> None:
        """Ask for more tokens on the open connection."""
        new = [token_id for token_id in token_ids if token_id not in self.subscribed]
        if new and not self.lost:
            self.subscribed.update(new)
            self.awaiting.update(new)
            self.subscribed_s = asyncio.get_running_loop().time()
            self._send({"operation": "subscribe", "assets_ids": new, **_CUSTOM})

    def unsubscribe(self, token_ids: Iterable[str]) -> None:
        """Ask for no more of these tokens."""
        old = [token_id for token_id in token_ids if token_id in self.subscribed]
        if old and not self.lost:
            self.subscribed.difference_update(old)
            self.awaiting.difference_update(old)
            self._send({"operation": "unsubscribe", "assets_ids": old, **_CUSTOM})

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
        """Send the first frame, which names the tokens."""
        self._transport = transport
        self.pong_s = self.subscribed_s = asyncio.get_running_loop().time()
        tokens = sorted(self.subscribed)
        self._send({"type": "market", "assets_ids": tokens, **_CUSTOM})

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

    def _message(self, raw: bytes) -> None:
        self.received_bytes += len(raw)
        if raw[:1] not in (b"{", b"["):
            if raw == PONG:
                self.pong_s = asyncio.get_running_loop().time()
            else:
                self.non_json_frames += 1
            return
        if self.last_frame_ns is None:
            self._wake()
        self.last_frame_ns = self._clock.monotonic_ns()
        if _PRICE_CHANGES in raw:
            self._book_frame = raw
        elif _BIDS in raw:
            self._book_frame = raw
            if self.awaiting:
                self._note_first_books(raw)
        if self._held is None:
            self._hand_on(raw)
        else:
            self._held.append(raw)
            self._held_bytes += len(raw)
            if self.ready:
                self._wake()

    def _hand_on(self, raw: bytes) -> None:
        try:
            self._deliver(raw, self.serial)
        except BaseException:
            self._lost("whoever takes the frames failed")  # and must get no more of them
            raise

    def _note_first_books(self, raw: bytes) -> None:
        """Tick off the tokens whose book this is. Faults are the decoder's business, not ours."""
        self._note_time(raw)
        try:
            heads = _HEADS.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        for head in heads if isinstance(heads, list) else [heads]:
            if head.event_type == "book":
                self.awaiting.discard(head.asset_id)

    def _note_time(self, raw: bytes) -> None:
        for text in _TIMESTAMP.findall(raw):
            self._newest_ms = max(self._newest_ms, int(text))

    def _lost(self, reason: str) -> None:
        if not self.lost:
            self.lost = True
            self.reason = "".join(c for c in reason if c.isprintable())[:REASON_LENGTH_MAX]
            self._wake()

    def _send(self, message: dict[str, object]) -> None:
        if self._transport is not None:
            self._transport.send(_TEXT, msgspec.json.encode(message))


_CUSTOM: dict[str, object] = {"custom_feature_enabled": True}


def _close_words(frame: picows.WSFrame) -> str:
    if not frame.payload_size:
        return "without a code"
    text = (frame.get_close_message() or b"").decode("utf-8", "replace")
    code: Any = frame.get_close_code()  # an integer too, whatever its type promises
    return f"{int(code)} {text}".strip()


async def open_socket(socket: MarketSocket, settings: SocketSettings) -> None:
    """Connect and subscribe. Raises one of OPEN_ERRORS, also for a handshake that was dropped.

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
