"""Files that only their owner may read: a key, a password, what was spent."""

import os
import stat
from pathlib import Path

from trading.signer.faults import StartRefusedError

SIZE_BYTES_MAX = 64 * 1024


def read_private(path: Path) -> bytes:
    """Return what is in a private file.

    Raises FileNotFoundError when there is none, and StartRefusedError when it is no plain file, is
    somebody else's, is open to others, or is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise StartRefusedError(f"{path} is no plain file; put one there")
        if found.st_uid != os.geteuid():
            raise StartRefusedError(f"{path} belongs to another user; chown it to this one")
        if found.st_mode & 0o077:
            raise StartRefusedError(f"{path} is open to other users; chmod 600 {path}")
        if found.st_size > SIZE_BYTES_MAX:
            raise StartRefusedError(f"{path} is larger than {SIZE_BYTES_MAX} bytes; check it")
        return os.read(descriptor, SIZE_BYTES_MAX)
    finally:
        os.close(descriptor)


def create_private(path: Path, content: bytes) -> None:
    """Make a private file durably. Raises FileExistsError rather than replacing one."""
    make_private_directory(path.parent)
    draft = _draft(path, content)
    try:
        os.link(draft, path)  # fails when it is there, and never shows half of it
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def replace_private(path: Path, content: bytes) -> None:
    """Put new content into a private file, all of it or none of it, durably. Raises OSError."""
    draft = _draft(path, content)
    draft.replace(path)
    _sync_directory(path.parent)


def make_private_directory(path: Path) -> None:
    """Make a directory for one user, or close one that is ours. Raises StartRefusedError."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.stat().st_uid != os.geteuid():
        raise StartRefusedError(f"{path} belongs to another user; chown it to this one")
    path.chmod(0o700)


def _draft(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)  # left by a process of the same number that was killed
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return draft


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
