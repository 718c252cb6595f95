"""The journal: every input and output of the engine, append-only, numbered without a gap."""

from trading.journal.files import (
    JournalFailed,
    JournalLimits,
    check_room,
    journal_directory,
    read_seal,
    set_aside,
    write_seal,
)
from trading.journal.format import (
    CLOSED,
    COMMAND,
    EVENT,
    FRAME,
    MARKET,
    OPENED,
    TICK,
    Record,
)
from trading.journal.opening import JournalOpening, read_opening, write_opening
from trading.journal.reader import (
    Damage,
    DamageKind,
    JournalDamagedError,
    JournalReader,
    JournalReport,
    verify_journal,
)
from trading.journal.writer import JournalWriter

__all__ = [
    "CLOSED",
    "COMMAND",
    "EVENT",
    "FRAME",
    "MARKET",
    "OPENED",
    "TICK",
    "Damage",
    "DamageKind",
    "JournalDamagedError",
    "JournalFailed",
    "JournalLimits",
    "JournalOpening",
    "JournalReader",
    "JournalReport",
    "JournalWriter",
    "Record",
    "check_room",
    "journal_directory",
    "read_opening",
    "read_seal",
    "set_aside",
    "verify_journal",
    "write_opening",
    "write_seal",
]
