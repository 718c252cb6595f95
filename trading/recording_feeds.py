"""Runs a feed into a recorder for a while."""

import asyncio
import signal
from typing import Any

from trading.adapters.feed import Feed
from trading.adapters.recorder import Recorder

WRITE_EVERY_S = 1.0
CLOSE_S_MAX = 10.0


async def record(feed: Feed, recorder: Recorder, seconds: int | None) -> None:
    """Record until the time is over, the feed ends, or SIGINT or SIGTERM comes.

    Raises FeedError, and RecordingError when it cannot be written; what came before is on the disk.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    feeding = asyncio.ensure_future(feed.run(recorder))
    writing = asyncio.ensure_future(_write_for_ever(recorder))
    stopping = asyncio.ensure_future(stop.wait())
    tasks: set[asyncio.Future[Any]] = {feeding, writing, stopping}
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for ended in (writing, feeding):
            if ended.done():
                ended.result()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        if not feeding.done():
            await asyncio.wait({asyncio.ensure_future(feed.close())}, timeout=CLOSE_S_MAX)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _write_for_ever(recorder: Recorder) -> None:
    while True:
        await asyncio.sleep(WRITE_EVERY_S)
        await asyncio.to_thread(recorder.write, recorder.take())
