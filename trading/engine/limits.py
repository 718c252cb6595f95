"""What the engine may do, as plain integers. Made from a profile revision, never edited.

Amounts are micro dollars, sizes micro shares, ratios millionths (0.01 is 10_000), times
milliseconds.
"""

from dataclasses import dataclass

from trading.engine.units import MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All bounds of one profile revision over the base configuration.

    The defaults are the tightest that still describe something: a limit that was forgotten refuses.
    """

    trade_size_micro: int = 0  # the most one set may cost, all legs and fees together
    min_profit_ratio_micro: int = MICRO  # net profit divided by the set's cost
    position_max_micro: int = 0  # cost of everything held or pending at once
    daily_loss_max_micro: int = 0  # realised loss plus worst case of open legs, per UTC day
    slippage_max_ratio_micro: int = 0  # worst level walked against the best one, per leg
    gas_cost_max_micro: int = 0  # most gas that one set may cost
    balance_min_micro: int = 0  # collateral that stays untouched
    # circuit breaker
    breaker_failures_max: int = 1  # consecutive failed sets that open it
    breaker_fail_ratio_micro: int = 0  # failed share of the last sets that opens it ...
    breaker_sample_min: int = 10  # ... once that many have ended
    breaker_window: int = 50  # how many of the last sets count
    breaker_open_ms: int = 300_000  # after this one probe is let through
    # estimates that are taken off the edge
    gas_per_set_micro: int = 0
    slippage_allowance_ratio_micro: int = 0  # share of the set's cost
    # strategies
    pair_enabled: bool = False
    neg_risk_enabled: bool = False
    # ages and deadlines
    book_age_ms_max: int = 5_000  # a book that was silent for longer is stale
    resync_every_ms: int = 3_000  # at most one snapshot request per market in this time
    cooldown_ms: int = 1_000  # after a set ended, before the next one in the same market
    ending_guard_ms: int = 5_000  # no new set this long before the market's end
    submit_deadline_ms: int = 10_000
    complete_deadline_ms: int = 10_000
    unwind_deadline_ms: int = 30_000
    merge_deadline_ms: int = 300_000
    settle_deadline_ms: int = 120_000  # live: what matched is confirmed, or has failed, by then
    leg_loss_max_micro: int = 0  # what completing or unwinding one set may lose
    # restrictions
    delayed_markets: bool = False  # markets with seconds_delay or taker_delay_ms may be traded
    raise_to_minimum: bool = False  # paper only: raise to the venue's smallest set, marked
    live_ceiling_micro: int = 0  # 0: none; the phase's ceiling on trade_size
