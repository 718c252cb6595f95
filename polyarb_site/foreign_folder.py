"""Looking into a folder that somebody else made, and that is trusted with nothing.

No link is followed, not even one that is put there while we look: each file is opened below the
directory that was listed. What is no plain file is never opened, and nothing is read beyond a size.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from polyarb_site.audit.masking import mask_text, storable

ENTRIES_MAX = 20_000
DEPTH_MAX = 12
NAME_LENGTH_MAX = 200
# What programs make for themselves: thousands of files that say nothing to anybody.
NOT_ENTERED = frozenset({".git", ".venv", "venv", "env", "node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something in the folder. `problem` says why it cannot be read, empty for a plain file."""

    path: str  # below the folder, with slashes
    size_bytes: int
    problem: str = ""
    passed_over: bool = False  # a folder that no program's user has put anything into

    @property
    def shown(self) -> str:
        """The path as people may see it: on one line, and without a key in it."""
        return shown_path(self.path)


class FolderProblem(Exception):  # noqa: N818 - said to a person
    """The folder, or a file of it, cannot be read. Its text holds nothing of any content."""


def shown_path(path: str) -> str:
    """Return a path as people may see it: printable, on one line, and without a key in it."""
    printable = "".join(one if one.isprintable() else "?" for one in storable(path))
    return mask_text(printable)[:NAME_LENGTH_MAX]


def entries(folder: Path) -> list[Entry]:
    """Return everything that is in a folder but its directories, sorted by path.

    Raises FolderProblem when it is no directory, or holds more than ENTRIES_MAX.
    """
    found: list[Entry] = []
    if not folder.is_dir():
        raise FolderProblem("it is no directory")
    try:
        for entry in _walk(folder.resolve()):
            found.append(entry)
            if len(found) > ENTRIES_MAX:
                raise FolderProblem(f"it holds more than {ENTRIES_MAX} files")
    except OSError as error:
        raise FolderProblem(f"it cannot be read ({error.strerror})") from error
    return sorted(found, key=lambda one: one.path)


def read_bytes(folder: Path, path: str, *, bytes_max: int) -> bytes:
    """Return the content of a plain file. Raises FolderProblem for everything else."""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise FolderProblem("its name leads elsewhere")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    opened: list[int] = []
    try:
        opened.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        for part in parts[:-1]:
            opened.append(os.open(part, flags | os.O_DIRECTORY, dir_fd=opened[-1]))
        opened.append(os.open(parts[-1], flags, dir_fd=opened[-1]))
        if not stat.S_ISREG(os.fstat(opened[-1]).st_mode):
            raise FolderProblem("is not a plain file")
        return _bounded(opened[-1], bytes_max)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a name that no file has"
        raise FolderProblem(f"cannot be read ({reason})") from error
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _bounded(descriptor: int, bytes_max: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        data = stream.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise FolderProblem(f"is larger than {bytes_max} bytes")
    return data


def _walk(folder: Path) -> Iterator[Entry]:
    def fail(error: OSError) -> None:
        raise error

    walk = os.fwalk(folder, follow_symlinks=False, onerror=fail)
    for where, directories, files, descriptor in walk:
        below = Path(where).relative_to(folder).as_posix()
        before = "" if below == "." else f"{below}/"
        linked = [name for name in directories if _is_link(name, descriptor)]
        made = [name for name in directories if name in NOT_ENTERED and name not in linked]
        for name in [*linked, *made]:
            directories.remove(name)  # no walk goes there
        for name in made:
            path = f"{before}{name}"
            yield Entry(path=path, size_bytes=0, problem="is not looked into", passed_over=True)
        if before.count("/") >= DEPTH_MAX:
            for name in directories:
                yield Entry(path=f"{before}{name}", size_bytes=0, problem="lies too deep")
            directories.clear()
        for name in [*files, *linked]:
            yield _entry(f"{before}{name}", name, descriptor)


def _entry(path: str, name: str, descriptor: int) -> Entry:
    told = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    problem = ""
    if stat.S_ISLNK(told.st_mode):
        problem = "is a link, and none is followed; put the file itself there"
    elif not stat.S_ISREG(told.st_mode):
        problem = "is not a plain file"
    return Entry(path=path, size_bytes=told.st_size, problem=problem)


def _is_link(name: str, descriptor: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode)
