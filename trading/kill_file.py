"""The kill file: while it is there, no engine on this machine starts a new set.

It needs no database, no web process and no portal: `touch` makes it as well. What is in it only
says who halted, when and why, one JSON line for each halt, the first one first.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

SIZE_BYTES_MAX = 64 * 1024
TEXT_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class KillNote:
    """What the file says of the first halt; empty texts when it was made by other means."""

    by_name: str = ""
    code: str = ""
    reason: str = ""
    at: str = ""  # ISO 8601


def halt_by_file_only(
    path: Path, *, by_name: str, code: str, reason: str, at: datetime
) -> KillNote:
    """Halt every engine of this machine, now and until the file is removed.

    The file halts as soon as it exists, before a byte is in it. The note goes below earlier ones.
    Raises OSError only when nothing could be put at that place: a full disk loses the note, not
    the halt.
    """
    note = KillNote(
        by_name=by_name[:TEXT_LENGTH_MAX],
        code=code[:TEXT_LENGTH_MAX],
        reason=reason[:TEXT_LENGTH_MAX],
        at=at.isoformat(),
    )
    line = {"by": note.by_name, "code": note.code, "reason": note.reason, "at": note.at}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, json.dumps(line).encode("ascii") + b"\n")
    except OSError:
        if not is_set(path):
            raise
    return note


def is_set(path: Path) -> bool:
    """Return whether this machine is halted. Anything at that place counts, also a broken link."""
    return os.path.lexists(path)


def read(path: Path) -> KillNote | None:
    """Return what halts this machine, None when nothing does.

    A file that cannot be read, or says something else, halts all the same.
    """
    if not is_set(path):
        return None
    try:
        said = json.loads(_first_line(path))
    except (OSError, ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        said = {}
    by_name, code, reason, at = (
        str(said.get(name) or "")[:TEXT_LENGTH_MAX] for name in ("by", "code", "reason", "at")
    )
    return KillNote(by_name=by_name, code=code, reason=reason, at=at)


def remove(path: Path) -> None:
    """Take the file away; nothing happens when there is none. Raises OSError."""
    path.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _append(path: Path, line: bytes) -> None:
    # Non-blocking: whatever lies there in place of a file, halting does not wait for it.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        if os.fstat(descriptor).st_size < SIZE_BYTES_MAX:
            os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync_directory(path.parent)


def _first_line(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(descriptor, SIZE_BYTES_MAX).split(b"\n", 1)[0]
    finally:
        os.close(descriptor)


def _sync_directory(directory: Path) -> None:
    """Make the directory's entry as durable as the file, so that a power cut keeps the halt."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
