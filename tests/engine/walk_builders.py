"""Legs, bounds and outcomes of a walk, with prices, sizes and dollars written as text."""

from trading.engine.market import FeeSchedule
from trading.engine.outcome import Refused
from trading.engine.units import micro_from_text
from trading.engine.walk import Bounds, LegBook, Walk, walk_sets

FREE = FeeSchedule(rate_micro=0, exponent=1)
SPORTS = FeeSchedule(rate_micro=50_000, exponent=1)
POLITICS = FeeSchedule(rate_micro=40_000, exponent=1)


def micro(text: str) -> int:
    return micro_from_text(text)


def leg(token_id, *asks, fee=FREE, tick="0.01", size_min="5"):
    """A leg from asks written as "price x size"."""
    levels = [ask.split(" x ") for ask in asks]
    return LegBook(
        token_id=token_id,
        asks=tuple((micro(price), micro(size)) for price, size in levels),
        fee=fee,
        tick_micro=micro(tick),
        min_order_size_micro=micro(size_min),
    )


def bounds(**changes):
    """Bounds that stand in nobody's way, but for what a test changes; amounts as text."""
    texts = {
        "payout": "1",
        "cost_max": "1000",
        "min_profit_ratio": "0",
        "slippage_max_ratio": "1",
        "slippage_allowance_ratio": "0",
        "gas_per_set": "0",
        **{key: value for key, value in changes.items() if key != "raise_to_minimum"},
    }
    return Bounds(
        raise_to_minimum=changes.get("raise_to_minimum", False),
        **{f"{key}_micro": micro(value) for key, value in texts.items()},
    )


def walked(legs, **changes) -> Walk:
    outcome = walk_sets(legs, bounds(**changes))
    assert isinstance(outcome, Walk), outcome
    return outcome


def refused(legs, **changes) -> Refused:
    outcome = walk_sets(legs, bounds(**changes))
    assert isinstance(outcome, Refused), outcome
    return outcome
