"""What was signed today, on disk before a signature leaves, so that no restart frees a bound.

Writing to disk at each order would take longer than signing it. So a step is set aside on disk in
advance, and most orders fit into it. After a kill or a power cut the whole step counts as spent:
up to a twentieth of the day's bound too much, never a cent too little. An orderly end writes the
exact sum.
"""

import fcntl
import os
from pathlib import Path

import msgspec.json

from trading.signer.faults import StartRefusedError
from trading.signer.private_files import make_private_directory, read_private, replace_private
from trading.signer.terms import DaySpend

STEPS_PER_DAY = 20


class SpendFile:
    """The file of one signer; a second signer on the same file does not start."""

    def __init__(self, path: Path, *, day_buy_micro_max: int) -> None:
        self._path = path
        self._bound_micro = day_buy_micro_max
        self._step_micro = -(-day_buy_micro_max // STEPS_PER_DAY)  # up: never a step of nothing
        self._on_disk = DaySpend(day=0, spent_micro=0)
        self._lock: int | None = None

    def open(self) -> DaySpend:
        """Lock the file and return what counts as spent. Raises StartRefusedError."""
        make_private_directory(self._path.parent)
        lock = os.open(
            self._path.with_name(f"{self._path.name}.lock"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o600,
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise StartRefusedError(
                f"another signer counts in {self._path}; stop that one first"
            ) from None
        try:
            self._on_disk = self._read()
        except StartRefusedError:
            os.close(lock)
            raise
        self._lock = lock
        return self._on_disk

    def record(self, spend: DaySpend) -> None:
        """Make sure that no restart forgets this. Raises OSError; then nothing may be signed."""
        known = self._on_disk
        if spend.day == known.day and spend.spent_micro <= known.spent_micro:
            return
        ahead_micro = min(spend.spent_micro + self._step_micro, self._bound_micro)
        self._write(DaySpend(day=spend.day, spent_micro=max(spend.spent_micro, ahead_micro)))

    def close(self, spend: DaySpend) -> None:
        """Write the exact sum and let the file go. Raises OSError."""
        try:
            if spend != self._on_disk:
                self._write(spend)
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _write(self, spend: DaySpend) -> None:
        replace_private(self._path, msgspec.json.encode(spend) + b"\n")
        self._on_disk = spend

    def _read(self) -> DaySpend:
        try:
            spend = msgspec.json.decode(read_private(self._path), type=DaySpend)
        except FileNotFoundError:
            return DaySpend(day=0, spent_micro=0)
        except msgspec.DecodeError:
            spend = DaySpend(day=-1, spent_micro=-1)
        if spend.day < 0 or spend.spent_micro < 0:
            raise StartRefusedError(
                f"{self._path} is damaged, so nobody knows what was signed today; "
                "remove it tomorrow (UTC)"
            )
        return spend
