"""Locks between processes of one host, and whether a process of it still lives.

The kernel frees a file lock when its process ends, however it ends. A frozen process keeps it: that
is why such a lock is never the only proof of anything.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path


class FileLock:
    """An exclusive lock on a file, held until released or until this process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock if it is free; return whether it is held. Never waits."""
        if self._descriptor is not None:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())  # for people who look
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the lock go. Harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def owner_text(self) -> str:
        """Return what the holder wrote into the file, its process id."""
        try:
            return self.path.read_text().strip()
        except FileNotFoundError:
            return ""


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """What the kernel says of a process: one letter of state, and when it began, in ticks."""

    state: str
    started_ticks: int


def process_stat(pid: int) -> ProcessStat | None:
    """Return the state and the start of a process, None when there is none with this id.

    The start is counted from the host's boot, so that setting the clock does not change it.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name may hold anything, also spaces and parentheses: the fields begin behind the last one.
    fields = text[text.rindex(")") + 2 :].split()
    return ProcessStat(fields[0], int(fields[19]))


def process_is_gone(pid: int, started_ticks: int) -> bool:
    """Return whether the process that began then has ended; its number may be another's by now."""
    stat = process_stat(pid)
    return stat is None or stat.started_ticks != started_ticks or stat.state in "ZX"


def host_identity() -> str:
    """Return a name of this boot of this host and its process numbers, the same for each process.

    Two containers may share a host name, and a host gets the same name after a reboot: process ids
    can be compared only when all of it is equal.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    numbers = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 - a magic link, not a path
    return f"{os.uname().nodename[:60]}/{boot[:8]}/{numbers}"
