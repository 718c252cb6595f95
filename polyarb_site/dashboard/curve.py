"""The realised curve with its drawdown, as numbers for the chart and as a sentence for people."""

from datetime import datetime, timedelta
from typing import Any

from polyarb_site import formats
from polyarb_site.audit.models import AuditEvent
from trading.selectors.figures import money_now, realised_curve
from trading.selectors.pages import curve_marks, first_started_at, range_start

POINTS = 288  # five minutes each over a day
SPAN_MIN = timedelta(minutes=2)
MARKS_MAX = 40
TABLE_ROWS = 12
RANGES = {"24h": "24 h", "7d": "7 d", "phase": "Phase"}
_WORDS = {"24h": "in the last 24 hours", "7d": "in the last 7 days", "phase": "in this phase"}
_HUMAN_MARKS = {"mandate.halt": "halt", "mandate.resume": "resume"}


def curve(account: str, name: str, now: datetime) -> dict[str, Any]:
    """Return points [epoch s, realised, peak] in micro dollars, marks, a table and a sentence.

    The peak starts at zero, so that a loss on the first day is a drawdown too.
    """
    since, first = range_start(account, name, now), first_started_at(account)
    money = money_now(account)
    if since is None or since >= now:
        return _empty(name, "This phase has not run yet, so there is nothing to draw.")
    if first is not None and first < now:  # no hours of nothing in front of a first day
        since = min(max(since, first), now - SPAN_MIN)
    raw = realised_curve(account, since, now + timedelta(seconds=1), POINTS, money=money)
    points: list[list[int | None]] = []
    peak = deepest = 0
    for point in raw:
        at = formats.moment_of(point["at"])
        micro = point["realised_micro"]
        if micro is not None:
            peak = max(peak, micro)
            deepest = min(deepest, micro - peak)
        points.append([int(at.timestamp()) if at else 0, micro, None if micro is None else peak])
    known = [point[1] for point in points if point[1] is not None]
    if not known:
        return _empty(name, f"No engine has run {_WORDS[name]}. Start one to see a curve here.")
    last = known[-1]
    sentence = (
        f"Realised {formats.money(last, sign=True)} {_WORDS[name]} {money.words}; highest "
        f"{formats.money(peak, sign=True)}, deepest drawdown {formats.money(-deepest)}."
    )
    return {
        "range": name,
        "empty": False,
        "points": points,
        "marks": _marks(account, since, now),
        "sentence": sentence,
        "table": _table(points),
        "flat": not any(known),
    }


def _empty(name: str, sentence: str) -> dict[str, Any]:
    return {
        "range": name,
        "empty": True,
        "points": [],
        "marks": [],
        "sentence": sentence,
        "table": [],
        "flat": True,
    }


def _marks(account: str, since: datetime, now: datetime) -> list[dict[str, Any]]:
    """Return starts and ends of engines, and halts by people and machines, oldest first."""
    marks = curve_marks(account, since, now)
    acts = AuditEvent.objects.filter(
        action__in=_HUMAN_MARKS, at__gte=since, at__lt=now, target=f"mandate:{account}"
    ).order_by("-sequence")[:MARKS_MAX]
    marks += [
        {
            "at": act.at,
            "kind": _HUMAN_MARKS[act.action],
            "text": f"{_HUMAN_MARKS[act.action]} by {act.actor_name}"
            + (f": {act.reason}" if act.reason else ""),
        }
        for act in acts
    ]
    latest = sorted(marks, key=lambda mark: mark["at"])[-MARKS_MAX:]
    return [{**mark, "at": int(mark["at"].timestamp())} for mark in latest]


def _table(points: list[list[int | None]]) -> list[dict[str, Any]]:
    """Return some of the points as the text alternative of the chart, newest first."""
    known = [point for point in points if point[1] is not None]
    step = max(1, len(known) // TABLE_ROWS)
    return [
        {"at": at, "realised_micro": micro, "drawdown_micro": micro - peak}
        for at, micro, peak in known[::-1][::step]
        if micro is not None and peak is not None
    ]
