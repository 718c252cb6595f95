"""A shadow session on the local venue's invented flow, as fast as the machine is.

Loop, engine, journal, ledger, lease and mandate are the product's own, and so is the venue. Only
time is the test's: a week takes a minute. Nothing here waits for a socket, so none is opened.
"""

from datetime import timedelta
from pathlib import Path

from django.conf import settings

from trading.adapters.feed import FeedStatus, MarketRecord
from trading.adapters.wire import MarketDecoder
from trading.engine.codes import Mode
from trading.engine.events import BookSnapshot, FeedChanged, MarketListed
from trading.engine.market import MarketSpec
from trading.engine.shadow import make_engine
from trading.journal import (
    OPENED,
    PROGRAM_VERSION,
    JournalLimits,
    JournalOpening,
    JournalWriter,
    journal_directory,
    write_opening,
)
from trading.lease import LeaseHolder, LeaseTimes
from trading.ledger import FactWriter, LedgerLimits, SessionReport, restored_state
from trading.models import EngineSession, money_of
from trading.runtime.loop import EngineLoop
from trading.runtime.mandate import read_mandate
from trading.runtime.measures import ShiftTime
from trading.runtime.parts import Parts
from trading.selectors.status import label_of
from trading.simulator.flow import FlowSettings
from trading.simulator.local_venue import LocalVenue
from trading.simulator.market_records import FEE
from trading.simulator.markets import Programme

HOUR_MS = 3_600_000
PATIENT = 10 * 365 * 24 * HOUR_MS  # nothing is late where time is the test's
# One update every few seconds, and now and then a true gap that stays for half a minute.
SLOW = FlowSettings(
    step_ms_min=4_000,
    step_ms_max=8_000,
    taker_micro=50_000,
    crossing_micro=4_000,
    crossing_ms=30_000,
    crossing_edge_micro=60_000,
    lag_micro=0,
)
RECONNECT_NS = 600 * 10**9  # the live feed takes a new socket every ten minutes
QUARTER = timedelta(milliseconds=250)
FLUSH_EVERY = timedelta(hours=1)


