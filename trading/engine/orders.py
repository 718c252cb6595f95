"""The life of one order: the table of its moves, and what each event does to it.

What the venue says arrives in no order: a fill can precede the answer to the order, a cancellation
the acknowledgement, and a settlement step that is overtaken comes late. A fill is money, so it is
the strongest word: it corrects whatever was believed. What contradicts a fill, or ends twice in two
ways, raises IllegalMove and changes nothing, because nobody may guess which is true.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from trading.engine.codes import OrderState, Side, TradeState
from trading.engine.events import (
    OrderAck,
    OrderClosed,
    OrderPrepared,
    OrderRefused,
    OrderUnknown,
    TradeUpdate,
)
from trading.engine.moves import IllegalMove, check_move

__all__ = [
    "ORDER_MOVES",
    "IllegalMove",
    "Move",
    "OrderEvent",
    "OrderRecord",
    "OrderSent",
    "apply",
    "is_over",
]

_S = OrderState

ORDER_MOVES: dict[OrderState, frozenset[OrderState]] = {
    # INTENT to INTENT: it was signed, so its hash is known. INTENT to UNKNOWN: after a crash nobody
    # can tell whether a signed intent was sent.
    _S.INTENT: frozenset({_S.INTENT, _S.SUBMITTED, _S.REFUSED, _S.UNKNOWN}),
    _S.SUBMITTED: frozenset(
        {_S.RESTING, _S.MATCHED, _S.PARTIAL, _S.CANCELLED, _S.REFUSED, _S.UNKNOWN}
    ),
    _S.RESTING: frozenset({_S.PARTIAL, _S.MATCHED, _S.CANCELLED}),
    # A part that was matched settles on its own once the rest was killed, so PARTIAL has both ends.
    _S.PARTIAL: frozenset({_S.MATCHED, _S.CONFIRMED, _S.FAILED}),
    _S.MATCHED: frozenset({_S.CONFIRMED, _S.FAILED}),
    # A look-up by hash may find anything, also that the order only waits (a delayed market).
    _S.UNKNOWN: frozenset(set(_S) - {_S.INTENT, _S.UNKNOWN}),
    # The fill was on its way when the venue called the order cancelled or refused.
    _S.CANCELLED: frozenset({_S.PARTIAL, _S.MATCHED}),
    _S.REFUSED: frozenset({_S.PARTIAL, _S.MATCHED}),
    # A better price buys more shares than planned: one more fill after all known ones were settled.
    _S.CONFIRMED: frozenset({_S.PARTIAL, _S.MATCHED}),
    # Stays failed whatever else is matched: what was confirmed is told by confirmed_micro.
    _S.FAILED: frozenset(),
}

# Nothing more is expected of an order in one of these.
_OVER = frozenset({_S.CANCELLED, _S.REFUSED, _S.CONFIRMED, _S.FAILED})

# How far a settlement is. A step that is behind what is known came late and tells nothing.
_TRADE_RANK = {
    TradeState.MATCHED: 0,
    TradeState.RETRYING: 1,
    TradeState.MINED: 2,
    TradeState.CONFIRMED: 3,
    TradeState.FAILED: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSent:
    """The order left us, or may have: from here on its outcome is the venue's to tell."""

    order_id: str


