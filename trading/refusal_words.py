"""What each refusal means, and what would change it."""

from types import MappingProxyType

from trading.engine.codes import Refusal
from trading.words import BAD, QUIET, WARN, Wording

_R = Refusal
REFUSALS = MappingProxyType(
    {
        _R.LEGS_NOT_SAME_INSTANT: Wording(
            "Two different instants",
            "The two books were of different moments, so the gap may never have existed.",
            "Nothing to do: both books are read again, and a real gap is seen again.",
            QUIET,
        ),
        _R.BOOK_STALE: Wording(
            "Book too old",
            "A book had been silent for longer than the profile accepts.",
            "A fresh message for both books; BOOK_AGE_MS_MAX says how old one may be.",
            WARN,
        ),
        _R.BOOK_RESYNCING: Wording(
            "Book being read anew",
            "A book was broken and waits for its snapshot.",
            "Nothing to do: the snapshot is asked for already.",
            WARN,
        ),
        _R.FEED_DOWN: Wording(
            "Feed down",
            "The market feed was not connected, so every book was of the past.",
            "The feed reconnects by itself; if it does not, look at the network and the venue.",
            BAD,
        ),
        _R.MARKET_CLOSED: Wording(
            "Market closed",
            "The market takes no orders.",
            "Nothing: it does not open again.",
            QUIET,
        ),
        _R.MARKET_ENDING: Wording(
            "Market about to end",
            "Too little time was left to fill both legs and settle.",
            "ENDING_GUARD_MS says how much time has to be left.",
            QUIET,
        ),
        _R.MARKET_DELAYED: Wording(
            "Matching is delayed",
            "The venue holds orders back in this market, and prices move meanwhile.",
            "DELAYED_MARKETS_ENABLED would allow it; no planned phase does.",
            QUIET,
        ),
        _R.UNKNOWN_PROTOCOL: Wording(
            "Unknown protocol",
            "The market runs on a protocol that this engine cannot sign for.",
            "A version of the engine that knows the protocol.",
            WARN,
        ),
        _R.UNKNOWN_FEE: Wording(
            "Fee not known",
            "The market's fee schedule is not known, so neither is the edge.",
            "The schedule in the venue's market data; a fee is never guessed.",
            WARN,
        ),
        _R.UNKNOWN_TICK: Wording(
            "Tick not known",
            "A price or the market's tick is not one that the venue uses.",
            "A fresh description of the market from the venue.",
            WARN,
        ),
        _R.NEG_RISK_AUGMENTED: Wording(
            "Outcomes may be added",
            "The event can grow another outcome, so the set would not be complete.",
            "Nothing: such events are never traded.",
            QUIET,
        ),
        _R.NEG_RISK_INCOMPLETE: Wording(
            "Not every outcome is watched",
            "A set over an event needs all of its outcomes, and some are not watched.",
            "Watch every market of the event.",
            QUIET,
        ),
        _R.TOO_MANY_LEGS: Wording(
            "Too many legs",
            "The set has more legs than the venue takes orders in one batch.",
            "Nothing: the venue sets this bound.",
            QUIET,
        ),
        _R.STRATEGY_DISABLED: Wording(
            "Strategy switched off",
            "The profile in force does not enable this kind of set.",
            "ATOMIC_ARBITRAGE_ENABLED or NEGRISK_ARBITRAGE_ENABLED in an applied revision.",
            QUIET,
        ),
        _R.NO_DEPTH: Wording(
            "Not enough on offer",
            "No size that the venue takes was on offer on every leg within the slippage bound.",
            "More shares at these prices, or a looser MAX_SLIPPAGE.",
            QUIET,
        ),
        _R.ALREADY_TAKEN: Wording(
            "Taken by ourselves",
            "Our own paper fills had taken this liquidity, and the book had not changed since.",
            "Nothing to do: the book's next change ends it.",
            QUIET,
        ),
        _R.EDGE_NOT_POSITIVE: Wording(
            "Nothing left after costs",
            "Fees, gas and the slippage allowance ate the whole gap.",
            "A wider gap, or prices nearer to 0 or 1, where the fee is smaller.",
            QUIET,
        ),
        _R.BELOW_MIN_PROFIT: Wording(
            "Below the least profit",
            "Something was left after all costs, and less than the profile asks for.",
            "A wider gap, or a lower MIN_PROFIT_THRESHOLD in an applied revision.",
            QUIET,
        ),
        _R.BELOW_VENUE_MINIMUM: Wording(
            "Trade size below the venue's minimum",
            "The smallest set that the venue takes costs more than one set may cost.",
            "A larger TRADE_SIZE, up to the ceiling of the phase.",
            WARN,
        ),
        _R.HALTED: Wording(
            "Halted",
            "Trading was halted.",
            "Find out why on the mandate's page, then resume there.",
            BAD,
        ),
        _R.KILL_SWITCH: Wording(
            "Kill switch",
            "The kill file was there: this machine trades nothing.",
            "Resume on the mandate's page, which also removes the file.",
            BAD,
        ),
        _R.NO_MANDATE: Wording(
            "Not asked to trade",
            "The mandate did not ask the engine to trade.",
            "Start the engine on the mandate's page.",
            WARN,
        ),
        _R.NOT_RECONCILED: Wording(
            "Not reconciled",
            "The ledger had not been found equal to the venue and the chain.",
            "The comparison goes on by itself; what differs is shown and has to be explained.",
            BAD,
        ),
        _R.SIGNER_DOWN: Wording(
            "Signer down",
            "The process that holds the key did not answer, so no order could be signed.",
            "Start the signer, or look at its log.",
            BAD,
        ),
        _R.USER_CHANNEL_DOWN: Wording(
            "User channel down",
            "The venue's channel of our own orders was not connected, so fills would come late.",
            "It reconnects by itself; if it does not, look at the network and the venue.",
            BAD,
        ),
        _R.HEARTBEAT_LOST: Wording(
            "Heartbeat lost",
            "The venue did not take our heartbeat and may have cancelled every order.",
            "It is taken up again by itself; if it is not, look at the network and the venue.",
            BAD,
        ),
        _R.VENUE_RATE_LIMIT: Wording(
            "Rate limit of the venue",
            "The venue took no more orders of this account for a while.",
            "Nothing to do: trading goes on when the venue takes orders again.",
            WARN,
        ),
        _R.VENUE_MODE: Wording(
            "Venue not open",
            "The venue was restarting, or took only certain orders.",
            "Nothing to do: trading goes on when the venue is open again.",
            WARN,
        ),
        _R.BREAKER_OPEN: Wording(
            "Circuit breaker open",
            "Too many sets had failed, so no new one was let through.",
            "It probes by itself after BREAKER_OPEN_MS; an operator may reset it sooner.",
            BAD,
        ),
        _R.BREAKER_PROBING: Wording(
            "Circuit breaker probing",
            "One probe was under way, and its outcome decides.",
            "Nothing to do: the probe's success closes the breaker.",
            WARN,
        ),
        _R.ATTEMPT_IN_PROGRESS: Wording(
            "A set is open here",
            "A set of the same market had not ended yet.",
            "Nothing to do: one market has one set at a time.",
            QUIET,
        ),
        _R.COOLDOWN: Wording(
            "Cooling down",
            "A set of this market had only just ended.",
            "COOLDOWN_MS says how long the pause is.",
            QUIET,
        ),
        _R.LEG_EXPOSED: Wording(
            "A leg is exposed",
            "Another set was half filled and could not be completed or sold back.",
            "That set has to end first: its page says what it waits for.",
            BAD,
        ),
        _R.TRADE_SIZE_LIMIT: Wording(
            "Above the trade size",
            "The set would have cost more than one set may.",
            "A larger TRADE_SIZE, up to the ceiling of the phase.",
            QUIET,
        ),
        _R.POSITION_LIMIT: Wording(
            "Position limit reached",
            "With this set more would have been held or pending than the profile allows.",
            "Open sets ending, or a larger MAX_POSITION_SIZE.",
            WARN,
        ),
        _R.DAILY_LOSS_LIMIT: Wording(
            "Daily loss limit reached",
            "With this set today's loss could have passed the limit.",
            "The next UTC day, or a larger MAX_DAILY_LOSS in an applied revision.",
            BAD,
        ),
        _R.SLIPPAGE_LIMIT: Wording(
            "Too deep in the book",
            "The set would have reached prices too far behind the best ones.",
            "More shares near the best price, or a looser MAX_SLIPPAGE.",
            QUIET,
        ),
        _R.GAS_COST_LIMIT: Wording(
            "Gas too dear",
            "The gas of the merge would have cost more than the profile allows.",
            "Cheaper gas, or a larger MAX_GAS_COST.",
            WARN,
        ),
        _R.BALANCE_TOO_LOW: Wording(
            "Not enough cash",
            "The spendable cash did not cover the set, its gas and what has to stay.",
            "Open sets ending, more collateral, or a lower BALANCE_MIN.",
            WARN,
        ),
        _R.BALANCE_UNKNOWN: Wording(
            "Cash not known",
            "Nobody could say how much cash there was, and unknown never counts as enough.",
            "A balance that the engine could read.",
            BAD,
        ),
    }
)
