"""A PostgreSQL cluster of one's own in a scratch directory, to be stopped while others use it."""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import closing, suppress
from pathlib import Path

import psutil

ROLE = "portal"


def binaries():
    """Return the directory of the server's programs, None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Cluster:
    """One cluster. `folder` is made for it, readable for everybody above it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._bin = binaries()
        # The server does not run as root: there it belongs to the account that packages make.
        self._user = "postgres" if os.getuid() == 0 else None
        self.folder.mkdir(parents=True)
        if self._user:
            shutil.chown(self.folder, self._user)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._do("initdb", "-D", self._data, "-U", ROLE, "-A", "trust", "--no-instructions")

    @property
    def url(self):
        return f"postgres://{ROLE}@127.0.0.1:{self.port}/postgres"

    @property
    def _data(self):
        return str(self.folder / "data")

    def start(self):
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._do(
            "pg_ctl", "-D", self._data, "-o", options, "-l", f"{self._data}.log", "-w", "start"
        )

    def stop(self, mode="immediate"):
        """End it; `immediate`: as a crash does, without a word to whoever is connected."""
        self._do("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def freeze(self):
        """Let nothing of it move: connections stay open, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        first = Path(self._data, "postmaster.pid").read_text().splitlines()[0]
        postmaster = psutil.Process(int(first))
        for process in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _do(self, program, *words):
        done = subprocess.run(  # noqa: PLW1510 - its status is looked at below
            [self._bin / program, *words],
            user=self._user,
            cwd=self.folder,
            # Nothing of ours: an installation ends whatever has its name in the environment.
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"
