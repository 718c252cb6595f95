"""What the clusters run: shifts of the engine, and the trading app's regular jobs."""

import logging
import signal
from datetime import timedelta
from types import FrameType

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from polyarb_site.clock import SystemClock
from polyarb_site.cluster import STOP
from polyarb_site.live.send import prune
from trading import ledger, schedules, shifts
from trading.feeds import feed_factory
from trading.runtime import run_shift

logger = logging.getLogger(__name__)

OUTBOX_KEPT = timedelta(minutes=30)


class _Stop:
    """Asked by the cluster, or by the kernel when the cluster died."""

    def __init__(self) -> None:
        self.signalled = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Remember that this process shall end."""
        self.signalled = True

    def is_set(self) -> bool:
        """Return whether the shift shall end."""
        return self.signalled or STOP.is_set()


def engine_shift(account: str) -> str:
    """Run one shift of an account's engine, or stand by for it; return how it ended.

    Asks for the next shift as soon as this one has the lease, so that somebody always stands by.
    """
    clock = SystemClock()
    stop = _Stop()
    if stop.is_set():
        return "PROCESS_STOPPED"
    before = signal.signal(signal.SIGTERM, stop.on_signal)
    try:
        result = run_shift(
            account,
            clock=clock,
            feed_factory=feed_factory(clock),
            shift_seconds=settings.SHIFT_SECONDS,
            stop=stop,
            on_active=lambda: _ask_for_successor(account, stop),
        )
    finally:
        signal.signal(signal.SIGTERM, before)
    return f"{result.ending}: {result.reason}"


def _ask_for_successor(account: str, stop: _Stop) -> None:
    if stop.is_set():
        return
    try:
        shifts.ask_for_shift(account)
    except (DatabaseError, InterfaceError) as error:
        # The minute's look will see that nobody stands by.
        logger.warning("the next shift of %s could not be asked for: %s", account, error)
        connection.close()


def ensure_engines() -> str:
    """See that each account that should run has an engine and a standby."""
    return ", ".join(shifts.ensure_engines(SystemClock())) or "nothing to do"


def keep_schedules() -> int:
    """Register the regular jobs."""
    return schedules.keep_schedules(SystemClock())


def thin_samples() -> int:
    """Thin metric samples with age."""
    return ledger.thin_samples(SystemClock().now())


def prune_outbox() -> int:
    """Remove messages that no open page can still ask for."""
    return prune(SystemClock().now() - OUTBOX_KEPT)


def canary(cluster: str) -> str:
    """Show that a cluster works: whoever sent this waits for its result."""
    return cluster
