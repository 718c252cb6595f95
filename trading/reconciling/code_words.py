"""What the causes of a difference are called, and findings told with these words."""

import re
from types import MappingProxyType

from trading.reconciling.verdicts import Code

CODES = MappingProxyType(
    {
        Code.ORDER_NOT_OURS: "Order that is not ours",
        Code.ORDER_STILL_OPEN: "Order still open",
        Code.ORDER_MISSING_AT_VENUE: "Order missing at the venue",
        Code.ORDER_DIFFERS: "Order differs",
        Code.TRADE_NOT_IN_LEDGER: "Trade missing in the ledger",
        Code.TRADE_NOT_HEARD_OF: "Trade not heard of yet",
        Code.TRADE_NOT_AT_VENUE: "Trade missing at the venue",
        Code.TRADE_STATE_BEHIND: "Settlement not heard of",
        Code.TRADE_STATE_CONTRADICTS: "Settlement told in two ways",
        Code.TRADE_DIFFERS: "Trade differs",
        Code.FEE_DIFFERS: "Fee differs",
        Code.CASH_DIFFERS: "Dollars differ",
        Code.SHARES_DIFFER: "Shares differ",
        Code.UNKNOWN_TOKEN: "Unknown token",
        Code.VENUE_VIEW_STALE: "Venue's view is old",
        Code.NOT_READ: "Not read",
        Code.NOTHING_READ: "Nothing read",
        Code.LEDGER_MOVED: "Ledger moved meanwhile",
        Code.TOO_MUCH_IN_FLIGHT: "Too much in flight",
    }
)

_FINDING = re.compile(r"([A-Z_]{3,40}) of ", re.ASCII)


def finding_text(text: str) -> str:
    """Return a stored finding, "CASH_DIFFERS of pUSD: 2 dollars ...", with words for its code.

    Any other text, such as a person's reason, comes back as it is.
    """
    found = _FINDING.match(text)
    if found is None or found[1] not in CODES:
        return text
    return f"{CODES[Code(found[1])]}, {text[found.end() :]}"
