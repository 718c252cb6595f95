"""Rescues: what is done with a set whose legs do not hold the same, until they do or it ends.

Complete within the loss bound, else sell the surplus within it, else hold it, tell people and open
no new sets. Each way is tried once; with real money what is held looks again every few seconds,
within what is left of the bound. With real money nothing is bought or sold on a match alone:
a match is no fill before it is confirmed, and one that never settles would be bought twice. And a
book that is not valid for a moment is waited for, since it offers nothing and may soon do.
"""

from collections.abc import Callable

from trading.engine.board import Board
from trading.engine.codes import Account, SetState, Side
from trading.engine.commands import Command, RaiseAlert
from trading.engine.exits import Exits, Move
from trading.engine.legs import Complete, Hold, LegAction, LegOrder, Unwind
from trading.engine.limits import Limits
from trading.engine.openset import OpenSet
from trading.engine.orderdesk import OrderDesk, Wanted
from trading.engine.rescue import is_dust, is_live_dust, plan_rescue
from trading.engine.treasury import Treasury
from trading.engine.units import text_from_micro as text

MS_NS = 1_000_000
RETRY_MS = 5_000  # so often an exposed set looks for a way out
_RESCUING = {SetState.COMPLETING, SetState.UNWINDING}


class Rescues:
    """The rescues of all open sets. `settle` waits for the fills of a set that has become equal."""

    def __init__(
        self,
        *,
        board: Board,
        treasury: Treasury,
        orders: OrderDesk,
        exits: Exits,
        emit: Callable[[Command], None],
        move: Move,
        settle: Callable[[OpenSet, str, int], None],
    ) -> None:
        self.limits = Limits()
        self._board = board
        self._treasury = treasury
        self._orders = orders
        self._exits = exits
        self._emit = emit
        self._move = move
        self._settle = settle

    def start(self, one: OpenSet, now_ns: int) -> None:
        """Complete or unwind, each tried once; then the shares are held and people are told."""
        if one.live and self._must_wait(one, now_ns):
            return
        action = self._plan(one)
        if isinstance(action, Complete) and SetState.COMPLETING not in one.tried:
            if one.state is SetState.UNWINDING:
                self._move(one, SetState.FAILED_LEG, "the surplus could not be sold", now_ns)
            one.deadline_ns = now_ns + self.limits.complete_deadline_ms * MS_NS
            reason = f"buying what is missing, at worst {text(action.loss_micro)} dollars lost"
            self._move(one, SetState.COMPLETING, reason, now_ns)
            self._send(one, Side.BUY, "COMPLETE", action.orders, now_ns)
        elif isinstance(action, Unwind) and SetState.UNWINDING not in one.tried:
            one.deadline_ns = now_ns + self.limits.unwind_deadline_ms * MS_NS
            reason = f"selling the surplus, at worst {text(action.loss_micro)} dollars lost"
            self._move(one, SetState.UNWINDING, reason, now_ns)
            self._send(one, Side.SELL, "UNWIND", action.orders, now_ns)
        elif one.live and one.state is SetState.EXPOSED:
            self._exits.redeem(one, now_ns)
        else:
            reason = action.reason if isinstance(action, Hold) else "both ways out were tried"
            self.expose(one, reason, now_ns)

    def after(self, one: OpenSet, now_ns: int) -> None:
        """The orders of a rescue have ended their matching."""
        left_micro = one.most_micro - one.whole_micro
        if one.live and not one.settled() and (left_micro or not one.whole_micro):
            self._await_confirmation(one, now_ns)
            return
        if one.live:
            dust = is_live_dust(one, self._board)
        else:
            dust = one.state is SetState.UNWINDING and is_dust(one, self._board, left_micro)
        if left_micro and not dust:
            self.start(one, now_ns)
        elif one.whole_micro:
            reason = f"left over as dust: {text(left_micro)} shares" if left_micro else "equal now"
            self._settle(one, reason, now_ns)
        elif one.state is SetState.COMPLETING and not left_micro:
            self._move(one, SetState.FAILED_LEG, "what was held failed to settle", now_ns)
            self._move(one, SetState.ABANDONED, "nothing is held", now_ns)
        else:
            self._end_unwound(one, "sold", now_ns)

    def settled(self, one: OpenSet, now_ns: int) -> None:
        """With real money, all that matched is confirmed or has failed: only now it counts."""
        left_micro = one.most_micro - one.whole_micro
        dust = is_live_dust(one, self._board)
        if not one.most_micro:
            self._move(one, SetState.FAILED_LEG, "every fill failed to settle", now_ns)
            self._move(one, SetState.ABANDONED, "nothing is held", now_ns)
        elif left_micro and not dust:
            reason = "a fill failed to settle" if one.failed_any() else "the legs are not equal"
            self._move(one, SetState.FAILED_LEG, reason, now_ns)
            self.start(one, now_ns)
        elif not one.whole_micro:
            self._move(one, SetState.FAILED_LEG, "no whole set is held", now_ns)
            self._end_unwound(one, "", now_ns)
        else:
            self._settled_whole(one, left_micro, "every fill is confirmed", now_ns)

    def resume(self, one: OpenSet, now_ns: int) -> None:
        """A failed leg that still waits for its rescue: after a restart, or for valid books."""
        left_micro = one.most_micro - one.whole_micro
        if not one.most_micro and one.settled():
            self._move(one, SetState.ABANDONED, "nothing is held", now_ns)
        elif not one.settled() or not left_micro or is_live_dust(one, self._board):
            self._settle(one, "what is held has changed", now_ns)
        else:
            self.start(one, now_ns)

    def recheck(self, one: OpenSet, now_ns: int) -> None:
        """Late news of an exposed set: it may have become whole, or hold nothing any more."""
        left_micro = one.most_micro - one.whole_micro
        if one.live and not (one.matching_over() and one.settled()):
            return
        if not one.most_micro:
            self._move(one, SetState.UNWINDING, "what was held failed to settle", now_ns)
            self._move(one, SetState.UNWOUND, "nothing is held", now_ns)
        elif not left_micro and one.settled():
            self._settled_whole(one, 0, "a late fill made it whole", now_ns)
        elif one.live and is_live_dust(one, self._board):
            if one.whole_micro:
                self._settled_whole(one, left_micro, "every fill is confirmed", now_ns)
            else:
                self._end_unwound(one, "", now_ns)
        elif one.live:
            self.start(one, now_ns)

    def on_tick(self, one: OpenSet, now_ns: int) -> None:
        """A rescue that waited for valid books goes on; an exposed set looks for a way out."""
        if one.waits_for_books and self._books_ready(one):
            one.waits_for_books = False
            self.start(one, now_ns)
        elif one.state is SetState.EXPOSED and now_ns >= one.retry_ns:
            one.retry_ns = now_ns + RETRY_MS * MS_NS
            self._look_again(one, now_ns)

    def expose(self, one: OpenSet, reason: str, now_ns: int) -> None:
        """Hold what is held, and tell people."""
        if one.state is not SetState.EXPOSED:
            self._move(one, SetState.EXPOSED, reason, now_ns)
        one.deadline_ns = 0
        one.retry_ns = now_ns + RETRY_MS * MS_NS
        told, one.was_exposed = one.live and one.was_exposed, True
        if told:
            self._exits.redeem(one, now_ns)
            return
        self._emit(
            RaiseAlert(
                rule="LEG_EXPOSED",
                level="CRITICAL",
                text=f"set {one.set_id} holds a leg without its counterpart: {reason}",
                condition_id=one.place_id,
            )
        )
        self._exits.redeem(one, now_ns)

    def _look_again(self, one: OpenSet, now_ns: int) -> None:
        """Take a way out that the books offer now. Both ways count as untried for it."""
        quiet = one.matching_over() and one.settled() and not one.redeeming
        if not quiet or not self._books_ready(one) or self._exits.resolved(one):
            return
        if one.most_micro == one.whole_micro or is_live_dust(one, self._board):
            return
        tried, one.tried = one.tried, set()
        if isinstance(self._plan(one), Hold):
            one.tried = tried
        else:
            self.start(one, now_ns)

    def _plan(self, one: OpenSet) -> LegAction:
        bound_micro = self.limits.leg_loss_max_micro
        if not one.live:
            return plan_rescue(one, self._board, bound_micro)
        bound_micro = max(0, bound_micro + min(0, one.realised_micro))
        untried = SetState.COMPLETING not in one.tried
        action = plan_rescue(one, self._board, bound_micro, may_complete=untried)
        if isinstance(action, Complete):
            cash_micro = self._treasury.books.balance(Account.CASH)
            if sum(order.amount_micro for order in action.orders) > cash_micro:
                return plan_rescue(one, self._board, bound_micro, may_complete=False)
        return action

    def _must_wait(self, one: OpenSet, now_ns: int) -> bool:
        """Say whether a rescue waits for valid books: for a while, then people are told."""
        if self._books_ready(one) or self._exits.resolved(one) or one.tried >= _RESCUING:
            one.waits_for_books = False
            return False
        if not one.waits_for_books:
            one.waits_for_books = True
            if one.state is not SetState.EXPOSED:
                one.deadline_ns = now_ns + self.limits.complete_deadline_ms * MS_NS
        return True

    def _books_ready(self, one: OpenSet) -> bool:
        watches = [self._board.watches.get(leg.condition_id) for leg in one.legs]
        return all(watch is not None and watch.ready for watch in watches)

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
        self._orders.place(one, wanted, now_ns)

    def _await_confirmation(self, one: OpenSet, now_ns: int) -> None:
        if not one.confirming:
            one.confirming = True
            one.deadline_ns = now_ns + self.limits.settle_deadline_ms * MS_NS

    def _settled_whole(self, one: OpenSet, left_micro: int, reason: str, now_ns: int) -> None:
        if left_micro:
            reason = f"{reason}; left over as dust: {text(left_micro)} shares"
        self._move(one, SetState.SETTLED, reason, now_ns)
        self._exits.merge(one, now_ns)

    def _end_unwound(self, one: OpenSet, sold: str, now_ns: int) -> None:
        """Nothing is held, or so little that the venue takes no order for it."""
        left_micro = one.most_micro
        if one.state is SetState.COMPLETING:
            self._move(one, SetState.FAILED_LEG, "no whole set is held", now_ns)
        if one.state is not SetState.UNWINDING:
            self._move(one, SetState.UNWINDING, "what is held is too little to sell", now_ns)
        dust = f"dust of {text(left_micro)} shares stays"
        reason = (f"{sold}, {dust}" if sold else dust) if left_micro else "sold"
        self._move(one, SetState.UNWOUND, reason, now_ns)
