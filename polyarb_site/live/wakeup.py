"""How a web process hears that the outbox grew: a datagram socket of its own, or LISTEN.

Both are hints that may be lost, so neither says what is new. Who hears nothing looks by itself.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from polyarb_site.live.send import CHANNEL, SOCKETS

logger = logging.getLogger(__name__)

DATAGRAMS_MAX = 1_000  # taken at once; the rest is taken in the next turn of the loop
RETRY_SECONDS_MAX = 30.0


class WakeSocket:
    """A Unix datagram socket in the run directory; whoever publishes writes a byte to it."""

    def __init__(self, directory: Path, heard: Callable[[], None]) -> None:
        self._path = directory / SOCKETS.replace("*", f"{os.getpid()}-{secrets.token_hex(4)}")
        self._heard = heard
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Start to listen. Where that is not possible the slow poll alone has to do."""
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _remove_dead(self._path.parent)
            opened.setblocking(False)
            opened.bind(str(self._path))
        except OSError as error:
            opened.close()
            logger.warning("no wake-up socket at %s: %s; pages lag up to 1 s", self._path, error)
            return
        self._socket = opened
        asyncio.get_running_loop().add_reader(opened.fileno(), self._take)

    def close(self) -> None:
        """Stop to listen and take the socket's file away."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._socket = None
        self._path.unlink(missing_ok=True)

    def _take(self) -> None:
        assert self._socket is not None
        for _ in range(DATAGRAMS_MAX):
            try:
                self._socket.recv(16)
            except (BlockingIOError, InterruptedError):
                break
        self._heard()


async def listen(heard: Callable[[], None]) -> None:
    """Hear PostgreSQL's NOTIFY until cancelled; after a broken connection, connect again."""
    pause = 1.0
    while True:
        try:
            parameters: dict[str, Any] = {**_parameters(), "autocommit": True}
            async with await psycopg.AsyncConnection.connect(**parameters) as listening:
                await listening.execute(f"LISTEN {CHANNEL}")  # an identifier, no parameter
                pause = 1.0
                heard()  # what was told before we listened
                async for _notification in listening.notifies():
                    heard()
        except psycopg.Error as error:
            logger.warning("LISTEN failed: %s; the outbox is polled meanwhile", error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, RETRY_SECONDS_MAX)


def _parameters() -> dict[str, object]:
    """Return what to connect with: as Django does, without what only its own cursors need."""
    wanted = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        wanted.pop(name, None)
    return wanted


def _remove_dead(directory: Path) -> None:
    """Remove the sockets of processes that are gone: senders look at a limited number of them."""
    for path in directory.glob(SOCKETS):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue
