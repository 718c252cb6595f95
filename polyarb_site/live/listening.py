"""Who listens on a WebSocket, and to which topics: a page by its session, a program by its token.

What a role may not see is not sent: each topic has a group of its own, and only who holds the
topic's permission joins it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase

from polyarb_site import one_time_password
from polyarb_site.clock import Clock
from polyarb_site.live.send import TOPICS
from polyarb_site.rest import tokens
from polyarb_site.rest.throttles import FAILED_LOGINS_MAX, MinuteWindow

# The header's state is for everybody with an account, as it is on every page.
PERMISSIONS = {"facts": "trading.view_opportunity", "alerts": "alerts.view_alert"}
Scope = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Somebody who was let in. Of a token only its hash is kept."""

    topics: tuple[str, ...]
    session_key: str = ""
    hashed: str = ""

    def stands(self) -> bool:
        """Return whether the same account may still listen to the same topics."""
        user = tokens.owner_of(self.hashed) if self.hashed else _user_of(self.session_key)
        return _may_listen(user) and topics_of(user) == self.topics


def presented_token(scope: Scope) -> str | None:
    """Return the token in the request's Authorization header, None without one."""
    for name, value in scope.get("headers", ()):
        if name == b"authorization":
            return tokens.presented(value.decode("latin-1"))
    return None


def identify(scope: Scope, clock: Clock) -> Listener | None:
    """Return who asks, None for who is not let in. A token that is sent decides alone.

    Who tries many tokens in a minute is not asked about the next ones.
    """
    token = presented_token(scope)
    if token is None:
        user = scope.get("user")
        key = scope["session"].session_key if "session" in scope else ""
        return Listener(topics=topics_of(user), session_key=key) if _may_listen(user) else None
    window = MinuteWindow(clock)
    subject = f"failed:{(scope.get('client') or ('',))[0]}"
    if window.counted(subject) > FAILED_LOGINS_MAX:
        return None
    user = tokens.owner(token)
    if user is None:
        window.count(subject)
    if not _may_listen(user):
        return None
    return Listener(topics=topics_of(user), hashed=tokens.digest(token))


def topics_of(user: Any) -> tuple[str, ...]:
    """Return what an account may be told of."""
    return tuple(
        topic for topic in TOPICS if topic not in PERMISSIONS or user.has_perm(PERMISSIONS[topic])
    )


def _may_listen(user: Any) -> bool:
    """Return whether this is somebody who may also read the pages."""
    if user is None or not user.is_authenticated or not getattr(user, "is_staff", False):
        return False
    return not one_time_password.is_in_use(user)


def _user_of(session_key: str) -> Any:
    """Return whose session it is, None when it is over."""
    store: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if not session_key or not store.exists(session_key):
        return None
    return get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]
