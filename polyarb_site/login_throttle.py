"""Slows down whoever guesses passwords, before the password is even hashed.

Failures are counted per address, and per address and name, for a minute. Nobody is locked out by
the guesses of others from elsewhere, and no lock outlives the minute: an operator must get in.
"""

import hashlib
from enum import StrEnum
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from polyarb_site.clock import Clock, SystemClock
from polyarb_site.rest.throttles import MinuteWindow

FAILURES_MAX_BY_NAME = 10
FAILURES_MAX_BY_ADDRESS = 30


class ThrottledBackend(ModelBackend):
    """The usual accounts and permissions; too many wrong passwords are no longer looked at."""

    clock: Clock = SystemClock()

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the account, None for a wrong password and after too many of them."""
        address = str(request.META.get("REMOTE_ADDR", "")) if request is not None else ""
        # A cache may refuse long keys and odd letters: the name is what somebody typed.
        name = hashlib.sha256(str(username).encode("utf-8", "replace")).hexdigest()[:16]
        limits = {
            f"login:{address}": FAILURES_MAX_BY_ADDRESS,
            f"login:{address}:{name}": FAILURES_MAX_BY_NAME,
        }
        window = MinuteWindow(self.clock)
        if any(window.counted(subject) >= most for subject, most in limits.items()):
            return None
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            for subject in limits:
                window.count(subject)
        return user


class Confirmation(StrEnum):
    """What came of asking somebody for their password again."""

    RIGHT = "RIGHT"
    WRONG = "WRONG"
    TOO_MANY = "TOO_MANY"  # wrong ones in this minute: it was not looked at


def confirm_password(user: User, password: str, *, clock: Clock | None = None) -> Confirmation:
    """Return whether this is the password of somebody who is in already, slowed down as a login."""
    window, subject = MinuteWindow(clock or SystemClock()), f"confirm:{user.pk}"
    if window.counted(subject) >= FAILURES_MAX_BY_NAME:
        return Confirmation.TOO_MANY
    if password and user.check_password(password):
        return Confirmation.RIGHT
    window.count(subject)
    return Confirmation.WRONG
