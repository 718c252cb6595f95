"""The whole engine as one function: an event in, commands out.

No clock, socket, database, randomness, logging or environment: time comes in as an argument and
ids are made from the session's key and a count. The same events at the same times give the same
commands, on every machine and Python: shadow, live, replay and simulation differ only in who
carries out the commands.

Theory of operation. Frames change books (board.py); only when the best asks of a market sum to
less than a set pays does anything else happen: is the gap real, is the market ours, is it worth it
(judge.py), does risk allow it (risk.py), and then the set desk (sets.py), which owns everything
from the intent to the merge. Ticks carry deadlines and find silence. Each gap leaves a fact
(funnel.py).
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from trading.engine.board import Board
from trading.engine.breaker import Breaker
from trading.engine.codes import ACCESS_PROBLEMS, Mode, Refusal, VenueMode
from trading.engine.commands import CancelAll, Command, RecordFact, StopTrading
from trading.engine.events import (
    AccessChanged,
    BalanceReport,
    BookDelta,
    BookSnapshot,
    BookSuspect,
    BreakerReset,
    CapitalChanged,
    ChainReceipt,
    Event,
    FeedChanged,
    HaltRequested,
    MandateChanged,
    MarketListed,
    MarketStatus,
    MergeSent,
    OrderAck,
    OrderClosed,
    OrderPrepared,
    OrderRefused,
    OrderUnknown,
    StateRestored,
    Tick,
    TickSizeChanged,
    TradeUpdate,
    VenueModeChanged,
)
from trading.engine.facts import EngineNoted, MetricSample
from trading.engine.funnel import Funnel
from trading.engine.judge import Verdict, event_payout, judge_event, judge_pair
from trading.engine.limits import Limits
from trading.engine.outcome import Refused
from trading.engine.records import restored_set
from trading.engine.risk import RiskState, SetRequest, check_risk
from trading.engine.sets import SetDesk
from trading.engine.treasury import Treasury
from trading.engine.units import MICRO
from trading.engine.watch import EventWatch, Watch

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
NOT_RECONCILED_YET = (
    Refusal.NOT_RECONCILED,
    "the ledger has not been compared with the venue in this session",
)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Engine:
    """One trading account's engine. `session_key` prefixes every id that it makes."""

    def __init__(self, *, session_key: str, mode: Mode) -> None:
        self.mode = mode
        self.session_key = session_key
        self.limits = Limits()
        self.may_trade = False
        self.mandate_revision = 0
        self.halt_code = ""
        self.venue_mode = VenueMode.OPEN
        self.access_problem = "" if mode is Mode.SHADOW else NOT_RECONCILED_YET[0]
        self.access_text = "" if mode is Mode.SHADOW else NOT_RECONCILED_YET[1]
        self._out: list[Command] = []
        self._notes = 0
        self._sample_second = -1
        self.breaker = Breaker(self.limits)
        self.funnel = Funnel(session_key, self._emit)
        self.board = Board(self._emit, self._note, self)
        self.treasury = Treasury(
            session_key=session_key,
            paper=mode is Mode.SHADOW,
            emit=self._emit,
            stop=self._stop,
        )
        self.sets = SetDesk(
            session_key=session_key,
            paper=mode is Mode.SHADOW,
            board=self.board,
            breaker=self.breaker,
            treasury=self.treasury,
            emit=self._emit,
            note=self._note,
            stop=self._stop,
        )
        self._handlers: dict[type[Any], Callable[[Any, int], None]] = {
            BookDelta: self.board.on_delta,
            BookSnapshot: self.board.on_snapshot,
            MarketListed: self.board.on_market_listed,
            MarketStatus: self._on_market_status,
            TickSizeChanged: self.board.on_tick_size,
            FeedChanged: self.board.on_feed,
            BookSuspect: self.board.on_suspect,
            OrderPrepared: self.sets.orders.on_order_event,
            OrderAck: self.sets.orders.on_order_event,
            OrderRefused: self.sets.orders.on_order_event,
            OrderUnknown: self.sets.orders.on_order_event,
            OrderClosed: self.sets.orders.on_order_event,
            TradeUpdate: self.sets.orders.on_trade,
            MergeSent: self.sets.exits.on_sent,
            ChainReceipt: self.sets.exits.on_receipt,
            BalanceReport: self._on_balance,
            CapitalChanged: self.treasury.on_capital,
            AccessChanged: self._on_access,
            VenueModeChanged: self._on_venue_mode,
            Tick: self._on_tick,
            HaltRequested: self._on_halt,
            MandateChanged: self._on_mandate,
            BreakerReset: self._on_breaker_reset,
            StateRestored: self._on_restored,
        }

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """Take one event at `now_ns` (UTC nanoseconds) and return what has to be done, in order.

        An event of an unknown type raises KeyError: that is a fault of ours.
        """
        out: list[Command] = []
        self._out = out
        self._handlers[type(event)](event, now_ns)
        return out

    def _emit(self, command: Command) -> None:
        self._out.append(command)

    def _note(self, level: str, code: str, text: str, now_ns: int, condition_id: str = "") -> None:
        self._notes += 1
        fact = EngineNoted(
            note_id=f"{self.session_key}-n{self._notes}",
            at_ns=now_ns,
            level=level,
            code=code,
            text=text,
            condition_id=condition_id,
        )
        self._out.append(RecordFact(fact=fact))

    # Gaps: judge, ask risk, open

    def on_pair_gap(self, watch: Watch, now_ns: int) -> None:
        """The best asks of a market's two books sum to less than a dollar."""
        verdict = judge_pair(watch, self.limits, paper=self.mode is Mode.SHADOW, now_ns=now_ns)
        condition_ids = (watch.spec.condition_id, watch.spec.condition_id)
        self._decide(watch, watch.spec.condition_id, condition_ids, MICRO, verdict, now_ns)
        if verdict.refused and verdict.refused.code is Refusal.LEGS_NOT_SAME_INSTANT:
            self.board.resync(watch, "a gap between books of different instants", now_ns)

    def on_event_gap(self, event: EventWatch, index: int, now_ns: int) -> None:
        """The best asks of one token of every outcome sum to less than a set pays."""
        verdict = judge_event(
            event, self.limits, index=index, paper=self.mode is Mode.SHADOW, now_ns=now_ns
        )
        condition_ids = tuple(watch.spec.condition_id for watch in event.watches)
        payout_micro = event_payout(event, index)
        self._decide(event, event.event_id, condition_ids, payout_micro, verdict, now_ns)
        if verdict.refused and verdict.refused.code is Refusal.LEGS_NOT_SAME_INSTANT:
            for watch in event.watches:
                self.board.resync(watch, "a gap over a neg-risk event is checked", now_ns)

    def on_gap_over(self, place: Watch | EventWatch) -> None:
        """The gap is gone."""
        self.funnel.close(place)

    def _decide(
        self,
        place: Watch | EventWatch,
        place_id: str,
        condition_ids: tuple[str, ...],
        payout_micro: int,
        verdict: Verdict,
        now_ns: int,
    ) -> None:
        refused: Refused | None = verdict.refused
        walk = verdict.walk
        if walk is not None:
            request = SetRequest(
                cost_micro=walk.cost_micro,
                gas_micro=self.limits.gas_per_set_micro,
                raised=walk.raised,
                paper=self.mode is Mode.SHADOW,
                delayed_market=False,  # judged with the market, before the walk
                worst_case_micro=min(walk.cost_micro, self.limits.leg_loss_max_micro),
            )
            refused = check_risk(
                request, self._risk_state(place, place_id, now_ns), self.limits, now_ns
            )
        if refused is not None or walk is None:
            self.funnel.record(place, place_id, verdict, refused, now_ns)
            return
        set_id = self.sets.next_set_id()
        opportunity_id = self.funnel.record(place, place_id, verdict, None, now_ns, set_id=set_id)
        self.sets.open(
            set_id=set_id,
            opportunity_id=opportunity_id,
            place=place,
            place_id=place_id,
            condition_ids=condition_ids,
            payout_micro=payout_micro,
            strategy=verdict.strategy,
            walk=walk,
            now_ns=now_ns,
        )

    def _adopted(self, place_id: str) -> bool:
        """Whether an earlier session left a live set here, before its market was watched."""
        return self.mode is Mode.LIVE and self.sets.is_open(place_id)

    def _risk_state(self, place: Watch | EventWatch, place_id: str, now_ns: int) -> RiskState:
        self.treasury.roll_day(now_ns)
        return RiskState(
            halted=bool(self.halt_code),
            halt_code=self.halt_code,
            kill_switch=self.halt_code == "KILL_SWITCH",
            may_trade=self.may_trade,
            access_problem=self.access_problem,
            access_text=self.access_text,
            venue_mode=self.venue_mode,
            breaker=self.breaker.permit(now_ns),
            attempt_in_market=bool(place.set_id) or self._adopted(place_id),
            cooldown_until_ns=place.cooldown_until_ns,
            exposed_sets=self.sets.exposed_count,
            exposure_micro=self.sets.exposure_micro,
            day_realised_micro=self.treasury.realised_today_micro,
            worst_case_open_micro=self.sets.worst_case_micro,
            cash_micro=self.treasury.cash_micro,
        )

    # Permission

    def _on_mandate(self, mandate: MandateChanged, now_ns: int) -> None:
        """New limits and permission. A mandate older than the one in force changes nothing."""
        if mandate.revision < self.mandate_revision:
            return
        self.mandate_revision = mandate.revision
        self.limits = mandate.limits
        self.board.limits = mandate.limits
        self.sets.limits = mandate.limits
        self.breaker.limits = mandate.limits
        self.may_trade = mandate.may_trade
        if mandate.may_trade and self.halt_code:
            self._note("INFO", "RESUMED", mandate.reason or "resumed by mandate", now_ns)
            self.halt_code = ""
        self._note(
            "INFO",
            "MANDATE",
            f"mandate revision {mandate.revision}: "
            f"{'may trade' if mandate.may_trade else 'may not trade'}",
            now_ns,
        )

    def _on_halt(self, halt: HaltRequested, now_ns: int) -> None:
        """Stop in this very call: the halt stands before anything else is looked at."""
        repeated = self.halt_code == halt.code
        self.halt_code = halt.code or "HALTED"
        if repeated:
            return
        self._emit(CancelAll(reason=halt.code))
        self._note("WARNING", "HALTED", f"{halt.code}: {halt.reason}", now_ns)

    def _stop(self, code: str, reason: str, now_ns: int) -> None:
        """The engine halts itself and asks for the mandate to say so."""
        if self.halt_code:
            return
        self.halt_code = code
        self._emit(CancelAll(reason=code))
        self._emit(StopTrading(code=code, reason=reason))
        self._note("CRITICAL", code, reason, now_ns)

    def _on_venue_mode(self, change: VenueModeChanged, now_ns: int) -> None:
        if change.mode is not self.venue_mode:
            self.venue_mode = change.mode
            level = "INFO" if change.mode is VenueMode.OPEN else "WARNING"
            self._note(level, "VENUE_MODE", f"{change.mode}: {change.text}", now_ns)

    def _on_access(self, change: AccessChanged, now_ns: int) -> None:
        """Whether live orders can be trusted to work: decides over new sets, not over open ones."""
        if self.mode is Mode.SHADOW:
            return
        problem, text = change.problem, change.text
        if problem and problem not in ACCESS_PROBLEMS:
            # A word that is not known never counts as good.
            problem, text = Refusal.NOT_RECONCILED, f"{problem:.40} is not known here: {text}"
        if (problem, text) != (self.access_problem, self.access_text):
            self.access_problem, self.access_text = problem, text
            level = "WARNING" if problem else "INFO"
            self._note(level, "ACCESS", f"{problem or 'live orders work'}: {text}", now_ns)

    def _on_breaker_reset(self, reset: BreakerReset, now_ns: int) -> None:
        self.breaker.reset(now_ns)
        self._note("INFO", "BREAKER_RESET", reset.reason, now_ns)

    def _on_balance(self, report: BalanceReport, _now_ns: int) -> None:
        self.treasury.reported_cash_micro = report.cash_micro

    def _on_restored(self, restored: StateRestored, now_ns: int) -> None:
        """Carry on where an earlier session stopped: the ledger first, then its open sets."""
        day = date.fromisoformat(restored.day).toordinal() - EPOCH_ORDINAL
        self.treasury.restore(restored, day, now_ns)
        for one in restored.open_sets:
            place = self.board.watches.get(one.place_id) or self.board.events.get(one.place_id)
            live = self.mode is Mode.LIVE
            self.sets.adopt(restored_set(one, place, live=live), now_ns)

    def _on_market_status(self, status: MarketStatus, now_ns: int) -> None:
        self.board.on_market_status(status)
        self.sets.exits.on_market_status(status, now_ns)

    # Time

    def _on_tick(self, _tick: Tick, now_ns: int) -> None:
        self.sets.on_tick(now_ns)
        second = now_ns // SECOND_NS
        if second != self._sample_second:
            self._sample_second = second
            self._emit(RecordFact(fact=self._sample(now_ns)))

    def _sample(self, now_ns: int) -> MetricSample:
        fresh, stale = self.board.scan(now_ns)
        counts = self.funnel.counts
        sets = self.sets
        treasury = self.treasury
        treasury.roll_day(now_ns)
        return MetricSample(
            at_ns=now_ns,
            markets=len(self.board.watches),
            books_fresh=fresh,
            books_stale=stale,
            feed_connected=self.board.feed_connected,
            frames=self.board.frames,
            gaps_seen=counts.seen,
            gaps_confirmed=counts.confirmed,
            gaps_allowed=counts.allowed,
            sets_submitted=counts.submitted,
            sets_completed=sets.completed_count,
            sets_failed=sets.failed_count,
            realised_micro=treasury.realised_micro,
            realised_today_micro=treasury.realised_today_micro,
            exposure_micro=sets.exposure_micro,
            worst_case_micro=sets.worst_case_micro,
            cash_micro=treasury.cash_micro,
            breaker=self.breaker.state,
            halted=bool(self.halt_code),
            halt_code=self.halt_code,
            orders_submitted=sets.orders.counts.submitted,
            orders_filled=sets.orders.counts.filled,
            orders_refused=sets.orders.counts.refused,
            settlements_failed=sets.orders.counts.settlements_failed,
            legs_exposed=sets.exposed_count,
        )
