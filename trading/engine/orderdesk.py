"""The orders of all open sets: sending them, hearing of them, and booking what they did.

What the venue says comes in any order and more than once. The order's own table (orders.py)
decides what is new; only that is recorded and booked. A contradiction stops trading, because
nobody may guess.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from trading.engine.board import Board, Note
from trading.engine.codes import Account, OrderState, Side, TradeState
from trading.engine.commands import Command, OrderPlan, PlaceOrders, RecordFact, ResolveOrders
from trading.engine.events import (
    OrderAck,
    OrderClosed,
    OrderPrepared,
    OrderRefused,
    OrderUnknown,
    TradeUpdate,
)
from trading.engine.moves import IllegalMove
from trading.engine.openset import Leg, OpenSet, buying_micro, matching_over
from trading.engine.orders import Move, OrderEvent, OrderRecord, apply, is_over
from trading.engine.records import order_fact, order_to_resolve, trade_fact
from trading.engine.treasury import Treasury

ENDED_ORDERS_MAX = 10_000  # of which a late fill is still recognised


class Wanted(NamedTuple):
    """One order of a round: `reserve_micro` is the most that a BUY can cost."""

    leg: Leg
    side: Side
    limit_micro: int
    size_micro: int
    purpose: str  # ENTRY, COMPLETE or UNWIND
    reserve_micro: int


@dataclass(slots=True)
class OrderCounts:
    """How many orders of this session left us, and what became of them.

    An order counts as filled with its first fill. What our own side refused was never submitted.
    """

    submitted: int = 0
    filled: int = 0
    refused: int = 0
    settlements_failed: int = 0

    def take(self, move: Move, *, local: bool) -> None:
        """Count one move of an order."""
        was, now = move.state_from, move.state_to
        if was is OrderState.INTENT and now is not OrderState.INTENT and not local:
            self.submitted += 1
        if now is OrderState.REFUSED and not local:
            self.refused += 1
        fill = {OrderState.MATCHED, OrderState.PARTIAL}
        if now in fill and was not in fill | {OrderState.CONFIRMED, OrderState.FAILED}:
            self.filled += 1


class OrderDesk:
    """Orders by id. `advance` is called with the set whenever one of its orders moved."""

    def __init__(
        self,
        *,
        board: Board,
        treasury: Treasury,
        emit: Callable[[Command], None],
        note: Note,
        stop: Callable[[str, str, int], None],
        advance: Callable[[OpenSet, int], None],
    ) -> None:
        self._board = board
        self._treasury = treasury
        self._emit = emit
        self._note = note
        self._stop = stop
        self._advance = advance
        self.counts = OrderCounts()
        self._sets: dict[str, OpenSet] = {}
        self._ended: dict[str, OpenSet] = {}  # the newest ones, oldest first

    def forget(self, one: OpenSet) -> None:
        """The set has ended: of its orders only a repetition is still expected."""
        for order in one.orders:
            self._sets.pop(order.order_id, None)
            self._ended[order.order_id] = one
        while len(self._ended) > ENDED_ORDERS_MAX:
            del self._ended[next(iter(self._ended))]

    def adopt(self, one: OpenSet, now_ns: int) -> None:
        """Take over the live orders of an earlier session, and ask what became of them.

        Nothing is sent again. What was never signed was never sent; of everything else the venue
        has to tell, and until then the money for it stays reserved.
        """
        for order in one.orders:
            self._sets[order.order_id] = one
            if order.state is OrderState.INTENT and not order.order_hash:
                text = "it was never signed, so it was never sent"
                self._apply(
                    order,
                    OrderRefused(order_id=order.order_id, code="NEVER_SENT", text=text, local=True),
                    now_ns,
                )
            elif order.state in {OrderState.INTENT, OrderState.SUBMITTED}:
                text = "restored: it is looked up by its hash"
                self._apply(order, OrderUnknown(order_id=order.order_id, text=text), now_ns)
        unknown = [o for o in one.orders if not matching_over(o) or o.pending_micro]
        for order in unknown:
            if order.side is Side.BUY and not matching_over(order):
                self._reserve_again(order, now_ns)
        if unknown:
            self._emit(ResolveOrders(orders=tuple(order_to_resolve(order) for order in unknown)))

    def _reserve_again(self, order: OrderRecord, now_ns: int) -> None:
        cash_micro = self._treasury.books.balance(Account.CASH)
        amount_micro = min(buying_micro(order), max(0, cash_micro))
        if amount_micro:
            self._treasury.book(
                lambda books: books.reserve_again(
                    order.order_id, amount_micro, at_ns=now_ns, set_id=order.set_id
                ),
                now_ns,
            )

    def place(self, one: OpenSet, wanted: Sequence[Wanted], now_ns: int) -> None:
        """Reserve and send the orders of one round in one batch."""
        plans = []
        for order_of in wanted:
            leg = order_of.leg
            order = OrderRecord(
                order_id=f"{one.set_id}-{len(one.orders) + 1}",
                set_id=one.set_id,
                condition_id=leg.condition_id,
                token_id=leg.token_id,
                side=order_of.side,
                limit_micro=order_of.limit_micro,
                size_micro=order_of.size_micro,
                purpose=order_of.purpose,
            )
            leg.orders.append(order)
            self._sets[order.order_id] = one
            self._emit(RecordFact(fact=order_fact(order, None, now_ns)))
            if order_of.side is Side.BUY:
                self._reserve(order, order_of.reserve_micro, now_ns)
            plans.append(self._plan(order))
        self._emit(PlaceOrders(set_id=one.set_id, orders=tuple(plans)))

    def _plan(self, order: OrderRecord) -> OrderPlan:
        watch = self._board.watches.get(order.condition_id)
        return OrderPlan(
            order_id=order.order_id,
            set_id=order.set_id,
            condition_id=order.condition_id,
            token_id=order.token_id,
            side=order.side,
            limit_micro=order.limit_micro,
            size_micro=order.size_micro,
            purpose=order.purpose,
            # Legs that fill in part are worse than legs that do not fill at all.
            all_or_nothing=order.purpose == "ENTRY",
            tick_micro=watch.spec.tick_micro if watch is not None else 0,
            neg_risk=watch is not None and bool(watch.spec.neg_risk_event_id),
        )

    def _reserve(self, order: OrderRecord, amount_micro: int, now_ns: int) -> None:
        self._treasury.book(
            lambda books: books.reserve(
                order.order_id, amount_micro, at_ns=now_ns, set_id=order.set_id
            ),
            now_ns,
        )

    def on_order_event(
        self,
        event: OrderPrepared | OrderAck | OrderRefused | OrderUnknown | OrderClosed,
        now_ns: int,
    ) -> None:
        """An order was signed, acknowledged, refused, closed, or nobody knows."""
        found = self._find(event.order_id, now_ns)
        if found is None or event.order_id in self._ended:
            return
        one, order = found
        if not self._apply(order, event, now_ns):
            return
        self._release_when_over(order, now_ns)
        self._advance(one, now_ns)

    def on_trade(self, trade: TradeUpdate, now_ns: int) -> None:
        """A fill, or a move of its settlement. Told again, it changes nothing."""
        found = self._find(trade.order_id, now_ns)
        if found is None:
            return
        one, order = found
        before = order.fills.get(trade.trade_id)
        if before is not None:
            # The fee was booked with the fill; what is reversed has to be the same.
            trade = replace(trade, fee_micro=before.fee_micro)
        if not self._apply(order, trade, now_ns) or order.fills.get(trade.trade_id) is before:
            return
        leg = next(leg for leg in one.legs if leg.token_id == trade.token_id)
        self._emit(RecordFact(fact=trade_fact(trade, one, leg, now_ns)))
        if before is None:
            self._book_fill(one, leg, trade, now_ns)
        if trade.state is TradeState.FAILED:
            self.counts.settlements_failed += 1
            self._reverse(one, leg, trade, now_ns)
        elif trade.state is TradeState.CONFIRMED:
            self._treasury.books.settled(trade)
        if trade.order_id in self._ended:
            self._stop("LATE_FILL", f"fill {trade.trade_id:.80} of a set that had ended", now_ns)
            return
        self._release_when_over(order, now_ns)
        self._advance(one, now_ns)

    def _find(self, order_id: str, now_ns: int) -> tuple[OpenSet, OrderRecord] | None:
        one = self._sets.get(order_id) or self._ended.get(order_id)
        if one is None:
            self._note(
                "WARNING", "ORDER_UNKNOWN", f"news of order {order_id:.80}, not ours", now_ns
            )
            return None
        return one, next(order for order in one.orders if order.order_id == order_id)

    def _apply(self, order: OrderRecord, event: OrderEvent, now_ns: int) -> bool:
        """Take an event into an order; a contradiction halts, because nobody may guess."""
        try:
            moves = apply(order, event)
        except IllegalMove as error:
            self._stop("ORDER_CONTRADICTION", str(error), now_ns)
            return False
        local = isinstance(event, OrderRefused) and event.local
        for move in moves:
            self.counts.take(move, local=local)
            self._emit(RecordFact(fact=order_fact(order, move, now_ns)))
        return True

    def _book_fill(self, one: OpenSet, leg: Leg, trade: TradeUpdate, now_ns: int) -> None:
        if trade.side is Side.BUY:
            leg.came(trade)
            self._treasury.book(
                lambda books: books.buy(
                    trade, outcome=leg.outcome, at_ns=now_ns, set_id=one.set_id
                ),
                now_ns,
            )
            return
        leg.went(trade)
        one.realised_micro += self._treasury.book(
            lambda books: books.sell(trade, at_ns=now_ns, set_id=one.set_id), now_ns
        )

    def _reverse(self, one: OpenSet, leg: Leg, trade: TradeUpdate, now_ns: int) -> None:
        if trade.side is Side.BUY:
            leg.went(trade)
        else:
            leg.came(trade)
        one.realised_micro += self._treasury.book(
            lambda books: books.reverse(
                trade, outcome=leg.outcome, at_ns=now_ns, set_id=one.set_id
            ),
            now_ns,
        )

    def _release_when_over(self, order: OrderRecord, now_ns: int) -> None:
        """Free what the order did not use, once no more fill of it can come."""
        filled_micro = sum(fill.size_micro for fill in order.fills.values())
        matched_whole = 0 < order.size_micro <= filled_micro
        killed = order.closed and filled_micro >= order.matched_micro
        if order.side is Side.BUY and (matched_whole or killed or is_over(order)):
            self._treasury.book(
                lambda books: books.release(order.order_id, at_ns=now_ns, set_id=order.set_id),
                now_ns,
            )
