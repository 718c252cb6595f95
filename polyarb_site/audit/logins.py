"""Records who came, who left, and who tried in vain.

Signals, which the house rules otherwise forbid for the audit: the login is Django's own code, its
signal is sent in the same call, and there is no service of ours around it.
"""

import logging
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record_alone
from polyarb_site.clock import SystemClock

logger = logging.getLogger(__name__)

# Anybody can fail to log in, as often as they like: the audit must not fill the disk for them.
FAILURES_MAX = 30
FAILURES_WINDOW = timedelta(minutes=1)


def connect() -> None:
    """Listen. Called once, when the app is ready."""
    user_logged_in.connect(logged_in, dispatch_uid="audit.logged_in")
    user_logged_out.connect(logged_out, dispatch_uid="audit.logged_out")
    user_login_failed.connect(login_failed, dispatch_uid="audit.login_failed")


def logged_in(*, request: HttpRequest | None, user: User, **_: Any) -> None:
    """Record a login."""
    record_alone("login.done", actor=user, target=user.get_username(), after=_origin(request))


def logged_out(*, request: HttpRequest | None, user: User | None, **_: Any) -> None:
    """Record a logout; of nobody when the session had ended before."""
    if user is not None:
        record_alone("login.ended", actor=user, target=user.get_username(), after=_origin(request))


def login_failed(
    *, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    """Record a refused login under the name that was tried, up to 30 in a minute."""
    name = str(credentials.get("username") or "(no name)")
    now = SystemClock().now()
    recent = AuditEvent.objects.filter(action="login.failed", at__gt=now - FAILURES_WINDOW)
    count = recent.count()
    if count >= FAILURES_MAX:
        logger.warning("a login failed, not recorded: %d a minute are", FAILURES_MAX)
        return
    last = count == FAILURES_MAX - 1
    record_alone(
        "login.failed",
        actor=None,
        actor_name=name,
        target=name,
        reason="more failures in this minute are not recorded" if last else "",
        after=_origin(request),
        at=now,
    )


def _origin(request: HttpRequest | None) -> dict[str, str]:
    address = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    return {"address": str(address)}
