"""A shift: one run of the engine under one lease, from waiting for it to giving it back.

Acquire or wait, recover what the last session left unsaid, write down what this one runs with, feed
the engine until there is a reason to stop, write everything down, release. Start and recovery after
a crash are the same path.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from polyarb_site.clock import Clock
from trading.adapters.wire import MarketDecoder
from trading.engine.codes import Mode
from trading.engine.core import Engine
from trading.engine.shadow import make_engine
from trading.feeds import FeedFactory
from trading.journal import (
    OPENED,
    PROGRAM_VERSION,
    JournalFailed,
    JournalLimits,
    JournalOpening,
    JournalWriter,
    check_room,
    journal_directory,
    set_aside,
    write_opening,
)
from trading.lease import Fenced, LeaseHolder, Taken, check_fence, standby_lock
from trading.ledger import (
    FactWriter,
    LedgerFailed,
    SessionReport,
    leftovers,
    recover,
    restored_state,
    unclosed_sessions,
)
from trading.models import PLAY_FEED, EngineSession, Money, money_of
from trading.runtime.contending import Contender, StopFlag
from trading.runtime.ending import HALTING, End, Ending
from trading.runtime.joining import LivePortsFactory, comparing, live_side
from trading.runtime.keeper import LeaseKeeper
from trading.runtime.live import LiveSide
from trading.runtime.loop import EngineLoop
from trading.runtime.mandate import MandateView, read_mandate
from trading.runtime.measures import ShiftTime
from trading.runtime.parts import Observer, Parts
from trading.runtime.ports import LivePorts, Reconcile
from trading.runtime.running import Running
from trading.runtime.times import ShiftTimes, shift_times
from trading.selectors.status import label_of
from trading.services import HaltFailed, halt

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShiftResult:
    """How a shift ended, and which session it was; empty when it never had the lease."""

    ending: Ending
    reason: str
    session_key: str = ""


def run_shift(
    account: str,
    *,
    clock: Clock,
    feed_factory: FeedFactory,
    live_ports: LivePortsFactory | None = None,
    observers: Iterable[Observer] = (),
    shift_seconds: int,
    stop: StopFlag,
    times: ShiftTimes | None = None,
    on_active: Callable[[], None] = lambda: None,
) -> ShiftResult:
    """Run one shift and return how it ended. Called in a thread without a running event loop.

    `on_active` is called once the lease is ours: the moment to ask for the next shift. Raises
    nothing but what is a bug outside the loop.
    """
    times = times or shift_times()
    wait_ms = times.stand_by_ms_max
    holder = LeaseHolder(account, clock=clock, run_dir=settings.RUN_DIR, times=times.lease)
    standby = standby_lock(settings.RUN_DIR, account)
    contender = Contender(
        holder=holder,
        standby=standby,
        stop=stop,
        clock=clock,
        wait_ms_max=wait_ms if wait_ms is not None else shift_seconds * 1_500,
        obstacle=lambda: _no_room(account, times.journal),
    )
    try:
        taken = contender.contend()
    finally:
        standby.release()
    if isinstance(taken, End):
        holder.forget()
        return ShiftResult(taken.ending, taken.reason)
    logger.info("%s: lease %s taken (%s)", account, holder.token, taken)
    shift = _Shift(
        account=account,
        holder=holder,
        clock=clock,
        times=times,
        feed_factory=feed_factory,
        live_ports=live_ports,
        observers=tuple(observers),
        stop=stop,
        keeper=LeaseKeeper(holder, clock=clock, loop_silence_ms_max=times.loop_silence_ms_max),
    )
    try:
        return shift.run(taken, shift_seconds, on_active)
    finally:
        connection.close()


def _no_room(account: str, limits: JournalLimits) -> str:
    (settings.JOURNAL_DIR / account).mkdir(parents=True, exist_ok=True, mode=0o750)
    try:
        check_room(settings.JOURNAL_DIR, limits)
    except JournalFailed as error:
        return str(error)
    return ""


@dataclass(slots=True, kw_only=True)
class _Shift:
    """The part of a shift that has the lease."""

    account: str
    holder: LeaseHolder
    clock: Clock
    times: ShiftTimes
    feed_factory: FeedFactory
    live_ports: LivePortsFactory | None
    observers: tuple[Observer, ...]
    stop: StopFlag
    keeper: LeaseKeeper

    @property
    def key(self) -> str:
        """The session's key: the prefix of every id that it makes."""
        return f"{self.account}-{self.holder.token}"

    def run(self, taken: Taken, shift_seconds: int, on_active: Callable[[], None]) -> ShiftResult:
        """Do everything from the taken lease to the released one."""
        self.keeper.start()
        try:
            on_active()
            end = self._session(taken, shift_seconds)
        except Fenced as error:
            end = End(Ending.FENCED, str(error))
        finally:
            self.keeper.stop()
            self._release()
        logger.info("%s: ended, %s: %s", self.key, end.ending, end.reason)
        return ShiftResult(end.ending, end.reason, self.key)

    def _release(self) -> None:
        if self.holder.is_over():
            self.holder.forget()
        else:
            self.holder.release()

    def _session(self, taken: Taken, shift_seconds: int) -> End:
        for unclosed in unclosed_sessions(self.account, self.holder.token):
            self.keeper.beat()
            recover(
                unclosed,
                token=self.holder.token,
                taken=taken,
                journal_root=settings.JOURNAL_DIR,
                clock=self.clock,
            )
        view = read_mandate(self.account)
        if view is None or not view.wanted or view.profile_id is None:
            return End(Ending.NOT_WANTED, "the account's engine is not asked to run")
        if money_of(view.mode, view.feed) is not Money.PAPER and self.live_ports is None:
            # Never on paper instead: what cannot go live stops.
            return End(Ending.NOT_WANTED, "nothing in this process can send an order")
        session = self._open_session(view, view.profile_id)
        journal = JournalWriter(
            journal_directory(settings.JOURNAL_DIR, self.account, self.key),
            self.key,
            clock=self.clock,
            limits=self.times.journal,
            may_write=self._may_write,
        )
        ledger = FactWriter(
            session,
            journal=journal,
            clock=self.clock,
            limits=self.times.ledger,
            report=SessionReport(
                state=EngineSession.State.STARTING, reason="starting", since=self.clock.now()
            ),
        )
        try:
            set_aside(journal.directory)
            journal.start()
        except (JournalFailed, OSError) as error:
            end = End(Ending.JOURNAL_FAILED, str(error))
        else:
            ledger.start()
            end = self._trade(session, view, journal, ledger, shift_seconds)
        return self._close(end, journal, ledger)

    def _may_write(self) -> str:
        return "" if not self.holder.is_over() else "the lease has run out"

    def _open_session(self, view: MandateView, profile_id: int) -> EngineSession:
        now = self.clock.now()
        with transaction.atomic():
            session = EngineSession.objects.create(
                account=self.account,
                token=self.holder.token,
                key=self.key,
                owner=self.holder.owner.text,
                mode=view.mode,
                feed=view.feed,
                label=label_of(view.mode, view.feed),
                phase=view.phase,
                profile_id=profile_id,
                mandate_revision=view.revision,
                state_since=now,
                started_at=now,
                heartbeat_at=now,
            )
            check_fence(self.account, self.holder.token)
        return session

    def _trade(
        self,
        session: EngineSession,
        view: MandateView,
        journal: JournalWriter,
        ledger: FactWriter,
        shift_seconds: int,
    ) -> End:
        """Run the loop until it has a reason to end."""
        time = ShiftTime(self.clock)
        opening = JournalOpening(
            session_key=self.key,
            mode=view.mode,
            feed=view.feed,
            label=session.label,
            version=PROGRAM_VERSION,
            started_ns=time.now_ns(),
            paper=view.paper,
        )
        restored = restored_state(
            self.account,
            money=money_of(view.mode, view.feed),
            capital_micro=view.paper.capital_micro,
            now=self.clock.now(),
        )
        journal.append(OPENED, opening.started_ns, write_opening(opening))
        engine = make_engine(session_key=self.key, mode=Mode(view.mode), paper=view.paper)
        running = Running(
            account=self.account,
            holder=self.holder,
            keeper=self.keeper,
            clock=self.clock,
            stop=self.stop,
            feed_factory=self.feed_factory,
            ledger=ledger,
            times=self.times,
            shift_ms=shift_seconds * 1_000,
        )
        parts = Parts(
            session_key=self.key,
            engine=engine,
            decoder=MarketDecoder(),
            journal=journal,
            ledger=ledger,
            lease=self.holder,
            world=running,
            clock=self.clock,
            time=time,
            kill_path=Path(settings.KILL_FILE),
            tick_ms=self.times.tick_ms,
            observers=self.observers,
        )
        if isinstance(engine, Engine) and self.live_ports is not None and view.may_send:
            ports = self.live_ports(self.account, view.feed)
            exact = view.feed == PLAY_FEED  # play money has no excuse
            compare = comparing(self.account, self.key, ports, self.clock, exact=exact)
            running.live = self._live_side(engine, ports, compare, journal, ledger, time)
            parts = replace(parts, live=running.live)
        loop = EngineLoop(parts, view, running.wake)
        with _tuned_collector():
            self.keeper.loop_begins()
            asyncio.run(running.run(loop, restored))
            self.keeper.loop_ended()
        return loop.end or End(Ending.CRASHED, "CRASHED: the loop ended without a reason")

    def _live_side(
        self,
        engine: Engine,
        ports: LivePorts,
        compare: Reconcile,
        journal: JournalWriter,
        ledger: FactWriter,
        time: ShiftTime,
    ) -> LiveSide:
        return live_side(
            engine,
            ports,
            journal=journal,
            ledger=ledger,
            lease=self.holder,
            clock=self.clock,
            time=time,
            left=leftovers(self.account),
            compare=compare,
            times=self.times,
        )

    # Closing

    def _close(self, end: End, journal: JournalWriter, ledger: FactWriter) -> End:
        """Write down whatever can be written, so that as little as possible has to be recovered."""
        reason = end.reason if end.orderly else f"{end.ending}: {end.reason}"
        timeout_s = self.times.close_ms_max / 1_000
        closed = self._close_journal(end, journal, timeout_s)
        if end.ending in HALTING or closed is not None:
            self._halt_everybody(closed or end)
        report = SessionReport(
            state=end.state, reason=reason, since=self.clock.now(), stats=ledger.report.stats
        )
        if self.holder.is_over():
            ledger.abandon(timeout_s=1.0)
            return end
        try:
            # A failed ledger leaves the session open: the next owner brings in what is missing.
            ledger.close(report, ended=ledger.failure is None, timeout_s=timeout_s)
        except (Fenced, LedgerFailed) as error:
            logger.error("%s is left to be recovered: %s", self.key, error)
        return end

    def _close_journal(self, end: End, journal: JournalWriter, timeout_s: float) -> End | None:
        """Close the journal; return a new reason when only that went wrong."""
        try:
            if end.orderly:
                journal.close(self.clock.now_ns(), timeout_s=timeout_s)
            else:
                journal.stop(timeout_s=timeout_s)
        except JournalFailed as error:
            if end.ending is not Ending.FENCED:
                return End(Ending.JOURNAL_FAILED, str(error))
        return None

    def _halt_everybody(self, end: End) -> None:
        """Facts could not be kept: nobody shall trade until a person has looked."""
        try:
            halt(
                self.account,
                by=None,
                by_name=f"engine {self.key}",
                code=end.ending.value,
                reason=end.reason,
                at=self.clock.now(),
            )
        except HaltFailed:
            logger.exception("%s could not halt the account", self.key)


class _tuned_collector:  # noqa: N801 - used like a function
    """Keep the garbage collector away from what lives as long as the shift."""

    def __enter__(self) -> None:
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)

    def __exit__(self, *_: object) -> None:
        gc.set_threshold(*self._before)
        gc.unfreeze()
