"""Writes facts into the database from a thread of its own, behind the journal and under the lease.

Theory of operation. The loop puts facts with their journal numbers into a bounded queue. Every
quarter of a second the thread takes those whose chunk is already in the journal's file and writes
them in one transaction, together with the session's heartbeat and the news for open pages; the last
statement compares the fencing token. So the database never knows more than the journal, and nothing
that a former owner does counts. While the database does not answer, the facts wait; when the queue
is full, or nothing could be committed for seconds, the writer has failed and the engine halts. What
was not committed is in the journal, from where the next session brings it in.

The state that pages show is summed up after the commit and not within it: it takes many reads, and
while they last nobody else could write.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)

from polyarb_site.clock import Clock
from polyarb_site.live.send import publish
from trading.adapters.codec import Recordable
from trading.lease import Fenced, check_fence
from trading.ledger.batch import FactBatch, Figures
from trading.ledger.columns import clipped
from trading.ledger.entries import LedgerContradictionError
from trading.models import EngineSession

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
# A frozen process must not hold a row for ever; nothing here pauses inside a transaction.
IDLE_IN_TRANSACTION_MS = 2_000


class LedgerFailed(Exception):  # noqa: N818 - the word that session states and notes use
    """Facts cannot be written. Whoever sees this stops trading; what waits is in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLimits:
    """Every bound of the writer."""

    queue_max: int = 50_000  # facts that wait
    batch_max: int = 2_000  # facts in one transaction
    write_every_ms: int = 250
    heartbeat_ms: int = 1_000
    retry_ms_max: int = 2_000
    silence_ms_max: int = 10_000  # without a commit, then the engine halts
    news_rows_max: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReport:
    """What the session's row says beside its heartbeat. Made by the loop, never changed."""

    state: str
    reason: str
    since: datetime
    stats: dict[str, Any] = field(default_factory=dict)
    mandate_revision: int | None = None
    profile_id: int | None = None


class Item(NamedTuple):
    """A fact with the number of its journal record."""

    sequence: int
    thing: Recordable
    figures: Figures | None


class Progress(Protocol):
    """How far the journal's file is."""

    written_sequence: int


