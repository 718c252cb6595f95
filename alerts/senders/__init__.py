"""How a message leaves this machine: one file for each kind of channel, without Django.

Each sender takes the channel's address, which is a secret, and one message. It returns when the
other side has taken it, and raises SendFailed when not. What it says about a failure is made of
words of ours, never of an address, of an answer's body or of a library's own text.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from alerts.senders import alertmanager, apprise_sender, email, webhook
from alerts.senders.messages import Message, SendFailed, Sending

Sender: TypeAlias = Callable[[Mapping[str, Any], Message, Sending], None]

SENDERS: dict[str, Sender] = {
    "WEBHOOK": webhook.send,
    "ALERTMANAGER": alertmanager.send,
    "EMAIL": email.send,
    "APPRISE": apprise_sender.send,
}

__all__ = ["SENDERS", "Message", "SendFailed", "Sender", "Sending"]
