"""The admin's pages of trading, one module per subject."""

from trading.admin import (
    configuration,
    facts,
    ledger,
    mandate,
    markets,
    opportunities,
    orders,
    people,
    queue,
    sessions,
    sets,
)

__all__ = [
    "configuration",
    "facts",
    "ledger",
    "mandate",
    "markets",
    "opportunities",
    "orders",
    "people",
    "queue",
    "sessions",
    "sets",
]
