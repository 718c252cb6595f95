"""Removing old journals: whole closed sessions, oldest first, each with its audit record."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.utils.module_loading import import_string

from polyarb_site.audit.recorder import record
from trading.journal import journal_directory, segments, size_of
from trading.journal.retention import (
    DOOMED_PREFIX,
    Removal,
    RetentionRules,
    StoredJournal,
    doom,
    doomed_journals,
    plan_retention,
    remove_doomed,
    spare,
)
from trading.models import EngineLease, EngineSession
from trading.services.refusals import NotFound

logger = logging.getLogger(__name__)

BY_NAME = "journal retention"
REMOVED = "journal.remove"
REMOVALS_PER_RUN = 200

# Called with account and session key; returns why that journal has to stay, "" for no reason.
Guard: TypeAlias = Callable[[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalsRemoved:
    """What came of looking through the journals of this machine."""

    removed: tuple[str, ...]  # session keys
    freed_bytes: int
    kept_back: tuple[tuple[str, str], ...]  # session key, why
    bytes_left: int
    too_full: bool

    @property
    def text(self) -> str:
        """Return it in a line."""
        text = f"{len(self.removed)} removed, {self.freed_bytes:,} bytes freed"
        if not self.too_full:
            return text
        why = f": {self.kept_back[0][1]}" if self.kept_back else ""
        return f"{text}; {self.bytes_left:,} bytes are left and nothing more may go{why}"


def find_session(key: str) -> EngineSession:
    """Return the session of that key, such as main-7. Raises NotFound."""
    session = EngineSession.objects.filter(key=key).defer("stats").first()
    if session is None:
        raise NotFound(
            "SESSION_UNKNOWN",
            f"there is no session {key!r:.90}",
            "the admin's list of engine sessions has their keys",
        )
    return session


def retention_rules() -> RetentionRules:
    """Return what the settings say."""
    return RetentionRules(
        bytes_max=settings.JOURNAL_BYTES_MAX,
        age_max=timedelta(days=settings.JOURNAL_DAYS_MAX),
        age_min=timedelta(days=settings.JOURNAL_DAYS_MIN),
    )


def remove_old_journals(
    now: datetime,
    *,
    rules: RetentionRules | None = None,
    guards: Iterable[Guard] | None = None,
) -> JournalsRemoved:
    """Remove what is too old or too much, at most 200 sessions a call. Asked again it goes on.

    Never one that is running or that nobody closed, never one younger than the rules say, never
    one that a guard holds back. DatabaseError and OSError pass through; what was done stays done.
    """
    root: Path = settings.JOURNAL_DIR
    if guards is None:
        guards = [import_string(path) for path in settings.JOURNAL_GUARDS]
    _finish_removals(root)
    sessions = _sessions(root)
    stored = [_stored(session, directory, tuple(guards)) for session, directory in sessions]
    other_bytes = (size_of(root) if root.is_dir() else 0) - sum(one.size_bytes for one in stored)
    plan = plan_retention(stored, rules or retention_rules(), now, other_bytes=other_bytes)
    by_directory = {directory: session for session, directory in sessions}
    gone = [
        removal.journal
        for removal in plan.removals[:REMOVALS_PER_RUN]
        if _remove(by_directory[removal.journal.directory], removal, now)
    ]
    result = JournalsRemoved(
        removed=tuple(journal.directory.name for journal in gone),
        freed_bytes=sum(journal.size_bytes for journal in gone),
        kept_back=tuple((journal.directory.name, why) for journal, why in plan.kept_back),
        bytes_left=plan.bytes_after,
        too_full=plan.too_full,
    )
    if result.too_full:
        logger.warning("journals: %s", result.text)
    return result


def _sessions(root: Path) -> list[tuple[EngineSession, Path]]:
    """Return the sessions whose journal lies on this machine."""
    rows = EngineSession.objects.filter(journal_removed_at=None).defer("stats").order_by("id")
    found = [(row, journal_directory(root, row.account, row.key)) for row in rows.iterator()]
    return [(row, directory) for row, directory in found if directory.is_dir()]


def _stored(session: EngineSession, directory: Path, guards: tuple[Guard, ...]) -> StoredJournal:
    closed = session.ended_at is not None and not _holds_lease(session)
    return StoredJournal(
        directory=directory,
        size_bytes=size_of(directory),
        ended_at=session.ended_at if closed else None,
        keep=next(_reasons(guards, session), "") if closed else "",
    )


def _reasons(guards: tuple[Guard, ...], session: EngineSession) -> Iterator[str]:
    for guard in guards:
        why = guard(session.account, session.key)
        if why:
            yield why


def _holds_lease(session: EngineSession) -> bool:
    return (
        EngineLease.objects.filter(account=session.account, token=session.token)
        .exclude(owner="")
        .exists()
    )


def _remove(session: EngineSession, removal: Removal, now: datetime) -> bool:
    """Remove one journal; return whether it was there to be removed."""
    directory = removal.journal.directory
    doomed = None
    try:
        with transaction.atomic():
            row = EngineSession.objects.filter(pk=session.pk, journal_removed_at=None)
            if row.exclude(ended_at=None).update(journal_removed_at=now) != 1:
                return False
            record(
                REMOVED,
                actor=None,
                actor_name=BY_NAME,
                target=f"journal:{session.account}/{session.key}",
                reason=removal.reason,
                before={
                    "size_bytes": removal.journal.size_bytes,
                    "segments": len(segments(directory)),
                    "last_sequence": session.journal_sequence,
                },
                at=now,
            )
            doomed = doom(directory)  # last, so that whatever went wrong before has moved nothing
    except (DatabaseError, InterfaceError):
        if doomed is not None:
            spare(doomed)
        raise
    remove_doomed(doomed)
    return True


def _finish_removals(root: Path) -> None:
    """Carry out or take back what a crash left in the middle."""
    for doomed in doomed_journals(root):
        key = doomed.name.removeprefix(DOOMED_PREFIX)
        decided = EngineSession.objects.filter(key=key).exclude(journal_removed_at=None)
        if decided.exists():
            remove_doomed(doomed)
        else:
            spare(doomed)
