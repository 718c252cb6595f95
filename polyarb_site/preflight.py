"""What must hold on this machine before `manage.py up` starts anything.

Each check returns the problems that it found, each with its remedy, and leaves nothing behind. Only
the standard library is used, and only what Python 3.8 knows: a machine that fails here may not be
able to load Django, and an old Python must come as far as saying that it is too old.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PYTHON_MIN = (3, 11)
FREE_BYTES_MIN = 200 * 1024 * 1024
PORT_MAX = 65_535
PROBE_PREFIX = ".writable-"
RESTORE_FILE = "restore.json"


@dataclass(frozen=True)
class Problem:
    """One reason not to start. `code` is stable, the texts are for a person."""

    code: str
    message: str
    remedy: str


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> list[Problem]:
    """Refuse a Python below 3.11, before a syntax error says it worse."""
    if version[:2] >= PYTHON_MIN:
        return []
    return [
        Problem(
            code="PYTHON_TOO_OLD",
            message=f"this is Python {version[0]}.{version[1]}, at least 3.11 is needed",
            remedy="make install PYTHON=/path/to/python3.11",
        )
    ]


def check_port(host: str, port: int) -> list[Problem]:
    """Refuse a port that cannot be listened on at `host`, by taking it for a moment."""
    if not 0 < port <= PORT_MAX:
        return [
            Problem(
                code="PORT_INVALID",
                message=f"{port} is not a port, ports are 1 to {PORT_MAX}",
                remedy="PORT=8084 make run",
            )
        ]
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server does it: a port is free although old connections to it still fade out.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return [_port_problem(host, port, error)]
    return []


def check_data_dir(data_dir: Path) -> list[Problem]:
    """Refuse a data directory that cannot be made or written. It is not made here."""
    existing = nearest_existing(data_dir)
    if not existing.is_dir():
        return [
            Problem(
                code="DATA_DIR_NOT_A_DIRECTORY",
                message=f"the data directory {data_dir} cannot be: {existing} is a file",
                remedy="move the file, or set POLYARB_DATA_DIR to another directory",
            )
        ]
    try:
        # The mode bits do not tell: a read-only mount or a full quota shows only when writing.
        with tempfile.TemporaryFile(prefix=PROBE_PREFIX, dir=existing) as probe:
            probe.write(b"\0")
            probe.flush()
    except OSError as error:
        return [
            Problem(
                code="DATA_DIR_NOT_WRITABLE",
                message=f"the data directory {data_dir} cannot be written ({error.strerror})",
                remedy="give this user write access to it, or set POLYARB_DATA_DIR to another one",
            )
        ]
    return []


def check_disk(data_dir: Path, free_bytes_min: int = FREE_BYTES_MIN) -> list[Problem]:
    """Refuse a data directory whose disk has less than `free_bytes_min` left for this user."""
    try:
        free_bytes = shutil.disk_usage(nearest_existing(data_dir)).free
    except OSError as error:
        return [
            Problem(
                code="DISK_UNKNOWN",
                message=f"the free space at {data_dir} cannot be read ({error.strerror})",
                remedy="check the disk, or set POLYARB_DATA_DIR to a directory on another one",
            )
        ]
    if free_bytes >= free_bytes_min:
        return []
    return [
        Problem(
            code="DISK_FULL",
            message=(
                f"only {free_bytes // 2**20} MiB free at {data_dir}, "
                f"at least {free_bytes_min // 2**20} MiB are needed"
            ),
            remedy="free some space, or set POLYARB_DATA_DIR to a directory on another disk",
        )
    ]


def check_restore(data_dir: Path) -> list[Problem]:
    """Refuse to start in the middle of a restore: half of the state is that of another day."""
    if not os.path.lexists(data_dir / RESTORE_FILE):
        return []
    return [
        Problem(
            code="RESTORE_UNFINISHED",
            message=f"a restore was begun and not finished; {data_dir / RESTORE_FILE} says which",
            remedy="finish it: manage.py restore_state --go-on",
        )
    ]


def check_all(*, host: str, port: int, data_dir: Path) -> list[Problem]:
    """Return everything that stands in the way of a start, not only the first thing."""
    return [
        *check_python(),
        *check_port(host, port),
        *check_data_dir(data_dir),
        *check_disk(data_dir),
        *check_restore(data_dir),
    ]


def nearest_existing(path: Path) -> Path:
    """Return `path` or the nearest thing above it that exists; what is missing is made later."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would raise on a link loop
    for candidate in (absolute, *absolute.parents):
        if os.path.lexists(candidate):
            return candidate
    return Path(absolute.anchor)


def _port_problem(host: str, port: int, error: OSError) -> Problem:
    if error.errno == errno.EADDRINUSE:
        return Problem(
            code="PORT_TAKEN",
            message=f"port {port} on {host} is taken by another program",
            remedy=f"stop that program, or take another port: PORT={_other(port)} make run",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return Problem(
            code="PORT_FORBIDDEN",
            message=f"this user may not listen on port {port} of {host}",
            remedy="take a port above 1023: PORT=8084 make run",
        )
    return Problem(
        code="HOST_INVALID",
        message=f"cannot listen on {host} port {port} ({error.strerror})",
        remedy="give an address of this machine, 127.0.0.1 for itself alone",
    )


def _other(port: int) -> int:
    """Return the port to propose instead: the next one, within what a plain user may take."""
    return port + 1 if 1024 <= port < PORT_MAX else 8084
