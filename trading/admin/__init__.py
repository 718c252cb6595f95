"""The admin's pages of trading, one module per subject."""

from trading.admin import (
    capital,
    configuration,
    facts,
    incidents,
    ledger,
    mandate,
    markets,
    opportunities,
    orders,
    people,
    queue,
    reconciliations,
    replays,
    sessions,
    sets,
    wallets,
)

__all__ = [
    "capital",
    "configuration",
    "facts",
    "incidents",
    "ledger",
    "mandate",
    "markets",
    "opportunities",
    "orders",
    "people",
    "queue",
    "reconciliations",
    "replays",
    "sessions",
    "sets",
    "wallets",
]
