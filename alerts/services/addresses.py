"""The addresses of channels: checked by kind, encrypted, and shown only as far as may be seen."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from alerts.models import Channel
from alerts.senders import apprise_sender
from alerts.senders.email import SECURITY
from alerts.senders.secrets import KeyProblem, SecretBox
from trading.services.refusals import Invalid, ServiceRefused

KEY_LENGTH_MIN = 16
TEXT_LENGTH_MAX = 2_000
RECIPIENTS_MAX = 20
KEYS = {
    Channel.Kind.WEBHOOK: ("url", "key"),
    Channel.Kind.ALERTMANAGER: ("url", "key"),
    Channel.Kind.EMAIL: ("host", "port", "security", "user", "password", "from", "to"),
    Channel.Kind.APPRISE: ("url",),
}
Problems = list[str]


def box() -> SecretBox:
    """Return what encrypts under the key of this installation."""
    return SecretBox(settings.CHANNEL_KEY_FILE)


def encrypted(address: Mapping[str, Any]) -> str:
    """Return an address as a row may keep it. Raises ServiceRefused when there is no key."""
    try:
        return box().close(address)
    except KeyProblem as problem:
        raise ServiceRefused("NO_KEY", str(problem), "then save the channel again") from None


def checked(kind: str, given: Mapping[str, Any] | str) -> tuple[dict[str, Any], str]:
    """Return an address and what of it may be seen, or raise Invalid.

    A text is the `url`. No message of a refusal repeats what was given: it may be a secret.
    """
    values = {"url": given.strip()} if isinstance(given, str) else dict(given)
    allowed = KEYS[Channel.Kind(kind)]
    problems: Problems = [
        f"address holds a field that {kind} does not have; use {', '.join(allowed)}"
        for name in values
        if name not in allowed
    ][:1]
    if kind == Channel.Kind.EMAIL:
        address, shown = _mail(values, problems)
    elif kind == Channel.Kind.APPRISE:
        address, shown = _apprise(values, problems)
    else:
        address, shown = _webhook(kind, values, problems)
    if problems:
        raise Invalid(
            "INVALID_ADDRESS",
            "; ".join(problems),
            "correct these fields; the channel is as it was",
            tuple(problems),
        )
    return address, shown


def _webhook(
    kind: str, values: Mapping[str, Any], problems: Problems
) -> tuple[dict[str, Any], str]:
    url, key = _text(values, "url", problems), _text(values, "key", problems)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        problems.append("address.url has to be an http:// or https:// address")
    if (key or kind == Channel.Kind.WEBHOOK) and len(key) < KEY_LENGTH_MIN:
        problems.append(
            f"address.key has to be {KEY_LENGTH_MIN} characters or more, which the receiver "
            "checks the signature with"
        )
    place = f"{host}:{port}" if port else str(host)
    return {"url": url, "key": key}, f"{parts.scheme}://{place}/..."[:120]


def _mail(values: Mapping[str, Any], problems: Problems) -> tuple[dict[str, Any], str]:
    host = _text(values, "host", problems)
    if not host or any(character.isspace() or character == "/" for character in host):
        problems.append("address.host has to be the name of the mail server")
    port = values.get("port", 587)
    port = int(port) if isinstance(port, str) and port.isascii() and port.isdigit() else port
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65_535:
        problems.append("address.port has to be 1 to 65535, usually 587")
    security = str(values.get("security", "STARTTLS")).upper()
    if security not in SECURITY:
        problems.append(f"address.security has to be {', '.join(SECURITY)}")
    to = values.get("to", [])
    to = [one.strip() for one in to.split(",")] if isinstance(to, str) else to
    good = isinstance(to, list | tuple) and 1 <= len(to) <= RECIPIENTS_MAX
    if not good or not all(_is_mail(one) for one in to):
        problems.append(f"address.to has to be 1 to {RECIPIENTS_MAX} e-mail addresses")
        to = []
    sender = _text(values, "from", problems)
    if not _is_mail(sender):
        problems.append("address.from has to be an e-mail address")
    address = {
        "host": host,
        "port": port,
        "security": security,
        "user": _text(values, "user", problems),
        "password": _text(values, "password", problems),
        "from": sender,
        "to": list(to),
    }
    people = ", ".join(f"...@{one.rpartition('@')[2]}" for one in to[:2])
    more = f" and {len(to) - 2} more" if len(to) > 2 else ""
    return address, f"{people}{more} by {host}:{port}"[:120]


def _apprise(values: Mapping[str, Any], problems: Problems) -> tuple[dict[str, Any], str]:
    url = _text(values, "url", problems)
    try:
        name = apprise_sender.service_name(url)
    except apprise_sender.NoService:
        problems.append(
            "address.url is no address that Apprise knows, such as tgram://TOKEN/CHAT; "
            "see https://github.com/caronc/apprise/wiki"
        )
        name = ""
    return {"url": url}, f"{name} ({url.partition('://')[0][:20]}://...)"[:120]


def _text(values: Mapping[str, Any], name: str, problems: Problems) -> str:
    text = values.get(name, "")
    if not isinstance(text, str) or len(text) > TEXT_LENGTH_MAX or not text.isprintable():
        problems.append(f"address.{name} has to be a text of up to {TEXT_LENGTH_MAX} characters")
        return ""
    return text.strip()


def _is_mail(text: object) -> bool:
    if not isinstance(text, str) or len(text) > 254 or not text.isascii():
        return False
    name, _, domain = text.rpartition("@")
    plain = not any(character.isspace() or character in '"<>(),;:\\' for character in text)
    return bool(name) and bool(domain) and "@" not in name and plain
