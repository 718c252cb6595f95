"""The set desk: everything from the intent to the merge, and what to do when it goes wrong.

A set is opened with one order per leg. When all of them have ended their matching, what is held
decides: all legs equal, settle and merge; nothing, abandon; something else, complete or unwind
within the loss bound and the deadline, else hold it, raise an alert and open no new sets. What is
not known (an order without an answer) is waited for, never guessed.
"""

from collections.abc import Callable

from trading.engine.adoption import Adoption
from trading.engine.board import Board, Note
from trading.engine.breaker import Breaker
from trading.engine.codes import BreakerState, OrderState, SetState, Side, Strategy
from trading.engine.commands import (
    CancelOrders,
    Command,
    RaiseAlert,
    RecordFact,
)
from trading.engine.exits import Exits
from trading.engine.facts import SetMoved
from trading.engine.legs import SET_ENDS, SET_MOVES
from trading.engine.limits import Limits
from trading.engine.moves import check_move
from trading.engine.openset import OpenSet
from trading.engine.orderdesk import OrderDesk, Wanted
from trading.engine.records import leg_plans, planned_set, set_fact
from trading.engine.rescue import is_live_dust
from trading.engine.rescues import Rescues
from trading.engine.treasury import Treasury
from trading.engine.units import text_from_micro as text
from trading.engine.walk import Walk
from trading.engine.watch import EventWatch, Watch

MS_NS = 1_000_000
_ENTERING = {SetState.SUBMITTED, SetState.UNKNOWN}
_RESCUING = {SetState.COMPLETING, SetState.UNWINDING}
_CANCELLABLE = {OrderState.RESTING, OrderState.UNKNOWN}
_SUCCESS = {SetState.MERGED, SetState.REDEEMED}


