"""Finds sockets that are open, answer PONG, and bring no more book data.

A control read of /books shows what the venue knows. When that is newer than anything a socket
brought, and stays so, the socket is frozen. One difficulty: nobody has said what the `timestamp` of
such an answer means. If it is the book's last change, a newer one proves that a change was missed;
if it is the moment of the answer, it is newer each time and proves nothing. Both are possible, so
it is learned: a stamp that moves while the book stands still was made for the answer. From then on
only a changed book counts as proof.
"""

from dataclasses import dataclass

from trading.engine.events import BookSnapshot

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Read:
    """What a control read of one token said, and how far its socket was then."""

    venue_ms: int
    content: int
    serial: int
    newest_ms: int


@dataclass(slots=True)
class _Suspicion:
    token_id: str
    venue_ms: int
    since_ns: int
    changed: bool  # the book itself changed, not only its stamp
    confirmed: bool = False  # the token was read again since


class SilenceWatch:
    """Judges sockets by control reads. `lag_ms` is what frames may be late against reads."""

    def __init__(self, *, silent_after_ms: int, lag_ms: int) -> None:
        self.answers_are_stamped = False  # learned: `timestamp` is the moment of the answer
        self._silent_after_ns = silent_after_ms * NS_PER_MS
        self._lag_ms = lag_ms
        self._reads: dict[str, _Read] = {}
        self._suspicions: dict[int, _Suspicion] = {}

    def suspects(self) -> tuple[str, ...]:
        """Return the tokens to read again: each decides about a socket."""
        return tuple(suspicion.token_id for suspicion in self._suspicions.values())

    def keep(self, serials: set[int], token_ids: set[str]) -> None:
        """Forget sockets and tokens that are no more."""
        self._suspicions = {s: v for s, v in self._suspicions.items() if s in serials}
        self._reads = {t: v for t, v in self._reads.items() if t in token_ids}

    def is_frozen(self, serial: int, newest_ms: int, read: BookSnapshot, now_ns: int) -> bool:
        """Take one read of a token and say whether its socket is frozen.

        `newest_ms` is the newest venue time that the socket brought in a frame with book data.
        """
        content = hash((frozenset(read.bids), frozenset(read.asks)))
        before = self._reads.get(read.token_id)
        self._reads[read.token_id] = _Read(read.venue_ms, content, serial, newest_ms)
        same = before is not None and before.content == content
        if before is not None and same and read.venue_ms > before.venue_ms:
            self._learn_that_answers_are_stamped()
        suspicion = self._suspicions.get(serial)
        if suspicion is not None and newest_ms + self._lag_ms >= suspicion.venue_ms:
            del self._suspicions[serial]  # the stream caught up
            suspicion = None
        if newest_ms + self._lag_ms >= read.venue_ms:
            return False
        # A change between two reads, during which the socket brought nothing at all.
        changed = (
            before is not None
            and not same
            and before.serial == serial
            and before.newest_ms == newest_ms
        )
        if suspicion is None:
            if changed or not self.answers_are_stamped:
                self._suspicions[serial] = _Suspicion(
                    read.token_id, read.venue_ms, now_ns, changed, confirmed=changed
                )
            return False
        if read.token_id == suspicion.token_id:
            suspicion.confirmed = True
            suspicion.changed = suspicion.changed or changed
        return suspicion.confirmed and now_ns - suspicion.since_ns >= self._silent_after_ns

    def _learn_that_answers_are_stamped(self) -> None:
        self.answers_are_stamped = True
        self._suspicions = {s: v for s, v in self._suspicions.items() if v.changed}