class FactWriter:
    """The database side of one session. One thread puts, another writes."""

    def __init__(
        self,
        session: EngineSession,
        *,
        journal: Progress,
        clock: Clock,
        report: SessionReport,
        limits: LedgerLimits | None = None,
    ) -> None:
        self.limits = limits or LedgerLimits()
        self.report = report  # replaced by the loop whenever there is news
        self.committed_sequence = session.journal_sequence
        self.commits = 0
        self._session_id = session.pk
        self._account = session.account
        self._token = session.token
        self._journal = journal
        self._clock = clock
        self._queue: deque[Item] = deque()
        self._taken: list[Item] = []  # of the batch that is being written
        self._told: SessionReport | None = None
        self._failure: LedgerFailed | Fenced | None = None
        self._committed_ns = clock.monotonic_ns()
        self._beat_ns = 0
        self._problem = ""
        self._done = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    @property
    def failure(self) -> LedgerFailed | Fenced | None:
        """Why nothing is written any more, None while all is well."""
        return self._failure

    @property
    def waiting(self) -> int:
        """How many facts are not committed yet."""
        return len(self._queue) + len(self._taken)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, sequence: int, thing: Recordable, figures: Figures | None = None) -> None:
        """Take a fact, before its record goes to the journal. Raises LedgerFailed or Fenced.

        Before, because the thread takes "everything up to the written number": a fact that came
        after its record would be passed over.
        """
        if self._failure is not None:
            raise self._failure
        if len(self._queue) >= self.limits.queue_max:
            raise self._fail(f"{self.limits.queue_max} facts wait for the database{self._why()}")
        self._queue.append(Item(sequence, thing, figures))

    def hurry(self) -> None:
        """Commit what the journal has now: somebody waits for `committed_sequence`."""
        self._wake.set()

    def check(self) -> None:
        """Raise LedgerFailed or Fenced when it has failed, or when the database is silent."""
        silent_ms = (self._clock.monotonic_ns() - self._committed_ns) // MS_NS
        if self._failure is None and silent_ms > self.limits.silence_ms_max:
            self._fail(f"nothing could be committed for {silent_ms} ms{self._why()}")
        if self._failure is not None:
            raise self._failure

    def close(self, report: SessionReport, *, ended: bool, timeout_s: float = 10.0) -> None:
        """Write what is left, give the session its last state, and end the thread.

        `ended` closes the session; without it the row stays open for whoever recovers it. Raises
        LedgerFailed or Fenced when not everything could be written.
        """
        self.report = report
        self._end(timeout_s)
        if self._failure is None:
            self._last_words(report, ended=ended)
        if self._failure is not None:
            raise self._failure

    def abandon(self, *, timeout_s: float = 5.0) -> None:
        """End the thread without a last word: the lease is lost."""
        self._fail("abandoned")
        self._end(timeout_s)

    def _end(self, timeout_s: float) -> None:
        self._done.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                self._fail(f"the database has not answered for {timeout_s:g} s at the end")

    def _fail(self, text: str) -> LedgerFailed | Fenced:
        if self._failure is None:
            self._failure = LedgerFailed(text)
        return self._failure

    def _why(self) -> str:
        return f": {self._problem}" if self._problem else ""

    # The thread

    def _run(self) -> None:
        finished = False
        wait_ms = self.limits.write_every_ms
        try:
            while not finished and self._failure is None:
                self._wake.wait(wait_ms / 1_000)
                self._wake.clear()
                closing = self._done.is_set()
                wait_ms = self._step(wait_ms)
                behind = self._committable() or self._taken
                finished = closing and not behind
        except Fenced as error:
            self._failure = error
        except (DataError, IntegrityError, LedgerContradictionError) as error:
            self._fail(f"facts that the database does not take: {error}")
        finally:
            if not finished:
                self._fail("the ledger's thread died")
            connection.close()

    def _prepare(self) -> None:
        if connection.connection is None and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}"
                )

    def _step(self, wait_ms: int) -> int:
        """Write one batch and return how long to wait for the next."""
        try:
            self._prepare()
            full = self._write_batch()
        except (OperationalError, InterfaceError) as error:
            self._problem = str(error).strip().splitlines()[0] if str(error) else repr(error)
            connection.close()
            return min(max(wait_ms, 50) * 2, self.limits.retry_ms_max)
        self._problem = ""
        return 0 if full else self.limits.write_every_ms

    def _committable(self) -> bool:
        return bool(self._queue) and self._queue[0].sequence <= self._journal.written_sequence

    def _write_batch(self) -> bool:
        """Write what may be written; return whether there is more at once."""
        through = self._journal.written_sequence
        while len(self._taken) < self.limits.batch_max and self._queue:
            if self._queue[0].sequence > through:
                break
            self._taken.append(self._queue.popleft())
        full = len(self._taken) == self.limits.batch_max
        if full:
            through = self._taken[-1].sequence
        now_ns = self._clock.monotonic_ns()
        beat_due = now_ns - self._beat_ns >= self.limits.heartbeat_ms * MS_NS
        if self._taken or beat_due or self._state_changed():
            report = self.report
            tell = beat_due or self._state_changed()
            self._commit(through, report)
            self.committed_sequence = max(self.committed_sequence, through)
            self.commits += 1
            self._taken = []
            self._committed_ns = self._clock.monotonic_ns()
            if tell:
                self._told = report
                self._beat_ns = now_ns
                self._publish_state()
        return full

    def _publish_state(self) -> None:
        now = self._clock.now()
        # Selectors stand above the ledger, whose rows they read, and load it themselves.
        from trading.selectors.status import live_state  # noqa: PLC0415

        publish("state", live_state(self._account, now, with_funnel=False), at=now)

    def _state_changed(self) -> bool:
        told, report = self._told, self.report
        return told is None or (told.state, told.reason) != (report.state, report.reason)

    def _commit(self, through: int, report: SessionReport) -> None:
        now = self._clock.now()
        batch = FactBatch(self._session_id, self._account)
        for _, thing, figures in self._taken:
            batch.add(thing, figures)
        with transaction.atomic():
            batch.write(now)
            columns = self._columns(report, now)
            columns["journal_sequence"] = max(self.committed_sequence, through)
            EngineSession.objects.filter(pk=self._session_id).update(**columns)
            news = batch.news(self.limits.news_rows_max)
            if news:
                publish("facts", {"account": self._account, "rows": news}, at=now)
            check_fence(self._account, self._token)

    def _columns(self, report: SessionReport, now: datetime) -> dict[str, Any]:
        columns: dict[str, Any] = {
            "heartbeat_at": now,
            "state": report.state,
            "state_reason": clipped(EngineSession, "state_reason", report.reason),
            "state_since": report.since,
            "stats": report.stats,
        }
        if report.mandate_revision is not None:
            columns["mandate_revision"] = report.mandate_revision
        if report.profile_id is not None:
            columns["profile_id"] = report.profile_id
        return columns

    def _last_words(self, report: SessionReport, *, ended: bool) -> None:
        """Close the session's row, from the caller's thread, once the writer's has ended."""
        now = self._clock.now()
        try:
            with transaction.atomic():
                columns = self._columns(report, now)
                columns["journal_sequence"] = self._journal.written_sequence
                if ended:
                    columns["ended_at"] = now
                EngineSession.objects.filter(pk=self._session_id).update(**columns)
                check_fence(self._account, self._token)
            self._publish_state()
        except Fenced as error:
            self._failure = error
        except (OperationalError, InterfaceError) as error:
            connection.close()
            self._fail(f"the session could not be closed: {error}")
