"""The signer's Unix socket: who may ask, how much at once, and how it ends.

One user only: the directory and the socket are closed to others, and the kernel is asked who is at
the other end. Requests are answered one after the other in the order in which they come.
"""

import asyncio
import logging
import os
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

from trading.signer.desk import SignerDesk
from trading.signer.faults import StartRefusedError
from trading.signer.private_files import make_private_directory
from trading.signer.protocol import FRAME_BYTES_MAX, LENGTH_BYTES, frame, too_large

logger = logging.getLogger(__name__)

CONNECTIONS_MAX = 16
UNREAD_BYTES_MAX = 1024 * 1024  # answers that a client does not fetch
PATH_BYTES_MAX = 107  # the kernel's bound for the name of a socket
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class SignerServer:
    """Serves one desk to the processes of one user."""

    def __init__(self, desk: SignerDesk, path: Path, *, uid: int) -> None:
        """`uid` is the one user whose processes are answered."""
        self.desk = desk
        self.uid = uid
        self.connections: set[asyncio.Transport] = set()
        self._path = path
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises StartRefusedError when another signer does, or the path is no good."""
        if len(os.fsencode(self._path)) > PATH_BYTES_MAX:
            raise StartRefusedError(
                f"{self._path} is longer than {PATH_BYTES_MAX} bytes; "
                "set POLYARB_DATA_DIR to a shorter path"
            )
        make_private_directory(self._path.parent)
        if _answers(self._path):
            raise StartRefusedError(f"another signer answers at {self._path}; stop it first")
        self._path.unlink(missing_ok=True)  # left by one that was killed
        self._server = await asyncio.get_running_loop().create_unix_server(
            lambda: _Connection(self), self._path
        )
        self._path.chmod(0o600)

    async def stop(self) -> None:
        """Stop listening and hang up."""
        if self._server is None:
            return
        self._server.close()
        for transport in tuple(self.connections):
            transport.abort()
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)


async def serve_until_told(server: SignerServer, *, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT. Raises as SignerServer.start does."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await server.start()
    try:
        ready()
        await told.wait()
    finally:
        await server.stop()


class _Connection(asyncio.Protocol):
    """One client: collects bytes, answers whole frames."""

    def __init__(self, server: SignerServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        uid = peer_uid(transport.get_extra_info("socket"))
        if uid != self._server.uid:
            logger.warning("refused a connection of user %s", uid)
            transport.abort()
        elif len(self._server.connections) >= CONNECTIONS_MAX:
            logger.warning("refused a connection: %s are open", CONNECTIONS_MAX)
            transport.abort()
        else:
            self._transport = transport
            self._server.connections.add(transport)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._transport is not None:
            self._server.connections.discard(self._transport)
            self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._transport is not None and len(self._buffer) >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if length > FRAME_BYTES_MAX:
                # Where the next frame begins is unknown from here on.
                self._transport.write(frame(too_large(length)))
                self._transport.close()
                self._buffer.clear()
                return
            end = LENGTH_BYTES + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[LENGTH_BYTES:end])
            del self._buffer[:end]
            self._transport.write(frame(self._server.desk.answer(body)))
            if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
                logger.warning("hung up on a client that fetches no answers")
                self._transport.abort()
                return


def peer_uid(connection: socket.socket) -> int:
    """Return the user at the other end, as the kernel knows it."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def _answers(path: Path) -> bool:
    """Say whether somebody listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except TimeoutError:
            return True  # busy, so there
    return True
