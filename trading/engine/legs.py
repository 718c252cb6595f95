"""The life of a set, and what to do when one of its legs fills and another does not.

The states are those of architecture.md section 4. The policy is: complete the set if that loses no
more than the bound, else sell what is held if that loses no more, else hold it and tell people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trading.engine.amounts import (
    BUY_NOTIONAL_MIN_MICRO,
    SHARE_STEP_MICRO,
    floor_to_grid,
    is_on_tick,
    size_grid_micro,
)
from trading.engine.codes import SetState
from trading.engine.fees import fee_ceiling
from trading.engine.market import FeeSchedule
from trading.engine.moves import IllegalMove, check_move
from trading.engine.units import MICRO, cost_up, proceeds_down
from trading.engine.units import text_from_micro as text

__all__ = [
    "SET_ENDS",
    "SET_MOVES",
    "Complete",
    "HeldLeg",
    "Hold",
    "IllegalMove",
    "LegAction",
    "LegOrder",
    "MissingLeg",
    "Unwind",
    "decide_leg_action",
    "move",
]

_S = SetState

SET_MOVES: dict[SetState, frozenset[SetState]] = {
    _S.SEEN: frozenset({_S.CONFIRMED}),
    _S.CONFIRMED: frozenset({_S.ALLOWED}),
    _S.ALLOWED: frozenset({_S.INTENT}),
    # ABANDONED: no order left us. UNKNOWN: a crash, and nobody knows whether one did.
    _S.INTENT: frozenset({_S.SUBMITTED, _S.UNKNOWN, _S.ABANDONED}),
    _S.SUBMITTED: frozenset({_S.BOTH_MATCHED, _S.ONE_MATCHED, _S.NONE_MATCHED, _S.UNKNOWN}),
    # By look-up of the order hashes, never by time.
    _S.UNKNOWN: frozenset({_S.BOTH_MATCHED, _S.ONE_MATCHED, _S.NONE_MATCHED}),
    _S.BOTH_MATCHED: frozenset({_S.SETTLING}),
    # BOTH_MATCHED: the other fill was only late. SETTLING: what matched has to be confirmed before
    # anything is bought for it, or a fill that never settles is completed into a second one.
    _S.ONE_MATCHED: frozenset(
        {_S.BOTH_MATCHED, _S.SETTLING, _S.COMPLETING, _S.UNWINDING, _S.EXPOSED}
    ),
    # A fill can arrive after the venue's word that there was none.
    _S.NONE_MATCHED: frozenset({_S.ABANDONED, _S.ONE_MATCHED, _S.BOTH_MATCHED}),
    # FAILED_LEG: a fill failed, or the legs turned out unequal. EXPOSED: not confirmed in its time.
    _S.SETTLING: frozenset({_S.SETTLED, _S.FAILED_LEG, _S.EXPOSED}),
    # REDEEMED: the market resolved first, or the set was bought to be held.
    _S.SETTLED: frozenset({_S.MERGING, _S.REDEEMED}),
    # ABANDONED: every leg failed to settle, so nothing was ever bought. SETTLING: a late fill came
    # while the books were waited for.
    _S.FAILED_LEG: frozenset({_S.COMPLETING, _S.UNWINDING, _S.EXPOSED, _S.ABANDONED, _S.SETTLING}),
    # SETTLING: the missing shares were bought. FAILED_LEG: a fill failed meanwhile.
    _S.COMPLETING: frozenset({_S.SETTLING, _S.FAILED_LEG, _S.UNWINDING, _S.EXPOSED}),
    # SETTLING: the surplus was sold and a smaller complete set is left.
    _S.UNWINDING: frozenset({_S.UNWOUND, _S.SETTLING, _S.FAILED_LEG, _S.EXPOSED}),
    _S.EXPOSED: frozenset({_S.COMPLETING, _S.UNWINDING, _S.SETTLED, _S.REDEEMED}),
    # MERGING: it was handed over. SETTLED: the merge failed and can be tried again. EXPOSED: it did
    # neither in its time.
    _S.MERGING: frozenset({_S.MERGING, _S.MERGED, _S.SETTLED, _S.REDEEMED, _S.EXPOSED}),
    _S.MERGED: frozenset(),
    _S.REDEEMED: frozenset(),
    _S.UNWOUND: frozenset(),
    _S.ABANDONED: frozenset(),
}

SET_ENDS = frozenset(state for state, allowed in SET_MOVES.items() if not allowed)


def move(state: SetState, to: SetState) -> SetState:
    """Return the new state; raises IllegalMove when the table does not lead there."""
    check_move(SET_MOVES, state, to)
    return to


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLeg:
    """Shares of one leg that wait for others: what they cost with fees, and who would buy them."""

    token_id: str
    size_micro: int
    cost_micro: int
    bids: tuple[tuple[int, int], ...]  # best first, price_micro and size_micro
    fee: FeeSchedule
    tick_micro: int
    min_order_size_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingLeg:
    """Shares of one leg that are wanted to make sets whole, and who would sell them."""

    token_id: str
    size_micro: int
    asks: tuple[tuple[int, int], ...]  # best first, price_micro and size_micro
    fee: FeeSchedule
    tick_micro: int
    min_order_size_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOrder:
    """One order to send now: so many shares at no worse than the limit.

    `amount_micro` is the most that a BUY can cost, or the least that a SELL can bring, with fees.
    """

    token_id: str
    size_micro: int
    limit_micro: int
    amount_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """Buy the missing shares. `loss_micro` is the worst that can come of it, negative: a profit."""

    orders: tuple[LegOrder, ...]
    loss_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwind:
    """Sell what is held. `loss_micro` is the worst that can come of it."""

    orders: tuple[LegOrder, ...]
    loss_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Do nothing with the shares and tell people why."""

    reason: str


