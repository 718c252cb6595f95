"""A whole installation for chaos tests: own data directory, own database, real processes.

Nothing of it runs in the test's process. Its database is a SQLite file, or a scratch database on
the PostgreSQL server of DATABASE_URL.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

from trading.adapters import codec
from trading.engine import facts as f
from trading.engine.commands import RecordFact
from trading.journal import COMMAND, JournalReader

ROOT = Path(__file__).resolve().parents[2]
URL = os.environ.get("DATABASE_URL", "")
POSTGRES = URL.startswith("postgres")


def wait_for(condition, seconds, what="it", every_s=0.01):
    """Return the first true answer and how long it took; asks anew after so many seconds."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        answer = condition()
        if answer:
            return answer, time.monotonic() - began
        time.sleep(every_s)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Database:
    """Plain SQL on the installation's database."""

    def __init__(self, directory: Path, name: str) -> None:
        self.file = directory / "portal.sqlite3"
        self.name = name
        self.url = ""
        if POSTGRES:
            parts = urlsplit(URL)
            self.url = urlunsplit(parts._replace(path=f"/{name}"))

    def rows(self, sql):
        if POSTGRES:
            import psycopg

            with psycopg.connect(self.url, autocommit=True) as connection:
                cursor = connection.execute(sql)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.file, timeout=10)) as file, file:
            return file.execute(sql).fetchall()

    def one(self, sql):
        rows = self.rows(sql)
        return rows[0] if rows else None

    def create(self, template: "Database | None") -> None:
        if POSTGRES:
            like = f' TEMPLATE "{template.name}"' if template else ""
            _server(f'CREATE DATABASE "{self.name}"{like}')
        elif template:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(template.file, self.file)

    def drop(self) -> None:
        if POSTGRES:
            _server(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


def _server(sql):
    import psycopg

    parts = urlsplit(URL)
    with psycopg.connect(
        urlunsplit(parts._replace(path="/postgres")), autocommit=True
    ) as connection:
        connection.execute(sql)


class Installation:
    """A data directory, its database, and the processes that were started on it."""

    def __init__(self, directory: Path, name: str, template: "Installation | None" = None) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.database = Database(directory, name)
        self.database.create(template.database if template else None)
        self.started: list[subprocess.Popen] = []
        self.process_sessions: set[int] = set()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("POLYARB_")},
            "POLYARB_DATA_DIR": str(directory),
            "DATABASE_URL": self.database.url,
            "PYTHONUNBUFFERED": "1",
        }

    # Processes

    def manage(self, *arguments, seconds=60, ends=(0,)):
        """Run a command to its end, which is one of these statuses."""
        done = subprocess.run(  # noqa: PLW1510 - its status is looked at below
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode in ends, done.stdout + done.stderr
        return done.stdout

    def start(self, *arguments, log, cwd=ROOT, **variables):
        """Start a command in a process group of its own."""
        with (self.directory / f"{log}.log").open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", *arguments],
                cwd=cwd,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.started.append(child)
        self.process_sessions.add(child.pid)  # it leads a session of its own
        return child

    def cluster(self, name="engine"):
        return self.start("portal_qcluster", log=name, Q_CLUSTER_NAME=name)

    def log(self, name):
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def processes(self):
        """Every live process that was started on this data directory, wherever it went.

        A process is known by its environment, or by the session of one that was: a worker writes
        its title over its environment. The test's own session is never among them.
        """
        mark = f"POLYARB_DATA_DIR={self.directory}".encode()
        own = os.getsid(0)
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                session = os.getsid(int(path.name))
                if session not in self.process_sessions:
                    if session == own or mark not in (path / "environ").read_bytes().split(b"\0"):
                        continue
                    self.process_sessions.add(session)
                process = psutil.Process(int(path.name))
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (OSError, psutil.NoSuchProcess):
                continue
        return found

    def end(self):
        """Kill whatever is left, and drop the database."""
        for process in self.processes():
            try:
                process.send_signal(signal.SIGCONT)
                process.kill()
            except psutil.NoSuchProcess:
                continue
        for child in self.started:
            child.wait(5)
        self.database.drop()

    # What the engine says

    def lease(self):
        """(owner, pid, token) of the account's lease."""
        row = self.database.one("SELECT owner, pid, token FROM trading_enginelease")
        return row or ("", 0, 0)

    def sessions(self):
        """{token: (state, reason, is it closed)} of all sessions."""
        rows = self.database.rows(
            "SELECT token, state, state_reason, ended_at FROM trading_enginesession"
        )
        return {token: (state, reason, bool(ended)) for token, state, reason, ended in rows}

    def active(self, above=0):
        """The process id of the owner whose session trades, with a token above this one."""
        owner, pid, token = self.lease()
        if not owner or token <= above:
            return 0
        state = self.sessions().get(token, ("", "", False))[0]
        return pid if state in ("TRADING", "BLIND", "NO_ACCESS", "HALTED") else 0

    def wait_active(self, above=0, seconds=30):
        """Wait for a trading owner; return its process id, its token, and how long it took."""
        pid, took = wait_for(lambda: self.active(above), seconds, "an engine that trades")
        return pid, self.lease()[2], took

    def standby(self, seconds=15):
        """Wait for the process that waits for the lease, and return its id."""

        def look():
            held = self.directory / "run" / "engine-main.standby"
            text = held.read_text().strip() if held.exists() else ""
            tried = [p.pid for p in self.processes() if str(p.pid) == text]
            return tried[0] if tried and tried[0] != self.lease()[1] else 0

        return wait_for(look, seconds, "a standby")[0]

    def stop_engine(self):
        """Ask for the engine to stop, as the service does."""
        self.database.rows("UPDATE trading_mandate SET desired = 'STOP', revision = revision + 1")

    # Whether anything was lost

    def journal_facts(self):
        """Every fact of every journal, by kind, with the session that it belongs to."""
        found = []
        for directory in sorted((self.directory / "journal" / "main").iterdir()):
            reader = JournalReader(directory)
            for record in reader.records():
                message = codec.from_msgpack(record.body) if record.kind == COMMAND else None
                if isinstance(message, RecordFact):
                    found.append((directory.name, message.fact))
        return found

    def assert_nothing_lost(self):
        """The database holds each fact of the journals once, and none that they do not."""
        facts = self.journal_facts()

        def ids(kind, name):
            return Counter(getattr(fact, name) for _, fact in facts if isinstance(fact, kind))

        def column(table, name, where="1=1"):
            return Counter(
                value
                for (value,) in self.database.rows(f"SELECT {name} FROM {table} WHERE {where}")
            )

        assert column("trading_opportunity", "opportunity_id") == ids(
            f.OpportunitySeen, "opportunity_id"
        )
        notes = column("trading_enginenote", "note_id", "note_id NOT LIKE '%recovered'")
        assert notes == ids(f.EngineNoted, "note_id")
        entries = column("trading_ledgerentry", "entry_id")
        assert entries == Counter(
            {f"main:paper:{name}": n for name, n in ids(f.LedgerBooked, "entry_id").items()}
        )
        samples = self.database.rows(
            "SELECT s.key, COUNT(*) FROM trading_metricsample m"
            " JOIN trading_enginesession s ON s.id = m.session_id GROUP BY s.key"
        )
        told = Counter(key for key, fact in facts if isinstance(fact, f.MetricSample))
        assert dict(samples) == dict(told)
        assert facts
