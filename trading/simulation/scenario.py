"""What a run is like before anything goes wrong in it: drawn from the seed, or told by a test."""

from dataclasses import dataclass, field, replace

from trading.engine.limits import Limits
from trading.engine.units import MICRO
from trading.simulation.chance import stream
from trading.simulator.flow import FlowSettings
from trading.simulator.settlement import SettlementSettings

START_MS = 1_795_348_800_000  # noon of a day in 2026
CAPITAL_MICRO = 1_000 * MICRO

# Gaps come often and pay well, so that most of a run is spent with orders.
BUSY_FLOW = FlowSettings(
    step_ms_min=80,
    step_ms_max=500,
    makers=2,
    levels=4,
    drift_micro_max=6_000,
    size_micro_min=10 * MICRO,
    size_micro_max=80 * MICRO,
    taker_micro=100_000,
    taker_size_micro_max=60 * MICRO,
    crossing_micro=240_000,
    crossing_ms=1_200,
    crossing_edge_micro=40_000,
    crossing_size_micro=25 * MICRO,
    lag_micro=20_000,
)
QUICK_SETTLEMENT = SettlementSettings(
    mined_ms_min=200,
    mined_ms_max=1_200,
    confirmed_ms_min=200,
    confirmed_ms_max=1_500,
    retrying_ms_min=500,
    retrying_ms_max=5_000,
    retrying_micro=10_000,
    failed_micro=100_000,
    view_lag_ms=300,
    release_lag_ms=500,
)
LIMITS = Limits(
    trade_size_micro=10 * MICRO,
    min_profit_ratio_micro=5_000,
    position_max_micro=40 * MICRO,
    daily_loss_max_micro=60 * MICRO,
    slippage_max_ratio_micro=50_000,
    gas_cost_max_micro=MICRO,
    # Failures are what a simulation is about: they must not stop it.
    breaker_failures_max=1_000,
    breaker_fail_ratio_micro=MICRO,
    breaker_sample_min=1_000,
    breaker_window=1_000,
    pair_enabled=True,
    resync_every_ms=1_000,
    cooldown_ms=300,
    submit_deadline_ms=10_000,
    complete_deadline_ms=5_000,
    unwind_deadline_ms=10_000,
    settle_deadline_ms=30_000,
    merge_deadline_ms=60_000,
    leg_loss_max_micro=2 * MICRO,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long things take when nothing is wrong: from and to, in microseconds."""

    frame_us: tuple[int, int] = (2_000, 30_000)
    news_us: tuple[int, int] = (5_000, 60_000)
    call_us: tuple[int, int] = (3_000, 60_000)  # each way
    sign_us: tuple[int, int] = (100, 2_000)
    disk_us: tuple[int, int] = (500, 8_000)
    commit_us: tuple[int, int] = (1_000, 20_000)
    batch_us: tuple[int, int] = (150_000, 1_200_000)  # until a wallet's batch is on the chain
    restart_us: tuple[int, int] = (300_000, 6_000_000)  # from a death to the next session
    time_out_ms: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One run. Trading lasts `trading_ms`, after which everything has `rest_ms_max` to end."""

    seed: int
    markets: int = 3
    trading_ms: int = 120_000
    rest_ms_max: int = 900_000
    tick_ms: int = 100
    flow: FlowSettings = BUSY_FLOW
    settlement: SettlementSettings = QUICK_SETTLEMENT
    limits: Limits = LIMITS
    delays: Delays = field(default_factory=Delays)
    gas_micro: int = 0  # of each exit; 0 where a relayer pays
    faults: tuple[str, ...] = ()  # their kinds


def draw(seed: int, kinds: tuple[str, ...]) -> Scenario:
    """Return the scenario of a seed: how busy it is, and which of the faults are in it."""
    chance = stream(seed, "scenario")
    count = chance.choice((2, 3, 4, 5, 6, 8, 12, 16))
    faults = tuple(sorted(chance.sample(kinds, min(count, len(kinds)))))
    return replace(
        Scenario(seed=seed),
        markets=chance.randint(3, 5),
        gas_micro=chance.choice((0, 0, 1_234)),
        faults=faults,
    )
