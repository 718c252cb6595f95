"""The ladder of phases: where an account is, what was judged, and what is missing for the next.

The one answer that the page, the REST door and the command show. Plain data, times as texts.
"""

from datetime import datetime, timedelta
from typing import Any

from checks.criteria.definitions import Criterion, Kind, PhaseDefinition, bound_text
from checks.models import CheckRun, CriterionVerdict, Evaluation
from checks.selectors.definitions import phases
from checks.selectors.distance import distance_text, missing_text
from polyarb_site import formats
from reports.selectors.backups import backup_age
from trading.engine.units import MICRO, text_from_micro
from trading.selectors.phases import PhaseStay, phase_stay
from trading.services import NotFound

OLD_AFTER = timedelta(minutes=30)  # criteria are judged every ten
VALID = timedelta(hours=24)  # of a go/no-go, and the age of a backup
PARTS = (
    (Kind.SUCCESS, "success"),
    (Kind.KILL, "kill"),
    (Kind.EXIT, "exit"),
    (Kind.ENTRY, "entry"),
)
NEVER = "The criteria have not been judged yet in this phase: wait ten minutes, or judge them now."


def ladder(account: str, now: datetime) -> dict[str, Any]:
    """Return the ladder of an account. Raises ServiceRefused when there is no such account."""
    stay = phase_stay(account)
    if stay is None:
        raise NotFound("NO_ACCOUNT", f"there is no account {account[:60]!r}", "run manage.py seed")
    defined = phases()
    newest, kill = newest_evaluation(stay, "ALL"), newest_evaluation(stay, "KILL")
    rows = _verdicts(newest, kill)
    missing = missing_sentences(stay, defined, rows, now) if newest is not None else []
    return {
        "account": account,
        "as_of": now.isoformat(),
        "phase": stay.phase,
        "name": defined[stay.phase].name,
        "venue": stay.feed,
        "since": stay.since.isoformat() if stay.since else None,
        "sentence": _sentence(stay, defined, newest, rows, missing, now),
        "missing": missing,
        "evaluation": None if newest is None else evaluation_dict(newest, now),
        "phases": [_phase(one, stay, rows, now) for one in defined],
    }


def newest_evaluation(stay: PhaseStay, scope: str) -> Evaluation | None:
    """Return the newest evaluation of the present stay in a phase, on the present venue."""
    rows = Evaluation.objects.filter(
        account=stay.account, phase=stay.phase, scope=scope, venue=stay.feed
    )
    if stay.since is not None:
        rows = rows.filter(at__gte=stay.since)
    return rows.order_by("-id").first()


def evaluation_dict(evaluation: Evaluation, now: datetime) -> dict[str, Any]:
    """Return an evaluation without its verdicts."""
    return {
        "id": evaluation.pk,
        "scope": evaluation.scope,
        "at": evaluation.at.isoformat(),
        "age_ms": max(0, formats.ms_between(evaluation.at, now)),
        "old": now - evaluation.at > OLD_AFTER,
        "counts": evaluation.counts,
        "sha256": evaluation.sha256,
        "config_sha256": evaluation.config_sha256,
        "criteria_sha256": evaluation.criteria_sha256,
        "software": evaluation.software,
        "by": evaluation.by_name,
        "took_ms": evaluation.took_ms,
    }


def verdict_dict(row: CriterionVerdict) -> dict[str, Any]:
    """Return what one criterion said."""
    return {
        "verdict": row.verdict,
        "value": row.value or None,
        "value_micro": row.value_micro,
        "reason": row.reason,
        "window_from": row.window_from.isoformat() if row.window_from else None,
        "window_to": row.window_to.isoformat(),
        "sample": row.sample,
        "restarted": row.facts.get("restarted") or None,
        "rows": row.rows,
        "judged_at": row.window_to.isoformat(),
        "verdict_id": row.pk,
    }


def missing_sentences(
    stay: PhaseStay,
    defined: tuple[PhaseDefinition, ...],
    rows: dict[tuple[str, str], CriterionVerdict],
    now: datetime,
) -> list[str]:
    """Return what is missing to ask for the next phase, the success criteria as one."""
    present = defined[stay.phase]
    if stay.phase + 1 == len(defined):
        return []
    found = []
    open_ones = [one for one in present.success if not _passed(rows, one)]
    if open_ones:
        found.append(f"{len(open_ones)} of {len(present.success)} criteria missing")
    entry = defined[stay.phase + 1].entry
    for one in (*open_ones, *present.exit, *entry):
        if one.metric == "criteria_missing" or _passed(rows, one):
            continue
        text = missing_text(one, rows.get((one.kind.value, one.id)))
        if text and (one not in open_ones or text.startswith(tuple("0123456789"))):
            found.append(text)
    age = backup_age(now)
    if age is None or age > VALID // timedelta(hours=1) * MICRO:
        found.append("a backup younger than 24 h")
    go = CheckRun.objects.filter(
        account=stay.account,
        phase=stay.phase + 1,
        venue=stay.feed,
        category="",
        state=CheckRun.State.FINISHED,
    ).order_by("-id")
    newest = go.first()
    if newest is None or newest.decision != CheckRun.Decision.GO or now - newest.started_at > VALID:
        found.append("a GO of the go/no-go younger than 24 h")
    return found


