"""The portal's own sign of life: its death is noticed elsewhere, by whoever stops hearing it."""

import logging
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import F, Q

from alerts.models import Watch
from alerts.senders import deadman
from alerts.senders.messages import SendFailed

logger = logging.getLogger(__name__)

NAME = "DEADMAN"
LOOPS = ("JUDGE", "SEND")
EVERY = timedelta(seconds=60)
AGAIN_AFTER = timedelta(seconds=15)  # a ping that failed
BEAT_AGE_MAX = timedelta(seconds=60)


class Pinged(StrEnum):
    """What became of one call."""

    OFF = "OFF"  # no address is set
    NOT_DUE = "NOT_DUE"
    UNHEALTHY = "UNHEALTHY"  # a loop is silent: saying nothing is the alarm
    TAKEN = "TAKEN"
    FAILED = "FAILED"


def ping_deadman(now: datetime) -> Pinged:
    """Give a sign of life when one is due and the loops do their work. Call it every few seconds.

    The outcome is kept in the row DEADMAN of Watch: `beat_at` is the newest ping that was taken.
    """
    if not settings.SECRET_HEARTBEAT_URL:
        return Pinged.OFF
    Watch.objects.get_or_create(name=NAME)
    due = Watch.objects.filter(Q(expires_at=None) | Q(expires_at__lte=now), name=NAME)
    if not due.exists():
        return Pinged.NOT_DUE
    if not loops_are_healthy(now):
        return Pinged.UNHEALTHY
    if due.update(expires_at=now + EVERY) != 1:
        return Pinged.NOT_DUE  # another process gives it
    rows = Watch.objects.filter(name=NAME)
    try:
        deadman.ping(settings.SECRET_HEARTBEAT_URL)
    except SendFailed as failure:
        logger.warning("the sign of life was not taken: %s", failure.text)
        rows.update(expires_at=now + AGAIN_AFTER)
        return Pinged.FAILED
    rows.update(beat_at=now, rounds=F("rounds") + 1)
    return Pinged.TAKEN


def loops_are_healthy(now: datetime) -> bool:
    """Return whether rules are judged and deliveries sent, as their newest rounds show."""
    fresh = Watch.objects.filter(name__in=LOOPS, beat_at__gt=now - BEAT_AGE_MAX)
    return fresh.count() == len(LOOPS)
