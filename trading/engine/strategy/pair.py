"""One YES and one NO of one condition: together they merge into exactly one dollar."""

from trading.engine.outcome import Refused
from trading.engine.units import MICRO
from trading.engine.walk import Bounds, LegBook, Walk, walk_sets


def decide_pair_buy(yes: LegBook, no: LegBook, bounds: Bounds) -> Walk | Refused:
    """Return the pairs to buy, or why none.

    Raises ValueError unless the bounds say that one pair, not one token, pays one dollar.
    """
    if bounds.payout_micro != MICRO:
        raise ValueError(f"a pair pays {MICRO} micro dollars, not {bounds.payout_micro}")
    return walk_sets((yes, no), bounds)