class SetDesk:
    """All open sets of one engine."""

    def __init__(
        self,
        *,
        session_key: str,
        paper: bool,
        board: Board,
        breaker: Breaker,
        treasury: Treasury,
        emit: Callable[[Command], None],
        note: Note,
        stop: Callable[[str, str, int], None],
    ) -> None:
        self._limits = Limits()
        self.completed_count = 0
        self.failed_count = 0
        self._session_key = session_key
        self._paper = paper
        self._board = board
        self._breaker = breaker
        self._treasury = treasury
        self._emit = emit
        self._note = note
        self._number = 0
        self._open: dict[str, OpenSet] = {}
        self.orders = OrderDesk(
            board=board,
            treasury=treasury,
            emit=emit,
            note=note,
            stop=stop,
            advance=self._advance,
        )
        self.exits = Exits(
            open_sets=self._open,
            treasury=treasury,
            emit=emit,
            note=note,
            move=self._move,
            stop=stop,
            left_over=self._after_merge,
        )
        self.rescues = Rescues(
            board=board,
            treasury=treasury,
            orders=self.orders,
            exits=self.exits,
            emit=emit,
            move=self._move,
            settle=self._settle,
        )
        self._adoption = Adoption(
            orders=self.orders,
            exits=self.exits,
            rescues=self.rescues,
            move=self._move,
            settle=self._settle,
            advance=self._advance,
        )

    @property
    def limits(self) -> Limits:
        """The bounds in force."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        self.exits.limits = limits
        self.rescues.limits = limits
        self._adoption.limits = limits

    @property
    def exposure_micro(self) -> int:
        """Cost of everything held or pending."""
        return sum(one.exposure_micro for one in self._open.values())

    @property
    def worst_case_micro(self) -> int:
        """What is lost if every open leg resolves against us; sets under way count their bound."""
        bound_micro = self.limits.leg_loss_max_micro
        return sum(
            max(one.worst_case_micro, min(one.exposure_micro, bound_micro) if one.pending else 0)
            for one in self._open.values()
        )

    @property
    def exposed_count(self) -> int:
        """Sets that hold a leg which could be neither completed nor unwound."""
        return sum(one.state is SetState.EXPOSED for one in self._open.values())

    def open_sets(self) -> list[OpenSet]:
        """Return every set that has not ended, oldest first."""
        return list(self._open.values())

    def is_open(self, place_id: str) -> bool:
        """Say whether a set of a market, or of a neg-risk event, is under way."""
        return any(one.place_id == place_id for one in self._open.values())

    def next_set_id(self) -> str:
        """Return the id of the next set."""
        self._number += 1
        return f"{self._session_key}-s{self._number}"

    def adopt(self, one: OpenSet, now_ns: int) -> None:
        """Carry on with a set that an earlier session left open."""
        self._open[one.set_id] = one
        if one.live:
            self._adoption.adopt(one, now_ns)
            return
        one.tried |= {one.state} & _RESCUING
        if one.state is SetState.INTENT:
            self._move(one, SetState.SUBMITTED, "restored", now_ns)
        if one.state in _ENTERING:
            self._after_entry(one, now_ns)
        elif one.state in _RESCUING:
            self.rescues.after(one, now_ns)
        elif one.state is SetState.BOTH_MATCHED:
            self._settle(one, "restored", now_ns)
        elif one.state is SetState.SETTLING:
            self._after_settling(one, now_ns)
        elif one.state in {SetState.SETTLED, SetState.MERGING}:
            if one.state is SetState.MERGING:
                self._move(one, SetState.SETTLED, "restored: the merge is asked for anew", now_ns)
            self.exits.merge(one, now_ns)
        elif one.state in {SetState.ONE_MATCHED, SetState.FAILED_LEG, SetState.EXPOSED}:
            self.rescues.start(one, now_ns)

    def open(
        self,
        *,
        set_id: str,
        opportunity_id: str,
        place: Watch | EventWatch,
        place_id: str,
        condition_ids: tuple[str, ...],
        payout_micro: int,
        strategy: Strategy,
        walk: Walk,
        now_ns: int,
    ) -> None:
        """Open a set that risk allowed: record it, reserve, and send one order per leg."""
        one = planned_set(
            set_id,
            place=place,
            place_id=place_id,
            condition_ids=condition_ids,
            payout_micro=payout_micro,
            strategy=strategy,
            walk=walk,
            live=not self._paper,
        )
        one.deadline_ns = now_ns + self.limits.submit_deadline_ms * MS_NS
        self._open[set_id] = one
        place.set_id = set_id
        plans = leg_plans(one, walk)
        fact = set_fact(one, opportunity_id, walk, plans, paper=self._paper, now_ns=now_ns)
        self._emit(RecordFact(fact=fact))
        self._move(one, SetState.CONFIRMED, "the gap is real", now_ns)
        self._move(one, SetState.ALLOWED, "risk allows it", now_ns)
        self._move(one, SetState.INTENT, "orders planned", now_ns)
        self._breaker.probe_started()
        wanted = [
            Wanted(leg, Side.BUY, walked.limit_micro, walked.size_micro, "ENTRY", leg.planned_micro)
            for leg, walked in zip(one.legs, walk.legs, strict=True)
        ]
        self.orders.place(one, wanted, now_ns)

    # The life of a set

    def _advance(self, one: OpenSet, now_ns: int) -> None:
        """Move the set as far as its orders allow."""
        if one.state is SetState.INTENT and any(
            order.state is not OrderState.INTENT for order in one.orders
        ):
            self._move(one, SetState.SUBMITTED, "answered by the venue", now_ns)
        if one.state is SetState.SUBMITTED and one.outcome_unknown():
            self._move(one, SetState.UNKNOWN, "an order's outcome is unknown", now_ns)
        if one.state in _ENTERING and one.matching_over():
            self._after_entry(one, now_ns)
        elif one.state in _RESCUING and one.matching_over():
            self.rescues.after(one, now_ns)
        elif one.state is SetState.SETTLING and one.settled():
            self._after_settling(one, now_ns)
        elif one.state is SetState.EXPOSED:
            self.rescues.recheck(one, now_ns)
        elif one.live and one.state is SetState.FAILED_LEG:
            self.rescues.resume(one, now_ns)

    def _after_entry(self, one: OpenSet, now_ns: int) -> None:
        if not one.most_micro:
            self._move(one, SetState.NONE_MATCHED, "no order found what it wanted", now_ns)
            self._move(one, SetState.ABANDONED, "nothing was bought", now_ns)
        elif one.whole_micro == one.most_micro:
            self._move(one, SetState.BOTH_MATCHED, "all legs hold the same", now_ns)
            self._settle(one, "waiting for the fills to be confirmed", now_ns)
        else:
            self._move(one, SetState.ONE_MATCHED, "the legs do not hold the same", now_ns)
            if one.live:
                self._settle(one, "what matched has to be confirmed first", now_ns)
            else:
                self.rescues.start(one, now_ns)

    def _settle(self, one: OpenSet, reason: str, now_ns: int) -> None:
        self._move(one, SetState.SETTLING, reason, now_ns)
        limits = self.limits
        wait_ms = limits.settle_deadline_ms if one.live else limits.merge_deadline_ms
        one.deadline_ns = now_ns + wait_ms * MS_NS
        if one.settled():
            self._after_settling(one, now_ns)

    def _after_settling(self, one: OpenSet, now_ns: int) -> None:
        if one.live:
            if one.matching_over():
                self.rescues.settled(one, now_ns)
            return
        uneven = one.most_micro - one.whole_micro
        if one.failed_any() and uneven and not one.failure_handled:
            one.failure_handled = True
            self._move(one, SetState.FAILED_LEG, "a fill failed to settle", now_ns)
            self.rescues.start(one, now_ns)
        elif not one.whole_micro:
            self._move(one, SetState.FAILED_LEG, "every fill failed to settle", now_ns)
            self._move(one, SetState.ABANDONED, "nothing is held", now_ns)
        else:
            self._move(one, SetState.SETTLED, "every fill is confirmed", now_ns)
            self.exits.merge(one, now_ns)

    def _after_merge(self, one: OpenSet, now_ns: int) -> None:
        """A merge is booked, with real money. What came meanwhile is taken care of."""
        if not one.most_micro or (not one.whole_micro and is_live_dust(one, self._board)):
            dust = f", dust of {text(one.most_micro)} shares stays" if one.most_micro else ""
            reason = f"{text(one.realised_micro)} dollars realised{dust}"
            self._move(one, SetState.MERGED, reason, now_ns)
        elif one.settled() and one.whole_micro == one.most_micro:
            self._move(one, SetState.SETTLED, "more whole sets came meanwhile", now_ns)
            self.exits.merge(one, now_ns)
        else:
            self.rescues.expose(one, "more came than was merged", now_ns)
            self.rescues.recheck(one, now_ns)

    def on_tick(self, now_ns: int) -> None:
        """Deadlines. What is not known stays waited for: a deadline only tells people."""
        for one in list(self._open.values()):
            if one.waits_for_books or (one.live and one.state is SetState.EXPOSED):
                self.rescues.on_tick(one, now_ns)
            if one.deadline_ns and now_ns >= one.deadline_ns:
                one.deadline_ns = 0
                self._overdue(one, now_ns)

    def _overdue(self, one: OpenSet, now_ns: int) -> None:
        if one.state is SetState.SETTLED or (one.live and one.state is SetState.EXPOSED):
            self.exits.again(one, now_ns)
        elif one.state in _RESCUING:
            self._cancel(one)
            self.rescues.expose(one, "past its deadline", now_ns)
        elif one.live and one.state is SetState.FAILED_LEG:
            self.rescues.expose(one, "no valid book to trade in, past its deadline", now_ns)
        elif one.live and one.state is SetState.SETTLING and one.whole_micro != one.most_micro:
            self.rescues.expose(one, "what matched is not confirmed, past its deadline", now_ns)
        else:
            if one.live and one.state in _ENTERING:
                self._cancel(one)
            self._emit(
                RaiseAlert(
                    rule="SET_OVERDUE",
                    level="WARNING",
                    text=f"set {one.set_id} is {one.state} past its deadline",
                    condition_id=one.place_id,
                )
            )

    def _cancel(self, one: OpenSet) -> None:
        """Cancel what still waits; with real money also what nobody knows of."""
        states = _CANCELLABLE if one.live else {OrderState.RESTING}
        if waiting := tuple(order.order_id for order in one.orders if order.state in states):
            self._emit(CancelOrders(order_ids=waiting, reason="past its deadline"))

    def _move(self, one: OpenSet, to: SetState, reason: str, now_ns: int) -> None:
        """The only writer of a set's state. Raises IllegalMove when the table does not lead
        there.
        """
        check_move(SET_MOVES, one.state, to)
        one.sequence += 1
        fact = SetMoved(
            set_id=one.set_id,
            sequence=one.sequence,
            state_from=one.state,
            state_to=to,
            at_ns=now_ns,
            reason=reason,
        )
        one.state = to
        one.confirming = False
        if to is not SetState.EXPOSED:
            one.waits_for_books = False
        self._emit(RecordFact(fact=fact))
        if to in SET_ENDS or (to is SetState.EXPOSED and not (one.live and one.was_exposed)):
            self._ended(one, to, now_ns)

    def _ended(self, one: OpenSet, to: SetState, now_ns: int) -> None:
        ok = to in _SUCCESS
        if to in SET_ENDS:
            del self._open[one.set_id]
            self.orders.forget(one)
            self.completed_count += ok
            self.failed_count += not ok
        if one.place is not None:
            if to in SET_ENDS:
                one.place.set_id = ""
            one.place.cooldown_until_ns = now_ns + self.limits.cooldown_ms * MS_NS
        before = self._breaker.state
        self._breaker.record(ok, now_ns)
        if self._breaker.state is BreakerState.OPEN and before is not BreakerState.OPEN:
            self._emit(
                RaiseAlert(
                    rule="CIRCUIT_BREAKER_OPEN",
                    level="CRITICAL",
                    text=f"sets failed too often, the last was {one.set_id}",
                )
            )