def _sentence(
    stay: PhaseStay,
    defined: tuple[PhaseDefinition, ...],
    newest: Evaluation | None,
    rows: dict[tuple[str, str], CriterionVerdict],
    missing: list[str],
    now: datetime,
) -> str:
    if newest is None:
        return NEVER
    met = [one.text for one in defined[stay.phase].kill if _result(rows, one) == "FAIL"]
    if met:
        return f"A rollback criterion is met: {met[0]}."
    old = now - newest.at > OLD_AFTER
    age = formats.age(formats.ms_between(newest.at, now))
    ending = f" Judged {age} ago, which is too old." if old else ""
    if stay.phase + 1 == len(defined):
        success = defined[stay.phase].success
        passed = sum(_passed(rows, one) for one in success)
        return f"Long-term operation: {passed} of {len(success)} criteria are met.{ending}"
    following = defined[stay.phase + 1].name
    if not missing:
        return f"Everything is there to ask for {following}.{ending}"
    return f"To ask for {following}: {_listed(missing)}.{ending}"


def _listed(texts: list[str]) -> str:
    if len(texts) < 2:
        return texts[0]
    comma = "," if len(texts) > 2 else ""
    return f"{', '.join(texts[:-1])}{comma} and {texts[-1]}"


def _verdicts(
    newest: Evaluation | None, kill: Evaluation | None
) -> dict[tuple[str, str], CriterionVerdict]:
    """Return the verdicts by kind and criterion; of rollback criteria the newer ones."""
    found: dict[tuple[str, str], CriterionVerdict] = {}
    order = sorted((one for one in (newest, kill) if one is not None), key=lambda one: one.at)
    for evaluation in order:
        for row in evaluation.verdicts.all():
            found[row.kind, row.criterion] = row
    return found


def _phase(
    one: PhaseDefinition,
    stay: PhaseStay,
    rows: dict[tuple[str, str], CriterionVerdict],
    now: datetime,
) -> dict[str, Any]:
    present = one.number == stay.phase
    since = stay.since if present else None
    days = None if since is None else max(timedelta(0), now - since) * MICRO // timedelta(days=1)
    return {
        "number": one.number,
        "name": one.name,
        "state": _state(one.number, stay.phase),
        "mode": one.mode,
        "profile": one.profile,
        "trade_size_micro": one.trade_size_micro,
        "trade_size": text_from_micro(one.trade_size_micro),
        "trade_size_max_micro": one.trade_size_max_micro,
        "trade_size_max": text_from_micro(one.trade_size_max_micro),
        "planned": one.planned,
        "days_min": one.days_min,
        "days_max": one.days_max,
        "since": since.isoformat() if since else None,
        "days_micro": days,
        "goals": list(one.goals),
        "entry_checks": list(one.entry_checks),
        "criteria": {
            name: [
                _row(criterion, rows, shown=_shown(kind, one.number, stay.phase))
                for criterion in getattr(one, name)
            ]
            for kind, name in PARTS
        },
    }


def _shown(kind: Kind, number: int, present: int) -> bool:
    """Return whether the present evaluation speaks of these criteria of a phase."""
    return number == (present + 1 if kind is Kind.ENTRY else present)


def _row(
    one: Criterion, rows: dict[tuple[str, str], CriterionVerdict], *, shown: bool
) -> dict[str, Any]:
    row = rows.get((one.kind.value, one.id)) if shown else None
    judged = dict.fromkeys(verdict_keys()) if row is None else verdict_dict(row)
    return {
        "id": one.id,
        "kind": one.kind.value,
        "text": one.text,
        "metric": one.metric,
        "unit": one.unit.value,
        "bound": bound_text(one),
        "window": str(one.window),
        "sample_min": one.sample_min,
        "coverage_percent": one.coverage_percent,
        "restarts_on": list(one.restarts_on),
        "distance": distance_text(one, row) if row is not None else None,
        **judged,
    }


def verdict_keys() -> tuple[str, ...]:
    """Return what a row has only once it was judged."""
    return (
        *("verdict", "value", "value_micro", "reason", "window_from", "window_to", "sample"),
        *("restarted", "rows", "judged_at", "verdict_id"),
    )


def _state(number: int, present: int) -> str:
    if number < present:
        return "past"
    if number == present:
        return "present"
    return "next" if number == present + 1 else "later"


def _result(rows: dict[tuple[str, str], CriterionVerdict], one: Criterion) -> str:
    row = rows.get((one.kind.value, one.id))
    return row.verdict if row is not None else CriterionVerdict.Verdict.UNKNOWN.value


def _passed(rows: dict[tuple[str, str], CriterionVerdict], one: Criterion) -> bool:
    return _result(rows, one) == CriterionVerdict.Verdict.PASS
