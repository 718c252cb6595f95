"""Making what is on the disk final: synced, renamed in one step, or not there at all."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil

COPY_BYTES = 1_048_576


def sync_directory(directory: Path) -> None:
    """Make new and renamed entries of a directory survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Put a file in place as a whole: whoever looks sees the old one or the new one."""
    draft = path.with_name(f".{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(path)
    sync_directory(path.parent)


def rename_folder(source: Path, target: Path) -> None:
    """Give a finished folder its name. Raises FileExistsError when that name has one."""
    if os.path.lexists(target):
        raise FileExistsError(f"{target.name} is there already")
    sync_directory(source)
    source.rename(target)
    sync_directory(target.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder, under another name first: half a folder never has a backup's name."""
    if not os.path.lexists(folder):
        return
    going = folder
    if not folder.name.startswith("."):
        going = folder.with_name(f".{folder.name}.going")
        shutil.rmtree(going, ignore_errors=True)
        folder.rename(going)
    shutil.rmtree(going)


def free_bytes(folder: Path) -> int:
    """Return how much room this user has on the disk of a folder."""
    return shutil.disk_usage(folder).free


def commit_of(root: Path) -> str:
    """Return the commit of the checkout at `root`, empty when it is none."""
    git = root / ".git"
    try:
        if git.is_file():  # a worktree or a submodule says where its own folder is
            git = (root / git.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head[:40]
        ref = head.removeprefix("ref:").strip()
        common = git / "commondir"
        shared = (git / common.read_text().strip()).resolve() if common.is_file() else git
        for folder in (git, shared):
            if (folder / ref).is_file():
                return (folder / ref).read_text().strip()[:40]
        packed = (shared / "packed-refs").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), "")[:40]


def copy_folder(source: Path, target: Path, check: Callable[[], None]) -> None:
    """Copy the plain files of a folder into a new one, synced. `check` raises to stop."""
    target.mkdir(mode=0o700)
    for path in sorted(source.iterdir()):
        copy_file(path, target / path.name, check)


def copy_file(source: Path, target: Path, check: Callable[[], None]) -> None:
    """Copy a file to a new one, synced. `check` raises to stop."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with source.open("rb") as stream, os.fdopen(descriptor, "wb") as out:
        while data := stream.read(COPY_BYTES):
            check()
            out.write(data)
        out.flush()
        os.fsync(out.fileno())


def who_has_open(path: Path) -> list[str]:
    """Return the processes of this host that have a file open, as far as we may see them."""
    found = []
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error):
            if any(one.path == str(path) for one in process.open_files()):
                words = " ".join(process.info["cmdline"] or [process.info["name"] or ""])
                found.append(f"process {process.pid} ({words[:80]})")
    return found


def nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())
