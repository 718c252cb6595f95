"""Facts of sets, orders and trades, written down in one place."""

from trading.engine.codes import OrderState, SetState, Strategy, TradeState
from trading.engine.commands import OrderToResolve
from trading.engine.events import RestoredOrder, RestoredSet, TradeUpdate
from trading.engine.facts import LegPlanned, OrderMoved, SetOpened, TradeRecorded
from trading.engine.openset import Leg, OpenSet, outcome_of
from trading.engine.orders import Move, OrderRecord
from trading.engine.walk import Walk
from trading.engine.watch import EventWatch, Watch


def planned_set(
    set_id: str,
    *,
    place: Watch | EventWatch,
    place_id: str,
    condition_ids: tuple[str, ...],
    payout_micro: int,
    strategy: Strategy,
    walk: Walk,
    live: bool,
) -> OpenSet:
    """Return a set as walked, before anything of it is sent."""
    return OpenSet(
        set_id=set_id,
        place_id=place_id,
        place=place,
        strategy=strategy,
        payout_micro=payout_micro,
        expected_net_micro=walk.net_micro,
        state=SetState.SEEN,
        legs=[
            Leg(
                token_id=walked.token_id,
                condition_id=condition_id,
                outcome=outcome_of(strategy, index),
                planned_micro=walked.cost_micro + walked.fee_micro,
            )
            for index, (walked, condition_id) in enumerate(
                zip(walk.legs, condition_ids, strict=True)
            )
        ],
        live=live,
    )


def restored_set(restored: RestoredSet, place: Watch | EventWatch | None, *, live: bool) -> OpenSet:
    """Return a set that an earlier session left open; its orders only when they are at a venue.

    Only what was recorded is held. For paper that is all there is: the desk died with its process,
    so an order without a recorded fill never filled.
    """
    strategy = Strategy(restored.strategy)
    one = OpenSet(
        set_id=restored.set_id,
        place_id=restored.place_id,
        place=place,
        strategy=strategy,
        payout_micro=restored.payout_micro,
        expected_net_micro=restored.expected_net_micro,
        state=SetState(restored.state),
        sequence=restored.sequence,
        legs=[
            Leg(
                token_id=leg.token_id,
                condition_id=leg.condition_id,
                outcome=outcome_of(strategy, index),
                planned_micro=0,
                held_micro=leg.held_micro,
                cost_micro=leg.cost_micro + leg.fee_micro,
            )
            for index, leg in enumerate(restored.legs)
        ],
        live=live,
    )
    if live:
        one.tried |= {SetState(state) for state in restored.tried}
        legs = {leg.token_id: leg for leg in one.legs}
        for order in restored.orders:
            legs[order.token_id].orders.append(_restored_order(one.set_id, order))
        for leg in one.legs:
            # Shares leave the ledger at their token's average cost, of all sets together: what one
            # set has left of it can be off by that, and never means a debt.
            leg.held_micro = max(0, leg.held_micro)
            leg.cost_micro = max(0, leg.cost_micro) if leg.held_micro else 0
            leg.planned_micro = leg.cost_micro + leg.buying_micro
    return one


def _restored_order(set_id: str, order: RestoredOrder) -> OrderRecord:
    state = OrderState(order.state)
    return OrderRecord(
        order_id=order.order_id,
        set_id=set_id,
        condition_id=order.condition_id,
        token_id=order.token_id,
        side=order.side,
        limit_micro=order.limit_micro,
        size_micro=order.size_micro,
        purpose=order.purpose,
        state=state,
        order_hash=order.order_hash,
        told_micro=order.matched_micro,
        # Of an order that is half matched, or failed, nobody knows any more whether it was closed.
        closed=state in {OrderState.CANCELLED, OrderState.REFUSED, OrderState.CONFIRMED},
        sequence=order.sequence,
        fills={
            fill.trade_id: TradeUpdate(
                trade_id=fill.trade_id,
                order_id=order.order_id,
                token_id=order.token_id,
                side=order.side,
                price_micro=fill.price_micro,
                size_micro=fill.size_micro,
                fee_micro=fill.fee_micro,
                state=TradeState(fill.state),
            )
            for fill in order.fills
        },
    )


def order_to_resolve(order: OrderRecord) -> OrderToResolve:
    """Return what the venue is asked of an order that an earlier session left."""
    return OrderToResolve(
        order_id=order.order_id,
        order_hash=order.order_hash,
        condition_id=order.condition_id,
        token_id=order.token_id,
        side=order.side,
        limit_micro=order.limit_micro,
        size_micro=order.size_micro,
        matched_micro=order.matched_micro,
        purpose=order.purpose,
    )


def leg_plans(one: OpenSet, walk: Walk) -> tuple[LegPlanned, ...]:
    """Return the legs as planned; order numbers count from 1 in the order of the legs."""
    return tuple(
        LegPlanned(
            token_id=walked.token_id,
            condition_id=leg.condition_id,
            order_id=f"{one.set_id}-{number}",
            limit_micro=walked.limit_micro,
            size_micro=walked.size_micro,
            cost_micro=walked.cost_micro,
            fee_micro=walked.fee_micro,
        )
        for number, (walked, leg) in enumerate(zip(walk.legs, one.legs, strict=True), start=1)
    )


def set_fact(
    one: OpenSet,
    opportunity_id: str,
    walk: Walk,
    legs: tuple[LegPlanned, ...],
    *,
    paper: bool,
    now_ns: int,
) -> SetOpened:
    """Return the fact that a set was opened."""
    return SetOpened(
        set_id=one.set_id,
        opportunity_id=opportunity_id,
        condition_id=one.place_id,
        strategy=one.strategy,
        opened_ns=now_ns,
        size_micro=walk.size_micro,
        cost_micro=walk.cost_micro,
        payout_micro=one.payout_micro,
        expected_net_micro=walk.net_micro,
        paper=paper,
        raised=walk.raised,
        legs=legs,
    )


def order_fact(order: OrderRecord, move: Move | None, now_ns: int) -> OrderMoved:
    """Return a move of an order; None is its birth, as an intent, with sequence 0."""
    return OrderMoved(
        order_id=order.order_id,
        set_id=order.set_id,
        token_id=order.token_id,
        side=order.side,
        limit_micro=order.limit_micro,
        size_micro=order.size_micro,
        matched_micro=order.matched_micro,
        sequence=move.sequence if move else 0,
        state_from=move.state_from if move else "",
        state_to=move.state_to if move else OrderState.INTENT,
        at_ns=now_ns,
        reason=move.reason if move else "planned",
        order_hash=order.order_hash,
        purpose=order.purpose,
    )


def trade_fact(trade: TradeUpdate, one: OpenSet, leg: Leg, now_ns: int) -> TradeRecorded:
    """Return a fill as it is now."""
    return TradeRecorded(
        trade_id=trade.trade_id,
        order_id=trade.order_id,
        set_id=one.set_id,
        condition_id=leg.condition_id,
        token_id=trade.token_id,
        side=trade.side,
        price_micro=trade.price_micro,
        size_micro=trade.size_micro,
        fee_micro=trade.fee_micro,
        state=trade.state,
        at_ns=now_ns,
        paper=trade.paper,
    )
