"""The lease of a regular work: who does it, by compare-and-set, and when it last was done.

Unlike the engine's lease it trusts the wall clock: two owners at a time would do some work twice,
which each of these works allows, and would lose nothing.
"""

from datetime import datetime, timedelta

from django.db.models import F, Q

from alerts.models import Watch


def take(name: str, owner: str, now: datetime, ttl: timedelta) -> bool:
    """Take a lease, or renew it, and return whether it is ours until `now + ttl`."""
    Watch.objects.get_or_create(name=name)
    free = Q(owner=owner) | Q(owner="") | Q(expires_at=None) | Q(expires_at__lte=now)
    updated = Watch.objects.filter(free, name=name).update(owner=owner, expires_at=now + ttl)
    return updated == 1


def beat(name: str, owner: str, now: datetime) -> bool:
    """Say that a round was finished; return whether the lease is still ours."""
    rows = Watch.objects.filter(name=name, owner=owner)
    return rows.update(beat_at=now, rounds=F("rounds") + 1) == 1


def mark(name: str, now: datetime) -> None:
    """Say that a round of a work was finished that several processes may do."""
    rows = Watch.objects.filter(name=name)
    if not rows.update(beat_at=now, rounds=F("rounds") + 1):
        Watch.objects.get_or_create(name=name, defaults={"beat_at": now, "rounds": 1})


def release(name: str, owner: str) -> None:
    """Give a lease back, so that the next owner need not wait. Harmless when it was lost."""
    Watch.objects.filter(name=name, owner=owner).update(owner="", expires_at=None)
