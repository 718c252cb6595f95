"""Folders of files as one stream: the configuration and the journal, and back.

What goes in is named by pattern, never "everything but": a folder of the portal may hold keys. A
link is never followed, it may lead to one.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from reports.backups.faults import BackupFailed, Fault, disk_trouble
from reports.backups.members import Writer

CONFIG_PATTERNS = ("*.yaml", "profiles/*.yaml")
JOURNAL_PATTERNS = ("*/*/*.journal", "*/*/sealed.json")
FILES_MAX = 1_000_000


def find(root: Path, patterns: Iterable[str]) -> list[Path]:
    """Return the plain files below `root` that the patterns name, sorted, links left out."""
    found = {
        path
        for pattern in patterns
        for path in root.glob(pattern)
        if path.is_file() and not _leads_away(root, path)
    }
    return sorted(found)


def _leads_away(root: Path, path: Path) -> bool:
    """Return whether the file or a folder on the way to it is a link."""
    return any(one.is_symlink() for one in (path, *path.parents) if one.is_relative_to(root))


def write_tree(
    out: Writer, root: Path, files: Iterable[Path], *, check: Callable[[], None]
) -> dict[str, dict[str, Any]]:
    """Write the files as a tar; return size and hash of each by its name below `root`.

    A file that is being written to is taken as long as it is when its turn comes; one that was
    removed meanwhile is left out. At most one of them is held in memory.
    """
    told = {}
    with tarfile.open(fileobj=cast(IO[bytes], out), mode="w|") as tar:
        for path in files:
            check()
            try:
                data = path.read_bytes()
                status = path.stat()
            except FileNotFoundError:
                continue
            info = tarfile.TarInfo(path.relative_to(root).as_posix())
            info.size, info.mtime, info.mode = len(data), int(status.st_mtime), 0o640
            tar.addfile(info, io.BytesIO(data))
            told[info.name] = {
                "size_bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
    return told


def read_tree(
    source: Path, target: Path | None, told: dict[str, dict[str, Any]], *, what: str
) -> None:
    """Unpack a tar into a folder, and make sure that it holds exactly what was told.

    Without a folder it is only looked at. Raises BackupFailed, also for a name that would lead out
    of the folder.
    """
    seen = set()
    try:
        with tarfile.open(source, mode="r:") as tar:
            for info in tar:
                seen.add(_extract(tar, info, target, told, what))
                if len(seen) > FILES_MAX:
                    raise BackupFailed(Fault.UNREADABLE, f"{what} holds too many files")
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise BackupFailed(Fault.UNREADABLE, f"{what} cannot be unpacked: {error}") from error
    except OSError as error:
        raise disk_trouble(f"unpacking {what}", error) from error
    if missing := sorted(set(told) - seen):
        raise BackupFailed(Fault.MISSING_FILE, f"{what} lacks {missing[0]}")


def _extract(
    tar: tarfile.TarFile,
    info: tarfile.TarInfo,
    target: Path | None,
    told: dict[str, dict[str, Any]],
    what: str,
) -> str:
    name = PurePosixPath(info.name)
    stream = tar.extractfile(info) if info.isreg() else None
    if stream is None or name.is_absolute() or ".." in name.parts or info.name not in told:
        text = f"{what} holds {info.name[:80]!r}, which its list does not name"
        raise BackupFailed(Fault.STRANGE_FILE, text)
    data = stream.read()
    if hashlib.sha256(data).hexdigest() != told[info.name]["sha256"]:
        raise BackupFailed(Fault.CHECKSUM, f"{info.name} in {what} is not what was put in")
    if target is None:
        return info.name
    path = target / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    return info.name


def sha256_of(path: Path) -> str:
    """Return the hash of a small file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def by_folder(root: Path, files: Iterable[Path]) -> dict[str, list[Path]]:
    """Return the files by the folder below `root` that they are in."""
    found: dict[str, list[Path]] = {}
    for path in files:
        found.setdefault(path.parent.relative_to(root).as_posix(), []).append(path)
    return found


def told_of(
    root: Path, files: Iterable[Path], *, check: Callable[[], None]
) -> dict[str, dict[str, Any]]:
    """Return size and hash of each file as it is now, as write_tree does."""
    found = {}
    for path in files:
        check()
        data = path.read_bytes()
        found[path.relative_to(root).as_posix()] = {
            "size_bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    return found


def sessions_of(told: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the journals among the files of a tree: account/session, segments and size."""
    found: dict[str, dict[str, Any]] = {}
    for name, file in told.items():
        journal = str(PurePosixPath(name).parent)
        one = found.setdefault(journal, {"journal": journal, "segments": 0, "size_bytes": 0})
        one["segments"] += name.endswith(".journal")
        one["size_bytes"] += file["size_bytes"]
    return list(found.values())
