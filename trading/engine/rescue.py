"""What the leg policy is asked when the legs of a set are not equal: surplus, missing, books."""

from trading.engine.amounts import BUY_NOTIONAL_MIN_MICRO
from trading.engine.board import Board
from trading.engine.legs import HeldLeg, Hold, LegAction, MissingLeg, decide_leg_action
from trading.engine.openset import Leg, OpenSet
from trading.engine.units import divide_up


def plan_rescue(
    one: OpenSet, board: Board, leg_loss_max_micro: int, *, may_complete: bool = True
) -> LegAction:
    """Decide over the surplus alone: what is equal on all legs is a whole set and stays.

    Books that are not valid or not watched offer nothing, so nothing is bought from them.
    """
    whole_micro = one.whole_micro
    most_micro = one.most_micro
    held: list[HeldLeg] = []
    missing: list[MissingLeg] = []
    for leg in one.legs:
        watch = board.watches.get(leg.condition_id)
        if watch is None or watch.spec.fee is None:
            return Hold(reason="the market is closed or its fee is unknown")
        book = watch.books[watch.spec.token_ids.index(leg.token_id)]
        surplus_micro = leg.held_micro - whole_micro
        if surplus_micro:
            held.append(
                HeldLeg(
                    token_id=leg.token_id,
                    size_micro=surplus_micro,
                    cost_micro=_cost_of(leg, surplus_micro),
                    bids=book.bids_left(),
                    fee=watch.spec.fee,
                    tick_micro=watch.spec.tick_micro,
                    min_order_size_micro=watch.spec.min_order_size_micro,
                )
            )
        if leg.held_micro < most_micro:
            missing.append(
                MissingLeg(
                    token_id=leg.token_id,
                    size_micro=most_micro - leg.held_micro,
                    asks=book.asks_left(),
                    fee=watch.spec.fee,
                    tick_micro=watch.spec.tick_micro,
                    min_order_size_micro=watch.spec.min_order_size_micro,
                )
            )
    return decide_leg_action(
        held,
        missing,
        size_micro=most_micro - whole_micro,
        payout_micro=one.payout_micro,
        leg_loss_max_micro=leg_loss_max_micro,
        may_complete=may_complete,
    )


def _cost_of(leg: Leg, size_micro: int) -> int:
    return divide_up(leg.cost_micro * size_micro, leg.held_micro)


def is_dust(one: OpenSet, board: Board, size_micro: int) -> bool:
    """Say whether the venue would not even take an order for so little."""
    minima = [
        watch.spec.min_order_size_micro
        for leg in one.legs
        if (watch := board.watches.get(leg.condition_id)) is not None
    ]
    return size_micro < min(minima, default=0)


def is_live_dust(one: OpenSet, board: Board) -> bool:
    """Say whether what is not equal on all legs is too little to be ordered.

    A market that is over has no minimum any more: there less than a dollar's worth is dust.
    """
    if all(leg.condition_id in board.watches for leg in one.legs):
        return is_dust(one, board, one.most_micro - one.whole_micro)
    surplus_micro = sum(
        _cost_of(leg, leg.held_micro - one.whole_micro)
        for leg in one.legs
        if leg.held_micro > one.whole_micro
    )
    return surplus_micro < BUY_NOTIONAL_MIN_MICRO
