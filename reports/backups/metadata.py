"""metadata.json: what a backup holds, with every hash. It covers itself, byte for byte."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reports.backups.faults import BackupFailed, Fault, disk_trouble
from reports.backups.members import Member

FORMAT = 1
FILE = "metadata.json"
SIZE_BYTES_MAX = 256 * 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A session's journal: one file of the backup, and what is in it."""

    member: Member
    files: dict[str, dict[str, Any]]  # size and hash by name below the folder of all journals


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What was taken, when and of what. Nothing in here is a secret."""

    name: str
    kind: str
    taken_at: str  # ISO 8601, UTC
    host: str
    version: str
    commit: str
    vendor: str  # sqlite or postgresql
    rows: dict[str, int]  # of the database at that moment, by table
    left_out: list[str]  # tables whose rows are not in here
    migrations: list[str]
    audit_sequence: int  # the chain's head at that moment
    audit_sha256: str
    config: dict[str, dict[str, Any]]  # size and hash by file
    encrypted_to: list[str]  # public keys
    database: Member
    config_files: Member
    journals: dict[str, Journal]  # by account/session
    facts: dict[str, Any]  # what the caller wants to find again when it compares

    @property
    def members(self) -> tuple[Member, ...]:
        """The files beside this one."""
        journals = (journal.member for journal in self.journals.values())
        return (self.database, self.config_files, *journals)

    @property
    def journal_files(self) -> dict[str, dict[str, Any]]:
        """Size and hash of each file of each journal."""
        return {
            name: one for journal in self.journals.values() for name, one in journal.files.items()
        }

    @property
    def size_bytes(self) -> int:
        """What the files take on the disk, this one left out."""
        return sum(member.size_bytes for member in self.members)


def render(metadata: Metadata) -> bytes:
    """Return the file's bytes. The hash inside is of everything else in it."""
    content: dict[str, Any] = {"format": FORMAT, **asdict(metadata)}
    content["sha256"] = hashlib.sha256(_canonical(content)).hexdigest()
    return _canonical(content)


def parse(data: bytes) -> Metadata:
    """Return what the file says; raises BackupFailed when a byte of it is not as it was written."""
    try:
        content = json.loads(data)
        if not isinstance(content, dict):
            raise TypeError("it is no object")
        said = content.pop("sha256")
        whole = {**content, "sha256": hashlib.sha256(_canonical(content)).hexdigest()}
        if whole["sha256"] != said or _canonical(whole) != data:
            raise ValueError("its checksum differs")
        version = content.pop("format")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        text = f"{FILE} is not what was written: {error}"[:300]
        raise BackupFailed(Fault.METADATA, text) from error
    if version != FORMAT:
        text = f"the backup has format {version!r}, this program reads {FORMAT}"
        raise BackupFailed(Fault.FORMAT, text)
    try:
        members: dict[str, Any] = {
            name: Member(**content.pop(name)) for name in ("database", "config_files")
        }
        members["journals"] = {
            name: Journal(member=Member(**one["member"]), files=one["files"])
            for name, one in content.pop("journals").items()
        }
        return Metadata(**content, **members)
    except (KeyError, TypeError, AttributeError) as error:
        raise BackupFailed(Fault.METADATA, f"{FILE} lacks something: {error}"[:300]) from error


def read(folder: Path) -> tuple[Metadata, str]:
    """Return what a backup says of itself, and the hash of the file that says it."""
    path = folder / FILE
    try:
        if not folder.is_dir():
            raise BackupFailed(Fault.NOT_THERE, f"there is no backup {folder.name} on the disk")
        if not path.is_file():
            raise BackupFailed(Fault.MISSING_FILE, f"{FILE} is missing")
        if path.stat().st_size > SIZE_BYTES_MAX:
            raise BackupFailed(Fault.METADATA, f"{FILE} is too large")
        data = path.read_bytes()
    except OSError as error:
        raise disk_trouble(f"reading {FILE}", error) from error
    metadata = parse(data)
    if metadata.name != folder.name:
        text = f"the folder {folder.name} holds the backup {metadata.name}"
        raise BackupFailed(Fault.METADATA, text)
    return metadata, hashlib.sha256(data).hexdigest()


def _canonical(content: dict[str, Any]) -> bytes:
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"
