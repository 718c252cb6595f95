"""The id of the request that is being answered, for whoever writes a record about it."""

import re
import secrets
from contextvars import ContextVar

LENGTH_MAX = 64

# Set by the middleware for one request, and empty in commands, jobs and the engine.
current: ContextVar[str] = ContextVar("request_id", default="")

_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)


def accept_or_make(text: str) -> str:
    """Return the id that a proxy sent if it is well formed, else a new one.

    The id lands in the audit and in the answer's header: anything else than a short plain word
    could forge a line of a log or split the header.
    """
    return text if _WELL_FORMED.fullmatch(text) else secrets.token_hex(12)
