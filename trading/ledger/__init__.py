"""The ledger: the engine's facts in the database, behind the journal and under the lease."""

from trading.ledger.batch import FactBatch, Figures
from trading.ledger.entries import LedgerContradictionError
from trading.ledger.opening import restored_state
from trading.ledger.recovery import Recovered, recover, unclosed_sessions
from trading.ledger.specs import Leftovers, leftovers
from trading.ledger.thinning import thin_samples
from trading.ledger.writer import FactWriter, LedgerFailed, LedgerLimits, SessionReport

__all__ = [
    "FactBatch",
    "FactWriter",
    "Figures",
    "LedgerContradictionError",
    "LedgerFailed",
    "LedgerLimits",
    "Leftovers",
    "Recovered",
    "SessionReport",
    "leftovers",
    "recover",
    "restored_state",
    "thin_samples",
    "unclosed_sessions",
]
