"""The local venue on the wire: both channels, the public reads, and the way to the private doors.

An ASGI application without a framework. Who reads too slowly is
disconnected, as the venue does it; nobody else waits for them.
"""

import asyncio
import contextlib
import json
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import msgspec

from trading.simulator import payloads
from trading.simulator.answers import BAD_PAYLOAD, Refusal
from trading.simulator.doors import Doors, refusal_body
from trading.simulator.faults import Lost
from trading.simulator.frames import RESOLVED
from trading.simulator.keeper import Keeper
from trading.simulator.local_venue import LocalVenue
from trading.simulator.public_reads import NOT_FOUND, TOKENS_MAX, PublicReads
from trading.simulator.relayer import Relayer
from trading.simulator.requests import Request, Value
from trading.simulator.windows import Windows

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BODY_BYTES_MAX = 1_048_576
FRAMES_WAITING_MAX = 10_000
PAUSE_MS_MIN = 2  # frames of this time go out together
TOO_SLOW = 1013
NOT_ALLOWED = 1008
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode  # as the venue sends rates and ticks


class _Reader:
    """One open WebSocket; `owner_id` is whose messages the user channel sends, empty: not yet.

    On the user channel `conditions` None stands for all markets.
    """

    def __init__(self) -> None:
        self.owner_id = ""
        self.custom_features = False
        self.conditions: set[str] | None = set()
        self.waiting: asyncio.Queue[str] = asyncio.Queue(FRAMES_WAITING_MAX)
        self.too_slow = asyncio.Event()

    def tell(self, frame: str) -> None:
        try:
            self.waiting.put_nowait(frame)
        except asyncio.QueueFull:
            self.too_slow.set()


