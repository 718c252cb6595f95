"""What a trial of alert_stop.py is made of: processes that tell, and databases that go away."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

from tests.bench import ROOT


class Child:
    """A process that tells in lines of JSON what it does."""

    def __init__(self, one, module, *words, **environment):
        with (one.directory / f"{module}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=ROOT,
                env={**one.environment, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        one.started.append(self.process)
        one.process_sessions.add(self.process.pid)
        self.told = []
        self._log = one.directory / f"{module}.log"

    def line(self):
        """Return the next line; before anybody listens."""
        return self.process.stdout.readline().strip()

    def listen(self):
        """Collect what it tells from now on."""
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def _listen(self):
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    def say(self, word):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def wait(self, fits, seconds, what):
        """Return the first line that fits, of those that came or come."""
        until_s, at = time.monotonic() + seconds, 0
        while time.monotonic() < until_s:
            for one in self.told[at:]:
                at += 1
                if fits(one):
                    return one
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        log = self._log.read_text(errors="replace")[-3_000:]
        raise RuntimeError(f"{what} did not come; {self.told[-3:]}; {log}")


class Database:
    """What is done to the database of a mode: nothing, unless a class says otherwise."""

    def __init__(self, one, cluster):
        self.one, self.cluster = one, cluster

    def away(self):
        """Take it away."""

    def back(self):
        """Give it back."""


class Locked(Database):
    """SQLite: another process holds the lock to write, as a long transaction would."""

    def away(self):
        self._held = sqlite3.connect(self.one.database.file, timeout=2, isolation_level=None)
        self._held.execute("BEGIN EXCLUSIVE")

    def back(self):
        with closing(self._held):
            self._held.execute("ROLLBACK")


class Stopped(Database):
    """PostgreSQL is ended as by a crash, and started again."""

    def away(self):
        self.cluster.stop()

    def back(self):
        self.cluster.start()


class Frozen(Database):
    """PostgreSQL does not answer, and connections stay open."""

    def away(self):
        self.cluster.freeze()

    def back(self):
        self.cluster.thaw()


AWAY = {"locked": Locked, "stopped": Stopped, "frozen": Frozen}


def retried(call):
    """Call until the database answers: a connection of before it was away is of no use."""
    from django.db import DatabaseError, InterfaceError, connection

    for _ in range(40):
        try:
            return call()
        except (DatabaseError, InterfaceError):
            connection.close()
            time.sleep(0.25)
    raise RuntimeError("the database does not answer")
