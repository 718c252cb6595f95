"""The market channel: all watched tokens, spread over as many sockets as they need.

Both tokens of a market are always on the same socket. The venue sends the mirrored change of both
legs in one message, and only legs that came the same way can be said to show the same instant.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from trading.adapters.clob_slot import Backoff, SlotCounts, SlotSettings, SocketSlot
from trading.adapters.feed import FeedSink, MonotonicClock
from trading.engine.events import FeedChanged

# Undocumented and observed: above 500 tokens the first books of a connection do not come.
TOKENS_PER_SOCKET_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """How many tokens share a socket, and the times of each."""

    slot: SlotSettings
    tokens_per_socket_max: int = TOKENS_PER_SOCKET_MAX


class MarketChannel:
    """Slots with sockets. Frames and FeedChanged events go to the sink."""

    def __init__(
        self,
        settings: ChannelSettings,
        *,
        clock: MonotonicClock,
        jitter: Callable[[], float],
        sink: FeedSink,
        on_books_missing: Callable[[tuple[str, ...]], None],
    ) -> None:
        if not 2 <= settings.tokens_per_socket_max <= TOKENS_PER_SOCKET_MAX:
            raise ValueError(f"tokens per socket: 2 to {TOKENS_PER_SOCKET_MAX}")
        self._settings = settings
        self._clock = clock
        self._jitter = jitter
        self._sink = sink
        self._on_books_missing = on_books_missing
        self._slots: list[SocketSlot] = []
        # Also of slots that are removed, until they have closed their sockets.
        self._tasks: dict[SocketSlot, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._serial = 0
        self._retired = SlotCounts()

    def change(self, added: Mapping[str, tuple[str, ...]], removed: Iterable[str] = ()) -> None:
        """Watch more markets (condition id to tokens) and fewer. What is watched is left alone.

        Both in one call, so that a new market takes the place of a closed one on its open socket.
        """
        gone = tuple(removed)
        for slot in self._slots:
            slot.remove(gone)
        for slot, share in self._placed(added).items():
            slot.add(share)
            if slot.socket is not None:
                tokens = tuple(token for tokens in share.values() for token in tokens)
                self._sink.on_event(
                    FeedChanged(connected=True, token_ids=tokens, reason="subscribed")
                )
        for slot in [slot for slot in self._slots if not slot.markets]:
            self._slots.remove(slot)
            if slot in self._tasks:
                self._tasks[slot].cancel()
        self._start_new()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._start_new()
            await asyncio.Event().wait()  # only cancelling, or a failing slot, ends it

    def slot_of(self, condition_id: str) -> SocketSlot | None:
        """Return the slot that serves a market."""
        return next((slot for slot in self._slots if condition_id in slot.markets), None)

    def slots(self) -> tuple[SocketSlot, ...]:
        """Return all slots."""
        return tuple(self._slots)

    def counts(self) -> SlotCounts:
        """Return what happened so far on all sockets, closed ones too."""
        total = SlotCounts()
        _sum_up(total, self._retired)
        for slot in {**dict.fromkeys(self._slots), **self._tasks}:
            _sum_up(total, slot.counts)
            if slot.socket is not None:
                total.add(slot.socket)
        return total

    def next_serial(self) -> int:
        """Return a number that no connection had before."""
        self._serial += 1
        return self._serial

    def deliver(self, raw: bytes, serial: int) -> None:
        """Hand a frame on."""
        self._sink.on_frame(raw, serial)

    def books_missing(self, token_ids: tuple[str, ...]) -> None:
        """Say that these tokens got no first book in time."""
        self._on_books_missing(token_ids)

    def changed(self, slot: SocketSlot, *, connected: bool, reason: str) -> None:
        """Say which tokens came up or went down; with the last socket, all of them went down."""
        alone = not any(other.socket is not None for other in self._slots if other is not slot)
        token_ids = () if alone and not connected else slot.token_ids
        self._sink.on_event(FeedChanged(connected=connected, token_ids=token_ids, reason=reason))

    def _placed(
        self, markets: Mapping[str, tuple[str, ...]]
    ) -> dict[SocketSlot, dict[str, tuple[str, ...]]]:
        """Choose a slot for each new market: the first with room, or another one."""
        placed: dict[SocketSlot, dict[str, tuple[str, ...]]] = {}
        used = {slot: len(slot.token_ids) for slot in self._slots}
        for condition_id, token_ids in markets.items():
            if self.slot_of(condition_id) is not None:
                continue
            room = self._settings.tokens_per_socket_max - len(token_ids)
            slot = next((slot for slot, tokens in used.items() if tokens <= room), None)
            if slot is None:
                backoff = Backoff(self._settings.slot, self._jitter)
                slot = SocketSlot(self._settings.slot, self._clock, self, backoff)
                self._slots.append(slot)
            used[slot] = used.get(slot, 0) + len(token_ids)
            placed.setdefault(slot, {})[condition_id] = token_ids
        return placed

    def _start_new(self) -> None:
        if self._group is None:
            return
        for slot in self._slots:
            if slot not in self._tasks:
                self._tasks[slot] = task = self._group.create_task(slot.run())
                task.add_done_callback(partial(self._ended, slot))

    def _ended(self, slot: SocketSlot, _task: asyncio.Task[None]) -> None:
        del self._tasks[slot]
        if slot not in self._slots:
            _sum_up(self._retired, slot.counts)


def _sum_up(total: SlotCounts, part: SlotCounts) -> None:
    total.reconnects += part.reconnects
    total.failures += part.failures
    total.received_bytes += part.received_bytes
    total.non_json_frames += part.non_json_frames
    total.unknown_frames += part.unknown_frames
    total.last_problem = part.last_problem or total.last_problem
    if part.last_frame_ns is not None:
        total.last_frame_ns = max(total.last_frame_ns or 0, part.last_frame_ns)
