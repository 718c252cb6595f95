"""API tokens: shown once, kept as a hash.

The database is copied into backups and read by people, so that it must not hold a token that works.
The framework's own table is used, its key being the hash; its own authentication class, which would
take the hash itself for a token, is therefore never used.
"""

import hashlib
import re
import secrets
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from rest_framework.authtoken.models import Token

from polyarb_site.audit.recorder import record

PREFIX = "polyarb_"  # lets a scanner of logs and repositories find a token
KEYWORDS = ("token", "bearer")  # Prometheus and most clients say Bearer
_WELL_FORMED = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{40}}", re.ASCII)


def is_well_formed(token: str) -> bool:
    """Return whether the text can be a token of ours; others need no look into the database."""
    return _WELL_FORMED.fullmatch(token) is not None


def presented(header: str) -> str | None:
    """Return the token in an Authorization header, None when it holds something else."""
    words = header.split()
    if not words or words[0].lower() not in KEYWORDS:
        return None
    return words[1] if len(words) == 2 else ""


def digest(token: str) -> str:
    """Return what is stored: 160 bits of the hash, as long as the framework's column."""
    return hashlib.sha256(token.encode()).hexdigest()[:40]


def since(user: User) -> datetime | None:
    """Return since when the user has a token, None without one."""
    row = Token.objects.filter(user=user).first()
    return row.created if row is not None else None


def issue(user: User, *, by_name: str) -> str:
    """Return a new token of the user, who has no other from now on. It cannot be read again."""
    token = PREFIX + secrets.token_urlsafe(30)
    with transaction.atomic():
        replaced, _ = Token.objects.filter(user=user).delete()
        Token.objects.create(user=user, key=digest(token))
        action = "token.rotate" if replaced else "token.issue"
        record(action, actor=None, actor_name=by_name, target=f"user:{user.get_username()}")
    return token


def revoke(user: User, *, by_name: str) -> bool:
    """Take the user's token away; return whether there was one."""
    with transaction.atomic():
        deleted, _ = Token.objects.filter(user=user).delete()
        if deleted:
            name = user.get_username()
            record("token.revoke", actor=None, actor_name=by_name, target=f"user:{name}")
    return deleted > 0


def owner(token: str) -> User | None:
    """Return whose token it is, None when it is nobody's or the account is switched off."""
    if not is_well_formed(token):
        return None
    return owner_of(digest(token))


def owner_of(hashed: str) -> User | None:
    """Return whose token has this hash, None when it is nobody's or the account is off."""
    row = Token.objects.select_related("user").filter(key=hashed).first()
    return row.user if row is not None and row.user.is_active else None
