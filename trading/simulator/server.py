"""The local venue's doors: the market channel and the public reads, as the venue serves them.

An ASGI application without a framework: four paths and one WebSocket. Who reads too slowly is
disconnected, as the venue does it; nobody else waits for them.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import msgspec

from trading.simulator.local_venue import LocalVenue

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BODY_BYTES_MAX = 1_048_576
TOKENS_MAX = 500  # of one question or subscription
FRAMES_WAITING_MAX = 10_000
PAGE_MAX = 100
PAUSE_MS_MIN = 2  # frames of this time go out together
TOO_SLOW = 1013
NOT_FOUND = {"error": "not found"}
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode  # as the venue sends rates and ticks


class _Reader:
    """One open WebSocket."""

    def __init__(self) -> None:
        self.conditions: set[str] = set()
        self.waiting: asyncio.Queue[str] = asyncio.Queue(FRAMES_WAITING_MAX)
        self.too_slow = asyncio.Event()

    def tell(self, frame: str) -> None:
        try:
            self.waiting.put_nowait(frame)
        except asyncio.QueueFull:
            self.too_slow.set()


class VenueServer:
    """Serves one LocalVenue. Its time goes on while the application runs."""

    def __init__(self, venue: LocalVenue, now_ms: Callable[[], int]) -> None:
        self._venue = venue
        self._now_ms = now_ms
        self.readers: set[_Reader] = set()
        self._time: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Be an ASGI application."""
        match scope["type"]:
            case "lifespan":
                await self._lifespan(receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case "http":
                await self._http(scope, receive, send)

    # Time

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._time = asyncio.create_task(self._run(), name="venue-time")
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._time is not None:
                    self._time.cancel()
                    await asyncio.wait({self._time})
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _run(self) -> None:
        latest_ms = self._now_ms()
        while True:
            # A host's clock may be set back; the venue's never goes back.
            latest_ms = max(latest_ms, self._now_ms())
            for condition_id, frame in self._venue.advance(latest_ms):
                for reader in self.readers:
                    if condition_id in reader.conditions:
                        reader.tell(frame)
            pause_ms = max(self._venue.next_ms(latest_ms) - latest_ms, PAUSE_MS_MIN)
            await asyncio.sleep(pause_ms / 1000)

    # The market channel

    async def _websocket(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if scope["path"] != "/ws/market":
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        reader = _Reader()
        self.readers.add(reader)
        tasks = {
            asyncio.create_task(self._listen(reader, receive)),
            asyncio.create_task(_talk(reader, send)),
            asyncio.create_task(reader.too_slow.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.readers.discard(reader)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(RuntimeError, OSError):  # the client may be gone already
            code = TOO_SLOW if reader.too_slow.is_set() else 1000
            await send({"type": "websocket.close", "code": code})

    async def _listen(self, reader: _Reader, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            said = message.get("text") or ""
            if said == "PING":
                reader.tell("PONG")
            else:
                self._subscribe(reader, said)

    def _subscribe(self, reader: _Reader, said: str) -> None:
        """Take a subscription; what is no such thing is passed over, as the venue does."""
        try:
            asked = json.loads(said)
            token_ids = [one for one in asked["assets_ids"] if isinstance(one, str)]
        except (ValueError, TypeError, KeyError, RecursionError):
            return
        token_ids = token_ids[:TOKENS_MAX]
        found = {condition for one in token_ids if (condition := self._venue.condition_of(one))}
        if asked.get("operation") == "unsubscribe":
            reader.conditions -= found
            return
        reader.conditions |= found
        if asked.get("initial_dump", True) and token_ids:
            reader.tell(self._venue.dump(token_ids))

    # Reads

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, {"error": "payload too large"})
            return
        status, value = self._read(scope["method"], scope["path"], scope["query_string"], body)
        await _answer(send, status, value)

    def _read(self, method: str, path: str, query: bytes, body: bytes) -> tuple[int, Any]:
        asked = parse_qs(query.decode("ascii", "replace"))
        found: Any = None
        match method, path.strip("/").split("/"):
            case "GET", ["time"]:
                found = self._now_ms() // 1_000
            case "GET", ["book"]:
                found = self._venue.book(asked.get("token_id", [""])[0])
            case "GET", ["clob-markets", condition_id]:
                found = self._venue.parameters(condition_id)
            case "GET", ["markets", "keyset"]:
                found = self._page(asked)
            case "POST", ["books"]:
                return self._books(body)
        return (404, NOT_FOUND) if found is None else (200, found)

    def _books(self, body: bytes) -> tuple[int, Any]:
        try:
            token_ids = [str(one["token_id"]) for one in json.loads(body)]
        except (ValueError, TypeError, KeyError, RecursionError):
            return 400, {"error": "Invalid payload"}
        if len(token_ids) > TOKENS_MAX:
            return 400, {"error": "Payload exceeds the limit"}
        books = (self._venue.book(token_id) for token_id in token_ids)
        return 200, [book for book in books if book is not None]

    def _page(self, asked: dict[str, list[str]]) -> dict[str, Any]:
        """Return one page; the cursor is the number of markets before it."""
        wanted = asked.get("condition_ids")
        closed = asked.get("closed") == ["true"]
        listed = [
            one
            for one in self._venue.listings()
            if one["closed"] == closed and (wanted is None or one["conditionId"] in wanted)
        ]
        start, limit = _whole(asked, "after_cursor", 0), _whole(asked, "limit", PAGE_MAX)
        end = start + max(1, min(limit, PAGE_MAX))
        more = {"next_cursor": str(end)} if end < len(listed) else {}
        return {"markets": listed[start:end], **more}


async def _talk(reader: _Reader, send: Send) -> None:
    while True:
        await send({"type": "websocket.send", "text": await reader.waiting.get()})


async def _body(receive: Receive) -> bytes | None:
    """Return the body, None when it is larger than anything that is asked here."""
    body = b""
    while True:
        message = await receive()
        piece: bytes = message.get("body", b"")
        body += piece
        if len(body) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body"):
            return body


async def _answer(send: Send, status: int, value: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": _ENCODE(value)})


def _whole(asked: dict[str, list[str]], name: str, default: int) -> int:
    text = asked.get(name, [""])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default
