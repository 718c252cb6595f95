"""What is known of channels beside their rows."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min

from alerts.models import Channel


def first_tested_at() -> datetime | None:
    """Return when a test of a channel that is there arrived, None when none has."""
    found: datetime | None = Channel.objects.aggregate(first=Min("tested_at"))["first"]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTest:
    """A channel that is switched on, and when a test of it arrived, at the address it has now."""

    name: str
    kind: str
    tested_at: datetime | None
    failing_since: datetime | None


def channel_tests() -> list[ChannelTest]:
    """Return every channel that is switched on. A test of an address that it had before is none."""
    rows = Channel.objects.filter(enabled=True).order_by("tier", "name")
    return [
        ChannelTest(
            name=row.name,
            kind=row.kind,
            tested_at=row.tested_at
            if row.tested_at is not None and row.tested_at >= row.changed_at
            else None,
            failing_since=row.failing_since,
        )
        for row in rows.only("name", "kind", "tested_at", "changed_at", "failing_since")
    ]
