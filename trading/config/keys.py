"""Every key that can be configured: its kind, bounds, safe default, and what it is for.

Bounds are in the exact units of values.py. `ceilings` bind a phase that trades with real money:
section "Profiles and configuration" names some as maxima; where it names none, the value of
the phase's own profile is the most that the phase may have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from trading.config.values import Exact, Kind
from trading.engine.units import MICRO

SHADOW, MICRO_LIVE, CONSTRAINED_LIVE, SCALED_LIVE = range(4)
PLAY_CEILINGS = SCALED_LIVE  # play money rehearses the last phase, and is bound as that is
GWEI = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. `lowest` and `highest` are None for what has no order, `words` only for words."""

    name: str
    kind: Kind
    default: Exact
    help: str
    lowest: int | None = None
    highest: int | None = None
    words: tuple[str, ...] = ()
    ceilings: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    offered: bool = True  # False: may only be off, because this engine has no such thing

    @property
    def unit(self) -> str:
        """Return the unit as people read it."""
        return self.kind.value


def _ceilings(micro: int, constrained: int, scaled: int) -> Mapping[int, int]:
    return MappingProxyType({MICRO_LIVE: micro, CONSTRAINED_LIVE: constrained, SCALED_LIVE: scaled})


def _switch(name: str, text: str, *, default: bool = False, offered: bool = True) -> Key:
    return Key(name=name, kind=Kind.SWITCH, default=default, help=text, offered=offered)


def _time(name: str, default_ms: int, highest_ms: int, text: str, lowest_ms: int = 100) -> Key:
    return Key(
        name=name,
        kind=Kind.MILLISECONDS,
        default=default_ms,
        help=text,
        lowest=lowest_ms,
        highest=highest_ms,
    )


