"""What can be wrong with a backup, one code per cause. Each is a reason not to use it."""

from enum import StrEnum


class Fault(StrEnum):
    """Why a backup was not made, or cannot be used."""

    STOPPED = "STOPPED"  # somebody asked the process to end
    DISK = "DISK"  # full, read-only, broken
    DATABASE = "DATABASE"  # it does not answer, or cannot be read
    TOOL = "TOOL"  # pg_dump or pg_restore is missing or refuses
    RECIPIENT = "RECIPIENT"  # nothing can be encrypted to that key
    IDENTITY = "IDENTITY"  # it is encrypted, and the key that opens it is not here
    NOT_THERE = "NOT_THERE"
    METADATA = "METADATA"  # metadata.json is not as it was written
    FORMAT = "FORMAT"  # made by another version of this program
    SCHEMA = "SCHEMA"  # its tables are of another version of this program
    MISSING_FILE = "MISSING_FILE"
    STRANGE_FILE = "STRANGE_FILE"
    SIZE = "SIZE"
    CHECKSUM = "CHECKSUM"
    UNREADABLE = "UNREADABLE"  # it cannot be decrypted, decompressed or unpacked
    INTEGRITY = "INTEGRITY"  # the restored database says so itself
    ROWS = "ROWS"  # row counts differ
    AUDIT = "AUDIT"  # the audit chain is broken, or ends elsewhere
    JOURNAL = "JOURNAL"
    REPORT = "REPORT"  # yesterday's report comes out differently


# What says nothing about a backup that is on the disk: it could not be looked at.
NOT_ITS_FAULT = frozenset(
    {Fault.STOPPED, Fault.DISK, Fault.DATABASE, Fault.TOOL, Fault.IDENTITY, Fault.NOT_THERE}
)


class BackupFailed(Exception):  # noqa: N818 - the word that its state uses
    """A backup was not made or is not usable. `text` is for people and names the file."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(fault, text)
        self.fault = fault
        self.text = text

    def __str__(self) -> str:
        return f"{self.fault}: {self.text}"


def disk_trouble(doing: str, error: OSError) -> BackupFailed:
    """Return what the disk said, in a sentence."""
    return BackupFailed(Fault.DISK, f"{doing}: {error.strerror or error}")
