"""Whether this host lets the portal do what it has to: halt by file, and write the journal.

Each really writes a file of its own beside what it is about, and takes it away again.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from trading import kill_file
from trading.journal import JournalFailed, JournalLimits, check_room, size_of

PROBE = b"can this be written\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRoom:
    """Where journals go and how much of their room is taken. `problem` is empty when all is well.

    The engine asks the same before it starts, and cannot start with a problem.
    """

    directory: Path
    used_bytes: int
    bytes_max: int
    problem: str


def kill_file_problem() -> str:
    """Return why the kill file could not be made, empty when it could or is there already."""
    if kill_file.is_set(settings.KILL_FILE):
        return ""
    return write_problem(settings.KILL_FILE.parent)


def kill_file_is_set() -> bool:
    """Return whether this machine is halted by the file."""
    return kill_file.is_set(settings.KILL_FILE)


def journal_room() -> JournalRoom:
    """Return whether the journal of a session could be begun now."""
    root: Path = settings.JOURNAL_DIR
    limits = JournalLimits(
        bytes_max=settings.JOURNAL_BYTES_MAX,
        disk_free_bytes_min=settings.JOURNAL_DISK_FREE_BYTES_MIN,
    )
    problem = write_problem(root)
    if not problem:
        try:
            check_room(root, limits)
        except (JournalFailed, OSError) as error:
            problem = str(error)
    used_bytes = size_of(root) if root.is_dir() else 0
    return JournalRoom(
        directory=root, used_bytes=used_bytes, bytes_max=limits.bytes_max, problem=problem
    )


def write_problem(directory: Path) -> str:
    """Return why no file can be made durable in a directory, empty when it can."""
    probe = directory / f".probe-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, PROBE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""
