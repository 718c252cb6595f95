"""What replays have shown: of a session, and of a whole day."""

from collections.abc import Iterable
from datetime import date

from trading.models import EngineSession, ReplayRun

Verdict = ReplayRun.Verdict


def newest_replays(session: EngineSession) -> list[ReplayRun]:
    """Return the newest verdict of each day of a session, newest day first."""
    found: dict[date, ReplayRun] = {}
    for run in ReplayRun.objects.filter(session=session).order_by("-day", "-id"):
        found.setdefault(run.day, run)
    return list(found.values())


def day_verdict(account: str, day: date, sessions: Iterable[EngineSession]) -> Verdict | None:
    """Return what the newest replays of a day's sessions come to together.

    None when there was no session, or when one has not been replayed: that is not known.
    """
    newest: dict[int, str] = {}
    rows = ReplayRun.objects.filter(account=account, day=day).order_by("id")
    newest.update(rows.values_list("session_id", "verdict"))
    verdicts = {newest.get(session.pk) for session in sessions}
    if not verdicts or None in verdicts:
        return None
    for worst in (Verdict.DIFFERENT, Verdict.UNREADABLE):
        if worst in verdicts:
            return worst
    return Verdict.SAME
