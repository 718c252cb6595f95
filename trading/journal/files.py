"""Where journals are and how much room they have: one place for writer, reader and backups."""

import json
import os
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

SEGMENT_SUFFIX = ".journal"
SEAL_NAME = "sealed.json"
MIB = 1_048_576
GIB = 1_024 * MIB


class JournalFailed(Exception):  # noqa: N818 - the word that session states and notes use
    """The journal cannot be written. Whoever sees this stops trading: what is unrecorded is worse
    than what is missed.
    """


class SealDamaged(JournalFailed):
    """There is a seal, and it does not say what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLimits:
    """Every bound of a journal, in bytes and milliseconds."""

    chunk_bytes_max: int = 1_048_576  # of records, before compression
    buffer_bytes_max: int = 64 * 1_048_576  # waiting for the disk
    segment_bytes_max: int = 64 * 1_048_576
    bytes_max: int = 100 * GIB  # all journals of the installation
    disk_free_bytes_min: int = GIB
    write_every_ms: int = 100
    sync_every_ms: int = 1_000
    stall_ms_max: int = 5_000  # how long the disk may take before the writer counts as failed


def journal_directory(root: Path, account: str, session_key: str) -> Path:
    """Return where the journal of a session lives: the only place that knows."""
    return root / account / session_key


def segment_path(directory: Path, segment: int) -> Path:
    """Return the file of a segment; segments count from 1."""
    return directory / f"{segment:06d}{SEGMENT_SUFFIX}"


def segments(directory: Path) -> list[Path]:
    """Return the segment files of a session in order."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if path.suffix == SEGMENT_SUFFIX)


def size_of(directory: Path) -> int:
    """Return the bytes of all segments below a directory."""
    total = 0
    for path in directory.rglob(f"*{SEGMENT_SUFFIX}"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # an old journal that is being removed
    return total


def check_room(root: Path, limits: JournalLimits) -> None:
    """Raise JournalFailed when the disk, or what all journals below `root` may take, is used up."""
    free = shutil.disk_usage(root).free
    if free < limits.disk_free_bytes_min:
        raise JournalFailed(
            f"only {free // MIB} MiB are free on the disk of the journal,"
            f" {limits.disk_free_bytes_min // MIB} MiB are needed: free some"
        )
    used = size_of(root)
    if used > limits.bytes_max:
        raise JournalFailed(
            f"all journals together take {used // MIB} MiB, {limits.bytes_max // MIB} MiB are"
            " allowed: move old ones away, or raise POLYARB_JOURNAL_MIB_MAX"
        )


def sync_directory(directory: Path) -> None:
    """Make a new or renamed file in a directory survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(directory: Path) -> Path | None:
    """Rename a journal that is in the way of a new one; None when there is none.

    Happens after an older database was restored: its tokens, and so the session keys, come again.
    """
    if not directory.exists():
        return None
    number = 1
    while (other := directory.with_name(f"{directory.name}.replaced-{number}")).exists():
        number += 1
    directory.rename(other)
    sync_directory(directory.parent)
    return other


@dataclass(frozen=True, slots=True)
class Seal:
    """Says that nothing after `last_sequence` counts, whoever wrote it, and who said so."""

    last_sequence: int
    by: str


def read_seal(directory: Path) -> Seal | None:
    """Return the seal of a journal, None while it has none. Raises SealDamaged."""
    try:
        raw = (directory / SEAL_NAME).read_bytes()
    except FileNotFoundError:
        return None
    try:
        fields = json.loads(raw)
        seal = Seal(int(fields["last_sequence"]), str(fields["by"]))
        good = set(fields) == {"last_sequence", "by", "crc32"} and fields["crc32"] == _crc(seal)
    except (KeyError, TypeError, ValueError) as error:
        raise SealDamaged(f"{SEAL_NAME} cannot be read: {error}") from error
    if not good:
        raise SealDamaged(f"the checksum of {SEAL_NAME} is wrong")
    return seal


def write_seal(directory: Path, last_sequence: int, by: str) -> Seal:
    """Close the journal of a session that cannot do it itself; the first seal stands.

    A process that was frozen and comes back may still write a chunk before it notices that it lost
    its lease. The seal makes that chunk void. A seal that nobody can read is replaced.
    """
    draft = directory / f".{SEAL_NAME}.{by}"
    seal = Seal(last_sequence, by)
    with draft.open("w") as stream:
        json.dump({"last_sequence": last_sequence, "by": by, "crc32": _crc(seal)}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(draft, directory / SEAL_NAME)  # fails when there is a seal; never a torn one
        draft.unlink()
    except FileExistsError:
        try:
            read_seal(directory)
            draft.unlink()
        except SealDamaged:
            draft.replace(directory / SEAL_NAME)
    sync_directory(directory)
    standing = read_seal(directory)
    if standing is None:
        raise JournalFailed(f"the seal of {directory.name} vanished")
    return standing


def _crc(seal: Seal) -> int:
    return zlib.crc32(f"{seal.last_sequence} {seal.by}".encode())
