"""What the jobs cluster does about alerts: two loops, each of which asks for its successor."""

import logging
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connection
from django_q.tasks import async_task

from alerts import pump
from alerts.loops import Loop
from alerts.models import Watch
from alerts.selectors.counts import JUDGE
from alerts.services.thinning import thin_alerts
from polyarb_site.clock import Clock, SystemClock
from polyarb_site.cluster import STOP

logger = logging.getLogger(__name__)

SECONDS = 45.0  # of one task: below the cluster's time-out
WATCH, SEND = "alerts.tasks.watch", "alerts.tasks.send"
SILENT_AFTER = timedelta(seconds=15)


def watch() -> str:
    """Judge the rules for a while, one process at a time, and see that somebody does after."""
    clock = SystemClock()
    if not _needed(JUDGE, clock):
        return "somebody judges"
    result = Loop(clock, in_jobs=True).run(STOP, SECONDS)
    _hand_on(WATCH)
    _revive(SEND, pump.LEASE, clock)
    return result


def send() -> str:
    """Send what waits for a while, one process at a time, and see that somebody does after."""
    clock = SystemClock()
    if not _needed(pump.LEASE, clock):
        return "somebody sends"
    result = pump.run(clock, STOP, SECONDS)
    _hand_on(SEND)
    _revive(WATCH, JUDGE, clock)
    return result


def thin() -> str:
    """Remove what nobody will ask for: spells that never fired, and messages of long ago."""
    return str(thin_alerts(SystemClock().now()))


def _needed(name: str, clock: Clock) -> bool:
    """Return whether nobody does this work at present."""
    now = clock.now()
    held = Watch.objects.filter(name=name, expires_at__gt=now).exclude(owner="")
    return not held.exists()


def _hand_on(task: str) -> None:
    if STOP.is_set():
        return
    try:
        async_task(task, group=task)  # type: ignore[no-untyped-call]
    except (DatabaseError, InterfaceError) as error:
        # The minute's schedule sees that nobody is there.
        logger.warning("%s could not be handed on: %s", task, error)
        connection.close()


def _revive(task: str, name: str, clock: Clock) -> None:
    beat_at = Watch.objects.filter(name=name).values_list("beat_at", flat=True).first()
    if beat_at is None or clock.now() - beat_at > SILENT_AFTER:
        _hand_on(task)
