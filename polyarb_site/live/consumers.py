"""The WebSocket of an open page: live batches, and what a page that was away has missed.

The page is told `hello` with the id of the last message that it need not ask for, and the topics
that its account may see. It may send {"since": id} once it was away, and {"ping": number} to see
that the server is there. Nothing else. A program with a token is told the same as a page.
"""

import json
from collections.abc import Sequence
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseProblem

from polyarb_site import local_venue
from polyarb_site.clock import Clock, SystemClock
from polyarb_site.live import outbox
from polyarb_site.live.alert_cells import alert_cells
from polyarb_site.live.cells import cells
from polyarb_site.live.listening import Listener, identify
from polyarb_site.live.outbox import Position
from polyarb_site.live.tailer import Tailer, tailer

SIGNED_OUT = 4401
TOO_MUCH = 4408
RECEIVED_BYTES_MAX = 256
RECEIVED_MAX, RECEIVED_WINDOW_NS = 20, 10_000_000_000
CATCH_UP_ROWS_MAX = 500
RECHECK_NS = 30_000_000_000  # how long a page outlives the session that opened it
ID_MAX = 2**63 - 1


class LiveConsumer(AsyncWebsocketConsumer):
    """One open page, or program, of somebody with an account."""

    clock: Clock = SystemClock()

    async def connect(self) -> None:
        """Let in who has an account, join the groups of what it may see, and say where we stand."""
        self._tailer: Tailer | None = None
        self._received: list[int] = []
        found: Listener | None = await database_sync_to_async(identify)(self.scope, self.clock)
        if found is None:
            await self.close(code=SIGNED_OUT)  # type: ignore[no-untyped-call]
            return
        self._listener = found
        self._checked_ns = self.clock.monotonic_ns()
        await self.accept()  # type: ignore[no-untyped-call]
        held = tailer()
        self._tailer = held
        await held.hold()
        for topic in found.topics:
            await self.channel_layer.group_add(held.group(topic), self.channel_name)
        # From here on nothing is awaited: what the tailer sent until now is old, the rest comes.
        self._start = held.position
        self._seen = dict(held.sequences)
        self._sent = dict(held.sequences)
        await self._tell("hello", last_id=self._start.row_id, topics=found.topics)

    async def disconnect(self, code: int) -> None:
        """Leave, and let the tailer rest when nobody is left."""
        del code
        held, self._tailer = self._tailer, None
        if held is None:
            return
        for topic in self._listener.topics:
            await self.channel_layer.group_discard(held.group(topic), self.channel_name)
        await held.release()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer the two questions that a page may ask; anything else ends the connection."""
        del bytes_data
        if self._too_often() or not text_data or len(text_data) > RECEIVED_BYTES_MAX:
            await self.close(code=TOO_MUCH)  # type: ignore[no-untyped-call]
            return
        asked = _parse(text_data)
        if "ping" in asked:
            await self._pong(asked["ping"])
        elif "since" in asked:
            await self._catch_up(asked["since"])
        else:
            await self.close(code=TOO_MUCH)  # type: ignore[no-untyped-call]

    async def live_batch(self, event: dict[str, Any]) -> None:
        """Pass on one batch of the tailer; tell the page when one before it is missing."""
        topic, sequence = event["topic"], event["sequence"]
        if sequence <= self._seen[topic]:
            return  # sent before this page had joined
        if not await self._still_may_listen():
            await self.close(code=SIGNED_OUT)  # type: ignore[no-untyped-call]
            return
        missed = sequence > self._seen[topic] + 1
        self._seen[topic] = sequence
        if missed:
            await self._tell("resync")
        await self._tell_batch(event["messages"])

    async def _catch_up(self, since: object) -> None:
        """Send what the page missed, up to where its live batches begin."""
        if self._tailer is None or not _is_id(since):
            await self.close(code=TOO_MUCH)  # type: ignore[no-untyped-call]
            return
        try:
            topics = self._listener.topics
            rows = await self._tailer.in_thread(_missed, since, self._start, topics)
        except DatabaseProblem:
            rows = None
        if rows is None:
            await self._tell("resync")
        else:
            await self._tell_batch(rows)

    async def _pong(self, number: object) -> None:
        """Answer a ping. What was sent before the last ping and has not come by now is lost."""
        if self._tailer is None:
            return
        lost = [topic for topic in self._listener.topics if self._seen[topic] < self._sent[topic]]
        for topic in lost:
            self._seen[topic] = self._sent[topic]
        self._sent = dict(self._tailer.sequences)
        if lost:
            await self._tell("resync")
        await self._tell("pong", ping=number if _is_id(number) else 0)

    async def _tell_batch(self, rows: list[dict[str, Any]]) -> None:
        """Send rows as one list, with the newest whole state among them ready for display."""
        messages = [
            {"id": row["id"], "topic": row["topic"], "payload": row["payload"]} for row in rows
        ]
        states = [row["payload"] for row in rows if _is_state(row)]
        more = {}
        if states:
            more["cells"] = cells(states[-1], local_venue.note(states[-1].get("label")))
        counts = [row["payload"].get("counts") for row in rows if row["topic"] == "alerts"]
        if counts and isinstance(counts[-1], dict):
            # At once: the page reads the whole state too, and need not wait for that.
            more["values"] = alert_cells(counts[-1])
        await self._tell("batch", messages=messages, **more)

    async def _tell(self, kind: str, **more: Any) -> None:
        now_ms = self.clock.now_ns() // 1_000_000
        text = json.dumps({"type": kind, "now_ms": now_ms, **more})
        await self.send(text_data=text)  # type: ignore[no-untyped-call]

    def _too_often(self) -> bool:
        now_ns = self.clock.monotonic_ns()
        self._received = [at for at in self._received if now_ns - at < RECEIVED_WINDOW_NS]
        self._received.append(now_ns)
        return len(self._received) > RECEIVED_MAX

    async def _still_may_listen(self) -> bool:
        """Look every half minute whether session or token still stand, with the same topics."""
        now_ns = self.clock.monotonic_ns()
        if now_ns - self._checked_ns < RECHECK_NS or self._tailer is None:
            return True
        self._checked_ns = now_ns
        try:
            return await self._tailer.in_thread(self._listener.stands)
        except DatabaseProblem:
            return True  # asked again in half a minute; a page goes dark for better reasons


def _missed(since: int, until: Position, topics: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return the rows after a message, None when they are too many or no longer known."""
    after = outbox.position_of(since) if since else Position()
    if after is None:
        return None
    rows = outbox.read_between(after, until, topics, limit=CATCH_UP_ROWS_MAX + 1)
    return rows if len(rows) <= CATCH_UP_ROWS_MAX else None


def _is_state(row: dict[str, Any]) -> bool:
    """Return whether this is a whole state; a short one only says that something changed."""
    return row["topic"] == "state" and isinstance(row["payload"].get("engine"), dict)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ID_MAX


def _parse(text: str) -> dict[str, Any]:
    try:
        asked = json.loads(text)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}
