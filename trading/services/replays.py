"""Judging replays against the database, and keeping what came of them.

Not among the services of the package: it runs the engine, and so knows more than those may.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django_q.tasks import async_task

from polyarb_site.clock import Clock
from polyarb_site.locks import FileLock
from trading.adapters.codec import CodecError
from trading.journal import PROGRAM_VERSION, JournalDamagedError
from trading.ledger.columns import clipped, nanoseconds
from trading.models import EngineSession, LedgerEntry, ReplayRun
from trading.replaying import JournalReplay, OnProgress, ReplayError, Scope, replay_journal
from trading.selectors.journals import JournalState, absence, journal_of

logger = logging.getLogger(__name__)

TASK = "trading.tasks.replay_days"
TASK_SECONDS_MAX = 6 * 3_600
NIGHTLY_FROM = time(0, 20)  # UTC; until then the last shift of the day has been closed
DAYS_BACK_MAX = 7
DIFFERENCE_LENGTH_MAX = 2_000
MS_NS = 1_000_000
LOCK_NAME = "replays.lock"

Verdict = ReplayRun.Verdict


def day_range(day: date) -> tuple[datetime, datetime]:
    """Return the first moment of a UTC day and that of the next."""
    begin = datetime.combine(day, time(0), tzinfo=UTC)
    return begin, begin + timedelta(days=1)


def sessions_of_day(account: str, day: date) -> list[EngineSession]:
    """Return the sessions of an account that ran in a UTC day, oldest first."""
    begin, end = day_range(day)
    rows = EngineSession.objects.filter(account=account, started_at__lt=end).defer("stats")
    return list(rows.filter(Q(ended_at=None) | Q(ended_at__gte=begin)).order_by("token"))


def days_of(session: EngineSession, now: datetime) -> list[date]:
    """Return the UTC days in which a session ran."""
    last = (session.ended_at or now).date()
    first = session.started_at.date()
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


@dataclass(frozen=True, slots=True)
class _Books:
    """What the database says of a session, all of one instant."""

    through: int  # the record up to which it has the facts
    realised_micro: int  # of the day


def judge(
    session: EngineSession, day: date, clock: Clock, *, on_progress: OnProgress | None = None
) -> ReplayRun:
    """Replay a session and return the verdict for a UTC day; nothing is stored.

    A session that is still running is replayed as far as its journal goes, and compared as far as
    the database goes.
    """
    began_ns, at = clock.monotonic_ns(), clock.now()
    begin, end = (nanoseconds(moment) for moment in day_range(day))
    books = _books(session, day)  # before the journal, which is never behind the database
    scope = Scope(begin_ns=begin, end_ns=end, through=books.through)
    replay, problem = None, ""
    gone = absence(session)
    if gone is not None:
        problem = f"{gone[0]}: {gone[1]}"
    else:
        try:
            replay = replay_journal(
                journal_of(session), scope, known=books.through, on_progress=on_progress
            )
        except (ReplayError, JournalDamagedError, CodecError) as error:
            problem = str(error)
        except OSError as error:
            problem = f"the journal cannot be read: {error}"
    run = _run(session, day, at, books, replay, problem)
    run.took_ms = (clock.monotonic_ns() - began_ns) // MS_NS
    return run


def due_replays(now: datetime) -> Iterator[tuple[EngineSession, date]]:
    """Yield what the nightly job still owes: sessions of past days that nobody has judged.

    From 00:20 UTC on those of yesterday; of the week before what was missed. A session that was cut
    off is due once its facts were brought in; one whose journal lies on another host, or was
    removed, is not due here.
    """
    today = now.date()
    newest = 1 if now.time() >= NIGHTLY_FROM else 2
    for back in range(DAYS_BACK_MAX, newest - 1, -1):
        day = today - timedelta(days=back)
        begin, end = day_range(day)
        closed, alive = Q(ended_at__gte=begin), Q(ended_at=None, heartbeat_at__gte=end)
        ran = EngineSession.objects.filter(closed | alive, started_at__lt=end).defer("stats")
        judged = ReplayRun.objects.filter(day=day).values("session")
        for session in ran.exclude(pk__in=judged).order_by("account", "token"):
            gone = absence(session)
            if gone is None or gone[0] is JournalState.MISSING:
                yield session, day


def ask_for_replays(now: datetime) -> str:
    """Queue the nightly replays when some are due and nobody is at them; return what was done."""
    due = next(due_replays(now), None)
    if due is None:
        return "nothing to do"
    lock = FileLock(settings.RUN_DIR / LOCK_NAME)
    free = lock.acquire()
    lock.release()
    if not free:
        return "somebody is at it"
    async_task(TASK, group="replays", timeout=TASK_SECONDS_MAX)  # type: ignore[no-untyped-call]
    return f"asked, from {due[0].key} of {due[1]} on"


def replay_due(clock: Clock, stopped: Callable[[], bool]) -> str:
    """Replay whatever is due, one session after the other, and keep each verdict.

    One process at a time: a task that outlives the queue's patience is presented again.
    """
    lock = FileLock(settings.RUN_DIR / LOCK_NAME)
    if not lock.acquire():
        return "somebody is at it"
    verdicts: list[str] = []
    try:
        while not stopped() and (due := next(due_replays(clock.now()), None)) is not None:
            run = judge(*due, clock, on_progress=_until(stopped))
            run.save()
            verdicts.append(run.verdict)
            if run.verdict != Verdict.SAME:
                logger.error("replay of %s on %s: %s", due[0].key, due[1], run.problem)
    except _Stopped:
        verdicts.append("stopped in the middle of one")
    finally:
        lock.release()
    return ", ".join(f"{verdicts.count(one)} {one}" for one in sorted(set(verdicts))) or "nothing"


class _Stopped(Exception):  # noqa: N818 - no error: the cluster ends, and the next one goes on
    """The process shall end; the session is replayed from its start another time."""


def _until(stopped: Callable[[], bool]) -> OnProgress:
    def check(_done: int, _total: int) -> None:
        if stopped():
            raise _Stopped

    return check


def _books(session: EngineSession, day: date) -> _Books:
    """Return how far the database is and what it says, in one statement: one instant."""
    begin, end = day_range(day)
    entries = LedgerEntry.objects.filter(session=OuterRef("pk"), at__gte=begin, at__lt=end)
    total = entries.order_by().values("session").annotate(total=Sum("realised_micro"))
    row = (
        EngineSession.objects.filter(pk=session.pk)
        .annotate(realised=Coalesce(Subquery(total.values("total")), 0))
        .values_list("journal_sequence", "realised")
        .get()
    )
    return _Books(*row)


def _run(
    session: EngineSession,
    day: date,
    at: datetime,
    books: _Books,
    replay: JournalReplay | None,
    problem: str,
) -> ReplayRun:
    run = ReplayRun(
        account=session.account,
        day=day,
        session=session,
        at=at,
        verdict=Verdict.UNREADABLE,
        ledger_micro=books.realised_micro,
        version=PROGRAM_VERSION,
    )
    if replay is not None:
        run.inputs, run.commands = replay.inputs, replay.commands
        run.last_sequence, run.complete = replay.last_sequence, replay.complete
        run.sha256, run.recorded_sha256 = replay.sha256, replay.recorded_sha256
        run.realised_micro = replay.realised_micro
        run.different = replay.different
        run.differences = [
            {
                name: value[:DIFFERENCE_LENGTH_MAX] if isinstance(value, str) else value
                for name, value in asdict(one).items()
            }
            for one in replay.differences
        ]
        problem = _difference(replay, books)
        run.verdict = Verdict.DIFFERENT if problem else Verdict.SAME
    run.problem = clipped(ReplayRun, "problem", problem)
    return run


def _difference(replay: JournalReplay, books: _Books) -> str:
    """Return in a sentence what is not the same, empty for nothing."""
    parts = []
    if replay.different:
        first = replay.differences[0]
        parts.append(
            f"{replay.different} commands are not what the journal has, the first for record"
            f" {first.sequence}"
        )
        if replay.version != PROGRAM_VERSION:
            parts.append(f"it was recorded by version {replay.version}")
    if replay.realised_micro != books.realised_micro:
        parts.append(
            f"the replay realised {replay.realised_micro} millionths of a dollar that day, the"
            f" ledger has {books.realised_micro}"
        )
    return "; ".join(parts)
