"""Whether the journals of sessions are whole: read in full, against what the database knows."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from polyarb_site.clock import Clock
from trading.journal import Damage, JournalReport, journal_directory, verify_journal
from trading.lease import host_name
from trading.models import EngineSession

MS_NS = 1_000_000


class JournalState(StrEnum):
    """What a journal is like, one word per answer."""

    SOUND = "SOUND"  # every record is there, as it was written
    TORN = "TORN"  # sound but for an unfinished last write, of which nothing was ever told
    DAMAGED = "DAMAGED"
    MISSING = "MISSING"  # it should be on this machine
    ELSEWHERE = "ELSEWHERE"  # another host wrote it
    REMOVED = "REMOVED"  # by retention, with an audit record


WELL = (JournalState.SOUND, JournalState.TORN)
NOT_HERE = (JournalState.ELSEWHERE, JournalState.REMOVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCheck:
    """What came of reading one session's journal."""

    session_key: str
    state: JournalState
    text: str
    report: JournalReport | None  # None: nothing was read
    known_sequence: int  # the record up to which the database has the facts
    running: bool
    took_ms: int

    @property
    def damage(self) -> tuple[Damage, ...]:
        """Everything that is wrong, in the order of the file."""
        return self.report.damage if self.report is not None else ()


def journal_of(session: EngineSession) -> Path:
    """Return where a session's journal lies on the machine that ran it."""
    return journal_directory(settings.JOURNAL_DIR, session.account, session.key)


def absence(session: EngineSession) -> tuple[JournalState, str] | None:
    """Return why a session's journal is not here, None when it is."""
    if journal_of(session).is_dir():
        return None
    if session.journal_removed_at is not None:
        day = f"{session.journal_removed_at:%Y-%m-%d}"
        return JournalState.REMOVED, f"retention removed it on {day}; a backup may have it"
    host = session.owner.partition(":")[0]
    if host not in ("", host_name()):
        return JournalState.ELSEWHERE, f"it was written on the host {host}: look there"
    return JournalState.MISSING, "its directory is not there; restore it from a backup"


def check_journal(session: EngineSession, clock: Clock) -> JournalCheck:
    """Read a session's journal in full. OSError passes through."""
    began_ns = clock.monotonic_ns()
    # Before the files: whatever the database knows then is in them.
    session = EngineSession.objects.defer("stats").get(pk=session.pk)
    gone = absence(session)
    report = None
    if gone is None:
        report = verify_journal(journal_of(session), known=session.journal_sequence)
        gone = _judged(report)
    return JournalCheck(
        session_key=session.key,
        state=gone[0],
        text=gone[1],
        report=report,
        known_sequence=session.journal_sequence,
        running=session.ended_at is None,
        took_ms=(clock.monotonic_ns() - began_ns) // MS_NS,
    )


def sessions_with_journal(account: str, since: datetime | None = None) -> list[EngineSession]:
    """Return an account's sessions whose journal was not removed, newest first."""
    rows = EngineSession.objects.filter(account=account, journal_removed_at=None).defer("stats")
    if since is not None:
        rows = rows.filter(started_at__gte=since)
    return list(rows.order_by("-token"))


def _judged(report: JournalReport) -> tuple[JournalState, str]:
    if not report.torn_only:
        return JournalState.DAMAGED, str(next(d for d in report.damage if d.kind != "TORN_TAIL"))
    if report.damage:
        return JournalState.TORN, str(report.damage[0])
    end = "closed in order" if report.closed else "not closed: it runs, or was cut off"
    return JournalState.SOUND, end
