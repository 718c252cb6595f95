"""The loop that judges: one process at a time, round after round, handed on without a gap.

Its home is the jobs cluster. While that is silent a web process judges and sends instead: else
nobody would be told of just that.
"""

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from alerts import pump
from alerts.models import Watch
from alerts.pump import Stop
from alerts.selectors.counts import JUDGE
from alerts.selectors.portal import JOBS
from alerts.services import watches
from alerts.services.heartbeat import ping_deadman
from alerts.services.telling import tell_round
from alerts.watching import Judge
from polyarb_site.clock import Clock
from trading.selectors.watched import accounts
from trading.services.observing import this_process

logger = logging.getLogger(__name__)

ROUND_S = 1.0
LEASE_TTL = timedelta(seconds=15)
GAP_MAX = timedelta(seconds=30)  # whoever judged before and ended longer ago than this left a gap
STARTING = timedelta(seconds=30)  # after a gap: engine and jobs of the same start are on their way
PING_EVERY_NS = 10_000_000_000
SILENT_AFTER = timedelta(seconds=45)  # then a web process takes over
LOOK_S = 10.0
TROUBLE = (DatabaseError, InterfaceError)


@dataclass(slots=True)
class Loop:
    """Judges in this process. `in_jobs`: this is the jobs cluster, whose silence is measured."""

    clock: Clock
    in_jobs: bool
    owner: str = field(default_factory=lambda: this_process().text)
    rounds: int = 0
    _judges: dict[str, Judge] = field(default_factory=dict)  # by account
    _since: datetime = field(init=False)
    _judged_until: datetime = field(init=False)
    _pinged_ns: int | None = None
    _pinging: threading.Thread | None = None

    def run(self, stop: Stop, seconds: float, wait: threading.Event | None = None) -> str:
        """Judge for as long as told, or until `stop`; return how many rounds it was.

        Who does not get the lease waits for it: when its owner dies, it goes on here.
        """
        pause = wait or threading.Event()
        ends_ns = self.clock.monotonic_ns() + int(seconds * 1_000_000_000)
        while not stop.is_set() and self.clock.monotonic_ns() < ends_ns:
            try:
                self.round()
            except TROUBLE:
                logger.exception("alert rules: the database does not answer")
                close_old_connections()
            pause.wait(ROUND_S)
        with suppress(*TROUBLE):  # the lease runs out by itself
            watches.release(JUDGE, self.owner)
        return f"{self.rounds} rounds"

    def round(self) -> bool:
        """Judge once if the lease is ours; return whether it was."""
        now = self.clock.now()
        before = Watch.objects.filter(name=JUDGE).values_list("beat_at", flat=True).first()
        if not watches.take(JUDGE, self.owner, now, LEASE_TTL):
            self._judges = {}
            return False
        if not self._judges:
            # Without a gap before us, what has been silent for long has been so under somebody's
            # eyes; after a gap everybody is given the time to be heard of.
            gap = before is None or now - before > GAP_MAX
            since = now + STARTING if gap else now - timedelta(days=365)
            self._since, self._judged_until = since, now if gap or before is None else before
        for account in accounts():
            judge = self._judges.get(account) or Judge(
                account=account,
                clock=self.clock,
                since=self._since,
                judged_until=self._judged_until,
            )
            self._judges[account] = judge
            judge.round()
        tell_round(self.clock.now())
        watches.beat(JUDGE, self.owner, now)
        if self.in_jobs:
            watches.mark(JOBS, now)
        self.rounds += 1
        self._ping()
        return True

    def _ping(self) -> None:
        """Give the portal's sign of life from a thread: nobody waits for the network here."""
        now_ns = self.clock.monotonic_ns()
        due = self._pinged_ns is None or now_ns - self._pinged_ns >= PING_EVERY_NS
        busy = self._pinging is not None and self._pinging.is_alive()
        if not settings.SECRET_HEARTBEAT_URL or busy or not due:
            return
        self._pinged_ns = now_ns
        self._pinging = threading.Thread(target=self._ping_once, name="deadman", daemon=True)
        self._pinging.start()

    def _ping_once(self) -> None:
        try:
            ping_deadman(self.clock.now())
        except TROUBLE:
            logger.warning("the sign of life waits: the database does not answer")
        finally:
            connection.close()


class Fallback:
    """A thread of each web process: judges and sends while the jobs cluster does not."""

    def __init__(self, clock: Clock, *, look_s: float = LOOK_S) -> None:
        self._clock = clock
        self._look_s = look_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alert-fallback", daemon=True)
        self._began = clock.now()
        self._loop: Loop | None = None  # kept while it stands in: what it knows it knows on

    def __enter__(self) -> "Fallback":
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and give back what is held."""
        self._done.set()
        self._thread.join(pump.CLOSING_S + LOOK_S)

    def jobs_are_silent(self) -> bool:
        """Return whether the jobs cluster has not been heard of, since we look."""
        heard = Watch.objects.filter(name=JOBS).values_list("beat_at", flat=True).first()
        return self._clock.now() - max(heard or self._began, self._began) > SILENT_AFTER

    def _run(self) -> None:
        try:
            while not self._done.wait(self._look_s):
                try:
                    if self.jobs_are_silent():
                        self._stand_in()
                    else:
                        self._loop = None
                except TROUBLE:
                    logger.warning("alerts: the database does not answer")
                    connection.close()
        finally:
            connection.close()

    def _stand_in(self) -> None:
        logger.warning("the jobs cluster is silent: this web process judges rules and sends")
        sender = threading.Thread(
            target=_send_for, args=(self._clock, self._done, self._look_s), daemon=True
        )
        sender.start()
        self._loop = self._loop or Loop(self._clock, in_jobs=False)
        self._loop.run(self._done, self._look_s)
        sender.join(pump.CLOSING_S + self._look_s)  # it ends what it is sending


def _send_for(clock: Clock, stop: Stop, seconds: float) -> None:
    try:
        pump.run(clock, stop, seconds)
    finally:
        connection.close()
