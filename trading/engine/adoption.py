"""How a live set that an earlier session left open is carried on with.

Its orders may be at the venue, or filled, or may never have left: they are looked up before
anything is done, and nothing is sent a second time. A set that died in the middle of a call goes on
where the table leads from there.
"""

from collections.abc import Callable

from trading.engine.codes import OrderState, SetState
from trading.engine.exits import Exits, Move
from trading.engine.limits import Limits
from trading.engine.openset import OpenSet
from trading.engine.orderdesk import OrderDesk
from trading.engine.rescues import Rescues

MS_NS = 1_000_000
_NOT_SENT = (SetState.SEEN, SetState.CONFIRMED, SetState.ALLOWED, SetState.INTENT)
# Where a set was that holds nothing any more, and where it was about to go.
_BOOKED = {SetState.MERGING: SetState.MERGED, SetState.SETTLED: SetState.REDEEMED}


class Adoption:
    """Takes over live sets. `limits` is set with the mandate."""

    def __init__(
        self,
        *,
        orders: OrderDesk,
        exits: Exits,
        rescues: Rescues,
        move: Move,
        settle: Callable[[OpenSet, str, int], None],
        advance: Callable[[OpenSet, int], None],
    ) -> None:
        self.limits = Limits()
        self._orders = orders
        self._exits = exits
        self._rescues = rescues
        self._move = move
        self._settle = settle
        self._advance = advance

    def adopt(self, one: OpenSet, now_ns: int) -> None:
        """Ask for its orders or its merge, and go as far as what is known allows."""
        if one.place is not None:
            one.place.set_id = one.set_id
        self._orders.adopt(one, now_ns)
        if not self._was_sent(one, now_ns):
            self._move(one, SetState.ABANDONED, "restored: no order of it was sent", now_ns)
            return
        if one.state in _BOOKED and not one.most_micro:
            self._move(one, _BOOKED[one.state], "restored: it was booked", now_ns)
            return
        if one.state in {SetState.INTENT, SetState.SUBMITTED}:
            to = SetState.UNKNOWN if one.outcome_unknown() else SetState.SUBMITTED
            if to is not one.state:
                self._move(one, to, "restored: its orders are looked up", now_ns)
        one.deadline_ns = now_ns + self._deadline_ms(one.state) * MS_NS
        self._go_on(one, now_ns)
        self._advance(one, now_ns)

    def _was_sent(self, one: OpenSet, now_ns: int) -> bool:
        """Say whether an order may have left; lead a set of which none did to its intent."""
        if one.state not in _NOT_SENT:
            return True
        for state in _NOT_SENT[_NOT_SENT.index(one.state) + 1 :]:
            self._move(one, state, "restored", now_ns)
        return any(order.state is not OrderState.REFUSED for order in one.orders)

    def _go_on(self, one: OpenSet, now_ns: int) -> None:
        if one.state is SetState.NONE_MATCHED:
            self._after_none(one, now_ns)
        elif one.state in {SetState.BOTH_MATCHED, SetState.ONE_MATCHED}:
            self._settle(one, "restored", now_ns)
        elif one.state is SetState.SETTLED:
            self._exits.merge(one, now_ns)
        elif one.state is SetState.MERGING:
            self._exits.resolve_merge(one, now_ns)
        elif one.state is SetState.EXPOSED:
            self._rescues.expose(one, "held since an earlier session", now_ns)

    def _after_none(self, one: OpenSet, now_ns: int) -> None:
        """A crash came between the venue's word that nothing matched and the end of the set."""
        if not one.most_micro:
            self._move(one, SetState.ABANDONED, "nothing was bought", now_ns)
            return
        equal = one.whole_micro == one.most_micro
        to = SetState.BOTH_MATCHED if equal else SetState.ONE_MATCHED
        self._move(one, to, "a late fill came", now_ns)
        self._settle(one, "waiting for the fills to be confirmed", now_ns)

    def _deadline_ms(self, state: SetState) -> int:
        limits = self.limits
        deadlines_ms = {
            SetState.COMPLETING: limits.complete_deadline_ms,
            SetState.UNWINDING: limits.unwind_deadline_ms,
            SetState.SETTLING: limits.settle_deadline_ms,
        }
        return deadlines_ms.get(state, limits.submit_deadline_ms)
