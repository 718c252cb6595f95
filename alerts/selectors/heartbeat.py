"""Whether somebody else hears of the portal, and would notice its death."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from alerts.models import Watch
from alerts.services.heartbeat import NAME, loops_are_healthy


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """`taken_at` is the newest sign of life that the other side took, None for none."""

    wanted: bool  # an address is set
    taken_at: datetime | None
    loops_healthy: bool  # else none is given, on purpose


def heartbeat(now: datetime) -> Heartbeat:
    """Return how the sign of life fares."""
    rows = Watch.objects.filter(name=NAME).values_list("beat_at", flat=True)
    return Heartbeat(
        wanted=bool(settings.SECRET_HEARTBEAT_URL),
        taken_at=rows.first(),
        loops_healthy=loops_are_healthy(now),
    )
