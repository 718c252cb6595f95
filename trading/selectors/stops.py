"""Runs of the engine that have ended, over all the shifts that each of them took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading.models import EngineSession
from trading.runtime.ending import SHIFT_OVER_TEXT

TAKEOVER_MAX = timedelta(seconds=60)  # for the next shift to begin
SILENT_AFTER = timedelta(minutes=2)
SESSIONS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One end of a run. `key` is that of its last session."""

    account: str
    key: str
    began_at: datetime
    ended_at: datetime
    state: str
    reason: str


def stops_since(account: str, since: datetime, now: datetime) -> list[Stop]:
    """Return the runs that ended from `since` on, oldest first.

    A shift that hands over to the next one ends no run; a crash does, whoever takes over. One that
    fell silent has ended with its last heartbeat.
    """
    rows = EngineSession.objects.filter(account=account).defer("stats").order_by("-token")
    sessions = list(rows[:SESSIONS_MAX])[::-1]
    found, began_at = [], None
    for index, row in enumerate(sessions):
        began_at = began_at or row.started_at
        ended_at = _ended_at(row, now)
        if ended_at is None or _handed_over(row, sessions[index + 1 :], ended_at, now):
            continue
        if ended_at >= since:
            found.append(
                Stop(
                    account=account,
                    key=row.key,
                    began_at=began_at,
                    ended_at=ended_at,
                    state=row.state,
                    reason=row.state_reason,
                )
            )
        began_at = None
    return found


def _ended_at(row: EngineSession, now: datetime) -> datetime | None:
    if row.ended_at is not None:
        return row.ended_at
    return row.heartbeat_at if now - row.heartbeat_at > SILENT_AFTER else None


def _handed_over(
    row: EngineSession, later: Sequence[EngineSession], ended_at: datetime, now: datetime
) -> bool:
    """Return whether the run goes on, or may yet go on, in the next shift."""
    if row.state != EngineSession.State.STOPPED or row.state_reason != SHIFT_OVER_TEXT:
        return False
    next_at = later[0].started_at if later else now
    return next_at - ended_at <= TAKEOVER_MAX
