"""Short ways to say events in tests."""

from trading.engine.events import BookDelta, BookSnapshot
from trading.engine.limits import Limits
from trading.engine.market import FeeSchedule, MarketSpec
from trading.engine.units import MICRO, micro_from_text

MARKET = "0xmarket"
YES = "1001"
NO = "1002"
NOW_NS = 1_790_000_000_000_000_000
VENUE_MS = 1_790_000_000_000
CRYPTO = FeeSchedule(rate_micro=70_000, exponent=1)
FREE = FeeSchedule(rate_micro=0, exponent=1)


def m(text: str) -> int:
    """Return millionths."""
    return micro_from_text(text)


def spec(condition_id: str = MARKET, **fields: object) -> MarketSpec:
    """Return a market of tick 0.01 without a fee."""
    values: dict[str, object] = {
        "condition_id": condition_id,
        "token_ids": (YES, NO),
        "tick_micro": 10_000,
        "min_order_size_micro": 5 * MICRO,
        "fee": FREE,
    }
    return MarketSpec(**(values | fields))  # type: ignore[arg-type]


def levels(*pairs: str) -> tuple[tuple[int, int], ...]:
    """Return levels from texts such as "0.48x100"."""
    return tuple((m(price), m(size)) for price, size in (pair.split("x") for pair in pairs))


def snapshot(
    token_id: str,
    *,
    bids: tuple[str, ...] = (),
    asks: tuple[str, ...] = (),
    at_ms: int = 0,
    condition_id: str = MARKET,
    from_read: bool = False,
    tick_micro: int | None = None,
) -> BookSnapshot:
    """Return the whole book of a token, `at_ms` after the tests' venue instant."""
    return BookSnapshot(
        condition_id,
        token_id,
        VENUE_MS + at_ms,
        levels(*bids),
        levels(*asks),
        tick_micro,
        from_read,
    )


def delta(
    *tokens: tuple[str, str, str, tuple[str, ...]], at_ms: int = 0, condition_id: str = MARKET
) -> BookDelta:
    """Return changes as (token, best bid, best ask, ("ask 0.48x100", "bid 0.4x0", ...)).

    A best price of "" was not sent.
    """
    parsed = []
    for token_id, bid, ask, changes in tokens:
        best = (m(bid) if bid else -1, m(ask) if ask else -1)
        for change in changes:
            side, level = change.split(" ")
            price, size = level.split("x")
            parsed.append((token_id, side == "ask", m(price), m(size), *best))
    return BookDelta(condition_id, VENUE_MS + at_ms, tuple(parsed))


def limits(**fields: object) -> Limits:
    """Return limits that allow a set of ten dollars at any profit."""
    values: dict[str, object] = {
        "trade_size_micro": 10 * MICRO,
        "min_profit_ratio_micro": 0,
        "position_max_micro": 100 * MICRO,
        "daily_loss_max_micro": 10 * MICRO,
        "slippage_max_ratio_micro": 100_000,
        "gas_cost_max_micro": MICRO,
        "breaker_failures_max": 3,
        "breaker_fail_ratio_micro": 400_000,
        "pair_enabled": True,
        "leg_loss_max_micro": MICRO,
    }
    return Limits(**(values | fields))  # type: ignore[arg-type]
