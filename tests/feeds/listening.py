"""A sink that keeps everything in its order, and clocks and markets for the feed tests."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

from trading.adapters.wire import MarketDecoder
from trading.engine.events import BookDelta, BookSnapshot, FeedChanged

PAIR = {"0xm": ("1", "2")}  # one market, and both of its tokens

Predicate = Callable[["Listener"], Any]


class MachineClock:
    """Monotonic time of the machine: these tests are about sockets, and sockets have no other."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class HandClock:
    """Monotonic time that stands still until it is moved."""

    def __init__(self, now_ns: int = 10**15) -> None:
        self.now_ns = now_ns

    def monotonic_ns(self) -> int:
        return self.now_ns


class Listener:
    """Keeps what a feed says. `log` holds one short word for each thing, in order."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.connections: list[int] = []
        self.events: list[Any] = []
        self.records: list[Any] = []
        self.log: list[str] = []
        self.decoder = MarketDecoder()
        self._changed = asyncio.Event()

    def on_frame(self, raw: bytes, connection: int) -> None:
        self.frames.append(raw)
        self.connections.append(connection)
        self.log.append("frame")
        self._changed.set()

    def on_event(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, FeedChanged):
            self.log.append("up" if event.connected else "down")
        else:
            self.log.append(type(event).__name__)
        self._changed.set()

    def on_market(self, record: Any) -> None:
        self.records.append(record)
        self.log.append("market")
        self._changed.set()

    async def until(self, predicate: Predicate, *, seconds: float = 3) -> Any:
        """Wait until something holds and return it."""
        try:
            async with asyncio.timeout(seconds):
                while not (result := predicate(self)):
                    self._changed.clear()
                    try:
                        async with asyncio.timeout(0.02):
                            await self._changed.wait()
                    except TimeoutError:
                        pass  # what is waited for may be no event of ours
        except TimeoutError:
            raise AssertionError(f"it never happened; heard only {self.log}") from None
        return result

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def downs(self) -> list[FeedChanged]:
        return [event for event in self.of(FeedChanged) if not event.connected]

    def ups(self) -> list[FeedChanged]:
        return [event for event in self.of(FeedChanged) if event.connected]

    def decoded(self) -> list[Any]:
        return [event for raw in self.frames for event in self.decoder.decode(raw)]


@asynccontextmanager
async def running(coroutine):
    """Run something beside the test and stop it at the end. Its failure fails the test."""
    task = asyncio.ensure_future(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        result = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(result, Exception):
        raise result


def book(token: str, market: str = "0xm", *, ms: int = 1_790_000_000_000, **sides: Any) -> dict:
    """Return one `book` message; sides are lists of (price, size)."""
    return {
        "event_type": "book",
        "market": market,
        "asset_id": token,
        "bids": _levels(sides.get("bids", [("0.4", "10")])),
        "asks": _levels(sides.get("asks", [("0.6", "10")])),
        "timestamp": str(ms),
        "hash": "h",
    }


def change(
    token: str,
    market: str = "0xm",
    *,
    ms: int = 1_790_000_000_100,
    price: str = "0.41",
    size: str = "5",
    best_bid: str = "0.41",
    best_ask: str = "0.6",
) -> dict:
    """Return one `price_change` message with one changed bid."""
    return {
        "market": market,
        "price_changes": [
            {
                "asset_id": token,
                "price": price,
                "size": size,
                "side": "BUY",
                "hash": "h",
                "best_bid": best_bid,
                "best_ask": best_ask,
            }
        ],
        "timestamp": str(ms),
        "event_type": "price_change",
    }


def first_then_well(misbehave):
    """Let only the first socket misbehave; the others answer with both books."""
    sockets = []

    def behave(socket):
        sockets.append(socket)
        if len(sockets) == 1:
            misbehave(socket)
        else:
            socket.send(BOOKS)

    return behave


def dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


def snapshots(listener: Listener) -> list[BookSnapshot]:
    return [event for event in listener.decoded() if isinstance(event, BookSnapshot)]


def deltas(listener: Listener) -> list[BookDelta]:
    return [event for event in listener.decoded() if isinstance(event, BookDelta)]


def _levels(levels: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"price": price, "size": size} for price, size in levels]


BOOKS = dumps([book("1"), book("2")])  # both whole books of PAIR, as a new connection gets them
