"""Any service that Apprise knows, by its address: Telegram, Slack, Discord, WeCom, DingTalk, ...

The library says only whether it worked. Its log would say more, and would also say addresses, so
the settings keep it silent; a failure is tried again until the message expires.
"""

import functools
from collections.abc import Mapping
from typing import Any

from alerts.senders.messages import Message, SendFailed, Sending

BODY_LENGTH_MAX = 1_500  # the shortest limit of the usual services is 2,000
# What would act on this machine instead of telling somebody.
NOT_TAKEN = ("dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows")


class NoService(ValueError):  # noqa: N818 - said to a person
    """The address is none that Apprise knows."""


def send(address: Mapping[str, Any], message: Message, sending: Sending) -> None:
    """Hand the message to the service of `url`. Raises SendFailed."""
    try:
        service = _service(address["url"], sending.timeout_s)
    except NoService:
        raise SendFailed("it is no address that Apprise knows; type it in again") from None
    body = message.body
    if len(body) > BODY_LENGTH_MAX:
        body = f"{body[: BODY_LENGTH_MAX - 3]}..."
    kind = {"CRITICAL": "failure", "WARNING": "warning"}.get(message.level, "info")
    if message.kind == "RESOLVED":
        kind = "success"
    try:
        taken = service.notify(title=message.title, body=body, notify_type=kind, body_format="text")
    except (OSError, TypeError, ValueError) as error:
        raise SendFailed(
            f"the service could not be asked ({type(error).__name__})", may_have_arrived=True
        ) from None
    if not taken:
        raise SendFailed("the service did not take it", may_have_arrived=True)


def service_name(url: str) -> str:
    """Return how people call the service of an address. Raises NoService."""
    services = list(_service(url, 1.0))
    return str(getattr(services[0], "service_name", "") or "Apprise")


@functools.cache
def _library() -> Any:
    import apprise  # noqa: PLC0415 - takes half a second, and most processes never send

    return apprise


def _service(url: str, timeout_s: float) -> Any:
    schema = url.partition("://")[0].lower()
    if schema in NOT_TAKEN:
        raise NoService(schema)
    library = _library()
    service = library.Apprise()
    if not service.add(url) or len(service) != 1:
        raise NoService(schema)
    for plugin in service:
        plugin.socket_connect_timeout = timeout_s
        plugin.socket_read_timeout = timeout_s
    return service
