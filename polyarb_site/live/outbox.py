"""Reading the outbox in the order in which it may be read without losing a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from polyarb_site.live.models import OldestRunningTransaction, OutboxMessage

BATCH_ROWS_MAX = 500
COLUMNS = ("xid", "id", "topic", "payload")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the outbox. Everything at or before it was read."""

    xid: int = 0
    row_id: int = 0


def newest() -> Position:
    """Return the place of the last row that may be read now."""
    row = _readable().order_by("-xid", "-id").values_list("xid", "id").first()
    return Position(*row) if row else Position()


def position_of(row_id: int) -> Position | None:
    """Return the place of a row, None when it is not there any more."""
    row = OutboxMessage.objects.filter(id=row_id).values_list("xid", "id").first()
    return Position(*row) if row else None


def read(after: Position, *, limit: int = BATCH_ROWS_MAX) -> list[dict[str, Any]]:
    """Return the next rows after a place, oldest first, as plain dicts."""
    later = Q(xid=after.xid, id__gt=after.row_id) | Q(xid__gt=after.xid)
    rows = _readable().filter(later, xid__gte=after.xid).order_by("xid", "id")
    return list(rows.values(*COLUMNS)[:limit])


def read_between(
    after: Position, until: Position, topics: Sequence[str], *, limit: int
) -> list[dict[str, Any]]:
    """Return the rows after one place, up to and with another one, oldest first."""
    later = Q(xid=after.xid, id__gt=after.row_id) | Q(xid__gt=after.xid)
    sooner = Q(xid=until.xid, id__lte=until.row_id) | Q(xid__lt=until.xid)
    rows = _readable().filter(later, sooner, topic__in=topics, xid__gte=after.xid)
    return list(rows.order_by("xid", "id").values(*COLUMNS)[:limit])


def place(row: dict[str, Any]) -> Position:
    """Return the place of a row that was read."""
    return Position(row["xid"], row["id"])


def _readable() -> QuerySet[OutboxMessage]:
    """Return the rows that no writer can put another one in front of.

    On PostgreSQL those of transactions older than the oldest one that still runs. SQLite has one
    writer at a time, so that there its rows appear in the order of their ids.
    """
    rows = OutboxMessage.objects.all()
    if connection.vendor == "postgresql":
        rows = rows.filter(xid__lt=OldestRunningTransaction())
    return rows
