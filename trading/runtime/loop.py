"""The hot path: frames and ticks into the engine, its commands into journal, ledger and world.

Everything here runs in one asyncio loop and never waits. An input is journaled together with the
commands that it led to, also when the engine fails on it. Whatever goes wrong ends the loop with
one reason; nothing is handled after that.
"""

import logging
from collections.abc import Callable, Iterable
from types import TracebackType

from trading import kill_file
from trading.adapters import codec
from trading.adapters.feed import MarketRecord
from trading.engine.commands import (
    CancelAll,
    CancelOrders,
    Command,
    RaiseAlert,
    RecordFact,
    RequestSnapshot,
    StopTrading,
)
from trading.engine.events import (
    BreakerReset,
    Event,
    HaltRequested,
    MandateChanged,
    MarketStatus,
    Tick,
)
from trading.engine.facts import MetricSample
from trading.journal import EVENT, FRAME, MARKET, TICK, JournalFailed
from trading.lease import Fenced
from trading.ledger import LedgerFailed
from trading.runtime.ending import End, Ending
from trading.runtime.gauges import Gauges
from trading.runtime.mandate import MandateView
from trading.runtime.parts import Parts

logger = logging.getLogger(__name__)

MS_NS = 1_000_000
KILL_SWITCH = "KILL_SWITCH"


