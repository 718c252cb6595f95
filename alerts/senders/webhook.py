"""Our own webhook: one JSON body, signed, with the time of sending under the signature."""

import json
from collections.abc import Mapping
from typing import Any

from alerts.senders.messages import Message, Sending
from alerts.senders.posting import headers_of, request


def send(address: Mapping[str, Any], message: Message, sending: Sending) -> None:
    """Post the message to `url`, signed with `key`. Raises SendFailed.

    A receiver takes what it knows by `key` of the body only once: the same message keeps its key
    when it is sent again, and says `repeated` when it may have arrived before.
    """
    body = json.dumps(body_of(message, sending), separators=(",", ":")).encode()
    headers = headers_of(message, address.get("key", ""), body, sending.now)
    request("POST", address["url"], body=body, headers=headers, timeout_s=sending.timeout_s)


def body_of(message: Message, sending: Sending) -> dict[str, Any]:
    """Return the body as plain data."""
    return {
        "version": 1,
        "delivery": message.number,
        "key": message.key,
        "repeated": message.repeated,
        "channel": sending.receiver,
        "kind": message.kind,
        "level": message.level,
        "title": message.title,
        "text": message.body,
        "created_at": message.created_at.isoformat(),
        "sent_at": sending.now.isoformat(),
        "portal": sending.portal_url,
        **message.payload,
    }
