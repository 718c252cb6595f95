"""The dead man's switch: a sign of life to somebody else, who raises the alarm when it stops."""

from alerts.senders.messages import TIMEOUT_S
from alerts.senders.posting import request


def ping(url: str, *, timeout_s: float = TIMEOUT_S) -> None:
    """Ask for the address. Raises SendFailed, whose text never holds it."""
    request("GET", url, timeout_s=timeout_s)
