"""The words of the local venue, as the real one writes them on the wire.

Sides and the states of a trade are the engine's own words for the same texts.
"""

from enum import StrEnum

COLLATERAL = "COLLATERAL"  # the asset that is no outcome token: pUSD
SHARES = "CONDITIONAL"  # what is approved when outcome tokens are: all of them at once
UNLIMITED = 2**256 - 1  # an allowance that is never used up
EOA = 0  # the signature type of an address that signs for itself
DEPOSIT_WALLET = 3  # and of a wallet whose owner signs for it


class OrderType(StrEnum):
    """How long an order lives. FOK and FAK are the market family: they never rest."""

    GTC = "GTC"
    GTD = "GTD"
    FOK = "FOK"
    FAK = "FAK"


class VenueMode(StrEnum):
    """What the venue accepts now."""

    OPEN = "OPEN"
    RESTARTING = "RESTARTING"
    POST_ONLY = "POST_ONLY"
    CANCEL_ONLY = "CANCEL_ONLY"
    DISABLED = "DISABLED"


class MatchKind(StrEnum):
    """How two orders meet: one token changes hands, a set is minted, or a set is merged."""

    COMPLEMENTARY = "COMPLEMENTARY"
    MINT = "MINT"
    MERGE = "MERGE"


class OrderChange(StrEnum):
    """The `type` of an order event."""

    PLACEMENT = "PLACEMENT"
    UPDATE = "UPDATE"
    CANCELLATION = "CANCELLATION"


class OrderStatus(StrEnum):
    """The `status` of an order; a killed FOK or FAK carries CANCELED_ and the text instead."""

    LIVE = "LIVE"
    MATCHED = "MATCHED"
    DELAYED = "DELAYED"
    UNMATCHED = "UNMATCHED"
    CANCELED = "CANCELED"
    CANCELED_NOT_ENOUGH_BALANCE = "CANCELED_NOT_ENOUGH_BALANCE"
    CANCELED_EXPIRED_ORDER = "CANCELED_EXPIRED_ORDER"
    CANCELED_MARKET_RESOLVED = "CANCELED_MARKET_RESOLVED"
