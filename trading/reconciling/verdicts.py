"""What a comparison finds: one code per cause, with the exact difference and what to do."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Verdict(StrEnum):
    """What became of a comparison. Only MATCH lets anybody trade."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"  # something is unexplained
    INCOMPLETE = "INCOMPLETE"  # something could not be read


class Code(StrEnum):
    """Why the three do not agree, or are not known to."""

    ORDER_NOT_OURS = "ORDER_NOT_OURS"
    ORDER_STILL_OPEN = "ORDER_STILL_OPEN"
    ORDER_MISSING_AT_VENUE = "ORDER_MISSING_AT_VENUE"
    ORDER_DIFFERS = "ORDER_DIFFERS"
    TRADE_NOT_IN_LEDGER = "TRADE_NOT_IN_LEDGER"
    TRADE_NOT_HEARD_OF = "TRADE_NOT_HEARD_OF"
    TRADE_NOT_AT_VENUE = "TRADE_NOT_AT_VENUE"
    TRADE_STATE_BEHIND = "TRADE_STATE_BEHIND"
    TRADE_STATE_CONTRADICTS = "TRADE_STATE_CONTRADICTS"
    TRADE_DIFFERS = "TRADE_DIFFERS"
    FEE_DIFFERS = "FEE_DIFFERS"
    CASH_DIFFERS = "CASH_DIFFERS"
    SHARES_DIFFER = "SHARES_DIFFER"
    UNKNOWN_TOKEN = "UNKNOWN_TOKEN"  # noqa: S105 - a token is no password here
    VENUE_VIEW_STALE = "VENUE_VIEW_STALE"
    NOT_READ = "NOT_READ"
    NOTHING_READ = "NOTHING_READ"
    LEDGER_MOVED = "LEDGER_MOVED"
    TOO_MUCH_IN_FLIGHT = "TOO_MUCH_IN_FLIGHT"


# Worth telling, and no reason to stop.
WARNINGS = frozenset({Code.VENUE_VIEW_STALE})
# Nothing is known to be wrong, and nothing is known to be right either.
# News of a fill or its settlement may be on its way, and is asked for when nobody tells it. Three
# times in a row is too long, as for all of these.
UNKNOWNS = frozenset(
    {
        Code.NOT_READ,
        Code.NOTHING_READ,
        Code.LEDGER_MOVED,
        Code.TOO_MUCH_IN_FLIGHT,
        Code.TRADE_NOT_HEARD_OF,
        Code.TRADE_STATE_BEHIND,
    }
)

REMEDIES = {
    Code.ORDER_NOT_OURS: "cancel all orders, and look for another program with the same key",
    Code.ORDER_STILL_OPEN: "cancel it at the venue, then reconcile again",
    Code.ORDER_MISSING_AT_VENUE: "look the order up by its hash and take its outcome in",
    Code.ORDER_DIFFERS: "look the order up by its hash; cancel it when its terms are not ours",
    Code.TRADE_NOT_IN_LEDGER: "read the venue's trades anew and take this one in",
    Code.TRADE_NOT_HEARD_OF: "nothing, if it passes: the outcome of the order is looked up",
    Code.TRADE_NOT_AT_VENUE: "look the trade up by its id; if it never was, correct the books",
    Code.TRADE_STATE_BEHIND: "read the venue's trades anew and take its settlement in",
    Code.TRADE_STATE_CONTRADICTS: "look at the trade's transaction on the chain, which decides",
    Code.TRADE_DIFFERS: "compare the trade with its transaction, then correct the books",
    Code.FEE_DIFFERS: "compare the market's fee schedule with what was charged",
    Code.CASH_DIFFERS: "find the transfer in the wallet's history; book it, or bring it back",
    Code.SHARES_DIFFER: "find the transfer in the wallet's history; book it, or bring it back",
    Code.UNKNOWN_TOKEN: "find out who sent it; use a wallet that nothing else uses",
    Code.VENUE_VIEW_STALE: "nothing, if it passes: the venue is asked to look at the chain again",
    Code.NOT_READ: "see that the venue and the RPC endpoints answer; it is read again by itself",
    Code.NOTHING_READ: "see that the venue and the RPC endpoints answer, and the network works",
    Code.LEDGER_MOVED: "nothing, if it passes: it is compared again when fewer trades happen",
    Code.TOO_MUCH_IN_FLIGHT: "wait until trades have settled; it is compared again by itself",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing on which they do not agree. What somebody does not say is an empty text.

    `difference_micro` is what the other side has more than the ledger, in micro dollars or micro
    shares; None where there is no amount.
    """

    code: Code
    subject: str  # an order hash, a trade id, an asset, or the part that was not read
    text: str
    ledger: str = ""
    venue: str = ""
    chain: str = ""
    difference_micro: int | None = None

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return REMEDIES[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetLine:
    """One asset as all three see it. None is not known.

    `in_flight_micro` is what has to be added to the ledger for what is known to be on its way, and
    `difference_micro` what then is left unexplained.
    """

    asset: str
    ledger_micro: int
    in_flight_micro: int
    venue_micro: int | None
    chain_micro: int | None
    difference_micro: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What was compared and what came of it."""

    verdict: Verdict
    differences: tuple[Difference, ...]
    assets: tuple[AssetLine, ...]
    in_flight: tuple[str, ...]  # what explains the rest: trades and merges on their way
    block_number: int | None
    ledger_sequence: int
    order_count: int
    trade_count: int


def verdict_of(differences: tuple[Difference, ...]) -> Verdict:
    """Return what differences amount to: a fact outweighs what is not known."""
    codes = {one.code for one in differences} - WARNINGS
    if codes - UNKNOWNS:
        return Verdict.MISMATCH
    return Verdict.INCOMPLETE if codes else Verdict.MATCH


def lasting(before: Reconciliation, after: Reconciliation) -> Reconciliation:
    """Return the later of two looks, in which only what both of them found is a mismatch.

    While much is traded there is always something that has just happened; when it is another thing
    each time, nothing is known to be wrong.
    """
    found = {(one.code, one.subject) for one in before.differences}
    grave = [one for one in after.differences if one.code not in WARNINGS | UNKNOWNS]
    if not grave or any((one.code, one.subject) in found for one in grave):
        return after
    told = Difference(
        code=Code.LEDGER_MOVED,
        subject="the ledger",
        text=f"what did not agree was another thing at each look, the last time: {grave[0].text}",
    )
    return replace(after, verdict=Verdict.INCOMPLETE, differences=(told,))