class FastShadow:
    """One session, from `start` to `stop`. The mandate has to want it."""

    def __init__(self, clock, *, seed=1, account="main", step=timedelta(seconds=5), ticks=4):
        self.clock = clock
        self.account = account
        self.step = step
        self.ticks = ticks  # after each step, a quarter of a second each
        self.venue = LocalVenue(
            seed=seed, markets=1, now_ms=self._now_ms(), programme=Programme(flow=SLOW)
        )
        self.session = None

    def start(self):
        """Take the lease, open the session and the books."""
        clock, account = self.clock, self.account
        times = LeaseTimes(ttl_ms=PATIENT, guard_percent=0)
        self.holder = LeaseHolder(account, clock=clock, run_dir=settings.RUN_DIR, times=times)
        assert self.holder.poll() is not None, self.holder.holder_text
        view = read_mandate(account)
        assert view.wanted, "nobody asked the engine to run"
        key, now = f"{account}-{self.holder.token}", clock.now()
        self.session = EngineSession.objects.create(
            account=account,
            token=self.holder.token,
            key=key,
            owner=self.holder.owner.text,
            mode=view.mode,
            feed=view.feed,
            label=label_of(view.mode, view.feed),
            phase=view.phase,
            profile_id=view.profile_id,
            mandate_revision=view.revision,
            state_since=now,
            started_at=now,
            heartbeat_at=now,
        )
        directory = journal_directory(settings.JOURNAL_DIR, account, key)
        directory.parent.mkdir(parents=True, exist_ok=True)
        self.journal = JournalWriter(
            directory, key, clock=clock, limits=JournalLimits(stall_ms_max=PATIENT)
        )
        self.ledger = FactWriter(
            self.session,
            journal=self.journal,
            clock=clock,
            limits=LedgerLimits(queue_max=10**6, silence_ms_max=PATIENT, write_every_ms=0),
            report=self._report(),
        )
        self.journal.start()
        self._loop(view, key)
        return self

    def _loop(self, view, key):
        time = ShiftTime(self.clock)
        opening = JournalOpening(
            session_key=key,
            mode=view.mode,
            feed=view.feed,
            label=self.session.label,
            version=PROGRAM_VERSION,
            started_ns=time.now_ns(),
            paper=view.paper,
        )
        self.journal.append(OPENED, opening.started_ns, write_opening(opening))
        parts = Parts(
            session_key=key,
            engine=make_engine(session_key=key, mode=Mode(view.mode), paper=view.paper),
            decoder=MarketDecoder(),
            journal=self.journal,
            ledger=self.ledger,
            lease=self.holder,
            world=self,
            clock=self.clock,
            time=time,
            kill_path=Path(settings.KILL_FILE),
            tick_ms=250,
        )
        self.loop = EngineLoop(parts, view, lambda: None)
        self.asked = []
        self.frames = 0
        self.began_ns = self.clock.monotonic_ns()
        self.loop.on_event(
            restored_state(
                self.account,
                money=money_of(view.mode, view.feed),
                capital_micro=view.paper.capital_micro,
                now=self.clock.now(),
            )
        )
        self.loop.permit()
        for market in self.venue.markets.values():
            self._list(market)

    def _list(self, market):
        listing = market.listing
        spec = MarketSpec(
            condition_id=listing.condition_id,
            token_ids=listing.token_ids,
            tick_micro=self.venue.exchange.tick_micro(listing.token_ids[0]),
            min_order_size_micro=listing.min_order_size_micro,
            fee=FEE,
        )
        told = MarketRecord(
            spec=spec,
            slug="invented",
            question="Will it?",
            yes_outcome="Yes",
            no_outcome="No",
            source="simulator",
            ends_at_ms=None,
        )
        self.loop.on_market(told)
        self.loop.on_event(MarketListed(spec=spec))
        connected = FeedChanged(token_ids=listing.token_ids, connected=True, reason="")
        self.loop.on_event(connected)
        self.request_snapshot(listing.condition_id, listing.token_ids)

    # Time

    def run_until(self, moment):
        """Let time pass."""
        flush_at = self.clock.now() + FLUSH_EVERY
        while self.clock.now() < moment:
            self.clock.advance(self.step)
            self._frames()
            for _ in range(self.ticks):  # paper fills, settles and merges within a second
                self.clock.advance(QUARTER)
                self.loop.tick()
                self._answer()
            assert self.loop.end is None, self.loop.end
            if self.clock.now() >= flush_at:
                self.flush()
                flush_at = self.clock.now() + FLUSH_EVERY
        self.flush()
        return self

    def flush(self):
        """Write down everything that happened so far."""
        self.ledger.report = self._report()
        self.journal.hurry()
        last = self.journal.next_sequence - 1
        while self.ledger.committed_sequence < last:
            self.journal.check()
            self.ledger._step(0)

    def stop(self):
        """End the session in order and give the lease back."""
        self.flush()
        self.journal.close(self.clock.now_ns())
        report = self._report(EngineSession.State.STOPPED, "stopped")
        self.ledger._last_words(report, ended=True)
        self.holder.release()

    def _report(self, state=EngineSession.State.TRADING, reason=""):
        stats = {} if self.session is None or not hasattr(self, "loop") else self._figures()
        return SessionReport(state=state, reason=reason, since=self.clock.now(), stats=stats)

    def _figures(self):
        return dict(self.loop.gauges.figures or {})

    def _now_ms(self):
        return self.clock.now_ns() // 1_000_000

    def _frames(self):
        for _, frame in self.venue.advance(self._now_ms()):
            self.frames += 1
            self.loop.on_frame(frame.encode(), 1)
        self._answer()

    def _answer(self):
        asked, self.asked = self.asked, []
        for condition_id in asked:
            market = self.venue.markets[condition_id]
            for token_id in market.listing.token_ids:
                levels = self.venue.exchange.levels(token_id)
                self.loop.on_event(
                    BookSnapshot(
                        condition_id,
                        token_id,
                        market.changed_ms,
                        tuple((price, size) for is_ask, price, size in levels if not is_ask),
                        tuple((price, size) for is_ask, price, size in levels if is_ask),
                        self.venue.exchange.tick_micro(token_id),
                        True,
                    )
                )

    # What the loop asks of its shift

    def request_snapshot(self, condition_id, _token_ids):
        """Answer with whole books in the next step."""
        self.asked.append(condition_id)

    def halt_mandate(self, code, reason, by_name):
        """Say loudly what stopped it."""
        raise AssertionError(f"{by_name} halted: {code} {reason}")

    def feed_status(self):
        """Everything is connected."""
        return FeedStatus(
            connections=1,
            connections_wanted=1,
            reconnects=(self.clock.monotonic_ns() - self.began_ns) // RECONNECT_NS,
            last_frame_monotonic_ns=self.clock.monotonic_ns(),
            markets_watched=1,
        )

    def more_figures(self):
        """Nothing else is measured."""
        return {}
