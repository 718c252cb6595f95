"""What people are told: the alerts as plain data, a title that says enough, and a text.

The data is kept with the delivery as it was when it was told. It holds no secret, and everybody
with an account may see it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.models import Alert
from alerts.rules.rule import Rule
from trading.selectors.runs import open_session
from trading.selectors.status import label_of
from trading.services.changes import find_mandate
from trading.services.refusals import NotFound

TITLE_LENGTH_MAX = 200
LINES_MAX = 20  # alerts in a text; the data has them all
WHY_LENGTH_MAX = 120
LATE = timedelta(minutes=5)
RUNBOOK = "/admin/runbook/#rule-{}"
PAGE = "/admin/alerts/alert/{}/change/"


def badge(account: str) -> str:
    """Return what kind of trading the account does: RECORDED, SIMULATED, SHADOW or LIVE."""
    session = open_session(account)
    if session is not None:
        return session.label
    try:
        mandate = find_mandate(account)
    except NotFound:
        return "UNKNOWN"
    return label_of(mandate.mode, mandate.feed)


def alert_facts(alert: Alert, rule: Rule, label: str) -> dict[str, Any]:
    """Return one alert as plain data."""
    since = alert.opened_at if alert.fired_at is None else min(alert.opened_at, alert.fired_at)
    return {
        "id": alert.pk,
        "rule": alert.rule_id,
        "name": rule.name,
        "level": alert.level,
        "state": alert.state,
        "account": alert.account,
        "label": label,
        "value": alert.value,
        "bound": alert.bound,
        "reason": alert.reason,
        "text": _sentence(alert, rule),
        "since": since.isoformat(),
        "ended": alert.resolved_at.isoformat() if alert.resolved_at else "",
        "count": alert.count,
        "advice": rule.advice,
        "done": done(alert, rule),
        "acked_by": alert.acked_by,
        "note": alert.resolve_note,
        "runbook": RUNBOOK.format(alert.rule_id.lower()),
        "page": PAGE.format(alert.pk),
    }


def done(alert: Alert, rule: Rule) -> str:
    """Return what the system has done by itself, empty when nothing was to be done."""
    if not rule.stops_trading:
        return ""
    stop = alert.evidence.get("stop")
    if not isinstance(stop, dict):
        return "trading is being stopped; nothing proves yet that it has"
    if stop.get("halted_already"):
        return "trading was halted already"
    if not stop.get("complete"):
        return "trading is stopped; orders that were on their way are followed to their end"
    return f"trading stopped in {-(-int(stop['stopped_us']) // 1_000):,} ms"


def group_message(
    kind: str, alerts: Sequence[dict[str, Any]], *, account: str, level: str, label: str
) -> dict[str, Any]:
    """Return the message of a group: `title`, `text` and the alerts."""
    first = alerts[0]
    word = {"RESOLVED": "RESOLVED", "ESCALATED": f"{level}, NOT ACKNOWLEDGED"}.get(kind, level)
    where = f"{account} ({label})"
    if len(alerts) == 1:
        title = f"[{word}] {first['rule']} {where}: {first['text']}"
    else:
        names = ", ".join(dict.fromkeys(one["rule"] for one in alerts))
        title = f"[{word}] {len(alerts)} alerts {where}: {names}"
    lines = [line for one in alerts[:LINES_MAX] for line in [*_lines(one), ""]]
    if len(alerts) > LINES_MAX:
        lines.append(f"and {len(alerts) - LINES_MAX} more")
    return {
        "title": _cut(title, TITLE_LENGTH_MAX),
        "text": "\n".join(lines).strip(),
        "account": account,
        "label": label,
        "alerts": list(alerts),
    }


def test_message(channel: str, who: str, now: datetime) -> dict[str, Any]:
    """Return the message of the test button."""
    return {
        "title": f"[TEST] PolyArb can reach you by {channel}",
        "text": f"{who} tested this channel at {_clock(now)}. Nothing is wrong.",
        "account": "",
        "label": "",
        "alerts": [],
    }


def late_text(created_at: datetime, now: datetime, *, repeated: bool) -> str:
    """Return what has to be said first: that a message is late, or may be known already."""
    said = []
    if now - created_at >= LATE:
        minutes = (now - created_at) // timedelta(minutes=1)
        said.append(f"Late: this is from {_clock(created_at)}, {minutes} min ago.")
    if repeated:
        said.append("You may have this already: it is not known whether it arrived before.")
    return "\n".join(said)


def _sentence(alert: Alert, rule: Rule) -> str:
    """Return one sentence that says what is wrong."""
    what = alert.reason or rule.description or rule.name or f"{rule.metric} is {alert.value}"
    if alert.state == Alert.State.RESOLVED and alert.resolved_at and alert.last_fired_at:
        seconds = (alert.resolved_at - alert.last_fired_at) // timedelta(seconds=1)
        return f"ended after {seconds} s; it was: {_cut(what, WHY_LENGTH_MAX)}"
    return _cut(what, WHY_LENGTH_MAX)


def _lines(one: dict[str, Any]) -> list[str]:
    value = f"{one['value']} (bound {one['bound']})" if one["bound"] else one["value"]
    times = f"fired {one['count']} times" if one["count"] > 1 else ""
    since = _clock(datetime.fromisoformat(one["since"]))
    parts = {
        "": f"{one['level']} {one['rule']}: {one['reason'] or one['text']}",
        "Value": value,
        "Since": "; ".join(filter(None, (since, times))),
        "Ended": _clock(datetime.fromisoformat(one["ended"])) if one["ended"] else "",
        "Done": one["done"],
        "Do": one["advice"],
        "Note": one["note"],
        "Runbook": one["runbook"],
    }
    return [f"{name}: {text}" if name else text for name, text in parts.items() if text]


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cut(text: str, length_max: int) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= length_max else f"{plain[: length_max - 3]}..."
