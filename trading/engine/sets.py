"""The set desk: everything from the intent to the merge, and what to do when it goes wrong.

A set is opened with one order per leg. When all of them have ended their matching, what is held
decides: all legs equal, settle and merge; nothing, abandon; something else, complete or unwind
within the loss bound and the deadline, else hold it, raise an alert and open no new sets. What is
not known (an order without an answer) is waited for, never guessed.
"""

from collections.abc import Callable

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
from trading.engine.legs import SET_ENDS, SET_MOVES, Complete, Hold, LegOrder, Unwind
from trading.engine.limits import Limits
from trading.engine.moves import check_move
from trading.engine.openset import OpenSet
from trading.engine.orderdesk import OrderDesk, Wanted
from trading.engine.records import leg_plans, planned_set, set_fact
from trading.engine.rescue import is_dust, plan_rescue
from trading.engine.treasury import Treasury
from trading.engine.units import text_from_micro as text
from trading.engine.walk import Walk
from trading.engine.watch import EventWatch, Watch

MS_NS = 1_000_000
_ENTERING = {SetState.SUBMITTED, SetState.UNKNOWN}
_RESCUING = {SetState.COMPLETING, SetState.UNWINDING}
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
            treasury=treasury, emit=emit, note=note, stop=stop, advance=self._advance
        )
        self.exits = Exits(
            open_sets=self._open, treasury=treasury, emit=emit, note=note, move=self._move
        )

    @property
    def limits(self) -> Limits:
        """The bounds in force."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        self.exits.limits = limits

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

    def next_set_id(self) -> str:
        """Return the id of the next set."""
        self._number += 1
        return f"{self._session_key}-s{self._number}"

    def adopt(self, one: OpenSet, now_ns: int) -> None:
        """Carry on with a set that an earlier session left open."""
        self._open[one.set_id] = one
        if one.state is SetState.INTENT:
            self._move(one, SetState.SUBMITTED, "restored", now_ns)
        if one.state in _ENTERING:
            self._after_entry(one, now_ns)
        elif one.state in _RESCUING:
            self._after_rescue(one, now_ns)
        elif one.state is SetState.BOTH_MATCHED:
            self._settle(one, "restored", now_ns)
        elif one.state is SetState.SETTLING:
            self._after_settling(one, now_ns)
        elif one.state in {SetState.SETTLED, SetState.MERGING}:
            if one.state is SetState.MERGING:
                self._move(one, SetState.SETTLED, "restored: the merge is asked for anew", now_ns)
            self.exits.merge(one, now_ns)
        elif one.state in {SetState.ONE_MATCHED, SetState.FAILED_LEG, SetState.EXPOSED}:
            self._rescue(one, now_ns)

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
            self._after_rescue(one, now_ns)
        elif one.state is SetState.SETTLING and one.settled():
            self._after_settling(one, now_ns)
        elif one.state is SetState.EXPOSED:
            self._recheck(one, now_ns)

    def _after_entry(self, one: OpenSet, now_ns: int) -> None:
        if not one.most_micro:
            self._move(one, SetState.NONE_MATCHED, "no order found what it wanted", now_ns)
            self._move(one, SetState.ABANDONED, "nothing was bought", now_ns)
        elif one.whole_micro == one.most_micro:
            self._move(one, SetState.BOTH_MATCHED, "all legs hold the same", now_ns)
            self._settle(one, "waiting for the fills to be confirmed", now_ns)
        else:
            self._move(one, SetState.ONE_MATCHED, "the legs do not hold the same", now_ns)
            self._rescue(one, now_ns)

    def _rescue(self, one: OpenSet, now_ns: int) -> None:
        """Complete or unwind, each tried once; then the shares are held and people are told."""
        action = plan_rescue(one, self._board, self.limits.leg_loss_max_micro)
        if isinstance(action, Complete) and SetState.COMPLETING not in one.tried:
            one.deadline_ns = now_ns + self.limits.complete_deadline_ms * MS_NS
            reason = f"buying what is missing, at worst {text(action.loss_micro)} dollars lost"
            self._move(one, SetState.COMPLETING, reason, now_ns)
            self._send(one, Side.BUY, "COMPLETE", action.orders, now_ns)
        elif isinstance(action, Unwind) and SetState.UNWINDING not in one.tried:
            one.deadline_ns = now_ns + self.limits.unwind_deadline_ms * MS_NS
            reason = f"selling the surplus, at worst {text(action.loss_micro)} dollars lost"
            self._move(one, SetState.UNWINDING, reason, now_ns)
            self._send(one, Side.SELL, "UNWIND", action.orders, now_ns)
        else:
            reason = action.reason if isinstance(action, Hold) else "both ways out were tried"
            self._expose(one, reason, now_ns)

    def _send(
        self, one: OpenSet, side: Side, purpose: str, orders: tuple[LegOrder, ...], now_ns: int
    ) -> None:
        one.tried.add(one.state)
        legs = {leg.token_id: leg for leg in one.legs}
        wanted = [
            Wanted(
                legs[order.token_id],
                side,
                order.limit_micro,
                order.size_micro,
                purpose,
                order.amount_micro,
            )
            for order in orders
        ]
        self.orders.place(one, wanted, now_ns)

    def _after_rescue(self, one: OpenSet, now_ns: int) -> None:
        left_micro = one.most_micro - one.whole_micro
        dust = one.state is SetState.UNWINDING and is_dust(one, self._board, left_micro)
        if left_micro and not dust:
            self._rescue(one, now_ns)
        elif one.whole_micro:
            reason = f"left over as dust: {text(left_micro)} shares" if left_micro else "equal now"
            self._settle(one, reason, now_ns)
        elif one.state is SetState.COMPLETING:
            self._move(one, SetState.FAILED_LEG, "what was held failed to settle", now_ns)
            self._move(one, SetState.ABANDONED, "nothing is held", now_ns)
        else:
            reason = f"sold, dust of {text(left_micro)} shares stays" if left_micro else "sold"
            self._move(one, SetState.UNWOUND, reason, now_ns)

    def _recheck(self, one: OpenSet, now_ns: int) -> None:
        """Late news of an exposed set: it may have become whole, or hold nothing any more."""
        if not one.most_micro:
            self._move(one, SetState.UNWINDING, "what was held failed to settle", now_ns)
            self._move(one, SetState.UNWOUND, "nothing is held", now_ns)
        elif one.whole_micro == one.most_micro and one.settled():
            self._move(one, SetState.SETTLED, "a late fill made it whole", now_ns)
            self.exits.merge(one, now_ns)

    def _expose(self, one: OpenSet, reason: str, now_ns: int) -> None:
        if one.state is not SetState.EXPOSED:
            self._move(one, SetState.EXPOSED, reason, now_ns)
        one.deadline_ns = 0
        self._emit(
            RaiseAlert(
                rule="LEG_EXPOSED",
                level="CRITICAL",
                text=f"set {one.set_id} holds a leg without its counterpart: {reason}",
                condition_id=one.place_id,
            )
        )
        self.exits.redeem(one, now_ns)

    def _settle(self, one: OpenSet, reason: str, now_ns: int) -> None:
        self._move(one, SetState.SETTLING, reason, now_ns)
        one.deadline_ns = now_ns + self.limits.merge_deadline_ms * MS_NS
        if one.settled():
            self._after_settling(one, now_ns)

    def _after_settling(self, one: OpenSet, now_ns: int) -> None:
        uneven = one.most_micro - one.whole_micro
        if one.failed_any() and uneven and not one.failure_handled:
            one.failure_handled = True
            self._move(one, SetState.FAILED_LEG, "a fill failed to settle", now_ns)
            self._rescue(one, now_ns)
        elif not one.whole_micro:
            self._move(one, SetState.FAILED_LEG, "every fill failed to settle", now_ns)
            self._move(one, SetState.ABANDONED, "nothing is held", now_ns)
        else:
            self._move(one, SetState.SETTLED, "every fill is confirmed", now_ns)
            self.exits.merge(one, now_ns)

    def on_tick(self, now_ns: int) -> None:
        """Deadlines. What is not known stays waited for: a deadline only tells people."""
        for one in list(self._open.values()):
            if one.deadline_ns and now_ns >= one.deadline_ns:
                one.deadline_ns = 0
                self._overdue(one, now_ns)

    def _overdue(self, one: OpenSet, now_ns: int) -> None:
        if one.state is SetState.SETTLED:
            self.exits.merge(one, now_ns)
        elif one.state in _RESCUING:
            if resting := tuple(o.order_id for o in one.orders if o.state is OrderState.RESTING):
                self._emit(CancelOrders(order_ids=resting, reason="past its deadline"))
            self._expose(one, "past its deadline", now_ns)
        else:
            self._emit(
                RaiseAlert(
                    rule="SET_OVERDUE",
                    level="WARNING",
                    text=f"set {one.set_id} is {one.state} past its deadline",
                    condition_id=one.place_id,
                )
            )

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
        self._emit(RecordFact(fact=fact))
        if to in SET_ENDS or to is SetState.EXPOSED:
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
