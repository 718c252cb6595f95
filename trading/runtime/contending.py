"""Getting the lease: at once when it is free, else as the hot standby that waits for it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from polyarb_site.clock import Clock
from polyarb_site.locks import FileLock
from trading.lease import LeaseHolder, Taken
from trading.models import EngineSession, Mandate
from trading.runtime.ending import End, Ending

logger = logging.getLogger(__name__)

MS_NS = 1_000_000
POLL_MS = 50
STANDBY_TRIES = 10  # a look at the standby's lock takes it for a moment
CONDITIONS_EVERY_MS = 1_000
# An engine that crashes by itself again and again is started ever more slowly.
CRASH_WINDOW = timedelta(minutes=10)
CRASH_DELAY_S_MAX = 60


class StopFlag(Protocol):
    """Whether this process shall end."""

    def is_set(self) -> bool:
        """Return whether it shall."""
        ...


@dataclass(slots=True, kw_only=True)
class Contender:
    """One process that wants the lease of an account."""

    holder: LeaseHolder
    standby: FileLock
    stop: StopFlag
    clock: Clock
    wait_ms_max: int
    obstacle: Callable[[], str]  # why a shift could not begin now, empty for nothing

    def contend(self) -> Taken | End:
        """Take the lease and say why it could be had, or say why this process is not needed."""
        if not self._become_standby():
            return End(Ending.STANDBY_PRESENT, "an engine runs, and another process stands by")
        began_ns = self.clock.monotonic_ns()
        looked_ns, obstacle = 0, ""
        while not self.stop.is_set():
            now_ns = self.clock.monotonic_ns()
            if now_ns - began_ns > self.wait_ms_max * MS_NS:
                return End(Ending.NOT_NEEDED, "the owner of the lease was well all the time")
            try:
                if not looked_ns or now_ns - looked_ns > CONDITIONS_EVERY_MS * MS_NS:
                    looked_ns = now_ns
                    if not self._wanted():
                        return End(Ending.NOT_WANTED, "the account's engine is not asked to run")
                    before, obstacle = obstacle, self._obstacle()
                    if obstacle and obstacle != before:
                        logger.warning("%s waits: %s", self.holder.account, obstacle)
                taken = self.holder.poll() if not obstacle else None
            except (DatabaseError, InterfaceError) as error:
                self._database_failed(error)
                taken = None
            if taken is not None:
                return taken
            time.sleep(POLL_MS / 1_000)
        return End(Ending.PROCESS_STOPPED, "the process was told to end while it stood by")

    def _become_standby(self) -> bool:
        """Take the one standby place of this host. Without it, wait only for an owner that is dead.

        The process in that place may be frozen: when the lease runs out and nobody takes it, this
        one goes on without the place.
        """
        for _ in range(STANDBY_TRIES):
            if self.standby.acquire():
                return True
            time.sleep(POLL_MS / 1_000)
        while not self.stop.is_set():
            try:
                well = self.holder.observe()
            except (DatabaseError, InterfaceError) as error:
                self._database_failed(error)
                well = None
            if well is not None:
                return not well
            if self.standby.acquire():
                return True
            time.sleep(self.holder.times.read_every_ms / 1_000)
        return False

    def _database_failed(self, error: Exception) -> None:
        if isinstance(error, OperationalError) and self.holder.kill_frozen_owner():
            logger.critical("killed the frozen owner, it held a lock: %s", self.holder.holder_text)
        else:
            logger.warning("cannot look at the lease: %s", error)
        connection.close()

    def _wanted(self) -> bool:
        rows = Mandate.objects.filter(account=self.holder.account)
        return rows.filter(desired=Mandate.Desired.RUN).exists()

    def _obstacle(self) -> str:
        return self.obstacle() or self._crash_delay()

    def _crash_delay(self) -> str:
        """Return why to wait after crashes of the engine's own; killed processes do not count."""
        now = self.clock.now()
        recent = EngineSession.objects.filter(
            account=self.holder.account, started_at__gt=now - CRASH_WINDOW, ended_at__isnull=False
        ).order_by("-token")
        crashes, last = 0, None
        for session in recent[:10]:
            own = session.state_reason.startswith(Ending.CRASHED.value)
            if session.state != EngineSession.State.CRASHED or not own:
                break
            crashes += 1
            last = last or session.ended_at
        if last is None:
            return ""
        delay = timedelta(seconds=min(2**crashes, CRASH_DELAY_S_MAX))
        # A clock that was set back must not turn a short delay into a long one.
        if timedelta(0) <= now - last < delay:
            return f"the engine crashed {crashes} times in a row, {delay.seconds} s between tries"
        return ""
