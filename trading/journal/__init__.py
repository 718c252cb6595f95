"""The journal: every input and output of the engine, append-only, numbered without a gap."""

from trading.journal.files import (
    JournalFailed,
    JournalLimits,
    SealDamaged,
    check_room,
    journal_directory,
    read_seal,
    segments,
    set_aside,
    size_of,
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
from trading.journal.opening import PROGRAM_VERSION, JournalOpening, read_opening, write_opening
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
    "PROGRAM_VERSION",
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
    "SealDamaged",
    "check_room",
    "journal_directory",
    "read_opening",
    "read_seal",
    "segments",
    "set_aside",
    "size_of",
    "verify_journal",
    "write_opening",
    "write_seal",
]
