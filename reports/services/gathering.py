"""From recorded facts to the figures of a time: everything that a report shows, as plain data.

The figures depend on the time and on the facts alone, never on now, and each list in them has an
order of its own: the same facts give the same figures, byte for byte.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from alerts.selectors.periods import PeriodAlerts, period_alerts
from alerts.services.messages import PAGE
from polyarb_site.audit.models import AuditEvent
from reports.figures.anomalies import Day, anomalies
from reports.figures.latency import BOUNDS_US, day_latency
from reports.figures.series import Series
from reports.services.gathering_money import PARTS, money_figures
from trading.selectors import periods
from trading.selectors.periods import Period
from trading.selectors.watched import watched

VERSION = 1
RUNS_SHOWN_MAX = 48
ACTS_MAX = 12
ACTS_LISTED = ("mandate.", "profile.", "capital.", "incident.", "alert_rule.", "channel.")


def gather(period: Period, *, kind: str, session_key: str = "", whole: bool) -> dict[str, Any]:
    """Return the figures of a period. `whole`: it is a day that was over, or a run that was."""
    runs = periods.runs(period)
    kinds = sorted({run.money for run in runs}, key=_MONEY_ORDER.index)
    found = [money_figures(period, money) for money in kinds]
    latency = day_latency(periods.latency_groups(period))
    alerts = period_alerts(period.account, period.since, period.until)
    return {
        "version": VERSION,
        "kind": kind,
        "account": period.account,
        "since": _text(period.since),
        "until": _text(period.until),
        "whole": whole,
        "session_key": session_key,
        "idle": _idle(period) if not runs else "",
        "runs": _runs(runs, period),
        "money": [figures for figures, _ in found],
        "latency": {
            **asdict(latency),
            "shares": list(latency.shares),
            "bounds_us": list(BOUNDS_US),
            "samples": periods.sample_count(period),
            "p95_us_parts": _slowest([series for _, series in found]),
        },
        "alerts": _alerts(alerts),
        "events": _events(period),
        "reconciliation": _compared(period),
        "acts": _acts(period),
        "anomalies": _anomalies(period, found, latency.p95_us, alerts),
        "audit": _audit_head(period.until),
    }


_MONEY_ORDER = ("REAL", "PLAY", "PAPER")


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _idle(period: Period) -> str:
    """Return why there are no figures of trading."""
    around = periods.neighbours(period)
    if watched(period.account) is None and around.ended_at is None and around.begins_at is None:
        return f"there is no account {period.account!r}"
    if around.ended_at is not None:
        why = f" ({around.reason})" if around.reason else ""
        ended = around.ended_at.strftime("%Y-%m-%d %H:%M:%S")
        return f"no engine ran: the last one before had ended {ended} UTC{why}"
    if around.begins_at is not None:
        begins = around.begins_at.strftime("%Y-%m-%d %H:%M:%S")
        return f"no engine ran: the first one ever started {begins} UTC"
    return "no engine has ever run for this account"


def _runs(runs: tuple[periods.Run, ...], period: Period) -> dict[str, Any]:
    """Return the runs, and the configurations that they ran with, in the order of their use."""
    configurations: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run in runs:
        named = {
            "label": run.label,
            "mode": run.mode,
            "feed": run.feed,
            "money": run.money,
            "phase": run.phase,
            "phase_name": run.phase_name,
            "profile": run.profile,
            "revision": run.profile_revision,
            "sha256": run.profile_sha256,
        }
        one = configurations.setdefault(tuple(named.values()), {**named, "runs": 0, "ran_ms": 0})
        one["runs"] += 1
        one["ran_ms"] += run.ran_ms
    shown = [
        {
            "key": run.key,
            "label": run.label,
            "started_at": _text(run.started_at),
            "ended_at": _text(run.ended_at),
            "state": run.state,
            "reason": run.reason,
            "ran_ms": run.ran_ms,
        }
        for run in runs[-RUNS_SHOWN_MAX:]
    ]
    return {
        "count": len(runs),
        "ran_ms": sum(run.ran_ms for run in runs),
        "period_ms": (period.until - period.since) // timedelta(milliseconds=1),
        "crashed": sum(run.state in ("CRASHED", "FENCED") for run in runs),
        "configurations": list(configurations.values()),
        "shown": shown,
    }


def _slowest(all_series: list[Series]) -> list[int | None]:
    """Return the slowest p95 of each part, whatever the money of the run was."""
    parts: list[int | None] = [None] * PARTS
    for series in all_series:
        for index, p95_us in enumerate(series.p95_us):
            before = parts[index]
            if p95_us is not None and (before is None or p95_us > before):
                parts[index] = p95_us
    return parts


def _alerts(found: PeriodAlerts) -> dict[str, Any]:
    return {
        "fired": found.fired,
        "open": found.open,
        "open_count": sum(found.open.values()),
        "deliveries": found.deliveries,
        "lines": [
            {
                **asdict(line),
                "page": PAGE.format(line.number),
                "fired_at": _text(line.fired_at),
                "resolved_at": _text(line.resolved_at),
            }
            for line in found.lines
        ],
    }


def _events(period: Period) -> dict[str, Any]:
    found = periods.noted(period)
    loud = [{**line, "at": _text(line["at"])} for line in found.loud]
    return {"counts": found.counts, "loud": loud}


def _compared(period: Period) -> dict[str, Any]:
    found = periods.compared(period)
    return {**asdict(found), "last_at": _text(found.last_at), "last": list(found.last)}


def _acts(period: Period) -> dict[str, Any]:
    """Return what people and the machine did that the audit keeps, by kind, and the newest acts."""
    rows = AuditEvent.objects.filter(at__gte=period.since, at__lt=period.until)
    counts = rows.order_by().values_list("action").annotate(total=Count("pk"))
    listed = Q()
    for start in ACTS_LISTED:
        listed |= Q(action__startswith=start)
    newest = rows.filter(listed).order_by("-sequence")[:ACTS_MAX]
    shown = newest.values("sequence", "at", "action", "actor_name", "reason")
    return {
        "counts": dict(sorted(counts)),
        "shown": [{**row, "at": _text(row["at"])} for row in reversed(shown)],
    }


def _audit_head(until: datetime) -> dict[str, Any]:
    """Return the number and hash of the audit's newest record before a moment."""
    rows = AuditEvent.objects.filter(at__lt=until).order_by("-sequence")
    head = rows.values_list("sequence", "sha256").first()
    sequence, sha256 = head if head is not None else (0, "")
    return {"sequence": sequence, "sha256": sha256}


