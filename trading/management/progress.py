"""A bar for work that takes a while. On a terminal only: a log or a pipe gets none."""

from typing import TextIO

from polyarb_site.clock import Clock

WIDTH = 30
EVERY_NS = 200_000_000
ERASE = "\r\x1b[K"


class Bar:
    """Shows how much of something is done, at most five times a second."""

    def __init__(self, stream: TextIO, clock: Clock, *, wanted: bool = True) -> None:
        self._stream = stream
        self._clock = clock
        self._shown = wanted and stream.isatty()
        self._next_ns = 0
        self.name = ""

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` is done."""
        if not self._shown or (now_ns := self._clock.monotonic_ns()) < self._next_ns:
            return
        self._next_ns = now_ns + EVERY_NS
        percent = min(done * 100 // total, 100) if total else 0
        filled = percent * WIDTH // 100
        bar = f"{'#' * filled}{'.' * (WIDTH - filled)}"
        self._stream.write(f"{ERASE}{self.name} [{bar}] {percent} %")
        self._stream.flush()

    def end(self) -> None:
        """Take the bar away."""
        if self._shown and self._next_ns:
            self._stream.write(ERASE)
            self._stream.flush()
            self._next_ns = 0
