"""Real shifts for tests: a feed that a test speaks through, and a shift in a thread of its own."""

import asyncio
import json
import threading
import time
from contextlib import contextmanager

from django.db import connection

from polyarb_site.clock import SystemClock
from tests.helpers.facts import market
from trading.adapters.feed import FeedError, FeedStatus
from trading.engine.events import FeedChanged, MarketListed
from trading.journal import JournalLimits
from trading.lease import LeaseTimes
from trading.ledger import LedgerLimits
from trading.runtime import ShiftTimes, run_shift

QUICK = ShiftTimes(
    lease=LeaseTimes(ttl_ms=5_000, renew_every_ms=100, read_every_ms=50),
    journal=JournalLimits(write_every_ms=10, disk_free_bytes_min=1),
    ledger=LedgerLimits(write_every_ms=20, heartbeat_ms=200),
    tick_ms=20,
    mandate_ms=30,
    loop_silence_ms_max=1_000,
    drain_ms_max=4_000,
    handover_ms_max=2_500,
    close_ms_max=3_000,
)
YES, NO = "yes", "no"


def book(token, bid, ask, size="100", *, at_ms=None, condition_id="0xabc"):
    """A book frame as the venue sends it, one level a side."""
    at_ms = at_ms or time.time_ns() // 1_000_000
    return json.dumps(
        {
            "market": condition_id,
            "asset_id": token,
            "timestamp": str(at_ms),
            "bids": [{"price": bid, "size": size}],
            "asks": [{"price": ask, "size": size}],
            "event_type": "book",
        }
    ).encode()


class SpokenFeed:
    """Says what a test tells it to say."""

    name = "recorded"
    label = "RECORDED"

    def __init__(self):
        self.requests = []
        self.closed = False
        self.runs = 0
        self.failure = None
        self.problem = ""
        self.sink = None
        self._loop = None
        self._done = None

    def __call__(self, name, options):
        """Make the feed: this one, each time."""
        self.made_for = (name, dict(options))
        return self

    async def run(self, sink):
        self.runs += 1
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        self.sink = sink
        record = market()
        sink.on_market(record)
        sink.on_event(MarketListed(spec=record.spec))
        sink.on_event(FeedChanged(connected=True, token_ids=(), reason="connected"))
        await self._done.wait()
        failure, self.failure = self.failure, None
        if failure:
            raise failure

    def request_snapshot(self, condition_id, token_ids):
        self.requests.append((condition_id, token_ids))

    async def close(self):
        self.closed = True
        self._done.set()

    def status(self):
        return FeedStatus(
            connections=1, connections_wanted=1, markets_watched=1, last_problem=self.problem
        )

    # From the test's thread

    def frame(self, raw):
        self._loop.call_soon_threadsafe(self.sink.on_frame, raw, 1)

    def calm(self):
        """Both books, the same instant, nothing to gain."""
        at_ms = time.time_ns() // 1_000_000
        self.frame(book(YES, "0.45", "0.55", at_ms=at_ms))
        self.frame(book(NO, "0.45", "0.55", at_ms=at_ms))

    def gap(self, size="100"):
        """Both books, the same instant, 15 cents to gain."""
        at_ms = time.time_ns() // 1_000_000
        self.frame(book(YES, "0.30", "0.40", size, at_ms=at_ms))
        self.frame(book(NO, "0.30", "0.45", size, at_ms=at_ms))

    def event(self, event):
        self._loop.call_soon_threadsafe(self.sink.on_event, event)

    def break_off(self, message="the venue hung up", *, permanent=False):
        self.failure = FeedError(message, permanent=permanent)
        self._loop.call_soon_threadsafe(self._done.set)


class RunningShift:
    """A shift in a thread."""

    def __init__(self, feed=None, **options):
        self.feed = feed or SpokenFeed()
        self.stop = threading.Event()
        self.active = threading.Event()
        self.result = None
        self._options = {
            "clock": SystemClock(),
            "feed_factory": self.feed,
            "shift_seconds": 600,
            "stop": self.stop,
            "times": QUICK,
            "on_active": self.active.set,
            **options,
        }
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self.result = run_shift("main", **self._options)
        finally:
            connection.close()

    def join(self, seconds=15):
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the shift did not end"
        return self.result

    def join_not(self, seconds):
        """Let time pass in which the shift must not end."""
        self._thread.join(seconds)
        assert self._thread.is_alive(), f"the shift ended: {self.result}"

    def end(self):
        self.stop.set()
        return self.join()


@contextmanager
def shift(feed=None, **options):
    """Run a shift and make sure that it ends."""
    one = RunningShift(feed, **options)
    try:
        yield one
    finally:
        one.end()
