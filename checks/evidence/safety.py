"""Evidence of alerts, stops, drills, incidents, and of what only a person can state."""

from datetime import datetime
from typing import Any

from alerts.selectors.gate_facts import CriticalSpell, critical_spells
from checks.criteria.definitions import Criterion
from checks.evidence.running import runs
from checks.evidence.stay import Stay
from checks.models import Attestation, Drill
from trading.selectors import gate_facts
from trading.selectors.gate_scope import Rows, joined, ranges, ranges_of

ALERT = "alerts.Alert"
Found = tuple[dict[str, Any], Rows]


def without_critical(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return when a CRITICAL alert last fired or lasted."""
    sessions, rows = runs(stay, since)
    spells, more = _spells(stay, since)
    ends = [_end(one, stay) for one in spells if _end(one, stay) >= since]
    return {
        "sample": len(sessions),
        "newest_at": max((one.last_at for one in sessions), default=None),
        "last_critical_at": max(ends).isoformat() if ends else None,
        "alerts": [one.number for one in spells][-20:],
        **_judged(stay),
    }, joined(rows, more)


def critical_open(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return how many CRITICAL alerts last."""
    spells, rows = _spells(stay, since)
    number = sum(one.resolved_at is None for one in spells)
    return {"sample": number, "open": number, **_judged(stay)}, rows


def unresolved(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return how many seconds the CRITICAL alert lasted within the window that lasted longest."""
    spells, rows = _spells(stay, since)
    lasted = [
        int(((one.resolved_at or stay.now) - max(one.fired_at, since)).total_seconds())
        for one in spells
    ]
    return {"sample": len(spells), "longest_s": max([0, *lasted]), **_judged(stay)}, rows


def risk_stops(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return how fast each stop was, None without evidence, and what drills of it showed."""
    spells, rows = _spells(stay, since)
    stops = [[one.number, one.stopped_us] for one in spells if one.stops and one.fired_at >= since]
    drills, more = _drills(stay, since)
    failed = sum(not drill.passed for drill in drills)
    return {
        "sample": len(stops) + len(drills),
        "stops": stops,
        "drills": len(drills),
        "failed_drills": failed,
    }, joined(rows, more)


def breaker_drill(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return whether the newest drill of the breaker passed."""
    drills, rows = _drills(stay, since)
    if not drills:
        return {"sample": 0, "passed": None}, rows
    newest = drills[-1]
    return {
        "sample": len(drills),
        "newest_at": newest.at,
        "passed": newest.passed,
        "drill": newest.pk,
    }, rows


def security(stay: Stay, _criterion: Criterion, since: datetime) -> Found:
    """Return how many security incidents there were."""
    number, rows = gate_facts.security_incidents(stay.scope(since))
    return {"sample": number, "incidents": number}, rows


def attestation(stay: Stay, criterion: Criterion, _since: datetime) -> Found:
    """Return whether somebody has stated it, and it has neither expired nor been taken back."""
    stated = Attestation.objects.filter(
        account=stay.account, kind=criterion.attestation, at__lte=stay.now
    ).order_by("-id")
    valid = next(
        (
            one
            for one in stated[:50]
            if one.expires_at > stay.now and not (one.revoked_at and one.revoked_at <= stay.now)
        ),
        None,
    )
    if valid is None:
        return {"sample": 0, "valid": None}, {}
    return {
        "sample": 1,
        "valid": True,
        "by": valid.by_name,
        "at": valid.at.isoformat(),
        "expires_at": valid.expires_at.isoformat(),
    }, ranges(Attestation, [valid.pk])


def _drills(stay: Stay, since: datetime) -> tuple[list[Drill], Rows]:
    rows = stay.scope(since).known(
        Drill.objects.filter(
            account=stay.account, kind=Drill.Kind.BREAKER, at__gte=since, at__lte=stay.now
        )
    )
    found = list(rows.order_by("id")[:1_000])
    return found, ranges(Drill, [one.pk for one in found])


def _spells(stay: Stay, since: datetime) -> tuple[tuple[CriticalSpell, ...], Rows]:
    def read() -> tuple[CriticalSpell, ...]:
        return critical_spells(stay.account, since, stay.now, ids=stay.ids)

    spells = stay.once("spells", since, read)
    return spells, ranges_of(ALERT, [one.number for one in spells])


def _end(spell: CriticalSpell, stay: Stay) -> datetime:
    return spell.resolved_at or stay.now


def _judged(stay: Stay) -> dict[str, Any]:
    if stay.before is not None:
        return {"judged_at": stay.before.values.get("judged_at")}
    return {"judged_at": stay.judged_at.isoformat() if stay.judged_at else None}
