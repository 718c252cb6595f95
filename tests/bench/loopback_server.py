"""A venue that only blasts: ready-made WebSocket frames to whoever subscribed, as fast as it can.

A process of its own, so that the client has its core to itself. Started with the path of a frames
file; prints its port. A connection gets the first books of its tokens at once. A line "go" on
standard input sends every connection of this round the frames of its markets, made ready before.
"""

import asyncio
import json
import struct
import sys
from pathlib import Path

import picows

WRITE_BYTES = 256 * 1_024


def framed(raw: bytes) -> bytes:
    """Return a whole text frame as a server sends it, without a mask."""
    if len(raw) < 126:
        head = struct.pack("!BB", 0x81, len(raw))
    elif len(raw) < 65_536:
        head = struct.pack("!BBH", 0x81, 126, len(raw))
    else:
        head = struct.pack("!BBQ", 0x81, 127, len(raw))
    return head + raw


def pieces(frames: list[bytes]) -> list[bytes]:
    """Return the frames ready to be sent, in pieces of whole frames.

    The answer to a ping goes out between two pieces, and must never land inside a frame.
    """
    found, piece = [], bytearray()
    for raw in frames:
        piece += framed(raw)
        if len(piece) >= WRITE_BYTES:
            found.append(bytes(piece))
            piece.clear()
    return [*found, bytes(piece)] if piece else found


def market_of(raw: bytes) -> bytes:
    """Return the condition id of a frame whose first field it is."""
    start = raw.index(b'"market":"') + 10
    return raw[start : raw.index(b'"', start)]


class Connection(picows.WSListener):
    """One client: first its subscription, then all frames of its markets."""

    def __init__(self, venue: "Venue") -> None:
        self._venue = venue
        self._transport: picows.WSTransport | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._ready: list[bytes] = []

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Answer a subscription with the first books; a ping gets its word."""
        if frame.msg_type != picows.WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if payload == b"PING":
            transport.send(picows.WSMsgType.TEXT, b"PONG")
            return
        markets = self._venue.markets(json.loads(payload)["assets_ids"])
        for raw in self._venue.books:
            if market_of(raw) in markets:
                transport.send(picows.WSMsgType.TEXT, raw)
        self._ready = self._venue.ready(markets)
        self._venue.waiting.append(self)

    def pause_writing(self) -> None:
        """The client is slower than we are."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._may_write.set()

    async def blast(self) -> None:
        """Send everything, piece by piece, as fast as the client takes it."""
        assert self._transport is not None
        for piece in self._ready:
            await self._may_write.wait()
            self._transport.underlying_transport.write(piece)
            await asyncio.sleep(0)  # the other connections are to get their share


class Venue:
    """All frames by market, and the connections of this round."""

    def __init__(self, path: Path) -> None:
        head, *lines = path.read_bytes().splitlines()
        about = json.loads(head)
        self._market_of_token = {}
        for condition_id, yes, no, _ in about["markets"]:
            self._market_of_token[yes] = self._market_of_token[no] = condition_id.encode()
        self.books = lines[: about["dump"]]
        self._frames = [(market_of(raw), raw) for raw in lines[about["dump"] :]]
        self.waiting: list[Connection] = []
        self._ready: dict[frozenset[bytes], list[bytes]] = {}

    def markets(self, tokens: list[str]) -> frozenset[bytes]:
        """Return the condition ids of these tokens."""
        return frozenset(self._market_of_token[token] for token in tokens)

    def ready(self, markets: frozenset[bytes]) -> list[bytes]:
        """Return everything that these markets will get, made once."""
        if markets not in self._ready:
            self._ready[markets] = pieces([raw for m, raw in self._frames if m in markets])
        return self._ready[markets]


async def main(path: Path) -> None:
    """Serve until standard input ends."""
    venue = Venue(path)
    server = await picows.ws_create_server(lambda _request: Connection(venue), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        connections, venue.waiting = venue.waiting, []
        if line.strip() == "go":
            await asyncio.gather(*(connection.blast() for connection in connections))
    server.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
