"""What each halt means: who or what stopped trading."""

from types import MappingProxyType

from trading.words import BAD, Wording

HALTS = MappingProxyType(
    {
        "MANUAL": Wording("Halted by hand", "Somebody pressed the halt button.", "", BAD),
        "API": Wording("Halted over the API", "A program or a person asked for it.", "", BAD),
        "EMERGENCY_STOP": Wording(
            "Emergency stop", "Somebody used the command emergency_stop.", "", BAD
        ),
        "KILL_SWITCH": Wording(
            "Kill file found", "Somebody laid the kill file, which halts this machine.", "", BAD
        ),
        "KILL_FILE": Wording(
            "Kill file there", "The kill file is there and does not say why.", "", BAD
        ),
        "RESTORED": Wording(
            "Restored from a backup",
            "The portal's state is that of an earlier moment.",
            "Compare what happened since with venue and wallet before anybody resumes.",
            BAD,
        ),
        "ROLLBACK": Wording(
            "Rolled back",
            "A kill criterion was met, or somebody asked for it.",
            "The rollback's page says why; resolve its incident before anybody resumes.",
            BAD,
        ),
        "SECURITY_INCIDENT": Wording(
            "Security incident",
            "Somebody reported one.",
            "Find out what was lost, change the keys, then resolve it with a note.",
            BAD,
        ),
        "HALTED": Wording("Halted", "Trading was halted without a cause being given.", "", BAD),
        "RECONCILIATION_MISMATCH": Wording(
            "Books do not agree",
            "Ledger, venue and chain were compared, and something is unexplained.",
            "Clear up each difference and resolve the incident.",
            BAD,
        ),
        "RECONCILIATION_INCOMPLETE": Wording(
            "Books could not be compared",
            "Three comparisons in a row could not read everything.",
            "The incident says what could not be read.",
            BAD,
        ),
        "LEDGER_CONTRADICTION": Wording(
            "Ledger contradiction",
            "What happened does not fit what the ledger has.",
            "Find out which of them is wrong before anybody resumes.",
            BAD,
        ),
        "ORDER_CONTRADICTION": Wording(
            "Contradictory news of an order",
            "The venue said something of an order that cannot follow what it said before.",
            "Look the order up at the venue.",
            BAD,
        ),
        "LATE_FILL": Wording(
            "Fill of a set that had ended",
            "Shares came or went for a set that was over, so nobody looks after them.",
            "Look at what is held at the venue.",
            BAD,
        ),
        "CHAIN_CONTRADICTION": Wording(
            "Chain contradiction",
            "A transaction moved more than its set holds.",
            "Compare the set with its transaction.",
            BAD,
        ),
        "JOURNAL_FAILED": Wording(
            "Journal failed",
            "What the engine hears could not be written down.",
            "Look at the disk.",
            BAD,
        ),
        "LEDGER_FAILED": Wording(
            "Ledger failed",
            "What the engine did could not be written to the database.",
            "Look at the database.",
            BAD,
        ),
    }
)


def halt_text(code: str) -> Wording:
    """Return the words of a halt. What has none is the name of a rule, which says itself."""
    found = HALTS.get(code)
    if found is not None:
        return found
    if not code:
        return HALTS["HALTED"]
    label = code.replace("_", " ").capitalize()
    return Wording(label, f"The rule {code} halted trading.", "", BAD)


def halt_cause(code: str, reason: str) -> str:
    """Return cause and reason as one text."""
    return f"{halt_text(code).label}: {reason}" if reason else halt_text(code).label
