"""How often one account may ask. Halting is never limited.

Each account has a window of a minute in the default cache. With several web processes and a cache
in memory each process counts for itself, so the limit is that many times higher: it protects the
process, and it is no quota.
"""

from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from polyarb_site.clock import Clock, SystemClock

WINDOW_SECONDS = 60
READS_MAX = 1_200
WRITES_MAX = 60
FAILED_LOGINS_MAX = 30


class MinuteWindow:
    """Counts what one subject did in the minute that `clock` shows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def count(self, subject: str) -> int:
        """Count one more and return how many there are in this minute."""
        key = self._key(subject)
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
        try:
            return int(cache.incr(key))
        except ValueError:  # evicted in between: a cache may forget
            return 1

    def counted(self, subject: str) -> int:
        """Return how many there are in this minute, without counting one more."""
        return int(cache.get(self._key(subject), 0))

    def seconds_left(self) -> int:
        """Return when the next minute begins."""
        return WINDOW_SECONDS - self._clock.now_ns() // 1_000_000_000 % WINDOW_SECONDS

    def _key(self, subject: str) -> str:
        minute = self._clock.now_ns() // (WINDOW_SECONDS * 1_000_000_000)
        return f"rest:{subject}:{minute}"


class AccountThrottle(BaseThrottle):
    """One limit for reads and one for writes, per account, or per address without one."""

    clock: Clock = SystemClock()

    def allow_request(self, request: Request, view: Any) -> bool:
        """Return whether the account may ask once more in this minute."""
        del view
        reads = request.method in ("GET", "HEAD", "OPTIONS")
        subject = f"{'read' if reads else 'write'}:{who(request)}"
        return MinuteWindow(self.clock).count(subject) <= (READS_MAX if reads else WRITES_MAX)

    def wait(self) -> float:
        """Return the seconds until the next minute."""
        return MinuteWindow(self.clock).seconds_left()


def who(request: Request) -> str:
    """Return the account, or the address of the connection.

    Not X-Forwarded-For: its sender writes what he likes.
    """
    if request.user is not None and request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{request.META.get('REMOTE_ADDR', '')}"