def _anomalies(
    period: Period,
    found: list[tuple[dict[str, Any], Series]],
    p95_us: int | None,
    alerts: PeriodAlerts,
) -> list[dict[str, Any]]:
    """Return the anomalies of each kind of money, and those of the engine once."""
    criticals = [
        (line.rule_id, line.reason)
        for line in alerts.lines
        if line.level == "CRITICAL" and line.resolved_at is None
    ]
    slowest = _slowest_part(period, [series for _, series in found])
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for figures in [one for one, _ in found] or [{}]:
        orders = figures.get("orders", {})
        day = Day(
            submitted=orders.get("submitted", 0),
            refused=orders.get("refused", 0),
            filled=orders.get("filled", 0) + orders.get("partly", 0),
            unmatched=orders.get("unmatched", 0),
            refusals=[(one["reason"], one["number"]) for one in orders.get("refusals", [])],
            p95_us=p95_us,
            slowest=slowest,
            realised_micro=figures["realised"]["total_micro"] if figures else None,
            losses=_losses(figures) if figures else {},
            criticals=criticals,
            money=figures.get("words", ""),
        )
        for one in anomalies(day):
            told.setdefault((one.code, one.title), asdict(one))
    return list(told.values())


def _losses(figures: dict[str, Any]) -> dict[str, int]:
    """Return what cost money, by cause."""
    names = {
        "SELL": "legs that had to be sold back",
        "REVERSE": "matches whose settlement failed",
        "GAS": "gas",
        "MERGE": "sets that were merged for less than they had cost",
        "REDEEM": "sets that were paid less than they had cost",
    }
    kinds = {one["kind"]: one["realised_micro"] for one in figures["realised"]["kinds"]}
    return {names[kind]: micro for kind, micro in kinds.items() if kind in names and micro < 0}


def _slowest_part(period: Period, all_series: list[Series]) -> str:
    parts = _slowest(all_series)
    known = [(p95_us, -index) for index, p95_us in enumerate(parts) if p95_us is not None]
    if not known:
        return ""
    worst_us, index = max(known)
    at = period.since + (period.until - period.since) * -index // PARTS
    return f"around {at:%H:%M} UTC, with {worst_us // 1_000} ms"
