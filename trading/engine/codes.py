"""Every word the engine decides with: refusals, states, modes. One member per cause.

The values are stored in the database and shown on pages: rename one and old rows lose their
meaning.
"""

from enum import StrEnum


class Mode(StrEnum):
    """How orders leave the engine. Chosen once per session and never changed in it."""

    SHADOW = "SHADOW"  # paper fills by rule from the real book
    LIVE = "LIVE"


class Strategy(StrEnum):
    """Which complete set is bought."""

    PAIR = "PAIR"  # one YES and one NO of one condition
    NEG_RISK_NO = "NEG_RISK_NO"  # one NO of every outcome, convertible at once
    NEG_RISK_YES = "NEG_RISK_YES"  # one YES of every outcome, held to resolution


class Stage(StrEnum):
    """How far an opportunity came in the funnel."""

    SEEN = "SEEN"
    CONFIRMED = "CONFIRMED"
    ALLOWED = "ALLOWED"
    SUBMITTED = "SUBMITTED"


class Refusal(StrEnum):
    """Why an opportunity was not taken. One code per cause, in the order of asking."""

    # Is the gap real?
    LEGS_NOT_SAME_INSTANT = "LEGS_NOT_SAME_INSTANT"
    BOOK_STALE = "BOOK_STALE"
    BOOK_RESYNCING = "BOOK_RESYNCING"
    FEED_DOWN = "FEED_DOWN"
    # Is the market one that we trade?
    MARKET_CLOSED = "MARKET_CLOSED"
    MARKET_ENDING = "MARKET_ENDING"
    MARKET_DELAYED = "MARKET_DELAYED"
    UNKNOWN_PROTOCOL = "UNKNOWN_PROTOCOL"
    UNKNOWN_FEE = "UNKNOWN_FEE"
    UNKNOWN_TICK = "UNKNOWN_TICK"
    NEG_RISK_AUGMENTED = "NEG_RISK_AUGMENTED"
    NEG_RISK_INCOMPLETE = "NEG_RISK_INCOMPLETE"
    TOO_MANY_LEGS = "TOO_MANY_LEGS"
    STRATEGY_DISABLED = "STRATEGY_DISABLED"
    # Is it worth it?
    NO_DEPTH = "NO_DEPTH"
    ALREADY_TAKEN = "ALREADY_TAKEN"
    EDGE_NOT_POSITIVE = "EDGE_NOT_POSITIVE"
    BELOW_MIN_PROFIT = "BELOW_MIN_PROFIT"
    BELOW_VENUE_MINIMUM = "BELOW_VENUE_MINIMUM"
    # Does risk allow it?
    HALTED = "HALTED"
    KILL_SWITCH = "KILL_SWITCH"
    NO_MANDATE = "NO_MANDATE"
    NOT_RECONCILED = "NOT_RECONCILED"
    SIGNER_DOWN = "SIGNER_DOWN"
    USER_CHANNEL_DOWN = "USER_CHANNEL_DOWN"
    HEARTBEAT_LOST = "HEARTBEAT_LOST"
    VENUE_RATE_LIMIT = "VENUE_RATE_LIMIT"
    VENUE_MODE = "VENUE_MODE"
    BREAKER_OPEN = "BREAKER_OPEN"
    BREAKER_PROBING = "BREAKER_PROBING"
    ATTEMPT_IN_PROGRESS = "ATTEMPT_IN_PROGRESS"
    COOLDOWN = "COOLDOWN"
    LEG_EXPOSED = "LEG_EXPOSED"
    TRADE_SIZE_LIMIT = "TRADE_SIZE_LIMIT"
    POSITION_LIMIT = "POSITION_LIMIT"
    DAILY_LOSS_LIMIT = "DAILY_LOSS_LIMIT"
    SLIPPAGE_LIMIT = "SLIPPAGE_LIMIT"
    GAS_COST_LIMIT = "GAS_COST_LIMIT"
    BALANCE_TOO_LOW = "BALANCE_TOO_LOW"
    BALANCE_UNKNOWN = "BALANCE_UNKNOWN"


# Why live orders cannot be trusted to work now: what AccessChanged may name.
ACCESS_PROBLEMS = frozenset(
    {
        Refusal.NOT_RECONCILED,
        Refusal.SIGNER_DOWN,
        Refusal.USER_CHANNEL_DOWN,
        Refusal.HEARTBEAT_LOST,
        Refusal.VENUE_RATE_LIMIT,
    }
)


class VenueMode(StrEnum):
    """What the venue accepts now. Anything but OPEN refuses new sets."""

    OPEN = "OPEN"
    RESTARTING = "RESTARTING"
    POST_ONLY = "POST_ONLY"
    CANCEL_ONLY = "CANCEL_ONLY"
    DISABLED = "DISABLED"
    UNKNOWN = "UNKNOWN"


class MarketState(StrEnum):
    """Whether a market can be traded."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    RESOLVED = "RESOLVED"


class Side(StrEnum):
    """The side of an order."""

    BUY = "BUY"
    SELL = "SELL"


class OrderState(StrEnum):
    """The life of one order; the allowed moves are in orders.py."""

    INTENT = "INTENT"
    SUBMITTED = "SUBMITTED"
    RESTING = "RESTING"
    MATCHED = "MATCHED"
    PARTIAL = "PARTIAL"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


class TradeState(StrEnum):
    """The settlement of one trade (fill), in the venue's words."""

    MATCHED = "MATCHED"
    MINED = "MINED"
    RETRYING = "RETRYING"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


class SetState(StrEnum):
    """The life of one set; the allowed moves are in legs.py."""

    SEEN = "SEEN"
    CONFIRMED = "CONFIRMED"
    ALLOWED = "ALLOWED"
    INTENT = "INTENT"
    SUBMITTED = "SUBMITTED"
    BOTH_MATCHED = "BOTH_MATCHED"
    ONE_MATCHED = "ONE_MATCHED"
    NONE_MATCHED = "NONE_MATCHED"
    UNKNOWN = "UNKNOWN"
    SETTLING = "SETTLING"
    SETTLED = "SETTLED"
    FAILED_LEG = "FAILED_LEG"
    COMPLETING = "COMPLETING"
    UNWINDING = "UNWINDING"
    EXPOSED = "EXPOSED"
    MERGING = "MERGING"
    MERGED = "MERGED"
    REDEEMED = "REDEEMED"
    UNWOUND = "UNWOUND"
    ABANDONED = "ABANDONED"


class BreakerState(StrEnum):
    """The circuit breaker."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Account(StrEnum):
    """The accounts of the double-entry ledger."""

    CASH = "CASH"
    RESERVED = "RESERVED"
    YES = "YES"
    NO = "NO"
    MERGED = "MERGED"
    REDEEMED = "REDEEMED"
    FEES = "FEES"
    GAS = "GAS"
    REALISED = "REALISED"
    CAPITAL = "CAPITAL"  # where the opening balance comes from
