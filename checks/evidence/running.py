"""Evidence of how the engine ran: sessions, feed, chain, latency, journals, replays."""

from datetime import datetime, timedelta
from typing import Any

from alerts.selectors.gate_facts import alerts_with_gaps
from checks.criteria.definitions import Criterion
from checks.criteria.facts import Facts
from checks.criteria.formulas import covered_seconds
from checks.evidence.stay import Stay
from trading.selectors import gate_facts
from trading.selectors.gate_facts import SessionFact
from trading.selectors.gate_scope import Rows, joined

READ_AFTER = timedelta(hours=36)  # the replay of the night after has read the journal by then
SHORT = timedelta(minutes=1)  # a session may end before it has heard anything
OLDER = "samples of another version do not say it"


def runs(stay: Stay, since: datetime) -> tuple[tuple[SessionFact, ...], Rows]:
    """Return the sessions of a window."""
    return stay.once("sessions", since, lambda: gate_facts.sessions(stay.scope(since)))


def covered(stay: Stay, since: datetime) -> int:
    """Return how many seconds of a window the engine ran."""
    spans = [
        (_second(max(one.started_at, since)), _second(min(one.last_at, stay.now)))
        for one in runs(stay, since)[0]
    ]
    return covered_seconds(spans)


def crashes(stay: Stay, _criterion: Criterion, since: datetime) -> tuple[dict[str, Any], Rows]:
    """Return how often the engine ended out of order, and when the last time was."""
    found, rows = runs(stay, since)
    ends = sorted(one.last_at for one in found if one.broken and since <= one.last_at <= stay.now)
    return {
        "sample": len(found),
        "newest_at": max((one.last_at for one in found), default=None),
        "crashes": len(ends),
        "last_crash_at": ends[-1].isoformat() if ends else None,
    }, rows


def covered_days(stay: Stay, _criterion: Criterion, since: datetime) -> tuple[dict[str, Any], Rows]:
    """Return the sessions whose time counts."""
    found, rows = runs(stay, since)
    return {"sample": len(found)}, rows


def reconnects(stay: Stay, _criterion: Criterion, since: datetime) -> tuple[dict[str, Any], Rows]:
    """Return how often a connection was made again, and how often that failed."""
    pairs, rows = gate_facts.counters(stay.scope(since))
    found: dict[str, Any] = {"newest_at": gate_facts.newest_sample_at(stay.scope(since))}
    for name, key in (
        ("reconnects", "feed_reconnects"),
        ("failures", "feed_reconnect_failures"),
    ):
        rises = [_rise(before.get(key, 0), last.get(key)) for before, last in pairs]
        if None in rises:
            return {**found, "problem": OLDER}, rows
        found[name] = sum(rise for rise in rises if rise is not None)
    return {**found, "sample": found["reconnects"] + found["failures"]}, rows


def feed(stay: Stay, _criterion: Criterion, since: datetime) -> tuple[dict[str, Any], Rows]:
    """Return in how many minutes the feed was connected."""
    found, rows = gate_facts.feed_minutes(stay.scope(since))
    told = {
        "sample": found["sampled"],
        "newest_at": found["newest"],
        "connected": found["connected"],
        "sampled": found["sampled"],
    }
    return ({**told, "problem": OLDER} if found["unknown"] else told), rows


def rpc(stay: Stay, _criterion: Criterion, since: datetime) -> tuple[dict[str, Any], Rows]:
    """Return how many requests to the chain failed."""
    pairs, rows = gate_facts.counters(stay.scope(since))
    requests = errors = 0
    asked = False
    for before, last in pairs:
        for name, figures in _endpoints(last).items():
            asked = True
            earlier = _endpoints(before).get(name, {})
            one = _rise(earlier.get("requests", 0), figures.get("requests"))
            other = _rise(earlier.get("errors", 0), figures.get("errors"))
            if one is None or other is None:
                return {"problem": OLDER}, rows
            requests, errors = requests + one, errors + other
    if not asked:
        return {"problem": "no request to a chain was counted; on paper none is made"}, rows
    newest = gate_facts.newest_sample_at(stay.scope(since))
    return {
        "sample": requests,
        "newest_at": newest,
        "requests": requests,
        "errors": errors,
    }, rows


def latency(stay: Stay, _criterion: Criterion, since: datetime) -> tuple[dict[str, Any], Rows]:
    """Return how fast the engine decided in the sampled seconds."""
    counts, unknown, newest, rows = gate_facts.latencies(stay.scope(since))
    told: dict[str, Any] = {
        "sample": sum(counts.values()),
        "newest_at": newest,
        "ms_counts": [list(item) for item in sorted(counts.items())],
    }
    return ({**told, "problem": OLDER} if unknown else told), rows


def journal(stay: Stay, _criterion: Criterion, since: datetime) -> tuple[dict[str, Any], Rows]:
    """Return what is known of the journals of a window, and of the transitions of its alerts."""
    found, rows = runs(stay, since)
    verdicts, more = gate_facts.replays(stay.scope(since))
    losses, notes = gate_facts.journal_losses(stay.scope(since))
    said: dict[int, set[str]] = {}
    for (session, _), verdict in verdicts.items():
        said.setdefault(session, set()).add(verdict)
    ended = [one for one in found if one.ended]
    old = [one for one in ended if stay.now - one.last_at > READ_AFTER]
    return {
        "sample": len(said),
        "newest_at": max((one.last_at for one in found), default=None),
        "damaged": losses,
        "unreadable": sum("UNREADABLE" in one for one in said.values()),
        "unread": sum(one.pk not in said for one in old),
        "without_events": sum(
            one.events == 0 and one.last_at - one.started_at > SHORT for one in ended
        ),
        "alerts_with_gaps": alerts_with_gaps(stay.account, since, stay.now),
    }, joined(rows, more, notes)


def journal_losses(
    stay: Stay, _criterion: Criterion, since: datetime
) -> tuple[dict[str, Any], Rows]:
    """Return how often a journal was lost or found damaged."""
    found, rows = runs(stay, since)
    losses, notes = gate_facts.journal_losses(stay.scope(since))
    return {"sample": len(found), "losses": losses}, joined(rows, notes)


def replays(stay: Stay, _criterion: Criterion, since: datetime) -> tuple[dict[str, Any], Rows]:
    """Return how the days of a window were replayed."""
    counts, rows = gate_facts.day_replays(stay.scope(since))
    return {"sample": counts["same"], **counts}, rows


def told(found: dict[str, Any], stay: Stay, since: datetime | None, restarted: str) -> Facts:
    """Return what a collector found as facts."""
    values = dict(found)
    newest = values.pop("newest_at", None)
    if stay.ahead_at is not None:
        newest = stay.ahead_at
    return Facts(
        now=stay.now,
        since=since,
        sample=values.pop("sample", 0),
        covered_s=values.pop("covered_s", 0),
        newest_at=newest,
        problem=values.pop("problem", ""),
        restarted=restarted,
        values=values,
    )


def _second(moment: datetime) -> int:
    return int(moment.timestamp())


def _rise(before: object, last: object) -> int | None:
    """Return how much a counter rose, None when one of the two does not say."""
    if type(before) is not int or type(last) is not int:
        return None
    return last - before


def _endpoints(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows = figures.get("rpc")
    if not isinstance(rows, list):
        return {}
    return {str(one.get("name")): one for one in rows if isinstance(one, dict)}
