"""What the engine knows about a market: tokens, tick, minimum, fee schedule, restrictions."""

from dataclasses import dataclass

# Ticks that the venue uses, in micro dollars: 0.1, 0.01, 0.005, 0.0025, 0.001, 0.0001.
# Source: official clients (py-clob-client-v2 1.2.1, polymarket-client 0.14.0).
TICKS_MICRO = (100_000, 10_000, 5_000, 2_500, 1_000, 100)

LEGS_MAX = 15  # the venue takes at most 15 orders in one batch


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSchedule:
    """The taker fee of one market: shares * rate * (price * (1 - price)) ** exponent, in pUSD.

    Taken from /clob-markets `fd` or Gamma `feeSchedule`, never from /fee-rate, which says 1000 for
    every market. A market without any fee has rate 0; a market whose fee is unknown has no schedule
    at all (None in MarketSpec) and is refused.
    """

    rate_micro: int
    exponent: int
    taker_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSpec:
    """One binary condition. `token_ids` holds the first outcome (YES) and the second (NO)."""

    condition_id: str
    token_ids: tuple[str, str]
    tick_micro: int
    min_order_size_micro: int
    fee: FeeSchedule | None  # None: unknown, so never traded
    protocol: str = "v1"
    neg_risk_event_id: str = ""  # empty when the market is not part of a neg-risk event
    neg_risk_legs: int = 0  # how many outcomes the neg-risk event has in total
    neg_risk_augmented: bool = False
    accepting_orders: bool = True
    seconds_delay: int = 0  # the venue answers "delayed" and matches later (sports)
    taker_delay_ms: int = 0  # the venue holds marketable orders this long (crypto)
    end_ms: int | None = None
