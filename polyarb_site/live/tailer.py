"""Reads the outbox once for all pages of this web process and hands the rows on in batches.

Woken by a hint, it reads what is new in order and sends one list for each topic to a group of this
process, numbered without gaps. The channel layer may drop a message silently; a page's consumer
sees the gap in the numbers and tells the page to read the state anew. So nothing is lost unseen.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import Error as DatabaseProblem
from django.db import connection, connections
from redis.exceptions import RedisError

from polyarb_site.live import outbox
from polyarb_site.live.outbox import Position
from polyarb_site.live.send import TOPICS
from polyarb_site.live.wakeup import WakeSocket, listen

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
LOOK_AGAIN_SECONDS = (0.02, 0.08, 0.3)
OUTSIDE_TROUBLE = (DatabaseProblem, OSError, RedisError, ChannelFull)
T = TypeVar("T")


class Tailer:
    """One for each event loop. It runs while somebody holds it: the server, or an open page."""

    def __init__(self, directory: Path, *, poll_seconds: float = POLL_SECONDS) -> None:
        self.key = secrets.token_hex(6)  # groups of this process alone: each has its own tailer
        self.position = Position()
        self.sequences = dict.fromkeys(TOPICS, 0)
        self._holders = 0
        self._poll_seconds = poll_seconds
        self._heard = asyncio.Event()
        self._starting = asyncio.Lock()
        self._socket = WakeSocket(directory, self._heard.set)
        self._tasks: list[asyncio.Task[None]] = []
        self._unsent: deque[dict[str, Any]] = deque()  # at most one batch for each topic
        # One thread, so that its database connection stays open between reads.
        self._thread: ThreadPoolExecutor | None = None

    @property
    def running(self) -> bool:
        """Whether somebody holds it."""
        return self._thread is not None

    def group(self, topic: str) -> str:
        """Return the name of the group that gets a topic's batches."""
        return f"live.{self.key}.{topic}"

    async def hold(self) -> None:
        """Start if nobody held it before. Each hold() is answered by one release()."""
        self._holders += 1
        async with self._starting:
            if self._thread is None:
                await self._start()

    async def release(self) -> None:
        """Stop when the last holder goes."""
        self._holders -= 1
        async with self._starting:
            if self._holders == 0 and self._thread is not None:
                await self._stop()

    async def in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run a database read in the tailer's own thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _fresh, call, *arguments)

    async def _start(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live-tailer")
        self._heard.clear()
        try:
            self.position = await self.in_thread(outbox.newest)
        except DatabaseProblem:
            # Read from the beginning when it answers again: too much is better than too little.
            logger.exception("the outbox cannot be read; trying again each second")
        self._socket.open()
        self._tasks = [asyncio.create_task(self._run(), name="live-tailer")]
        if connection.vendor == "postgresql":
            self._tasks.append(asyncio.create_task(listen(self._heard.set), name="live-listen"))

    async def _stop(self) -> None:
        assert self._thread is not None
        self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=False)
        self._thread = None

    async def _run(self) -> None:
        failing = False
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), self._poll_seconds)
            heard = self._heard.is_set()
            self._heard.clear()
            try:
                if not await self._drain() and heard:
                    await self._look_again()
            except OUTSIDE_TROUBLE as error:
                if not failing:
                    logger.warning("live updates wait: %s", error)
                failing = True
                await asyncio.sleep(self._poll_seconds)
            else:
                failing = False

    async def _look_again(self) -> None:
        """Look a few times more for what a hint was about: on PostgreSQL a row has to wait for
        older transactions, whoever's they are.
        """
        for pause in LOOK_AGAIN_SECONDS if connection.vendor == "postgresql" else ():
            await asyncio.sleep(pause)
            if await self._drain():
                return

    async def _drain(self) -> bool:
        """Send on everything that is there, batch by batch, and return whether there was any."""
        any_rows = False
        await self._flush()  # what could not be sent before
        while rows := await self.in_thread(outbox.read, self.position):
            any_rows = True
            # The place moves before the batches go: who joins a group now knows what is old.
            self.position = outbox.place(rows[-1])
            for topic in TOPICS:
                messages = [row for row in rows if row["topic"] == topic]
                if messages:
                    self._add(topic, messages)
            await self._flush()
            if len(rows) < outbox.BATCH_ROWS_MAX:
                break
        return any_rows

    def _add(self, topic: str, messages: list[dict[str, Any]]) -> None:
        self.sequences[topic] += 1
        numbered = {"topic": topic, "sequence": self.sequences[topic], "messages": messages}
        self._unsent.append({"type": "live.batch", **numbered})

    async def _flush(self) -> None:
        """Send what waits. What fails stays first in line, and nothing more is read meanwhile."""
        layer = get_channel_layer()
        assert layer is not None
        while self._unsent:
            await layer.group_send(self.group(self._unsent[0]["topic"]), self._unsent[0])
            self._unsent.popleft()


def _fresh(call: Callable[..., T], *arguments: Any) -> T:
    """Call with a database connection that works, or with a new one the next time."""
    connection.close_if_unusable_or_obsolete()
    try:
        return call(*arguments)
    except DatabaseProblem:
        connection.close()
        raise


_TAILERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Tailer] = WeakKeyDictionary()


def tailer() -> Tailer:
    """Return the tailer of the running event loop, made when first asked for."""
    loop = asyncio.get_running_loop()
    if loop not in _TAILERS:
        _TAILERS[loop] = Tailer(settings.RUN_DIR)
    return _TAILERS[loop]


def positions() -> list[Position]:
    """Return how far each running tailer of this process has read; for monitoring."""
    return [one.position for one in list(_TAILERS.values()) if one.running]