_KEYS = (
    _switch("DRY_RUN", "Paper trading: nothing is sent to the venue.", default=True),
    _switch("PLAY_MONEY", "Live only. On the local venue alone: no phase of real money takes it."),
    Key(
        name="TRADE_SIZE",
        kind=Kind.DOLLARS,
        default=1 * MICRO,
        help="The most that one set may cost, all legs and fees together.",
        lowest=MICRO // 100,
        highest=10_000 * MICRO,
        # Micro-Live may be raised to 6, the venue's smallest set. Nothing is named for
        # Constrained-Live, and what was allowed a phase earlier cannot be forbidden after it.
        ceilings=_ceilings(6 * MICRO, 6 * MICRO, 20 * MICRO),
    ),
    Key(
        name="MIN_PROFIT_THRESHOLD",
        kind=Kind.RATIO,
        default=20_000,
        help="Least net profit after all costs, as a share of the set's cost.",
        lowest=1_000,
        highest=MICRO,
    ),
    Key(
        name="MAX_POSITION_SIZE",
        kind=Kind.DOLLARS,
        default=10 * MICRO,
        help="The most that everything held or pending at once may have cost.",
        lowest=MICRO // 100,
        highest=100_000 * MICRO,
        ceilings=_ceilings(20 * MICRO, 50 * MICRO, 200 * MICRO),
    ),
    Key(
        name="MAX_DAILY_LOSS",
        kind=Kind.DOLLARS,
        default=1 * MICRO,
        help="Realised loss plus the worst case of open legs, in one UTC day, that stops trading.",
        lowest=MICRO // 100,
        highest=10_000 * MICRO,
        ceilings=_ceilings(3 * MICRO, 5 * MICRO, 20 * MICRO),
    ),
    Key(
        name="MAX_SLIPPAGE",
        kind=Kind.RATIO,
        default=20_000,
        help="How much worse than the best price the last level bought may be, on each leg.",
        lowest=0,
        highest=200_000,
    ),
    Key(
        name="MAX_RETRIES",
        kind=Kind.COUNT,
        default=3,
        help="Live only. How often a venue call that surely had no effect is tried again.",
        lowest=0,
        highest=10,
    ),
    Key(
        name="RETRY_DELAY",
        kind=Kind.SECONDS,
        default=1_000,
        help="Live only. Pause before such a retry.",
        lowest=100,
        highest=60_000,
    ),
    Key(
        name="CONSECUTIVE_FAILURES_THRESHOLD",
        kind=Kind.COUNT,
        default=3,
        help="Failed sets in a row that open the circuit breaker.",
        lowest=1,
        highest=100,
    ),
    Key(
        name="FAIL_RATE_THRESHOLD",
        kind=Kind.RATIO,
        default=400_000,
        help="Failed share of the last sets that opens the circuit breaker.",
        lowest=10_000,
        highest=MICRO,
    ),
    Key(
        name="GAS_PRICE_MODE",
        kind=Kind.WORD,
        default="eip1559",
        help="Live only. How the gas price of a transaction is given.",
        words=("eip1559", "legacy"),
    ),
    Key(
        name="MAX_GAS_PRICE",
        kind=Kind.WEI,
        default=500 * GWEI,
        help="Live only. The highest gas price that a transaction may offer. "
        "In wei: 500 gwei is 500e9.",
        lowest=1 * GWEI,
        highest=10_000 * GWEI,
    ),
    Key(
        name="MAX_GAS_COST",
        kind=Kind.DOLLARS,
        default=500_000,
        help="The most that the gas of one set may cost.",
        lowest=0,
        highest=100 * MICRO,
    ),
    Key(
        name="GAS_LIMIT_MULTIPLIER",
        kind=Kind.FACTOR,
        default=1_200_000,
        help="Live only. Gas limit of a transaction, as a multiple of the estimate.",
        lowest=MICRO,
        highest=3 * MICRO,
    ),
    _switch("ATOMIC_ARBITRAGE_ENABLED", "Buy one YES and one NO of the same market."),
    _switch("NEGRISK_ARBITRAGE_ENABLED", "Buy complete sets over the outcomes of one event."),
    _switch("COMBO_ARBITRAGE_ENABLED", "Not part of this engine; must stay off.", offered=False),
    _switch("MARKET_MAKING_ENABLED", "Not part of this engine; must stay off.", offered=False),
    # From here on: the base configuration's own keys.
    Key(
        name="BALANCE_MIN",
        kind=Kind.DOLLARS,
        default=0,
        help="Collateral that stays untouched.",
        lowest=0,
        highest=100_000 * MICRO,
    ),
    Key(
        name="GAS_PER_SET",
        kind=Kind.DOLLARS,
        default=50_000,
        help="Gas that merging one set is expected to cost; taken off the edge.",
        lowest=0,
        highest=100 * MICRO,
    ),
    Key(
        name="SLIPPAGE_ALLOWANCE",
        kind=Kind.RATIO,
        default=5_000,
        help="Expected slippage as a share of the set's cost; taken off the edge.",
        lowest=0,
        highest=200_000,
    ),
    Key(
        name="LEG_LOSS_MAX",
        kind=Kind.DOLLARS,
        default=250_000,
        help="What completing or selling back one half-filled set may lose.",
        lowest=0,
        highest=1_000 * MICRO,
    ),
    Key(
        name="BREAKER_SAMPLE_MIN",
        kind=Kind.COUNT,
        default=10,
        help="Sets that must have ended before their failed share counts.",
        lowest=1,
        highest=1_000,
    ),
    Key(
        name="BREAKER_WINDOW",
        kind=Kind.COUNT,
        default=50,
        help="How many of the last sets the failed share is taken over.",
        lowest=1,
        highest=1_000,
    ),
    _time("BREAKER_OPEN_MS", 300_000, 86_400_000, "How long an open breaker stays open.", 1_000),
    _time("BOOK_AGE_MS_MAX", 5_000, 60_000, "A book that was silent for longer is stale."),
    _time("RESYNC_EVERY_MS", 3_000, 60_000, "Least time between two re-reads of one market."),
    _time("COOLDOWN_MS", 1_000, 3_600_000, "Pause in a market after a set in it ended.", 0),
    _time("ENDING_GUARD_MS", 5_000, 3_600_000, "No new set this long before a market ends.", 0),
    _time("SUBMIT_DEADLINE_MS", 10_000, 60_000, "Time for the venue to answer an order."),
    _time("COMPLETE_DEADLINE_MS", 10_000, 300_000, "Time to buy the missing leg of a set."),
    _time("UNWIND_DEADLINE_MS", 30_000, 300_000, "Time to sell back what a half set holds."),
    _time("MERGE_DEADLINE_MS", 300_000, 3_600_000, "Time for a merge to be mined.", 1_000),
    _switch("DELAYED_MARKETS_ENABLED", "Trade markets where the venue delays takers."),
    _switch("RAISE_TO_MINIMUM", "Paper only: raise to the venue's smallest set, marked."),
)
KEYS: Mapping[str, Key] = MappingProxyType({key.name: key for key in _KEYS})
