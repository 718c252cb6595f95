"""What the engine's codes mean to a person: a label, one sentence, and what would change it.

Every page that shows a code takes its words from here, so that one code never has two meanings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trading.engine.codes import OrderState, Refusal, SetState, Stage, TradeState
from trading.models import EngineSession

GOOD, WARN, BAD, QUIET, NONE = "good", "warn", "bad", "quiet", ""


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one code. `remedy` is empty where nothing has to be changed."""

    label: str
    meaning: str
    remedy: str = ""
    tone: str = NONE

    @property
    def why(self) -> str:
        """Return the cause as one text: what it means, and what would change it."""
        return f"{self.meaning} {self.remedy}".strip()


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
            "End that set first: the list of sets shows it as exposed.",
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

STAGES = MappingProxyType(
    {
        Stage.SEEN: Wording(
            "Seen", "The books showed a gap; nobody had checked it yet.", "", QUIET
        ),
        Stage.CONFIRMED: Wording(
            "Confirmed", "Both books were of one instant, so the gap was real.", "", NONE
        ),
        Stage.ALLOWED: Wording("Allowed", "It was worth it and no limit forbade it.", "", NONE),
        Stage.SUBMITTED: Wording("Submitted", "Orders for every leg were sent.", "", GOOD),
    }
)

_S = SetState
SETS = MappingProxyType(
    {
        _S.SEEN: Wording("Seen", "The gap was seen.", "", QUIET),
        _S.CONFIRMED: Wording("Confirmed", "The gap was real.", "", QUIET),
        _S.ALLOWED: Wording("Allowed", "Risk allowed the set.", "", QUIET),
        _S.INTENT: Wording("Intent", "The orders are written down and not yet sent.", "", NONE),
        _S.SUBMITTED: Wording("Submitted", "The orders are with the venue.", "", NONE),
        _S.BOTH_MATCHED: Wording("Matched", "Every leg was matched.", "", NONE),
        _S.ONE_MATCHED: Wording(
            "One leg matched",
            "One leg was matched and the other was not, which is a risk.",
            "The engine completes it, sells it back, or holds it, in this order.",
            WARN,
        ),
        _S.NONE_MATCHED: Wording("None matched", "No leg was matched.", "", QUIET),
        _S.UNKNOWN: Wording(
            "Not known",
            "It is not known what the venue did with the orders.",
            "The engine looks them up by their hash; nothing is sent again before.",
            WARN,
        ),
        _S.SETTLING: Wording("Settling", "The matches wait for their settlement.", "", NONE),
        _S.SETTLED: Wording("Settled", "Every share has arrived.", "", NONE),
        _S.FAILED_LEG: Wording(
            "Settlement failed",
            "A matched leg failed to settle.",
            "The engine completes the set or sells back what it holds.",
            WARN,
        ),
        _S.COMPLETING: Wording("Completing", "The missing leg is being bought.", "", WARN),
        _S.UNWINDING: Wording("Selling back", "The leg that is held is being sold.", "", WARN),
        _S.EXPOSED: Wording(
            "Exposed",
            "One leg is held and could be neither completed nor sold within the loss bound.",
            "Decide by hand; new sets are refused until it has ended.",
            BAD,
        ),
        _S.MERGING: Wording("Merging", "The set is being turned back into dollars.", "", NONE),
        _S.MERGED: Wording("Merged", "The set was turned back into dollars.", "", GOOD),
        _S.REDEEMED: Wording("Redeemed", "The market resolved, and the set was paid.", "", GOOD),
        _S.UNWOUND: Wording("Sold back", "What had been bought was sold again.", "", WARN),
        _S.ABANDONED: Wording("Abandoned", "It ended without anything being bought.", "", QUIET),
    }
)

_O = OrderState
ORDERS = MappingProxyType(
    {
        _O.INTENT: Wording("Intent", "Written down with its hash, not yet sent."),
        _O.SUBMITTED: Wording("Submitted", "Sent; the venue has not answered yet."),
        _O.RESTING: Wording("Resting", "The venue took it, and it waits in the book.", "", WARN),
        _O.MATCHED: Wording("Matched", "Filled in full, waiting for settlement."),
        _O.PARTIAL: Wording("Partly matched", "Filled in part, the rest is over.", "", WARN),
        _O.CANCELLED: Wording("Cancelled", "Over, without a fill.", "", QUIET),
        _O.REFUSED: Wording(
            "Refused", "The venue did not take it.", "The reason says what it asked for.", WARN
        ),
        _O.UNKNOWN: Wording(
            "Not known",
            "It is not known what became of it.",
            "It is looked up by its hash and never sent again.",
            WARN,
        ),
        _O.CONFIRMED: Wording("Confirmed", "Filled and settled: the shares are there.", "", GOOD),
        _O.FAILED: Wording(
            "Failed",
            "Matched, but the settlement failed.",
            "The set's page says what followed.",
            BAD,
        ),
    }
)

TRADES = MappingProxyType(
    {
        TradeState.MATCHED: Wording("Matched", "Matched; not a fill before it is confirmed."),
        TradeState.MINED: Wording("Mined", "In a block, not yet final."),
        TradeState.RETRYING: Wording("Retrying", "The venue settles it again.", "", WARN),
        TradeState.CONFIRMED: Wording("Confirmed", "Settled: the shares are there.", "", GOOD),
        TradeState.FAILED: Wording("Failed", "It did not settle: nothing was bought.", "", BAD),
    }
)

_E = EngineSession.State
ENGINES = MappingProxyType(
    {
        _E.STARTING: Wording(
            "Starting", "The engine reads its state and waits for books.", "", WARN
        ),
        _E.TRADING: Wording("Trading", "The engine watches and may buy sets.", "", GOOD),
        _E.HALTED: Wording(
            "Halted", "The engine runs and buys nothing.", "Resume on the mandate's page.", BAD
        ),
        _E.BLIND: Wording(
            "Blind",
            "The engine runs, and no book is fresh.",
            "The feed coming back; if it does not, look at the network and the venue.",
            WARN,
        ),
        _E.STOPPED: Wording("Stopped", "It ended in order.", "", QUIET),
        _E.CRASHED: Wording(
            "Crashed",
            "It ended out of order; another worker takes over and looks its orders up.",
            "The reason beside it says what happened.",
            BAD,
        ),
        _E.FENCED: Wording(
            "Fenced off",
            "It lost its lease to another worker and may write nothing more.",
            "Nothing to do: the newer session goes on.",
            WARN,
        ),
    }
)


def of(table: Mapping[Any, Wording], code: str) -> Wording:
    """Return the words of a stored code; one of another version is shown as it is."""
    found = table.get(code)
    if found is not None:
        return found
    label = code.replace("_", " ").capitalize() if code else "Not known"
    return Wording(label, "This version has no words for this code.", "", WARN)


def refusal_text(code: str) -> Wording:
    """Return the words of a refusal."""
    return of(REFUSALS, code)


def set_text(state: str) -> Wording:
    """Return the words of a set's state."""
    return of(SETS, state)


def stage_label(stage: str) -> str:
    """Return how a stage of the funnel is called."""
    return of(STAGES, stage).label
