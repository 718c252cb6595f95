"""What the verdicts of replays are called on pages."""

from types import MappingProxyType

from trading.models import ReplayRun
from trading.words import BAD, GOOD, WARN, Wording

_V = ReplayRun.Verdict
VERDICTS = MappingProxyType(
    {
        _V.SAME: Wording(
            "Same",
            "Every command came out as recorded, and the day's result is the ledger's.",
            "",
            GOOD,
        ),
        _V.DIFFERENT: Wording(
            "Different",
            "The engine says something else now than it said then, or the ledger has another sum.",
            "Read the first difference; a newer version of the engine is one cause, a changed "
            "journal or ledger the other.",
            BAD,
        ),
        _V.UNREADABLE: Wording(
            "Unreadable",
            "The journal could not be replayed, so nobody can say.",
            "manage.py verify_journal names what is wrong; a backup may have the journal whole.",
            WARN,
        ),
    }
)
