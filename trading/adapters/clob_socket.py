"""One WebSocket of the market channel: which tokens it serves, and frames handed on untouched.

What cannot be handed on ends it: what was left out is a change that the books missed, and only a
new connection brings them back.

A socket is *held* until it is released: it keeps its frames. So nothing comes out before somebody
has said that the connection is up, and a socket made while another still serves the same tokens can
take its place without losing anything.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from trading.adapters.channel_socket import ChannelSocket, SocketSettings
from trading.adapters.feed import MonotonicClock

# Frames that carry book data: `new_market` also comes over a socket that is otherwise frozen.
_PRICE_CHANGES = b'"price_changes"'
_BIDS = b'"bids"'
_TIMESTAMP = re.compile(rb'"timestamp"\s*:\s*"?([0-9]{12,14})\b')


class _Head(msgspec.Struct):
    """Which token a message is about."""

    event_type: str = ""
    asset_id: str = ""


_HEADS = msgspec.json.Decoder(_Head | list[_Head])
Deliver = Callable[[bytes, int], None]


class MarketSocket(ChannelSocket):
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
        super().__init__(settings=settings, wake=wake)
        self.serial = serial
        self.subscribed = set(token_ids)
        self.awaiting = set(token_ids)  # tokens whose first book has not come yet
        self.subscribed_s = 0.0  # event loop time of the last subscription
        self._clock = clock
        self._deliver = deliver
        self._held: deque[bytes] | None = deque()
        self._held_bytes = 0
        self._book_frame = b""
        self._newest_ms = 0

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

    def _greeting(self) -> dict[str, object]:
        """Name the tokens."""
        self.subscribed_s = self.pong_s
        return {"type": "market", "assets_ids": sorted(self.subscribed), **_CUSTOM}

    def _message(self, raw: bytes) -> None:
        self.received_bytes += len(raw)
        if raw[:1] not in (b"{", b"["):
            self._plain_text(raw)
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


_CUSTOM: dict[str, object] = {"custom_feature_enabled": True}