class _Guard:
    """Turns whatever is raised within into the end of the loop. The one place that catches all."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            self._fail(error)
            return True
        return False


class EngineLoop:
    """One session's loop. Is the sink of its feed."""

    def __init__(self, parts: Parts, view: MandateView, on_end: Callable[[], None]) -> None:
        self.end: End | None = None
        self.view = view
        self.gauges = Gauges(parts)
        self.killed = False
        self._looked = False  # at the kill file, in this session
        self.draining = False
        self.halt_code = ""
        self.halt_reason = ""
        self._stood: set[str] = set()  # every cause since trading was last allowed
        self.next_tick_ns = 0
        self._parts = parts
        self._handle = parts.engine.handle
        self._decode = parts.decoder.decode
        self._journal = parts.journal
        self._monotonic_ns = parts.clock.monotonic_ns
        self._may_work = parts.lease.may_work
        self._on_end = on_end
        self._guard = _Guard(self.fail)

    # The feed's sink

    def on_frame(self, raw: bytes, connection: int) -> None:
        """Take one raw market frame."""
        if self.end is not None:
            return
        began_ns = self._monotonic_ns()
        with self._guard:
            self._check_lease()
            now_ns = began_ns + self._parts.time.offset_ns
            self._take(FRAME, raw, self._decode(raw), now_ns, connection)
        gauges = self.gauges
        gauges.frames += 1
        gauges.last_frame_ns = began_ns
        done_ns = self._monotonic_ns()
        gauges.latency.add(done_ns - began_ns)
        if done_ns >= self.next_tick_ns:  # a flood of frames must not keep time from passing
            self.tick()

    def on_event(self, event: Event) -> None:
        """Take an event that came in no frame."""
        if self.end is not None:
            return
        with self._guard:
            self._check_lease()
            self._take(EVENT, codec.to_msgpack(event), [event], self._parts.time.now_ns())

    def on_market(self, record: MarketRecord) -> None:
        """Take the human side of a market, which the engine does not need."""
        if self.end is not None:
            return
        with self._guard:
            self._check_lease()
            self._keep_market(record, self._parts.time.now_ns())

    # Time and permission

    def tick(self) -> None:
        """Let time pass, look at the kill file, and see whether journal and ledger are well."""
        if self.end is not None:
            return
        began_ns = self._monotonic_ns()
        self.next_tick_ns = began_ns + self._parts.tick_ms * MS_NS
        before = self.gauges.sample
        with self._guard:
            self._check_lease()
            self._journal.check()
            self._parts.ledger.check()
            now_ns = began_ns + self._parts.time.offset_ns
            self._look_at_kill_file()
            self._take(TICK, b"", [Tick()], now_ns)
            if self._parts.live is not None:
                self._parts.live.tick(now_ns)
            if self.gauges.sample is not before:
                for observer in self._parts.observers:
                    self._stop_for(observer.on_figures(self.gauges.figures, now_ns))

    def mandate_changed(self, view: MandateView | None) -> None:
        """Take a newer mandate."""
        if view is None:
            self.finish(Ending.NO_MANDATE, "the account's mandate was removed")
            return
        before, self.view = self.view, view
        if view.halted and not before.halted:
            self.halt(view.halt_code, view.halt_reason)
        if view.breaker_resets > before.breaker_resets:
            self.on_event(BreakerReset(reason="closed by hand"))
        self.book_capital()
        self.permit()

    @property
    def mandate_revision(self) -> int:
        """Which revision of the mandate the engine runs under."""
        return self.view.revision

    @property
    def may_trade(self) -> bool:
        """Whether mandate, kill file and shift together permit new sets."""
        return self.view.may_trade and not self.killed and not self.draining

    def permit(self) -> None:
        """Tell the engine what it may do."""
        view = self.view
        if self.may_trade:
            self.halt_code = self.halt_reason = ""
            self._stood.clear()
        self.on_event(
            MandateChanged(
                revision=view.revision,
                may_trade=self.may_trade,
                limits=view.limits,
                reason=view.problem or ("the shift is ending" if self.draining else ""),
            )
        )

    def book_capital(self) -> None:
        """Tell a live engine what came into the wallet and left it; what it knows it ignores."""
        if self._parts.live is not None:
            for movement in self.view.capital:
                self.on_event(movement)

    def drain(self) -> None:
        """Open no new sets any more."""
        if not self.draining:
            self.draining = True
            self.permit()

    def halt(self, code: str, reason: str) -> None:
        """Stop trading now."""
        self.halt_code, self.halt_reason = code or "HALTED", reason
        self._stood.add(self.halt_code)
        self.on_event(HaltRequested(code=self.halt_code, reason=reason))

    def finish(self, ending: Ending, reason: str) -> None:
        """End the loop; only the first reason counts."""
        if self.end is None:
            self.end = End(ending, reason)
            self._on_end()

    def drift_ms(self) -> int:
        """Return how far the host's clock has gone off since the shift began."""
        return self._parts.time.drift_ms()

    # Inside

    def _check_lease(self) -> None:
        if not self._may_work():
            raise Fenced("the lease could not be renewed in time")

    def _take(
        self, kind: int, body: bytes, events: list[Event], now_ns: int, connection: int = 0
    ) -> None:
        commands: list[Command] = []
        try:
            for event in events:
                commands += self._handle(event, now_ns)
        finally:
            # Also when the engine failed on it: then this input is what somebody will look for.
            if commands:
                self._keep(kind, body, now_ns, connection, commands)
            else:
                self._journal.append(kind, now_ns, body, connection)
        for event in events:
            if type(event) is MarketStatus:
                self._keep_market(event, now_ns)
        for command in commands:
            if type(command) is not RecordFact:
                self._carry_out(command, now_ns)

    def _keep(
        self, kind: int, body: bytes, now_ns: int, connection: int, commands: list[Command]
    ) -> None:
        """Give facts to the ledger, and then everything to the journal: in this order, see put."""
        sequence = self._journal.next_sequence
        encoded = []
        for command in commands:
            sequence += 1
            encoded.append(codec.to_msgpack(command))
            if isinstance(command, RecordFact):
                fact, measured = command.fact, None
                if isinstance(fact, MetricSample):
                    measured = self.gauges.take(fact, self.view, may_trade=self.may_trade)
                self._parts.ledger.put(sequence, fact, measured)
        self._journal.append(kind, now_ns, body, connection, encoded)

    def _keep_market(self, thing: MarketRecord | MarketStatus, now_ns: int) -> None:
        self._parts.ledger.put(self._journal.next_sequence, thing)
        self._journal.append(MARKET, now_ns, codec.to_msgpack(thing))

    def _carry_out(self, command: Command, now_ns: int) -> None:
        match command:
            case RequestSnapshot():
                self._parts.world.request_snapshot(command.condition_id, command.token_ids)
            case RaiseAlert():
                logger.warning("%s %s: %s", command.level, command.rule, command.text)
                for observer in self._parts.observers:
                    self._stop_for(observer.on_alert(command, now_ns))
            case StopTrading():
                self.halt_code, self.halt_reason = command.code, command.reason
                by_name = f"engine {self._parts.session_key}"
                self._parts.world.halt_mandate(command.code, command.reason, by_name)
            case _ if self._parts.live is not None:
                self._parts.live.carry_out(command, now_ns)
            case CancelAll() | CancelOrders():
                pass  # the paper desk is inside the engine and has done it
            case _:
                raise TypeError(f"nobody carries out {type(command).__name__} on paper")

    def _look_at_kill_file(self) -> None:
        path = self._parts.kill_path
        there = kill_file.is_set(path)
        if there and not self.killed:
            self.killed = True
            note = kill_file.read(path)
            code, reason = (note.code, note.reason) if note else ("", "")
            self.halt(code or KILL_SWITCH, reason or f"the file {path.name} is there")
            # Made by hand, or by a session that ended before the database heard of it: nobody but
            # the file says so yet, and it says it on this machine alone.
            if not code or not (self._looked or self.view.halted):
                self._parts.world.halt_mandate(self.halt_code, self.halt_reason, "kill file")
        elif self.killed and not there:
            self.killed = False
            self.permit()
        self._looked = True

    def _stop_for(self, halts: Iterable[HaltRequested]) -> None:
        for halt in halts:
            if self.halt_code and halt.code in self._stood:
                continue  # it stands already; the rule just goes on saying so
            self.halt(halt.code, halt.reason)
            by_name = f"alert in {self._parts.session_key}"
            self._parts.world.halt_mandate(halt.code, halt.reason, by_name)

    def fail(self, error: Exception) -> None:
        """End the loop for what was raised."""
        match error:
            case Fenced():
                self.finish(Ending.FENCED, str(error))
            case JournalFailed():
                self.finish(Ending.JOURNAL_FAILED, str(error))
            case LedgerFailed():
                self.finish(Ending.LEDGER_FAILED, str(error))
            case _:
                logger.error("the engine crashed", exc_info=error)
                self.finish(Ending.CRASHED, f"{type(error).__name__}: {error}")
