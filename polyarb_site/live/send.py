"""Tells open pages that something changed: a row in the outbox, and a nudge after the commit.

The row is part of the transaction, so a page is told exactly what happened. The nudge is a hint: if
it is lost, whoever tails the outbox finds the row at the next slow poll.
"""

import errno
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from polyarb_site.clock import SystemClock
from polyarb_site.live.models import OutboxMessage

TOPICS = ("state", "facts", "alerts")
CHANNEL = "polyarb_live"  # of PostgreSQL's NOTIFY
SOCKETS = "live-*.sock"  # in the run directory: one for each web process
SOCKETS_MAX = 32
PRUNE_ROWS_MAX = 10_000


def publish(topic: str, payload: Mapping[str, Any], *, at: datetime | None = None) -> OutboxMessage:
    """Add one message in the current transaction, and wake the tailers once it is committed.

    The payload is JSON data that everybody with an account may see. Raises ValueError for a topic
    that nobody listens to.
    """
    if topic not in TOPICS:
        raise ValueError(f"{topic!r} is not a topic; use one of {', '.join(TOPICS)}")
    message = OutboxMessage.objects.create(
        topic=topic, payload=dict(payload), created_at=at or SystemClock().now()
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # delivered at the commit, never before
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, topic])
    transaction.on_commit(wake)
    return message


def wake(directory: Path | None = None) -> int:
    """Send an empty-handed hint to every web process of this machine; return how many took it.

    Never blocks and never raises: a process that is gone, busy or full finds the row by itself.
    """
    taken = 0
    try:
        paths = sorted((directory or settings.RUN_DIR).glob(SOCKETS))[:SOCKETS_MAX]
    except OSError:
        return 0
    for path in paths:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(b"1", str(path))
            except OSError as error:
                # A full buffer means that the process has a hint waiting already.
                taken += error.errno in (errno.EAGAIN, errno.ENOBUFS)
            else:
                taken += 1
    return taken


def prune(older_than: datetime) -> int:
    """Remove messages that no page can still ask for; return how many, at most 10,000 a call."""
    oldest = OutboxMessage.objects.filter(created_at__lt=older_than).order_by("id")
    ids = list(oldest.values_list("id", flat=True)[:PRUNE_ROWS_MAX])
    if not ids:
        return 0
    # By range, because a list of that many ids is more than a statement may hold.
    gone = OutboxMessage.objects.filter(id__lte=ids[-1], created_at__lt=older_than)
    return gone.delete()[0]
