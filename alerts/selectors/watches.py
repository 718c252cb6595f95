"""When a regular work was last done, and whether somebody does it, for the apps above."""

from datetime import datetime

from alerts.models import Watch


def beat_at(name: str) -> datetime | None:
    """Return when the newest round of a work was finished, None before the first."""
    return Watch.objects.filter(name=name).values_list("beat_at", flat=True).first()


def is_held(name: str, now: datetime) -> bool:
    """Return whether somebody has the lease of a work."""
    return Watch.objects.filter(name=name, expires_at__gt=now).exclude(owner="").exists()
