"""Telling people of what no rule has found, such as a rollback: through the channels of alerts."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from alerts.models import Channel, Delivery
from alerts.rules.grouping import admits
from alerts.services.messages import TITLE_LENGTH_MAX, badge
from polyarb_site.live.send import publish

KEPT = timedelta(hours=24)
LEVELS = ("CRITICAL", "WARNING", "INFO")


def tell_notice(
    account: str,
    *,
    key: str,
    name: str,
    level: str,
    text: str,
    detail: str,
    page: str,
    at: datetime,
) -> int:
    """Queue a notice for every channel that takes its level; return how many those are.

    A notice is no alert: nobody acknowledges it, no silence and no tier holds it back. `key` is
    what it is about: told again with the same one it is queued for no channel twice. `name` is what
    stands where an alert has the name of its rule. Raises ValueError for a level that is none.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is no level; use one of {', '.join(LEVELS)}")
    digest = hashlib.sha256(repr((account, key)).encode()).hexdigest()[:32]
    message = _message(account, name=name, level=level, text=text, detail=detail, page=page, at=at)
    with transaction.atomic():
        channels = [
            channel
            for channel in Channel.objects.filter(enabled=True).order_by("pk")
            if admits(channel.level_min, level)
        ]
        rows = [
            Delivery(
                channel=channel,
                channel_name=channel.name,
                key=f"{Delivery.Kind.NOTICE}:{channel.pk}:{digest}",
                kind=Delivery.Kind.NOTICE,
                level=level,
                title=message["title"],
                payload=message,
                created_at=at,
                next_try_at=at,
                expires_at=at + KEPT,
            )
            for channel in channels
        ]
        known = set(
            Delivery.objects.filter(key__in=[row.key for row in rows]).values_list("key", flat=True)
        )
        fresh = [row for row in rows if row.key not in known]
        Delivery.objects.bulk_create(fresh, ignore_conflicts=True)
        if fresh:
            publish("alerts", {"account": account, "what": "notice", "level": level, "text": text})
    return len(rows)


def _message(
    account: str, *, name: str, level: str, text: str, detail: str, page: str, at: datetime
) -> dict[str, Any]:
    """Return the message with one entry in the shape of an alert, for receivers of alerts."""
    label = badge(account)
    title = f"[{level}] {name} {account} ({label}): {text}"
    entry = {
        "id": 0,
        "rule": name,
        "name": name.replace("_", " ").capitalize(),
        "level": level,
        "state": "FIRING",
        "account": account,
        "label": label,
        "value": "",
        "bound": "",
        "reason": detail,
        "text": text,
        "since": at.isoformat(),
        "ended": "",
        "count": 1,
        "advice": "",
        "done": "",
        "acked_by": "",
        "note": "",
        "runbook": "/admin/runbook/",
        "page": page,
    }
    return {
        "title": title if len(title) <= TITLE_LENGTH_MAX else f"{title[: TITLE_LENGTH_MAX - 3]}...",
        "text": "\n".join(filter(None, (text, detail, f"Page: {page}"))),
        "account": account,
        "label": label,
        "alerts": [entry],
    }
