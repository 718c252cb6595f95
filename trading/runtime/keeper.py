"""Keeps the lease while the loop is well, and ends the process when it is not.

A thread of its own renews, because a busy loop must not lose the account. But it renews only for a
loop that has moved lately: an engine that is stuck does not react to a halt any more, so it has to
lose its lease. When the lease has run out and the loop still does not end, nothing in this process
can be trusted, and it is ended hard.
"""

import logging
import os
import threading
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection

from polyarb_site.clock import Clock
from trading.lease import Fenced, LeaseHolder

logger = logging.getLogger(__name__)

MS_NS = 1_000_000
EXIT_STUCK = 70
STARTING_MS_MAX = 120_000  # reading the mandate, recovering an earlier session
ENDING_MS_MAX = 20_000  # writing everything down


class LeaseKeeper:
    """The thread that renews one lease. `lost` says why it does not any more."""

    def __init__(
        self,
        holder: LeaseHolder,
        *,
        clock: Clock,
        loop_silence_ms_max: int,
        exit_process: Callable[[int], None] = os._exit,
    ) -> None:
        self.lost = ""
        self.orphaned = False
        self.renewals = 0
        self._holder = holder
        self._clock = clock
        self._loop_silence_ms_max = loop_silence_ms_max
        self._silence_ms_max = STARTING_MS_MAX
        self._exit = exit_process
        self._parent = os.getppid()
        self._beat_ns = clock.monotonic_ns()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        """Start renewing."""
        self._thread.start()

    def beat(self) -> None:
        """Say that the shift moves. Called by the loop all the time."""
        self._beat_ns = self._clock.monotonic_ns()

    def loop_begins(self) -> None:
        """From now on the loop has to move as often as a loop does."""
        self.beat()
        self._silence_ms_max = self._loop_silence_ms_max

    def loop_ended(self) -> None:
        """From now on only writing down is left."""
        self.beat()
        self._silence_ms_max = ENDING_MS_MAX

    def stop(self) -> None:
        """Stop renewing; the lease is still held for a while."""
        self._done.set()
        self._thread.join(5)

    def _run(self) -> None:
        every_s = self._holder.times.renew_every_ms / 1_000
        try:
            while not self._done.wait(every_s):
                if os.getppid() != self._parent:
                    self.orphaned = True
                silent_ms = (self._clock.monotonic_ns() - self._beat_ns) // MS_NS
                if silent_ms > self._silence_ms_max:
                    self._lose(f"the loop has not moved for {silent_ms} ms")
                elif not self.lost:
                    self._renew()
                if self._holder.is_over() and silent_ms > self._silence_ms_max:
                    logger.critical("the lease is gone and the loop is stuck: ending the process")
                    self._exit(EXIT_STUCK)
        finally:
            connection.close()

    def _renew(self) -> None:
        try:
            self._holder.renew()
            self.renewals += 1
        except Fenced as error:
            self._lose(str(error))
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the lease could not be renewed: %s", error)
            connection.close()

    def _lose(self, why: str) -> None:
        if not self.lost:
            self.lost = why
            logger.error("lease of %s: %s", self._holder.account, why)
