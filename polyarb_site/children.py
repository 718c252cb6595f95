"""One child process: started so that it cannot outlive its parent, its output kept in a log.

A child runs in a session of its own: Ctrl-C in the terminal reaches only the supervisor, which
stops the children in order. The kernel sends a child SIGTERM when its parent dies, however it dies.
A child inherits the environment except for secrets, which only a program that names them gets.
"""

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from logging import LogRecord, makeLogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOG_BYTES_MAX = 5 * 1_048_576
LOG_FILES_MAX = 3
LINE_LENGTH_MAX = 2_000
LOUD = (" WARNING ", " ERROR ", " CRITICAL ", "Traceback ", "Error: ")
SECRET_VARIABLES = ("POLYARB_SIGNER_KEY",)
CLEAN_EXITS = {0, -signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGTERM}

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to start. `grace_s` is how long it may take to stop by itself."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]  # on top of our own environment, which it inherits
    grace_s: float
    hurried_grace_s: float
    secrets: frozenset[str] = frozenset()  # of SECRET_VARIABLES, what it may inherit

    @property
    def full_command(self) -> list[str]:
        """The command behind `env`, which takes secrets away and adds the variables."""
        dropped = [f"-u{name}" for name in SECRET_VARIABLES if name not in self.secrets]
        added = [f"{name}={value}" for name, value in self.variables.items()]
        return ["/usr/bin/env", *dropped, *added, *self.command]


class Child:
    """One running process of a program. `say` hears its loud lines."""

    def __init__(self, program: Program, log_dir: Path, say: Callable[[str, str], None]) -> None:
        self.program = program
        self._say = say
        self._parent_pid = os.getpid()
        log_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._log = RotatingFileHandler(
            log_dir / f"{program.name}.log",
            maxBytes=LOG_BYTES_MAX,
            backupCount=LOG_FILES_MAX,
            encoding="utf-8",
            errors="replace",
        )
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours
            program.full_command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=self._tie_to_parent,  # noqa: PLW1509 - calls one C function
        )
        self._reader = threading.Thread(target=self._read, name=f"log-{program.name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id, also of one that has ended."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How it ended, negative for a signal, or None while it runs."""
        return self._process.poll()

    @property
    def ended_cleanly(self) -> bool:
        """Whether it ended as it was asked to."""
        return self.exit_status in CLEAN_EXITS

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process itself; it stops its own children in order."""
        if self.exit_status is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; return whether it came."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kill it and everything that it left behind in its session."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()

    def close(self) -> None:
        """Read the rest of its output and close the log; call after its end."""
        self._reader.join(timeout=2)
        self._log.close()

    def _tie_to_parent(self) -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self._parent_pid:  # it died before the line above
            os._exit(1)

    def _read(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        for raw in iter(lambda: stream.readline(LINE_LENGTH_MAX), b""):
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self._log.emit(_record(line))
            if any(word in line for word in LOUD):
                self._say(self.program.name, line[:300])
        stream.close()


def _record(line: str) -> LogRecord:
    return makeLogRecord({"msg": "%s", "args": (line,)})
