"""An installation that trades with play money, whose processes are killed at chosen moments."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import psutil

from tests.helpers.installation import POSTGRES, ROOT, Installation, wait_for
from trading.signer.key import SigningKey
from trading.signer.keystore import create_keystore, create_password

ENDS = ("MERGED", "REDEEMED", "UNWOUND", "ABANDONED")
# How each process is known by its command line. The engine's is known by the lease.
WORDS = {"signer": "trading.signer", "venue": "simulate_exchange"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def seconds_of(at):
    """Return a time of the database, text or datetime, as seconds of UTC."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class Live(Installation):
    """`manage.py up` on the local venue and its chain, open to drills."""

    def __init__(self, directory, name, key=None):
        """With a key (of 32 bytes) the wallet is that key's; else the signer makes one."""
        super().__init__(directory, name)
        if key is not None:
            folder = directory / "simulator" / "signer"
            folder.mkdir(parents=True, mode=0o700)
            password = create_password(folder / "password")
            # A play key's keystore is opened at each start: quickly.
            create_keystore(folder / "keystore.json", SigningKey(key), password, scrypt_cost=2**12)
        self.web_port, self.venue_port = free_port(), free_port()
        self.environment["POLYARB_SIMULATOR_PORT"] = str(self.venue_port)
        self.up = None
        self._connection = None

    # Processes

    def start_up(self):
        """Start everything and wait until it trades."""
        before = self.log("up")
        words = ("up", "--port", str(self.web_port), "--feed", "simulator", "--drills")
        self.up = self.start(*words, log="up")

        def is_up():
            assert self.up.poll() is None, self.log("up")
            return "Ctrl-C stops" in self.log("up")[len(before) :]

        wait_for(is_up, 120, "the start")
        self.trading(since_s=0, seconds=120)

    def kill_everything(self):
        """Kill every process of it in the same moment, the chain's too."""
        for one in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.suspend()
        for one in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.up.wait(10)

    def stop_up(self):
        """Interrupt it as Ctrl-C does, and return its exit status."""
        self.up.send_signal(signal.SIGINT)
        return self.up.wait(60)

    def start_web(self, port, **variables):
        """Start one more web process, with variables of its own."""
        words = ["-m", "uvicorn", "polyarb_site.asgi:application", "--app-dir", str(ROOT)]
        child = subprocess.Popen(
            [sys.executable, *words, "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.started.append(child)
        self.process_sessions.add(child.pid)
        return child

    def answers(self, port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def pid_of(self, process):
        """Return the process id of engine, signer or venue, 0 while it is not there."""
        if process == "engine":
            return self.lease()[1]
        found = [
            one.pid
            for one in self.processes()
            if any(WORDS[process] in word for word in one.cmdline())
        ]
        return found[0] if found else 0

    def kill(self, process):
        """Kill a process and return when, in seconds of UTC."""
        pid = self.pid_of(process)
        os.kill(pid, signal.SIGKILL)
        return time.time()

    def freeze(self, process):
        pid = self.pid_of(process)
        os.kill(pid, signal.SIGSTOP)
        return pid

    # What the database says, in one connection that stays: it is asked hundreds of times a second

    def ask(self, sql):
        if self._connection is None:
            if POSTGRES:
                import psycopg

                self._connection = psycopg.connect(self.database.url, autocommit=True)
            else:
                self._connection = sqlite3.connect(
                    self.database.file, timeout=10, isolation_level=None
                )
        return self._connection.execute(sql).fetchall()

    def hang_up(self):
        """Close our connection; the next question opens another one.

        Whoever reads SQLite's file without it takes away the locks of the whole process.
        """
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def end(self):
        self.hang_up()
        super().end()

    def open_sets(self):
        """Return [(set_id, state)] of the sets that have not ended."""
        ends = ", ".join(f"'{state}'" for state in ENDS)
        return self.ask(
            f"SELECT set_id, state FROM trading_arbitrageset WHERE state NOT IN ({ends})"
        )

    def newest_set(self):
        rows = self.ask("SELECT set_id FROM trading_arbitrageset ORDER BY id DESC LIMIT 1")
        return rows[0][0] if rows else ""

    def moved(self, state, after_id=0):
        """Return (row id, set_id) of the first move into a state after a row, or nothing."""
        rows = self.ask(
            f"SELECT id, set_id FROM trading_setmove WHERE id > {after_id}"
            f" AND state_to = '{state}' ORDER BY id LIMIT 1"
        )
        return rows[0] if rows else None

    def last_move(self):
        return self.ask("SELECT COALESCE(MAX(id), 0) FROM trading_setmove")[0][0]

    def count(self, state):
        return self.ask(f"SELECT COUNT(*) FROM trading_arbitrageset WHERE state = '{state}'")[0][0]

    # Whether it trades

    def sample(self):
        """Return (when, figures) of the newest second of the session that has the lease."""
        rows = self.ask(
            'SELECT m.at, m."values" FROM trading_metricsample m'
            " JOIN trading_enginesession s ON s.id = m.session_id"
            " JOIN trading_enginelease l ON l.token = s.token"
            " WHERE l.owner <> '' ORDER BY m.id DESC LIMIT 1"
        )
        if not rows:
            return None
        at, figures = rows[0]
        return seconds_of(at), json.loads(figures) if isinstance(figures, str) else figures

    def may_trade(self, since_s):
        """Return when a second began after this one in which new sets could be opened."""
        found = self.sample()
        if found is None or found[0] < since_s:
            return None
        at, figures = found
        well = figures["may_trade"] and figures["feed_connected"] and figures["books_fresh"]
        return at if well and not figures["access_problem"] else None

    def trading(self, since_s, seconds=90):
        """Wait until new sets can be opened, and return since when."""
        return wait_for(lambda: self.may_trade(since_s), seconds, f"trading: {self.sample()}")[0]

    def trading_again(self, process, killed_s):
        """Wait until new sets can be opened after a kill, and return since when.

        Without its signer an engine believes itself able until it tries: that one has to be there.
        """
        if process == "signer":
            path = self.directory / "run" / "signer" / "play.sock"

            def answers():
                with socket.socket(socket.AF_UNIX) as probe:
                    return probe.connect_ex(str(path)) == 0

            wait_for(answers, 60, "the signer's return")
            killed_s = max(killed_s, time.time() - 1)  # of a second that has it in it
        return self.trading(killed_s + 0.1)

    def next_set(self, since_s, seconds=120):
        """Wait for a set that was decided on after a time; return how many seconds after."""

        def look():
            rows = self.ask(
                "SELECT at FROM trading_setmove WHERE state_to = 'INTENT' ORDER BY id DESC LIMIT 20"
            )
            later = [at for (text,) in rows if (at := seconds_of(text)) > since_s]
            return min(later) if later else None

        return wait_for(look, seconds, "the next set")[0] - since_s

    # The venue

    def venue(self, method, path, **said):
        """Ask the venue's own doors; returns what it says."""
        answer = httpx.request(
            method, f"http://127.0.0.1:{self.venue_port}{path}", timeout=10, trust_env=False, **said
        )
        answer.raise_for_status()
        return answer.json()

    def fault(self, kind, **said):
        self.venue("POST", "/simulator/faults", json={"kind": kind, **said})

    def faults_over(self):
        return not self.venue("GET", "/simulator/faults")["active"]

    def end_faults(self):
        """Let nothing go wrong any more; a venue that starts anew has forgotten it anyway."""
        with contextlib.suppress(httpx.TransportError):
            self.venue("DELETE", "/simulator/faults")

    def crashes(self):
        """Return what ended by a fault of its own, empty for nothing."""
        rows = self.ask(
            "SELECT token, state_reason FROM trading_enginesession"
            " WHERE state_reason LIKE 'CRASHED%' OR state_reason LIKE '%FAILED%'"
        )
        return f" sessions that crashed: {rows}" if rows else ""

    # Rest

    def rest(self, seconds=150):
        """Open no new sets, and wait until every set has ended."""
        (self.directory / "KILL").write_text("{}")
        wait_for(lambda: self.sample()[1]["halted"], 20, "the halt")
        wait_for(lambda: not self.open_sets(), seconds, f"rest: {self.open_sets()}")

    def resume(self):
        """Go on, which needs a comparison that agreed."""
        wait_for(lambda: self.newest_verdict() == "MATCH", 90, "a match")
        self.manage("resume_trading", "--reason", "the drill goes on")

    def newest_verdict(self):
        rows = self.ask("SELECT verdict FROM trading_reconciliationrun ORDER BY id DESC LIMIT 1")
        return rows[0][0] if rows else ""

    def reconciled(self, since_s, seconds=90):
        """Wait for a comparison that began after a time, and return its verdict."""

        def look():
            rows = self.ask(
                "SELECT at, verdict, differences FROM trading_reconciliationrun"
                " ORDER BY id DESC LIMIT 1"
            )
            return rows[0] if rows and seconds_of(rows[0][0]) > since_s else None

        return wait_for(look, seconds, "a reconciliation")[0][1:]
