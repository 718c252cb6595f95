"""A venue on loopback that does what the test says, the wrong thing included.

It speaks just enough WebSocket and HTTP to break both on purpose: frames are put together by hand,
so a test can cut one in the middle, claim a length, or answer half a body.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class Request:
    """What a client asked over HTTP."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What to answer. `torn` bytes of the body are left out although the length promises them."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    torn: int = 0
    delay_s: float = 0.0


def as_json(value: Any, **more: Any) -> Answer:
    """Answer with a JSON body."""
    return Answer(json.dumps(value).encode(), **more)


class VenueSocket:
    """The venue's end of one WebSocket."""

    def __init__(self, writer: asyncio.StreamWriter, *, pongs: bool) -> None:
        self.pongs = pongs
        self.texts: list[str] = []  # everything the client said but PING
        self.pings = 0  # text pings
        self.controls: list[tuple[int, bytes]] = []  # protocol frames of the client
        self.closed = asyncio.Event()
        self._writer = writer
        self._spoke = asyncio.Event()

    async def text(self, index: int) -> Any:
        """Return the index-th JSON message of the client, waiting for it."""
        while len(self.texts) <= index:
            self._spoke.clear()
            async with asyncio.timeout(2):
                await self._spoke.wait()
        return json.loads(self.texts[index])

    def send(self, payload: str | bytes, *, opcode: int = TEXT, fin: bool = True) -> None:
        """Send one frame."""
        data = payload.encode() if isinstance(payload, str) else payload
        self.send_raw(frame_header(len(data), opcode=opcode, fin=fin) + data)

    def send_json(self, value: Any) -> None:
        self.send(json.dumps(value))

    def send_raw(self, data: bytes) -> None:
        """Send bytes that may be no frame at all."""
        if not self._writer.is_closing():
            self._writer.write(data)

    def close(self, code: int = 1000, text: bytes = b"") -> None:
        """Say goodbye, and go."""
        self.send(struct.pack("!H", code) + text, opcode=CLOSE)
        self._writer.close()

    def drop(self) -> None:
        """Go without a word."""
        self._writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Read what the client says until it goes."""
        try:
            while True:
                opcode, payload = await _read_frame(reader)
                if opcode == TEXT and payload == b"PING":
                    self.pings += 1
                    if self.pongs:
                        self.send("PONG")
                elif opcode == TEXT:
                    self.texts.append(payload.decode())
                    self._spoke.set()
                else:
                    self.controls.append((opcode, payload))
                    if opcode == CLOSE:
                        return
        finally:
            self.closed.set()


class Venue:
    """`async with Venue() as venue:` listens on a free port. Set attributes to misbehave."""

    def __init__(self) -> None:
        self.pongs = True
        self.on_socket: Callable[[VenueSocket], None] = lambda socket: None
        self.handshake_status = 101
        self.handshake_drops = False
        self.handshake_hangs = False
        self.handshake_delay_s = 0.0
        self.handshakes = 0
        self.sockets: list[VenueSocket] = []
        self.answers: dict[str, Callable[[Request], Answer]] = {}
        self.requests: list[Request] = []
        self.port = 0
        self._came = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Venue":
        self._server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop_listening()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # an aborted transport closes its socket in the next turn

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/market"

    async def socket(self, index: int) -> VenueSocket:
        """Return the index-th WebSocket that was made, waiting for it and its first frame."""
        while len(self.sockets) <= index:
            self._came.clear()
            async with asyncio.timeout(2):
                await self._came.wait()
        await self.sockets[index].text(0)
        return self.sockets[index]

    async def stop_listening(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def listen_again(self) -> None:
        """Take connections on the same port as before."""
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (request := await _read_request(reader)) is not None:
                if "upgrade" in request.headers.get("connection", "").lower():
                    await self._websocket(request, reader, writer)
                    break
                await self._http(request, writer)
        writer.close()
        self._tasks.discard(task)

    async def _http(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        handler = self.answers.get(request.path)
        if handler is None:
            answer = as_json({"error": "not found"}, status=404)
        else:
            answer = handler(request)
        await asyncio.sleep(answer.delay_s)
        head = [f"HTTP/1.1 {answer.status} Whatever", f"content-length: {len(answer.body)}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        sent = answer.body[: len(answer.body) - answer.torn]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + sent)
        await writer.drain()
        if answer.torn:
            writer.transport.abort()
            raise ConnectionResetError

    async def _websocket(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.handshakes += 1
        if self.handshake_hangs:
            await reader.read()
            return
        if self.handshake_drops:
            writer.transport.abort()
            return
        if self.handshake_status != 101:
            writer.write(b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % self.handshake_status)
            return
        await asyncio.sleep(self.handshake_delay_s)
        key = request.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        socket = VenueSocket(writer, pongs=self.pongs)
        self.sockets.append(socket)
        self._came.set()
        serving = asyncio.ensure_future(socket.serve(reader))
        subscribed = asyncio.ensure_future(socket.text(0))
        await asyncio.wait({serving, subscribed}, return_when=asyncio.FIRST_COMPLETED)
        if subscribed.done():
            self.on_socket(socket)
        subscribed.cancel()
        await serving


def frame_header(length: int, *, opcode: int = TEXT, fin: bool = True) -> bytes:
    """Return the header of a frame of the venue, which is not masked."""
    first = (0x80 if fin else 0) | opcode
    if length < 126:
        return struct.pack("!BB", first, length)
    if length < 65_536:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {}
    for line in lines[1:]:
        name, found, value = line.partition(":")
        if found:
            headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
    payload = await reader.readexactly(length)
    plain = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return first & 0x0F, plain
