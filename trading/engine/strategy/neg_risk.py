"""One NO, or one YES, of every outcome of a neg-risk event, of which exactly one comes true.

Of n NO shares all but one pay, so the set is worth n - 1 dollars and can be converted into them at
once. Of n YES shares one pays, so the set is worth one dollar at resolution.
"""

from collections.abc import Sequence

from trading.engine.codes import Refusal
from trading.engine.market import LEGS_MAX
from trading.engine.outcome import Refused
from trading.engine.units import MICRO
from trading.engine.walk import Bounds, LegBook, Walk, walk_sets

OUTCOMES_MIN = 2


def decide_neg_risk(
    legs: Sequence[LegBook], *, outcomes_total: int, augmented: bool, side: str, bounds: Bounds
) -> Walk | Refused:
    """Return the sets to buy of one token of every outcome, or why none. `side` is YES or NO.

    An augmented event may get outcomes later, and a set that misses one is a bet: both are refused.
    Raises ValueError on another side, or when the bounds do not carry the payout of this set.
    """
    if side not in {"YES", "NO"}:
        raise ValueError(f"a neg-risk set is of YES or of NO, not of {side!r}")
    if augmented:
        return Refused(Refusal.NEG_RISK_AUGMENTED, "outcomes may still be added to this event")
    if outcomes_total > LEGS_MAX:
        return Refused(
            Refusal.TOO_MANY_LEGS,
            f"{outcomes_total} legs; the venue takes at most {LEGS_MAX} orders in a batch",
        )
    if len(legs) != outcomes_total or outcomes_total < OUTCOMES_MIN:
        return Refused(
            Refusal.NEG_RISK_INCOMPLETE,
            f"{len(legs)} of {outcomes_total} outcomes are known; all, and two or more, are needed",
        )
    payout_micro = (outcomes_total - 1) * MICRO if side == "NO" else MICRO
    if bounds.payout_micro != payout_micro:
        raise ValueError(f"this set pays {payout_micro} micro dollars, not {bounds.payout_micro}")
    return walk_sets(legs, bounds)