LegAction: TypeAlias = Complete | Unwind | Hold


def decide_leg_action(
    held: Sequence[HeldLeg],
    missing: Sequence[MissingLeg],
    *,
    size_micro: int,
    payout_micro: int,
    leg_loss_max_micro: int,
    may_complete: bool = True,
) -> LegAction:
    """Return what to do with shares that lack their counterparts.

    `size_micro` is how many sets there are once every missing share is bought, `payout_micro` what
    one of them pays. Losses are counted as if every share were traded at its order's limit and what
    stays over were worth nothing, so orders that fill never lose more, at whatever price they do.
    Without `may_complete` nothing is bought: it was tried, or there is no money for it.
    Raises ValueError when nothing is held or nothing is missing: then nothing is to be decided.
    """
    if not held or not missing:
        raise ValueError("a leg policy is asked only when something is held and something missing")
    held_micro = sum(leg.cost_micro for leg in held)
    complete = _complete(missing, held_micro, size_micro, payout_micro) if may_complete else None
    if complete is not None and complete.loss_micro <= leg_loss_max_micro:
        return complete
    unwind = _unwind(held, held_micro)
    if unwind is not None and unwind.loss_micro <= leg_loss_max_micro:
        return unwind
    completing = _loss_text(complete) if may_complete else "is ruled out"
    return Hold(
        reason=f"completing {completing}, selling {_loss_text(unwind)}; "
        f"a loss of {text(leg_loss_max_micro)} dollars is allowed"
    )


def _loss_text(action: Complete | Unwind | None) -> str:
    if action is None:
        return "is not possible in this book"
    return f"could lose {text(action.loss_micro)} dollars"


def _complete(
    missing: Sequence[MissingLeg], held_micro: int, size_micro: int, payout_micro: int
) -> Complete | None:
    """Return the orders that buy what is missing, or None when one leg cannot be bought."""
    orders = []
    dust_micro = 0
    for leg in missing:
        order = _buy(leg)
        if order is None:
            return None
        orders.append(order)
        dust_micro = max(dust_micro, leg.size_micro - order.size_micro)
    bought_micro = sum(order.amount_micro for order in orders)
    loss_micro = held_micro + bought_micro - proceeds_down(payout_micro, size_micro - dust_micro)
    return Complete(orders=tuple(orders), loss_micro=loss_micro)


def _buy(leg: MissingLeg) -> LegOrder | None:
    """Return the order that buys most of the missing shares, at the best limit that does.

    The size is cut to whole cents at the limit, as the venue wants it: dust is left, not a refusal.
    """
    best: LegOrder | None = None
    reached_micro = 0
    for price_micro, level_micro in leg.asks:
        before_micro = reached_micro
        reached_micro = min(leg.size_micro, reached_micro + level_micro)
        if reached_micro == before_micro:
            break
        if not is_on_tick(price_micro, leg.tick_micro):
            continue
        grid_micro = size_grid_micro((price_micro,), leg.tick_micro)
        buy_micro = floor_to_grid(reached_micro, grid_micro)
        if buy_micro <= before_micro or buy_micro < leg.min_order_size_micro:
            continue
        if price_micro * buy_micro < BUY_NOTIONAL_MIN_MICRO * MICRO:
            continue
        if best is None or buy_micro > best.size_micro:
            cost_micro = cost_up(price_micro, buy_micro)
            fee_micro = fee_ceiling(leg.fee, price_micro, buy_micro)
            best = LegOrder(
                token_id=leg.token_id,
                size_micro=buy_micro,
                limit_micro=price_micro,
                amount_micro=cost_micro + fee_micro,
            )
    return best


def _unwind(held: Sequence[HeldLeg], held_micro: int) -> Unwind | None:
    """Return the orders that sell what can be sold, or None when nothing can."""
    orders = tuple(order for leg in held if (order := _sell(leg)) is not None)
    if not orders:
        return None
    return Unwind(
        orders=orders, loss_micro=held_micro - sum(order.amount_micro for order in orders)
    )


def _sell(leg: HeldLeg) -> LegOrder | None:
    """Return the order that is sure to bring most, or None when the venue takes none."""
    best: LegOrder | None = None
    reached_micro = 0
    for price_micro, level_micro in leg.bids:
        reached_micro = min(leg.size_micro, reached_micro + level_micro)
        sell_micro = floor_to_grid(reached_micro, SHARE_STEP_MICRO)
        if sell_micro < max(leg.min_order_size_micro, SHARE_STEP_MICRO):
            continue
        if not is_on_tick(price_micro, leg.tick_micro):
            continue
        fee_micro = fee_ceiling(leg.fee, price_micro, sell_micro)
        amount_micro = proceeds_down(price_micro, sell_micro) - fee_micro
        if amount_micro > (0 if best is None else best.amount_micro):
            best = LegOrder(
                token_id=leg.token_id,
                size_micro=sell_micro,
                limit_micro=price_micro,
                amount_micro=amount_micro,
            )
        if reached_micro == leg.size_micro:
            break
    return best