OrderEvent: TypeAlias = (
    OrderPrepared | OrderSent | OrderAck | OrderRefused | OrderUnknown | OrderClosed | TradeUpdate
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move of an order; `sequence` counts the moves of this order from 1."""

    sequence: int
    state_from: OrderState
    state_to: OrderState
    reason: str


@dataclass(slots=True, kw_only=True)
class OrderRecord:
    """What is known of one order. Only `apply` changes it."""

    order_id: str
    set_id: str
    condition_id: str
    token_id: str
    side: Side
    limit_micro: int
    size_micro: int
    purpose: str = "ENTRY"  # ENTRY, COMPLETE or UNWIND
    state: OrderState = OrderState.INTENT
    order_hash: str = ""
    told_micro: int = 0  # shares that the venue called matched, with or without their fills
    closed: bool = False  # no more can match: killed, cancelled, expired
    sequence: int = 0
    fills: dict[str, TradeUpdate] = field(default_factory=dict)  # newest update by trade id

    @property
    def matched_micro(self) -> int:
        """Shares matched, settled or not, also those whose settlement failed."""
        return max(self.told_micro, sum(fill.size_micro for fill in self.fills.values()))

    @property
    def confirmed_micro(self) -> int:
        """Shares that are really ours (or gone, for a SELL)."""
        return self._sum_of(TradeState.CONFIRMED)

    @property
    def failed_micro(self) -> int:
        """Shares whose settlement failed: they were never ours."""
        return self._sum_of(TradeState.FAILED)

    @property
    def pending_micro(self) -> int:
        """Shares matched whose settlement is not known yet."""
        return self.matched_micro - self.confirmed_micro - self.failed_micro

    def _sum_of(self, state: TradeState) -> int:
        return sum(fill.size_micro for fill in self.fills.values() if fill.state is state)


def is_over(order: OrderRecord) -> bool:
    """Say whether nothing more is expected of this order."""
    return order.state in _OVER and order.pending_micro == 0


def apply(order: OrderRecord, event: OrderEvent) -> tuple[Move, ...]:
    """Take an event into the order and return its moves, none when it says nothing new.

    Raises IllegalMove, and changes nothing, on an event of another order or one that contradicts
    what is known.
    """
    if event.order_id != order.order_id:
        raise IllegalMove(f"an event of order {event.order_id} was given to {order.order_id}")
    if isinstance(event, TradeUpdate):
        return _on_trade(order, event)
    if isinstance(event, OrderAck):
        return _on_ack(order, event)
    if isinstance(event, OrderClosed):
        return _on_closed(order, event)
    if isinstance(event, OrderRefused):
        return _on_refused(order, event)
    if isinstance(event, OrderUnknown):
        return _on_unknown(order, event)
    if isinstance(event, OrderPrepared):
        return _on_prepared(order, event)
    return _on_sent(order)


def _on_prepared(order: OrderRecord, event: OrderPrepared) -> tuple[Move, ...]:
    if event.order_hash and order.order_hash == event.order_hash:
        return ()
    # Another hash is another order: the one that was known could be at the venue too.
    if order.state is not _S.INTENT or order.order_hash or not event.order_hash:
        raise IllegalMove(
            f"order {order.order_id} is {order.state} with the hash {order.order_hash or 'none'} "
            f"and cannot get the hash {event.order_hash or 'none'}"
        )
    moves = _move(order, [_S.INTENT], "hash known")
    order.order_hash = event.order_hash
    return moves


def _on_sent(order: OrderRecord) -> tuple[Move, ...]:
    if order.state is not _S.INTENT:
        raise IllegalMove(f"order {order.order_id} is {order.state}: it was sent before")
    return _move(order, [_S.SUBMITTED], "sent")


def _on_unknown(order: OrderRecord, event: OrderUnknown) -> tuple[Move, ...]:
    # Whatever has been heard since from the venue is better knowledge than a time-out.
    if order.state not in {_S.INTENT, _S.SUBMITTED}:
        return ()
    return _move(order, [_S.UNKNOWN], event.text)


def _on_refused(order: OrderRecord, event: OrderRefused) -> tuple[Move, ...]:
    if order.state is _S.REFUSED:
        return ()
    path = [] if event.local or order.state is not _S.INTENT else [_S.SUBMITTED]
    return _move(order, [*path, _S.REFUSED], f"{event.code}: {event.text}")


def _on_ack(order: OrderRecord, event: OrderAck) -> tuple[Move, ...]:
    if order.state is _S.REFUSED:
        raise IllegalMove(f"order {order.order_id} was refused and cannot be acknowledged")
    path = _sent_path(order)
    state = path[-1] if path else order.state
    matched_micro = max(order.matched_micro, event.matched_micro)
    # Killed, not resting: an order that matched only in part and does not rest has lost its rest.
    closed = order.closed or (not event.resting and event.matched_micro > 0)
    target = _matched_target(order, state, matched_micro)
    if target is None and state in {_S.SUBMITTED, _S.UNKNOWN}:
        target = _S.RESTING if event.resting else _S.SUBMITTED
    if target is not None and target is not state:
        path.append(target)
    moves = _move(order, path, "acknowledged")
    order.order_hash = event.order_hash or order.order_hash
    order.told_micro = max(order.told_micro, event.matched_micro)
    order.closed = closed
    return moves + _settle(order)


def _on_closed(order: OrderRecord, event: OrderClosed) -> tuple[Move, ...]:
    path = _sent_path(order)
    state = path[-1] if path else order.state
    matched_micro = max(order.matched_micro, event.matched_micro)
    target = _matched_target(order, state, matched_micro)
    if matched_micro == 0 and state in {_S.SUBMITTED, _S.RESTING, _S.UNKNOWN}:
        target = _S.CANCELLED
    if target is not None and target is not state:
        path.append(target)
    moves = _move(order, path, event.reason)
    order.told_micro = max(order.told_micro, event.matched_micro)
    order.closed = True
    return moves + _settle(order)


def _on_trade(order: OrderRecord, event: TradeUpdate) -> tuple[Move, ...]:
    _check_trade(order, event)
    known = order.fills.get(event.trade_id)
    if known is not None:
        if _TRADE_RANK[event.state] <= _TRADE_RANK[known.state]:
            return ()
        order.fills[event.trade_id] = event
        return _settle(order)
    matched_micro = max(
        order.told_micro,
        sum(fill.size_micro for fill in order.fills.values()) + event.size_micro,
    )
    path = _sent_path(order)
    state = path[-1] if path else order.state
    target = _matched_target(order, state, matched_micro)
    if target is not None and target is not state:
        path.append(target)
    moves = _move(order, path, f"fill {event.trade_id}")
    order.fills[event.trade_id] = event
    return moves + _settle(order)


def _check_trade(order: OrderRecord, event: TradeUpdate) -> None:
    """Raise IllegalMove on a fill that cannot be this order's, or that ends in two ways."""
    if (event.token_id, event.side) != (order.token_id, order.side) or event.size_micro <= 0:
        raise IllegalMove(f"fill {event.trade_id} does not fit order {order.order_id}")
    known = order.fills.get(event.trade_id)
    if known is None:
        return
    same = (known.price_micro, known.size_micro) == (event.price_micro, event.size_micro)
    ended_twice = known.state is not event.state and {known.state, event.state} == {
        TradeState.CONFIRMED,
        TradeState.FAILED,
    }
    if not same or ended_twice:
        raise IllegalMove(
            f"fill {event.trade_id} was {known.size_micro} at {known.price_micro} {known.state} "
            f"and is now {event.size_micro} at {event.price_micro} {event.state}"
        )


def _sent_path(order: OrderRecord) -> list[OrderState]:
    """An answer of the venue proves that an intent was sent, even if nobody said so."""
    return [_S.SUBMITTED] if order.state is _S.INTENT else []


def _matched_target(order: OrderRecord, state: OrderState, matched_micro: int) -> OrderState | None:
    """Return where the shares matched by now put an order, or None when they are not news."""
    if matched_micro == order.matched_micro or state is _S.FAILED:
        return None
    return _S.MATCHED if matched_micro >= order.size_micro else _S.PARTIAL


def _settle(order: OrderRecord) -> tuple[Move, ...]:
    """End an order whose fills have: the first failure fails it, the last success confirms."""
    if order.state not in {_S.MATCHED, _S.PARTIAL}:
        return ()
    if order.failed_micro:
        return _move(order, [_S.FAILED], "a fill failed to settle")
    complete = order.closed or order.state is _S.MATCHED
    if complete and order.pending_micro == 0:
        return _move(order, [_S.CONFIRMED], "every fill is confirmed")
    return ()


def _move(order: OrderRecord, path: list[OrderState], reason: str) -> tuple[Move, ...]:
    """Walk the path, after checking all of it: an illegal step leaves the order as it was."""
    state = order.state
    for to in path:
        check_move(ORDER_MOVES, state, to)
        state = to
    moves = []
    for to in path:
        order.sequence += 1
        moves.append(
            Move(sequence=order.sequence, state_from=order.state, state_to=to, reason=reason)
        )
        order.state = to
    return tuple(moves)
