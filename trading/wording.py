"""What the engine's codes mean to a person: a label, one sentence, and what would change it.

Every page that shows a code takes its words from here, so that one code never has two meanings.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from trading.engine.codes import OrderState, SetState, Stage, TradeState
from trading.halt_words import halt_cause
from trading.models import EngineSession
from trading.reconciling.code_words import finding_text
from trading.refusal_words import REFUSALS
from trading.words import BAD, GOOD, NONE, QUIET, WARN, Wording

__all__ = [
    "BAD",
    "ENGINES",
    "GOOD",
    "NONE",
    "ORDERS",
    "QUIET",
    "REFUSALS",
    "SETS",
    "STAGES",
    "TRADES",
    "WARN",
    "Wording",
    "note_text",
    "of",
    "refusal_text",
    "set_text",
    "stage_label",
]

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
            "A matched leg failed to settle, or the legs turned out unequal once they had.",
            "The engine completes the set or sells back what it holds.",
            WARN,
        ),
        _S.COMPLETING: Wording("Completing", "The missing leg is being bought.", "", WARN),
        _S.UNWINDING: Wording("Selling back", "The leg that is held is being sold.", "", WARN),
        _S.EXPOSED: Wording(
            "Exposed",
            "One leg is held and could be neither completed nor sold within the loss bound.",
            "The engine looks for a way out as prices move, or is paid when the market resolves. "
            "LEG_LOSS_MAX says what that may cost; new sets are refused until it has ended.",
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
        _E.NO_ACCESS: Wording(
            "No access",
            "The engine watches and opens no new set, because no order can be sent safely.",
            "The reason beside it says which part is missing; most come back by themselves.",
            BAD,
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


def note_text(code: str, text: str) -> tuple[str, str]:
    """Return a note of the engine as title and text in words.

    Of what live orders need the note gives the code of a refusal, whose words say more. A halt's
    gives the code of its cause.
    """
    if code == "HALTED":
        cause, found, reason = text.partition(": ")
        return "halted", halt_cause(cause, finding_text(reason)) if found else text
    if code != "ACCESS":
        return code.replace("_", " ").lower(), text
    problem, _, rest = text.partition(": ")
    if problem in REFUSALS:
        return refusal_text(problem).label.lower(), rest
    return "live orders work", rest


def set_text(state: str) -> Wording:
    """Return the words of a set's state."""
    return of(SETS, state)


def stage_label(stage: str) -> str:
    """Return how a stage of the funnel is called."""
    return of(STAGES, stage).label
