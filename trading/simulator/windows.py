"""How many requests one address on the network may make: sliding windows, as before the venue.

Source: polymarket.md section 10. The venue first delays what is too much and then refuses it; here
it is refused at once, and what is refused does not count. Windows slide by whole seconds.
"""

from collections import deque
from dataclasses import dataclass

from trading.simulator import answers
from trading.simulator.answers import Refusal

SHORT_S, LONG_S = 10, 600
ADDRESSES_MAX = 1_000  # the one that was seen first is forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many requests of one kind there may be in each window. An empty method stands for all.

    A path that ends with * stands for all that begin with what is before it.
    """

    method: str
    path: str
    short: int  # in 10 s
    long: int = 0  # in 10 min; 0: no limit

    def concerns(self, method: str, path: str) -> bool:
        """Say whether a request is of this kind."""
        if self.method not in ("", method):
            return False
        return path == self.path or (self.path[-1] == "*" and path.startswith(self.path[:-1]))


LIMITS = (
    Limit(method="", path="*", short=9_000),
    Limit(method="GET", path="/ok", short=100),
    *(Limit(method="GET", path=path, short=1_500) for path in ("/book", "/price", "/midpoint")),
    *(Limit(method="POST", path=path, short=500) for path in ("/books", "/prices", "/midpoints")),
    Limit(method="GET", path="/tick-size", short=200),
    Limit(method="GET", path="/balance-allowance", short=200),
    Limit(method="GET", path="/balance-allowance/update", short=50),
    *(Limit(method=one, path="/order", short=5_000, long=120_000) for one in ("POST", "DELETE")),
    Limit(method="POST", path="/orders", short=2_000, long=21_000),
    Limit(method="DELETE", path="/orders", short=2_000, long=15_000),
    Limit(method="DELETE", path="/cancel-all", short=250, long=6_000),
    Limit(method="DELETE", path="/cancel-market-orders", short=1_500, long=21_000),
    *(Limit(method="GET", path=path, short=500) for path in ("/data/orders", "/data/trades")),
    Limit(method="", path="/auth/*", short=100),
    Limit(method="GET", path="/markets/keyset", short=300),
)


class _Window:
    """How many there were in each second of the last so many."""

    __slots__ = ("_limit", "_seconds", "_span_s", "_total")

    def __init__(self, limit: int, span_s: int) -> None:
        self._limit = limit
        self._span_s = span_s
        self._seconds: deque[tuple[int, int]] = deque()  # (second, how many)
        self._total = 0

    def wait_s(self, now_s: int) -> int:
        """Return how long one more has to wait, 0 for not at all."""
        while self._seconds and self._seconds[0][0] <= now_s - self._span_s:
            self._total -= self._seconds.popleft()[1]
        if self._total < self._limit:
            return 0
        return self._seconds[0][0] + self._span_s - now_s

    def count(self, now_s: int) -> None:
        """Count one more."""
        self._total += 1
        if self._seconds and self._seconds[-1][0] == now_s:
            self._seconds[-1] = (now_s, self._seconds[-1][1] + 1)
        else:
            self._seconds.append((now_s, 1))


class Windows:
    """The windows of all addresses."""

    def __init__(self, limits: tuple[Limit, ...] = LIMITS) -> None:
        self._limits = limits
        self._windows: dict[str, dict[Limit, tuple[_Window, ...]]] = {}

    def take(self, address: str, method: str, path: str, now_ms: int) -> Refusal | None:
        """Count a request, or return its refusal."""
        now_s = now_ms // 1_000
        if address not in self._windows and len(self._windows) >= ADDRESSES_MAX:
            del self._windows[next(iter(self._windows))]
        own = self._windows.setdefault(address, {})
        concerned: list[_Window] = []
        for limit in self._limits:
            if limit.concerns(method, path):
                if limit not in own:
                    spans = ((limit.short, SHORT_S), (limit.long, LONG_S))
                    own[limit] = tuple(_Window(most, span_s) for most, span_s in spans if most)
                concerned += own[limit]
        wait_s = max((window.wait_s(now_s) for window in concerned), default=0)
        if wait_s:
            return Refusal(http=429, text=answers.TOO_MANY_REQUESTS, retry_after_s=wait_s)
        for window in concerned:
            window.count(now_s)
        return None
