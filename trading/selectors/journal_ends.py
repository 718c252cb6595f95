"""The newest part of journals, read in full; how far older parts were read by replays.

A journal grows to many gigabytes, and a check has seconds. What was written before the part that is
read now is judged by the newest replay, which reads everything: what no replay has read either is
not known.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.db.models import Max, Q

from trading.journal import JournalReader, segments
from trading.journal import format as fmt
from trading.models import EngineSession, ReplayRun
from trading.selectors.journals import JournalState, absence, journal_of

SESSIONS_MAX = 500


class End(StrEnum):
    """How sure it is that a journal has no gap."""

    WHOLE = "WHOLE"  # all of it was read, now or by a replay
    BROKEN = "BROKEN"
    UNREAD = "UNREAD"  # a part of it was read by nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEnd:
    """One session's journal, as far as it was read."""

    session_key: str
    end: End
    text: str
    read_bytes: int = 0  # now
    from_sequence: int = 0  # the first record that was read now; 0 for none
    last_sequence: int = 0


def journal_ends(
    account: str, venue: str, since: datetime, *, bytes_max: int
) -> tuple[JournalEnd, ...]:
    """Return every journal of an account on one venue since then, newest first.

    At most `bytes_max` are read, and of the newest journal one segment at least. What lies on
    another host is judged by its replays; what retention removed, with an audit record, is left
    out.
    """
    rows = EngineSession.objects.filter(
        Q(ended_at=None) | Q(ended_at__gte=since),
        account=account,
        feed=venue,
        journal_removed_at=None,
    )
    found: list[JournalEnd] = []
    left = bytes_max
    for session in rows.defer("stats").order_by("-token")[:SESSIONS_MAX]:
        gone = absence(session)
        if gone is not None and gone[0] is JournalState.ELSEWHERE:
            found.append(_by_replay(session, max(session.journal_sequence, 1)))
            continue
        if gone is not None:
            found.append(JournalEnd(session_key=session.key, end=End.BROKEN, text=gone[1]))
            continue
        one = _read_end(session, left, at_least_one=not found)
        left -= one.read_bytes
        found.append(one)
    return tuple(found)


def newest_replay(account: str, venue: str) -> ReplayRun | None:
    """Return the newest replay of a session of an account on one venue."""
    rows = ReplayRun.objects.filter(account=account, session__feed=venue)
    return rows.select_related("session").order_by("-at", "-id").first()


def _read_end(session: EngineSession, bytes_max: int, *, at_least_one: bool) -> JournalEnd:
    directory = journal_of(session)
    paths = segments(directory)
    first = _first_to_read(paths, bytes_max, at_least_one=at_least_one)
    if first == len(paths) and paths:
        return _by_replay(session, max(session.journal_sequence, 1))
    after = _before(paths[first]) if first else 0
    if after is None:
        text = f"the head of {paths[first].name} cannot be read"
        return JournalEnd(session_key=session.key, end=End.BROKEN, text=text)
    reader = JournalReader(directory, known=session.journal_sequence)
    for _ in reader.records(after=after, strict=False):
        pass
    real = [damage for damage in reader.damage if damage.kind != "TORN_TAIL"]
    read = JournalEnd(
        session_key=session.key,
        end=End.BROKEN if real else End.WHOLE,
        text=str(real[0]) if real else "",
        read_bytes=reader.size_bytes,
        from_sequence=after + 1,
        last_sequence=reader.read_to,
    )
    if real or not after:
        return read
    older = _by_replay(session, after)
    return replace(read, end=older.end, text=older.text)


def _by_replay(session: EngineSession, through: int) -> JournalEnd:
    """Return what the newest replays say of the records up to a number.

    One that came out different has read everything all the same.
    """
    newest = ReplayRun.objects.filter(session=session).order_by("-id").first()
    if newest is not None and newest.verdict == ReplayRun.Verdict.UNREADABLE:
        text = f"its replay of {newest.at:%Y-%m-%d} could not read it: {newest.problem}"
        return JournalEnd(session_key=session.key, end=End.BROKEN, text=text)
    read = (
        ReplayRun.objects.filter(session=session)
        .exclude(verdict=ReplayRun.Verdict.UNREADABLE)
        .aggregate(last=Max("last_sequence"))["last"]
    )
    if (read or 0) < through:
        text = f"records {(read or 0) + 1} to {through} were read by no replay"
        return JournalEnd(session_key=session.key, end=End.UNREAD, text=text)
    text = f"a replay has read the records up to {read}"
    return JournalEnd(session_key=session.key, end=End.WHOLE, text=text, last_sequence=read or 0)


def _first_to_read(paths: list[Path], bytes_max: int, *, at_least_one: bool) -> int:
    """Return which segment is the first of those at the end that fit, their count for none."""
    first, total = len(paths), 0
    for index in range(len(paths) - 1, -1, -1):
        total += paths[index].stat().st_size
        if total > bytes_max and not (at_least_one and index == len(paths) - 1):
            break
        first = index
    return first


def _before(path: Path) -> int | None:
    """Return the number of the last record before a segment, None when its head is damaged."""
    with path.open("rb") as stream:
        head = memoryview(stream.read(fmt.SEGMENT_HEADER_BYTES))
    try:
        return fmt.read_segment_header(head).first_sequence - 1
    except fmt.FormatError:
        return None
