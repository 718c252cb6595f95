"""The webhook that Prometheus Alertmanager sends, version 4, so that its receivers work here."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from alerts.senders.messages import Message, Sending
from alerts.senders.posting import headers_of, request

NOT_ENDED = "0001-01-01T00:00:00Z"  # as Go writes a time that is not set


def send(address: Mapping[str, Any], message: Message, sending: Sending) -> None:
    """Post the message to `url`, signed when there is a `key`. Raises SendFailed."""
    body = json.dumps(body_of(message, sending), separators=(",", ":")).encode()
    headers = headers_of(message, address.get("key", ""), body, sending.now)
    request("POST", address["url"], body=body, headers=headers, timeout_s=sending.timeout_s)


def body_of(message: Message, sending: Sending) -> dict[str, Any]:
    """Return the body as plain data."""
    alerts = [_alert(one, sending) for one in message.payload.get("alerts", [])] or [
        _test(message, sending)
    ]
    group = {"account": str(message.payload.get("account", "")), "severity": _severity(message)}
    firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{k}="{v}"' for k, v in group.items()) + "}",
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": sending.receiver,
        "groupLabels": group,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": sending.portal_url,
        "alerts": alerts,
    }


def _alert(one: Mapping[str, Any], sending: Sending) -> dict[str, Any]:
    ended = one["state"] == "RESOLVED"
    labels = {
        "alertname": one["rule"],
        "severity": one["level"].lower(),
        "account": one["account"],
        "environment": one["label"],
    }
    annotations = {
        "summary": one["text"],
        "description": one["reason"],
        "value": one["value"],
        "bound": one["bound"],
        "advice": one["advice"],
        "done": one["done"],
        "runbook_url": f"{sending.portal_url}{one['runbook']}",
    }
    return {
        "status": "resolved" if ended else "firing",
        "labels": labels,
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": one["since"],
        "endsAt": one["ended"] if ended and one["ended"] else NOT_ENDED,
        "generatorURL": f"{sending.portal_url}{one['page']}",
        "fingerprint": _fingerprint(labels),
    }


def _test(message: Message, sending: Sending) -> dict[str, Any]:
    labels = {"alertname": "PolyArbTest", "severity": "info"}
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": message.title, "description": message.body},
        "startsAt": message.created_at.isoformat(),
        "endsAt": NOT_ENDED,
        "generatorURL": sending.portal_url,
        "fingerprint": _fingerprint(labels),
    }


def _severity(message: Message) -> str:
    return message.level.lower()


def _fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hex digits that are the same for the same labels."""
    text = "\xff".join(f"{name}\xff{labels[name]}" for name in sorted(labels))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _common(sets: list[dict[str, str]]) -> dict[str, str]:
    first, *others = sets
    return {
        name: text
        for name, text in first.items()
        if all(other.get(name) == text for other in others)
    }
