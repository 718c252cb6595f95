"""The asyncio side of a shift: the feed, the clockwork, and what the loop asks of the world."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection, connections

from polyarb_site.clock import Clock
from trading.adapters.feed import Feed, FeedError, FeedStatus
from trading.engine.events import FeedChanged, StateRestored
from trading.engine.facts import MetricSample
from trading.feeds import FeedFactory
from trading.lease import LeaseHolder, standby_lock
from trading.ledger import FactWriter, SessionReport
from trading.models import EngineSession
from trading.runtime.contending import StopFlag
from trading.runtime.ending import SHIFT_OVER_TEXT, Ending
from trading.runtime.keeper import LeaseKeeper
from trading.runtime.live import LiveSide
from trading.runtime.loop import EngineLoop
from trading.runtime.mandate import MandateView, MandateWatch
from trading.runtime.times import ShiftTimes
from trading.services import HaltFailed, halt

logger = logging.getLogger(__name__)

MS_NS = 1_000_000
State = EngineSession.State
FEED_RETRY_S_MAX = 30
FEED_WELL_S = 60  # a feed that ran this long begins its back-off anew
FEED_CLOSE_S_MAX = 3
HALT_TRIES = 20
HALT_RETRY_S = 0.5


@dataclass(slots=True, kw_only=True)
class Running:
    """What runs around the loop. Made for one session, and run once."""

    account: str
    holder: LeaseHolder
    keeper: LeaseKeeper
    clock: Clock
    stop: StopFlag
    feed_factory: FeedFactory
    ledger: FactWriter
    times: ShiftTimes
    shift_ms: int
    live: LiveSide | None = None  # None: on paper
    problem: str = ""  # the feed's, in words
    _loop: EngineLoop = field(init=False)
    _first: MandateView = field(init=False)
    _asyncio: asyncio.AbstractEventLoop = field(init=False)
    _ended: asyncio.Event = field(init=False)
    _feed: Feed | None = None
    _began_ns: int = 0
    _drain_ns: int = 0
    _sample_before: MetricSample | None = None
    _closing: threading.Event = field(default_factory=threading.Event)
    _database: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="halt")
    )

    async def run(self, loop: EngineLoop, restored: StateRestored) -> None:
        """Feed the loop until it has a reason to end, and then stop feeding it."""
        self._loop, self._first = loop, loop.view
        self._asyncio = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._began_ns = self.clock.monotonic_ns()
        watch = MandateWatch(
            self.account,
            every_ms=self.times.mandate_ms,
            known=loop.view,
            clock=self.clock,
            on_change=self._mandate_seen,
        )
        if self.live is not None:
            self.live.attach(loop, opening_wanted=not restored.balances)
        loop.on_event(restored)
        loop.book_capital()
        loop.permit()
        if loop.view.halted:
            loop.halt(loop.view.halt_code, loop.view.halt_reason)
        watch.start()
        tasks = [asyncio.create_task(self._clockwork()), asyncio.create_task(self._feeding())]
        if self.live is not None:
            tasks.append(asyncio.create_task(self.live.run()))
        for task in tasks:
            task.add_done_callback(self._task_done)
        await self._ended.wait()
        self._closing.set()
        await self._close_feed()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.live is not None:
            await self.live.close()
        await asyncio.to_thread(self._close_threads, watch)

    def wake(self) -> None:
        """The loop has ended."""
        self._ended.set()

    # What the loop asks for

    def request_snapshot(self, condition_id: str, token_ids: tuple[str, ...]) -> None:
        """Ask the feed for whole books."""
        if self._feed is not None:
            self._feed.request_snapshot(condition_id, token_ids)

    def halt_mandate(self, code: str, reason: str, by_name: str) -> None:
        """Make the mandate say that trading is halted; from a thread, as often as it takes."""
        self._database.submit(self._halt, code, reason, by_name)

    def feed_status(self) -> FeedStatus | None:
        """Return how the feed is doing."""
        return self._feed.status() if self._feed is not None else None

    def more_figures(self) -> dict[str, Any]:
        """Return what else is measured once a second."""
        lock = standby_lock(settings.RUN_DIR, self.account)
        alone = lock.acquire()  # for an instant; who wants the place tries more than once
        lock.release()
        figures = {"standby": not alone, "lease_renewals": self.keeper.renewals}
        return figures | (self.live.figures() if self.live is not None else {})

    def _halt(self, code: str, reason: str, by_name: str) -> None:
        for _ in range(HALT_TRIES):
            try:
                done = halt(
                    self.account,
                    by=None,
                    by_name=by_name,
                    code=code,
                    reason=reason,
                    at=self.clock.now(),
                )
            except HaltFailed:
                logger.exception("%s could not be halted", self.account)
            else:
                if done.recorded:
                    return
            connection.close()
            if self._closing.wait(HALT_RETRY_S):
                return

    # The mandate, told by its thread

    def _mandate_seen(self, view: MandateView | None) -> None:
        if not self._closing.is_set():
            self._asyncio.call_soon_threadsafe(self._loop.mandate_changed, view)

    # The clockwork

    async def _clockwork(self) -> None:
        loop = self._loop
        while loop.end is None:
            self.keeper.beat()
            if self.clock.monotonic_ns() >= loop.next_tick_ns:
                loop.tick()
            self._look_for_an_end()
            self._report()
            wait_ns = loop.next_tick_ns - self.clock.monotonic_ns()
            await asyncio.sleep(max(wait_ns, MS_NS) / 1e9)

    def _look_for_an_end(self) -> None:
        loop, first, view = self._loop, self._first, self._loop.view
        spent_ms = (self.clock.monotonic_ns() - self._began_ns) // MS_NS
        drift_ms = loop.drift_ms()
        if self.keeper.lost:
            loop.finish(Ending.FENCED, self.keeper.lost)
        elif self.keeper.orphaned:
            loop.finish(Ending.ORPHANED, "the process that started the engine is gone")
        elif self.stop.is_set():
            loop.finish(Ending.PROCESS_STOPPED, "the process was told to end")
        elif not view.wanted:
            self._wind_down(Ending.STOP_REQUESTED, "stop requested", self.times.drain_ms_max)
        elif (view.mode, view.feed, view.feed_options) != (
            first.mode,
            first.feed,
            first.feed_options,
        ):
            self._wind_down(Ending.CHANGED, "another feed or mode", self.times.drain_ms_max)
        elif abs(drift_ms) > self.times.clock_drift_ms_max:
            reason = f"the host's clock was set: {drift_ms} ms off"
            self._wind_down(Ending.CLOCK_JUMPED, reason, self.times.handover_ms_max)
        elif spent_ms >= self.shift_ms:
            self._wind_down(Ending.SHIFT_OVER, SHIFT_OVER_TEXT, self.times.handover_ms_max)

    def _wind_down(self, ending: Ending, reason: str, limit_ms: int) -> None:
        """Open nothing new, and end when nothing is open any more, or after `limit_ms`."""
        loop, now_ns = self._loop, self.clock.monotonic_ns()
        if not self._drain_ns:
            self._drain_ns = now_ns
            self._sample_before = loop.gauges.sample
            loop.drain()
        sample = loop.gauges.sample
        fresh = sample is not None and sample is not self._sample_before
        empty = fresh and sample is not None and sample.exposure_micro == 0
        if empty or now_ns - self._drain_ns >= limit_ms * MS_NS:
            loop.finish(ending, reason)

    def _report(self) -> None:
        """Renew what the session's row says."""
        loop, told = self._loop, self.ledger.report
        state, reason = self._state()
        stats = loop.gauges.figures
        since = told.since if told.state == state.value else self.clock.now()
        if (told.state, told.reason) != (state.value, reason) or told.stats is not stats:
            self.ledger.report = SessionReport(
                state=state.value,
                reason=reason,
                since=since,
                stats=stats,
                mandate_revision=loop.view.revision,
                profile_id=loop.view.profile_id,
            )

    def _state(self) -> tuple[EngineSession.State, str]:
        loop = self._loop
        sample = loop.gauges.sample
        if loop.halt_code or (sample is not None and sample.halted):
            code = loop.halt_code or (sample.halt_code if sample else "")
            return State.HALTED, f"{code}: {loop.halt_reason}" if loop.halt_reason else code
        if loop.view.problem:
            return State.HALTED, loop.view.problem
        if sample is None:
            return State.STARTING, "no second has passed yet"
        if not sample.feed_connected:
            return State.BLIND, self._feed_problem("the feed is not connected")
        if not sample.books_fresh:
            return State.BLIND, self._feed_problem("no book is fresh")
        self.problem = ""  # whatever it was, it is over
        if self.live is not None:
            code, text = self.live.desk.access.standing
            if code:
                return State.NO_ACCESS, f"{code}: {text[:200]}"
        return State.TRADING, "open sets are brought to an end" if loop.draining else ""

    # The feed

    def _feed_problem(self, otherwise: str) -> str:
        """Return what the feed says is wrong now, or why it ended the last time."""
        told = self._feed.status().last_problem if self._feed is not None else ""
        return told or self.problem or otherwise

    async def _feeding(self) -> None:
        """Run the feed, and run it anew when it ends, ever more slowly."""
        loop, tries = self._loop, 0
        while loop.end is None:
            began_ns = self.clock.monotonic_ns()
            try:
                self._feed = self.feed_factory(self._first.feed, self._first.feed_options)
                await self._feed.run(loop)
                self.problem = "the feed ended"
            except FeedError as error:
                self.problem = error.message
                tries += 4 if error.permanent else 0
            except (ValueError, OSError) as error:
                self.problem = str(error)
            finally:
                self._feed = None
            if self._ended.is_set():
                return
            ran_s = (self.clock.monotonic_ns() - began_ns) // 1_000_000_000
            tries = 0 if ran_s >= FEED_WELL_S else tries + 1
            logger.warning("%s: the feed %s: %s", self.account, self._first.feed, self.problem)
            loop.on_event(FeedChanged(connected=False, token_ids=(), reason=self.problem[:200]))
            await asyncio.sleep(min(2**tries / 2, FEED_RETRY_S_MAX))

    async def _close_feed(self) -> None:
        feed = self._feed
        if feed is None:
            return
        try:
            await asyncio.wait_for(feed.close(), FEED_CLOSE_S_MAX)
        except (TimeoutError, FeedError) as error:
            logger.warning("the feed did not close: %r", error)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the shift crashed", exc_info=error)
            self._loop.finish(Ending.CRASHED, f"{type(error).__name__}: {error}")

    def _close_threads(self, watch: MandateWatch) -> None:
        watch.stop()
        # Not `connection.close`: that would be the connection of this thread.
        self._database.submit(connections.close_all)
        self._database.shutdown(wait=True)
