"""The tables of trading: markets, configuration, what may run, what runs, and what happened."""

from trading.models.capital import CapitalMovement
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
from trading.models.money import (
    PLAY_FEED,
    REAL_FEED,
    Money,
    money_of,
    money_of_row,
    rows_with,
    sessions_with,
)
from trading.models.reconciliation import Incident, ReconciliationRun
from trading.models.replays import ReplayRun
from trading.models.sessions import EngineLease, EngineSession, Mandate, Phase
from trading.models.wallets import WalletCheck

__all__ = [
    "PLAY_FEED",
    "REAL_FEED",
    "ArbitrageSet",
    "CapitalMovement",
    "EngineLease",
    "EngineNote",
    "EngineSession",
    "Incident",
    "LedgerEntry",
    "LedgerPosting",
    "Mandate",
    "Market",
    "MetricSample",
    "Money",
    "Opportunity",
    "Order",
    "OrderMove",
    "Phase",
    "Profile",
    "ReconciliationRun",
    "ReplayRun",
    "SetMove",
    "Trade",
    "WalletCheck",
    "money_of",
    "money_of_row",
    "rows_with",
    "sessions_with",
]
