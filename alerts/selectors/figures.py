"""Counts about alerts and deliveries for who watches from outside."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from alerts.models import Alert, Channel, Delivery, Watch
from alerts.rules.rule import LEVELS
from alerts.rules.states import OPEN
from alerts.selectors.counts import JUDGE

CHANNELS_MAX = 50
UNSENT = (Delivery.State.WAITING, Delivery.State.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFigures:
    """One channel that is on: how many messages it has not sent yet, and whether it fails."""

    name: str
    unsent: int
    failing: bool


def open_alerts(accounts: Iterable[str]) -> dict[tuple[str, str, str], int]:
    """Return how many alerts of each account are open, by level and state, zeros too."""
    counts = {
        (account, level.value, state.value): 0
        for account in accounts
        for level in LEVELS
        for state in OPEN
    }
    rows = Alert.objects.filter(state__in=OPEN).order_by()
    for *key, total in rows.values_list("account", "level", "state").annotate(Count("id")):
        if (known := tuple(key)) in counts:
            counts[known] = total
    return counts


def channels() -> list[ChannelFigures]:
    """Return the figures of the channels that are on, at most CHANNELS_MAX."""
    rows = Delivery.objects.filter(state__in=UNSENT, channel__isnull=False).order_by()
    unsent = dict(rows.values_list("channel").annotate(Count("id")))
    on = Channel.objects.filter(enabled=True).order_by("name")[:CHANNELS_MAX]
    return [
        ChannelFigures(
            name=row.name, unsent=unsent.get(row.pk, 0), failing=row.failing_since is not None
        )
        for row in on
    ]


def judged_at() -> datetime | None:
    """Return when the rules were last judged, None for never."""
    return Watch.objects.filter(name=JUDGE).values_list("beat_at", flat=True).first()
