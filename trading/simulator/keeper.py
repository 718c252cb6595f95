"""Keeps on disk what the venue owes its users, so that a killed process costs them nothing.

SQLite in its strictest mode: a change is one transaction that is on the disk before anybody is
told, and a process that dies in the middle of one leaves the one before. The file is its owner's
alone: with the secret in it API keys can be made.
"""

import json
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Any

from trading.simulator.images import Changes, Past, encode
from trading.simulator.keys import KeyRing
from trading.simulator.local_venue import LocalVenue
from trading.simulator.records import OWNERS_MAX, TRADES_MAX

FORMAT = 1
FILE_NAME = "venue.sqlite3"
_SECRET_BYTES = 32
_ROWS_MAX = {"seen": OWNERS_MAX, "trade": TRADES_MAX}  # the rest is not remembered in memory


class StateError(Exception):
    """The state cannot be read or written; the message names the file and the remedy."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class Keeper:
    """The file of one venue, which no other process may use meanwhile."""

    def __init__(self, directory: Path, *, seed: int, markets: int) -> None:
        """Read what there is, and begin a new run; raises StateError."""
        self.path = directory / FILE_NAME
        self._failed = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            # Requests are answered by the thread that serves, which may be another one.
            self._file = sqlite3.connect(self.path, timeout=0, check_same_thread=False)
            self._file.isolation_level = None
            for wish in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                self._file.execute(f"PRAGMA {wish}")
            self.past = self._begin(seed, markets)
            self._changes = Changes(self.past.image)
        except (OSError, sqlite3.Error) as error:
            raise StateError(
                f"{self.path}: {error}; stop the venue that uses it, or choose another --state",
                permanent=True,
            ) from error

    @property
    def secret(self) -> bytes:
        """What API keys are made from: the same in every run."""
        return bytes.fromhex(self.past.image["venue"]["secret"])

    def save(self, venue: LocalVenue, keys: KeyRing) -> None:
        """Write what changed; returns when it is on the disk.

        Raises StateError, and from then on always: what could not be written would be missing.
        """
        if self._failed:
            raise StateError(f"{self.path} could not be written", permanent=True)
        changes = self._changes.take(venue, keys)
        if changes:
            try:
                self._write(changes)
            except sqlite3.Error as error:
                self._failed = True
                raise StateError(f"{self.path}: {error}", permanent=True) from error

    def close(self) -> None:
        """Let another process use the file."""
        self._file.close()

    def _begin(self, seed: int, markets: int) -> Past:
        """Return all rows of the earlier runs, and count this one."""
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS rows"
            " (kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, name))"
        )
        for kind, rows_max in _ROWS_MAX.items():
            self._file.execute(
                "DELETE FROM rows WHERE kind = ? AND rowid NOT IN"
                " (SELECT rowid FROM rows WHERE kind = ? ORDER BY rowid DESC LIMIT ?)",
                (kind, kind, rows_max),
            )
        image: dict[str, dict[str, Any]] = {}
        for kind, name, body in self._file.execute("SELECT * FROM rows ORDER BY rowid"):
            image.setdefault(kind, {})[name] = json.loads(body)
        wanted = {"format": FORMAT, "seed": seed, "markets": markets}
        about = image.setdefault("venue", wanted | {"runs": 0})
        for name, value in wanted.items():
            if about[name] != value:
                raise StateError(
                    f"{self.path}: its {name} is {about[name]}, not {value}; "
                    "start with that, or choose another --state",
                    permanent=True,
                )
        about.setdefault("secret", secrets.token_bytes(_SECRET_BYTES).hex())
        past = Past(image=image, run=about["runs"])
        about["runs"] += 1
        self._write({("venue", name): value for name, value in about.items()})
        return past

    def _write(self, changes: dict[tuple[str, str], Any]) -> None:
        gone = [key for key, row in changes.items() if row is None]
        written = [(*key, encode(row)) for key, row in changes.items() if row is not None]
        self._file.execute("BEGIN IMMEDIATE")
        self._file.executemany("DELETE FROM rows WHERE kind = ? AND name = ?", gone)
        self._file.executemany(
            "INSERT INTO rows VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            written,
        )
        self._file.execute("COMMIT")
