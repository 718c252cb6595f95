"""The tables of trading: markets, configuration, what may run, what runs, and what happened."""

from trading.models.configuration import Profile
from trading.models.facts import (
    ArbitrageSet,
    EngineNote,
    LedgerEntry,
    LedgerPosting,
    MetricSample,
    Opportunity,
    Order,
    OrderMove,
    SetMove,
    Trade,
)
from trading.models.markets import Market
from trading.models.sessions import EngineLease, EngineSession, Mandate, Phase

__all__ = [
    "ArbitrageSet",
    "EngineLease",
    "EngineNote",
    "EngineSession",
    "LedgerEntry",
    "LedgerPosting",
    "Mandate",
    "Market",
    "MetricSample",
    "Opportunity",
    "Order",
    "OrderMove",
    "Phase",
    "Profile",
    "SetMove",
    "Trade",
]
