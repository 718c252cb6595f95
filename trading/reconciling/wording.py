"""What verdicts, differences and incidents are called on pages."""

from types import MappingProxyType

from trading.models import Incident, ReconciliationRun
from trading.wording import BAD, GOOD, WARN, Wording

_V = ReconciliationRun.Verdict
VERDICTS = MappingProxyType(
    {
        _V.MATCH: Wording("Match", "Ledger, venue and chain agree to the last unit.", "", GOOD),
        _V.MISMATCH: Wording(
            "Mismatch",
            "Something is unexplained, and trading was halted.",
            "Clear up each difference, resolve the incident, then resume.",
            BAD,
        ),
        _V.INCOMPLETE: Wording(
            "Incomplete",
            "Something could not be read, so nobody can say.",
            "It is read again each minute; the third time in a row halts.",
            WARN,
        ),
    }
)

_I = Incident.State
INCIDENTS = MappingProxyType(
    {
        _I.OPEN: Wording(
            "Open",
            "Trading stays halted until this is cleared up.",
            "Find the cause, then resolve it with a note.",
            BAD,
        ),
        _I.RESOLVED: Wording("Resolved", "Somebody cleared it up and said how.", "", GOOD),
    }
)
