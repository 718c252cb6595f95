"""The loop that watches the kill criteria and carries rollbacks on: one process at a time.

Its home is the jobs cluster, where each task hands on to the next. A web process does it while
nobody else does, whatever the reason: a money-losing phase must not go on because workers are busy.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeAlias

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from alerts.selectors.watches import beat_at, is_held
from alerts.services import watches
from checks.models import Rollback
from checks.selectors.rollbacks import unfinished
from checks.services.carrying import carry_on, lease_name
from checks.services.rollbacks import RollbackNotKept
from checks.services.watching import Evaluate, stored_evaluation, watch_account
from polyarb_site.clock import Clock
from trading.selectors.watched import accounts
from trading.services import HaltFailed, ServiceRefused
from trading.services.observing import this_process

logger = logging.getLogger(__name__)

GATES = "GATES"
GATES_JOBS = "GATES_JOBS"  # the rounds of the jobs cluster alone
# A look at least every 10 s: 5 between two of them, and the pauses when one hands on to the next.
ROUND_S = 2.0
EVALUATE_EVERY_NS = 5_000_000_000
LEASE_TTL = timedelta(seconds=15)
SILENT_AFTER = timedelta(seconds=30)  # then a web process takes over
FIRST_AFTER = timedelta(seconds=60)  # the jobs of the same start look for their work in half of it
TURN_S = 10.0  # of a web process; in between the jobs cluster can take the lease back
LOOK_S = 2.0
CLOSING_S = 5.0
TROUBLE = (DatabaseError, InterfaceError)


class Stop(Protocol):
    """Says whether to end."""

    def is_set(self) -> bool:
        """Return whether to end."""
        ...


Carry: TypeAlias = Callable[[Rollback, Stop], None]


@dataclass(slots=True)
class GateLoop:
    """Watches in this process. `in_jobs`: this is the jobs cluster, where it belongs."""

    clock: Clock
    in_jobs: bool
    owner: str = field(default_factory=lambda: this_process().text)
    evaluate: Evaluate = stored_evaluation
    rounds: int = 0
    _evaluated_ns: int | None = None
    _carriers: dict[int, threading.Thread] = field(default_factory=dict)  # by rollback

    def run(self, stop: Stop, seconds: float, wait: threading.Event | None = None) -> str:
        """Watch for as long as told, or until `stop`; return how many rounds it was.

        Rollbacks that are being carried on here go on after it, and end with `stop`.
        """
        pause = wait or threading.Event()
        ends_ns = self.clock.monotonic_ns() + int(seconds * 1_000_000_000)
        while not stop.is_set() and self.clock.monotonic_ns() < ends_ns:
            try:
                self.round(stop)
            except TROUBLE:
                logger.exception("kill criteria: the database does not answer")
                close_old_connections()
            pause.wait(ROUND_S)
        with suppress(*TROUBLE):  # the lease runs out by itself
            watches.release(GATES, self.owner)
        return f"{self.rounds} rounds"

    def round(self, stop: Stop) -> bool:
        """Look once if the lease is ours; return whether it was."""
        now = self.clock.now()
        if not watches.take(GATES, self.owner, now, LEASE_TTL):
            return False
        self._carry_on(stop)
        now_ns = self.clock.monotonic_ns()
        if self._evaluated_ns is None or now_ns - self._evaluated_ns >= EVALUATE_EVERY_NS:
            self._evaluated_ns = now_ns
            for account in accounts():
                self._watch(account)
            self._carry_on(stop)
        watches.beat(GATES, self.owner, now)
        if self.in_jobs:
            watches.mark(GATES_JOBS, now)
        self.rounds += 1
        return True

    def _watch(self, account: str) -> None:
        try:
            watch_account(account, now=self.clock.now(), evaluate=self.evaluate)
        except (ServiceRefused, HaltFailed, RollbackNotKept):
            logger.exception("kill criteria of %s", account)  # the next look is soon

    def _carry_on(self, stop: Stop) -> None:
        """Have somebody at every rollback that has not ended."""
        for row in unfinished():
            carrier = self._carriers.get(row.pk)
            here = carrier is not None and carrier.is_alive()
            if here or is_held(lease_name(row), self.clock.now()):
                continue
            self._carriers[row.pk] = threading.Thread(
                target=_carry, args=(row, self.clock, stop), name=f"rollback-{row.pk}", daemon=True
            )
            self._carriers[row.pk].start()

    def join(self, seconds: float) -> None:
        """Wait for the rollbacks that are carried on here to end, or to stop."""
        for carrier in self._carriers.values():
            carrier.join(seconds)


def _carry(row: Rollback, clock: Clock, stop: Stop) -> None:
    try:
        carry_on(row, clock=clock, should_stop=stop.is_set)
    except TROUBLE:
        logger.exception("rollback %s waits: the database does not answer", row.pk)
    finally:
        connection.close()


class GateFallback:
    """A thread of each web process: watches while nobody else does."""

    def __init__(self, clock: Clock, *, look_s: float = LOOK_S) -> None:
        self._clock = clock
        self._look_s = look_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate-fallback", daemon=True)
        self._began = clock.now()
        self._loop = GateLoop(clock, in_jobs=False)
        self._stands_in = False

    def __enter__(self) -> "GateFallback":
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and give back what is held."""
        self._done.set()
        self._thread.join(CLOSING_S + self._look_s)
        self._loop.join(CLOSING_S)

    def is_needed(self) -> bool:
        """Return whether nobody watches: for a while, or since our own last turn."""
        now = self._clock.now()
        if self._stands_in:
            return not is_held(GATES, now)
        beat = beat_at(GATES)
        if beat is None or beat < self._began:
            return now - self._began > max(FIRST_AFTER, SILENT_AFTER)
        return now - beat > SILENT_AFTER

    def _run(self) -> None:
        # Before that nobody can be missed who starts with us.
        wait_s = max(self._look_s, FIRST_AFTER.total_seconds())
        try:
            while not self._done.wait(wait_s):
                wait_s = self._look_s
                try:
                    self._stands_in = self.is_needed()
                    if self._stands_in:
                        logger.warning("nobody watches the kill criteria: this web process does")
                        self._loop.run(self._done, TURN_S, self._done)
                except TROUBLE:
                    logger.warning("kill criteria: the database does not answer")
                    connection.close()
        finally:
            connection.close()
