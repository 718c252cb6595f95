"""What the local venue says of itself, for the header: that no chain settles its trades.

Asked on loopback from a thread of its own, at most every few seconds and only where the header
shows the venue: no page waits for it. What it has not said is left out.
"""

import http.client
import json
import threading
from typing import Any

from django.conf import settings

from polyarb_site.clock import Clock, SystemClock

LABEL = "SIMULATED"
NO_CHAIN = "no chain: the venue settles on its own books"
HTTP_S_MAX = 2
BODY_BYTES_MAX = 65_536
FRESH_NS = 5_000_000_000
FIRST_WAIT_S = 0.3


class VenueNote:
    """Keeps what was heard last. One for each process; any thread may ask."""

    def __init__(self, port: int, clock: Clock) -> None:
        self._port = port
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_ns: int | None = None
        self._heard = threading.Event()
        self._text = ""

    def text(self, *, wait_s: float = 0.0) -> str:
        """Return that the venue has no chain, empty when it has one or nothing is known.

        Only the first to ask in this process waits, for at most `wait_s`.
        """
        now_ns = self._clock.monotonic_ns()
        with self._lock:
            first = self._asked_ns is None
            if self._asked_ns is None or now_ns - self._asked_ns > FRESH_NS:
                self._asked_ns = now_ns
                threading.Thread(target=self._ask, name="venue-note", daemon=True).start()
        if first and wait_s:
            self._heard.wait(wait_s)
        return self._text

    def _ask(self) -> None:
        self._text = _note(read_info(self._port))
        self._heard.set()


def read_info(port: int) -> dict[str, Any] | None:
    """Return what the venue on this port of this machine says of itself, None when it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HTTP_S_MAX)
    try:
        connection.request("GET", "/simulator/info")
        answer = connection.getresponse()
        said = json.loads(answer.read(BODY_BYTES_MAX)) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return None
    finally:
        connection.close()
    return said if isinstance(said, dict) else None


def _note(info: dict[str, Any] | None) -> str:
    return NO_CHAIN if info is not None and info.get("chain", "") is None else ""


_own = VenueNote(settings.SIMULATOR_PORT, SystemClock())


def note(label: str | None, *, wait_s: float = 0.0) -> str:
    """Return what a header with this badge says of the venue, empty for any other venue."""
    return _own.text(wait_s=wait_s) if label == LABEL else ""
