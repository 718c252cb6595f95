"""A real signer in a process of its own, started as `manage.py run_signer` starts it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from tests.helpers.installation import ROOT, wait_for
from tests.signer.builders import policy
from tests.signer.golden import KEY_TEXT
from trading.signer.launch import Launch, send_launch


class Signer:
    """One signer and what it said. `directory` has to have a short path: a socket lies there."""

    started: ClassVar[list] = []  # all signers, of which a fixture ends those in its directory

    def __init__(self, directory, rules=None, key=KEY_TEXT):
        self.directory = Path(directory)
        self.socket = self.directory / "run" / "signer.sock"
        self.spend_file = self.directory / "spend.json"
        self.log = self.directory / "signer.log"
        self._launch = Launch(
            policy=rules or policy(),
            socket=str(self.socket),
            spend_file=str(self.spend_file),
            keystore=str(self.directory / "keystore.json"),
            password_file=str(self.directory / "password"),
            key=key,
        )
        self.process = None

    def start(self, *, ready=True):
        descriptor = send_launch(self._launch)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trading.signer", str(descriptor)],
                cwd=ROOT,
                pass_fds=[descriptor],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.started.append(self)
        os.close(descriptor)
        if ready:
            wait_for(self._listens, 20, "the signer's socket")
        return self

    def _listens(self):
        assert self.process.poll() is None, self.said()
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True

    def stop(self):
        """End it as the supervisor does; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def said(self):
        return self.log.read_text(errors="replace")
