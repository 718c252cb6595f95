"""Who was here a moment ago: so that halting works while the database is away.

Kept in this process only, and good for nothing but halting. A session that ended in these minutes
can stop trading once more, which harms nobody; an operator who cannot stop it does.
"""

import hashlib
import threading
from collections import OrderedDict

from polyarb_site.clock import Clock, SystemClock

ACCOUNTS_MAX = 64
REMEMBERED_NS = 900 * 1_000_000_000


class RecentAccounts:
    """Names of accounts by the hash of what they showed, for a quarter of an hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._names: OrderedDict[str, tuple[int, str]] = OrderedDict()

    def remember(self, shown: str, username: str) -> None:
        """Note that the account was good just now. The least recent one is forgotten first."""
        if not shown:
            return  # nothing was shown: everybody could show that
        with self._lock:
            self._names.pop(_digest(shown), None)
            self._names[_digest(shown)] = (self._clock.monotonic_ns(), username)
            while len(self._names) > ACCOUNTS_MAX:
                self._names.popitem(last=False)

    def recall(self, shown: str) -> str | None:
        """Return the name of the account that showed this lately, None when nobody did."""
        with self._lock:
            at_ns, username = self._names.get(_digest(shown), (0, ""))
        fresh = username and self._clock.monotonic_ns() - at_ns <= REMEMBERED_NS
        return username if fresh else None


def _digest(shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "replace")).hexdigest()


sessions = RecentAccounts(SystemClock())