class VenueServer:
    """Serves one LocalVenue. Its time goes on while the application runs."""

    def __init__(
        self,
        venue: LocalVenue,
        now_ms: Callable[[], int],
        doors: Doors | None = None,
        keeper: Keeper | None = None,
        windows: Windows | None = None,
        relayer: Relayer | None = None,
    ) -> None:
        """Without doors the venue is read-only: what is private is not found.

        With a keeper nobody is told or answered anything before it is kept; one that cannot keep
        any more ends the process. With windows each address on the network has its limits.
        """
        self._venue = venue
        self._now_ms = now_ms
        self._doors = doors
        self._reads = PublicReads(venue, now_ms)
        self._keeper = keeper
        self._windows = windows

        self._relayer = relayer
        self._latest_ms = now_ms()
        self.readers: set[_Reader] = set()  # of the market channel
        self.users: set[_Reader] = set()  # of the user channel
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
                self._time.add_done_callback(_end_without_time)
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._time is not None:
                    self._time.cancel()
                    await asyncio.wait({self._time})
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _run(self) -> None:
        while True:
            now_ms = self._advance()
            pause_ms = max(self._venue.next_ms(now_ms) - now_ms, PAUSE_MS_MIN)
            await asyncio.sleep(pause_ms / 1000)

    def _advance(self) -> int:
        """Let everything happen up to now, tell the readers, and return what time it is."""
        # A host's clock may be set back; the venue's never goes back.
        self._latest_ms = max(self._latest_ms, self._now_ms())
        if self._relayer is not None:
            self._relayer.advance(self._latest_ms)
        frames = self._venue.advance(self._latest_ms)
        if self._keeper is not None and self._doors is not None:
            self._keeper.save(self._venue, self._doors.keys)
        for condition_id, frame in frames:
            is_custom = frame.startswith(RESOLVED)
            for reader in self.readers:
                if is_custom and not reader.custom_features:
                    continue
                if reader.conditions and condition_id in reader.conditions:
                    reader.tell(frame)
        for message in self._venue.user_messages(self._latest_ms):
            frame = _ENCODE(message.body).decode()
            for user in self.users:
                wanted = user.conditions is None or message.condition_id in user.conditions
                if wanted and user.owner_id == message.owner_id:
                    user.tell(frame)
        return self._latest_ms

    # The channels

    async def _websocket(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        reader = _Reader()
        if scope["path"] == "/ws/market":
            readers, take = self.readers, partial(self._subscribe, reader)
        elif scope["path"] == "/ws/user" and self._doors is not None:
            readers, take = self.users, partial(self._follow, self._doors, reader)
        else:
            await send({"type": "websocket.close", "code": NOT_ALLOWED})
            return
        await send({"type": "websocket.accept"})
        readers.add(reader)
        tasks = {
            asyncio.create_task(_listen(reader, receive, take)),
            asyncio.create_task(_talk(reader, send)),
            asyncio.create_task(reader.too_slow.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            readers.discard(reader)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(RuntimeError, OSError):  # the client may be gone already
            code = TOO_SLOW if reader.too_slow.is_set() else NOT_ALLOWED
            await send({"type": "websocket.close", "code": code})

    def _follow(self, doors: Doors, reader: _Reader, said: str) -> bool:
        """Take a frame of the user channel; False when it should have been a login and is none.

        The login says which markets, none or an empty list for all; later frames add markets or
        take them away, which changes nothing for who follows all.
        """
        frame = payloads.read(payloads.UserFrame, said, BAD_PAYLOAD)
        if isinstance(frame, Refusal):
            return bool(reader.owner_id)
        markets = self._venue.markets.keys() & (frame.markets or ())
        if reader.owner_id:
            if reader.conditions is not None and frame.operation == "subscribe":
                reader.conditions |= markets
            elif reader.conditions is not None and frame.operation == "unsubscribe":
                reader.conditions -= markets
            return True
        key = doors.keys.find(frame.auth.apiKey) if frame.auth is not None else None
        if frame.auth is None or key is None:
            return False
        if not key.opens(frame.auth.secret, frame.auth.passphrase):
            return False
        reader.owner_id, reader.conditions = key.address, set(markets) if frame.markets else None
        return True

    def _subscribe(self, reader: _Reader, said: str) -> bool:
        """Take a subscription; what is no such thing is passed over, as the venue does."""
        try:
            asked = json.loads(said)
            token_ids = [one for one in asked["assets_ids"] if isinstance(one, str)]
        except (ValueError, TypeError, KeyError, RecursionError):
            return True
        token_ids = token_ids[:TOKENS_MAX]
        found = {condition for one in token_ids if (condition := self._venue.condition_of(one))}
        conditions = reader.conditions or set()
        if asked.get("operation") == "unsubscribe":
            reader.conditions = conditions - found
            return True
        reader.custom_features |= asked.get("custom_feature_enabled") is True
        reader.conditions = conditions | found
        if asked.get("initial_dump", True) and token_ids:
            reader.tell(self._venue.dump(token_ids))
        return True

    # Reads

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, {"error": "payload too large"})
            return
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=parse_qs(scope["query_string"].decode("ascii", "replace")),
            headers={
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in scope.get("headers", ())
            },
            body=body,
        )
        address = (scope.get("client") or ("",))[0]
        excess = self._windows and self._windows.take(
            address, request.method, request.path, self._latest_ms
        )
        relay = self._relayer.door(request) if self._relayer is not None else None
        if excess:
            await _answer(send, excess.http, refusal_body(excess), excess.retry_after_s)
        elif relay is not None:
            meddled = partial(self._doors.meddled, relay) if self._doors is not None else relay
            value = meddled(request, self._advance())
            self._advance()
            await self._tell(value, {}, receive, send)
        elif self._doors is not None and self._doors.has(request):
            value = self._doors.answer(request, self._advance())
            headers = self._doors.rate_headers(request, self._advance())
            await self._tell(value, headers, receive, send)
        else:
            await _answer(send, *self._public(request))

    def _public(self, request: Request) -> tuple[int, Any]:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["simulator", "wallets", owner] if self._doors is not None:
                found = self._doors.wallets(owner)
                return (404, NOT_FOUND) if found is None else (200, found)
        return self._reads.answer(request)

    async def _tell(
        self,
        value: Value | Refusal | Lost,
        headers: Mapping[str, str],
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer a private request, of which all that came is kept and published already."""
        if isinstance(value, Lost):
            await _lose(receive, send, value)
        elif isinstance(value, Refusal):
            await _answer(send, value.http, refusal_body(value), value.retry_after_s, headers)
        else:
            await _answer(send, 200, value, headers=headers)


def _end_without_time(time: asyncio.Task[None]) -> None:
    """End the process when the venue's time has come to a stop by a fault."""
    if not time.cancelled() and (fault := time.exception()) is not None:
        logging.getLogger(__name__).critical("the venue stops: %s", fault, exc_info=fault)
        signal.raise_signal(signal.SIGTERM)


async def _listen(reader: _Reader, receive: Receive, take: Callable[[str], bool]) -> None:
    """Take frames until the client leaves, or until one is not allowed."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        said = message.get("text") or ""
        if said == "PING":
            reader.tell("PONG")
        elif not take(said):
            return


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


async def _answer(
    send: Send,
    status: int,
    value: Any,
    retry_after_s: int = 0,
    headers: Mapping[str, str] | None = None,
) -> None:
    said = {"content-type": "application/json"} | dict(headers or {})
    if retry_after_s:
        said["retry-after"] = str(retry_after_s)
    raw = [(name.encode(), text.encode()) for name, text in said.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": _ENCODE(value)})


async def _lose(receive: Receive, send: Send, lost: Lost) -> None:
    """Let the client wait for an answer in vain, or see its connection end in the middle of one."""
    while lost.hangs and (await receive())["type"] != "http.disconnect":
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
