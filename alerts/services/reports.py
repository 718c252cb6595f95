"""Telling people of a report, through the same channels and queue as of alerts."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from alerts.models import Channel, Delivery

KEPT = timedelta(hours=24)
TITLE_LENGTH_MAX = 200
TIER = 1  # who hears of alerts at once; the others are woken up and not informed


def tell_report(
    account: str, *, title: str, text: str, label: str, grave: bool, now: datetime
) -> int:
    """Queue a report for every channel of the first tier; return how many it is new to.

    A report is no alert: the least level of a channel does not hold it back, and no silence does.
    Alertmanager is left out, which takes alerts alone. The same report is never queued twice.
    """
    digest = hashlib.sha256(repr((account, title, text)).encode()).hexdigest()[:32]
    payload: Mapping[str, Any] = {
        "title": title[:TITLE_LENGTH_MAX],
        "text": text,
        "account": account,
        "label": label,
        "alerts": [],
    }
    with transaction.atomic():
        channels = Channel.objects.filter(enabled=True, tier=TIER)
        rows = [
            Delivery(
                channel=channel,
                channel_name=channel.name,
                key=f"{Delivery.Kind.REPORT}:{channel.pk}:{digest}",
                kind=Delivery.Kind.REPORT,
                level="WARNING" if grave else "INFO",
                title=payload["title"],
                payload=payload,
                created_at=now,
                next_try_at=now,
                expires_at=now + KEPT,
            )
            for channel in channels.exclude(kind=Channel.Kind.ALERTMANAGER).order_by("pk")
        ]
        known = Delivery.objects.filter(key__in=[row.key for row in rows])
        keys = set(known.values_list("key", flat=True))
        fresh = [row for row in rows if row.key not in keys]
        Delivery.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)
