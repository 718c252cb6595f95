"""GET /healthz: is this web process alive and can it write? The one answer that needs no account.

It says one word and never why: not a version, not a name, not an error. Each process looks once a
second at most, however often it is asked, so asking is no way to load it. Whether the engine trades
is told by /api/status and /metrics, to accounts.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from polyarb_site.clock import Clock, SystemClock
from polyarb_site.live.models import OutboxMessage
from polyarb_site.rest.errors import answer_plain, method_not_allowed

FRESH_MS = 1_000
PATIENCE_SECONDS = 2  # for a look that another thread has begun
DATABASE = "database"


class Health:
    """The last look, shared by the threads of this process. At most one looks at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looking = threading.Lock()
        self._looked_ns: int | None = None
        self._down = DATABASE

    def part_down(self) -> str:
        """Return the part that is down in one word, empty when all is well."""
        if self._is_fresh():
            return self._down
        if not self._looking.acquire(timeout=PATIENCE_SECONDS):
            return DATABASE  # somebody has been looking for so long that it is down
        try:
            if not self._is_fresh():
                self._down = "" if can_write() else DATABASE
                self._looked_ns = self._clock.monotonic_ns()
            return self._down
        finally:
            self._looking.release()

    def _is_fresh(self) -> bool:
        if self._looked_ns is None:
            return False
        return self._clock.monotonic_ns() - self._looked_ns < FRESH_MS * 1_000_000


def can_write(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Return whether the database takes a write now. It waits a second, and leaves nothing."""
    try:
        with _short_wait(using), transaction.atomic(using=using):
            # Changes no row; a database that is gone, locked or read-only refuses it all the same.
            OutboxMessage.objects.using(using).filter(pk=0).update(topic="")
    except Error:
        return False
    return True


@contextmanager
def _short_wait(using: str) -> Iterator[None]:
    """Wait for a lock of the database for a second at most, instead of the usual five."""
    connection = connections[using]
    sqlite = connection.vendor == "sqlite"
    short, usual = (
        ("PRAGMA busy_timeout = 1000", "PRAGMA busy_timeout = 5000")
        if sqlite
        else ("SET statement_timeout = '1s'", "SET statement_timeout = DEFAULT")
    )
    with connection.cursor() as cursor:
        cursor.execute(short)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(usual)


health = Health(SystemClock())


@csrf_exempt
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer {"status": "ok"}, or 503 and the word for what is down."""
    if request.method not in ("GET", "HEAD"):
        return answer_plain(method_not_allowed({"Allow": "GET, HEAD"}))
    part = health.part_down()
    return HttpResponse(
        msgspec.json.encode({"status": part or "ok"}),
        content_type="application/json",
        status=503 if part else 200,
        headers={"Cache-Control": "no-store"},
    )
