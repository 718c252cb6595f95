"""Judging the criteria of a phase, keeping what they said, and saying it again from what was kept.

A verdict is stored with its criterion, its facts and the ranges of the rows that they were read
from: years later it can be computed again without the file or the code that asked for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from alerts.selectors.gate_facts import judged_at
from checks.criteria.definitions import (
    Criterion,
    Kind,
    PhaseDefinition,
    criterion_json,
    criterion_of,
    phase_json,
)
from checks.criteria.facts import Facts, facts_json, facts_of
from checks.criteria.hashing import canonical_sha256
from checks.criteria.judging import Judgement, judge
from checks.evidence.collecting import (
    DERIVED,
    collect,
    collect_again,
    future_fact,
    missing_facts,
)
from checks.evidence.stay import Stay
from checks.models import CriterionVerdict, Evaluation
from checks.selectors.bindings import evaluation_sha256
from checks.selectors.definitions import phases
from polyarb_site.audit.recorder import record
from polyarb_site.clock import Clock, SystemClock
from polyarb_site.live.send import publish
from polyarb_site.software import software
from trading.selectors.gate_scope import Rows
from trading.selectors.phases import PhaseStay, phase_stay
from trading.selectors.profile_changes import profile_changes
from trading.services import Invalid, NotFound
from trading.services.changes import actor_text
from trading.services.grants import config_files_sha256
from trading.services.refusals import require

SCOPES = ("ALL", "KILL")
MS_NS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one criterion said, with what it was judged from."""

    criterion: Criterion
    judgement: Judgement
    facts: Facts
    rows: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A stored verdict beside the one that its stored facts, or its rows, give now."""

    criterion: str
    stored: str
    now: str
    differences: tuple[str, ...]  # names of what is not equal; empty: everything is

    @property
    def equal(self) -> bool:
        """Return whether the verdict is the same in everything that it says."""
        return not self.differences


def evaluate(
    account: str,
    *,
    scope: str = "ALL",
    by: User | None = None,
    by_name: str = "",
    at: datetime | None = None,
    clock: Clock | None = None,
) -> Evaluation:
    """Judge the criteria of the phase that an account is in, and keep what they said.

    ALL are success, rollback, exit and the preconditions of the next phase; KILL the rollback
    criteria alone. Raises ServiceRefused for an account that does not exist, somebody who may not,
    and a file of phases that does not say what it must.
    """
    require(by, "checks.evaluate_criteria")
    who = actor_text(by, by_name) if by is not None or by_name else "gates"
    if scope not in SCOPES:
        raise Invalid("SCOPE", f"{scope!r} is not ALL or KILL", "choose one of them")
    stay = phase_stay(account)
    if stay is None:
        raise NotFound("NO_ACCOUNT", f"there is no account {account[:60]!r}", "run manage.py seed")
    clock = clock or SystemClock()
    began_ns, now = clock.monotonic_ns(), at or clock.now()
    defined = phases()
    phase = defined[stay.phase]
    config = _config_sha256()
    judged = list(_say(phase, defined, _stay(stay, phase, now, config, scope), scope))
    evaluation = Evaluation(
        account=account,
        phase=stay.phase,
        venue=stay.feed,
        scope=scope,
        at=now,
        phase_since=stay.since,
        config_sha256=config,
        criteria_sha256=canonical_sha256(phase_json(phase)),
        software=software(),
        counts=_counts(judged),
        by=by,
        by_name=who[:150],
        took_ms=(clock.monotonic_ns() - began_ns) // MS_NS,
    )
    return _store(evaluation, judged)


def judge_again(evaluation: Evaluation, *, from_rows: bool = False) -> list[Again]:
    """Return each stored verdict beside what its stored facts come to now, in the stored order.

    With `from_rows` the facts are read again from the rows that they were read from, by id, and
    have to be equal too. Raises ValueError for a verdict that was not stored by evaluate().
    """
    return [
        _again(verdict, evaluation, from_rows=from_rows)
        for verdict in evaluation.verdicts.order_by("order")
    ]


def _again(verdict: CriterionVerdict, evaluation: Evaluation, *, from_rows: bool) -> Again:
    try:
        criterion, facts = criterion_of(verdict.definition), facts_of(verdict.facts)
    except (KeyError, TypeError) as error:
        raise ValueError(f"verdict {verdict.pk} does not hold what it was judged from") from error
    read = facts
    if from_rows and criterion.metric != DERIVED:
        mode = str(verdict.facts["mode"])
        place = (evaluation.phase, mode, evaluation.venue)
        read = collect_again(criterion, evaluation.account, place, facts, verdict.rows)
    said = judge(criterion, read)
    different = [n for n, value in _columns(said).items() if getattr(verdict, n) != value]
    if facts_json(read) != facts_json(facts):
        different.append("facts")
    return Again(
        criterion=verdict.criterion,
        stored=verdict.verdict,
        now=said.result.value,
        differences=tuple(different),
    )


def _stay(stay: PhaseStay, phase: PhaseDefinition, now: datetime, config: str, scope: str) -> Stay:
    """Return whose facts are collected. Rollback criteria never restart: nothing is asked for."""
    known = Stay(
        account=stay.account,
        phase=stay.phase,
        venue=stay.feed,
        mode=phase.mode,
        now=now,
        phase_since=stay.since,
        judged_at=judged_at(),
    )
    known = replace(known, ahead_at=future_fact(known))
    if scope == "KILL" or stay.since is None:
        return known
    return replace(
        known,
        changes=profile_changes(stay.account, stay.since, now),
        config_changed_at=_config_changed_at(stay, config, now),
    )


def _config_changed_at(stay: PhaseStay, config: str, now: datetime) -> datetime | None:
    """Return when the bound files became what they are, None when they were so all the time.

    Nobody records an edited file: what is known is when it was first judged by.
    """
    rows = Evaluation.objects.filter(
        account=stay.account, phase=stay.phase, scope="ALL", at__gte=stay.since, at__lte=now
    )
    other = rows.exclude(config_sha256=config).order_by("-id").values_list("pk", flat=True).first()
    if other is None:
        return None
    first = rows.filter(pk__gt=other).order_by("id").values_list("at", flat=True).first()
    return first or now


def _say(
    phase: PhaseDefinition, defined: tuple[PhaseDefinition, ...], stay: Stay, scope: str
) -> Iterator[Said]:
    if scope == "KILL":
        yield from (_said(one, stay) for one in phase.kill)
        return
    entry = defined[phase.number + 1].entry if phase.number + 1 < len(defined) else ()
    success = [_said(one, stay) for one in phase.success]
    yield from success
    yield from (_said(one, stay) for one in phase.kill)
    missing = missing_facts(
        stay.now, [(one.criterion.id, one.judgement.result.value) for one in success]
    )
    for one in (*phase.exit, *entry):
        if one.metric == DERIVED:
            yield Said(criterion=one, judgement=judge(one, missing), facts=missing, rows={})
        else:
            yield _said(one, stay)


def _said(criterion: Criterion, stay: Stay) -> Said:
    facts, rows = collect(criterion, stay)
    return Said(criterion=criterion, judgement=judge(criterion, facts), facts=facts, rows=rows)


def _store(evaluation: Evaluation, judged: list[Said]) -> Evaluation:
    """Keep an evaluation with its verdicts and its hash, in one transaction."""
    failed = [
        one.criterion.id
        for one in judged
        if one.criterion.kind is Kind.KILL and one.judgement.result.value == "FAIL"
    ]
    mode = phases()[evaluation.phase].mode
    with transaction.atomic():
        evaluation.save()
        CriterionVerdict.objects.bulk_create(
            CriterionVerdict(
                evaluation=evaluation,
                order=order,
                kind=one.criterion.kind.value,
                criterion=one.criterion.id,
                definition=criterion_json(one.criterion),
                rows=one.rows,
                facts={**facts_json(one.facts), "mode": mode},
                **_columns(one.judgement),
            )
            for order, one in enumerate(judged)
        )
        evaluation.sha256 = evaluation_sha256(evaluation)
        evaluation.save(update_fields=["sha256"])
        if evaluation.scope == "ALL" or failed:
            told = {"account": evaluation.account, "what": "evaluation", "id": evaluation.pk}
            publish("state", told, at=evaluation.at)
        if evaluation.by is not None:
            record(
                "criteria.evaluate",
                actor=evaluation.by,
                actor_name=evaluation.by_name,
                target=f"evaluation:{evaluation.pk}",
                after={"counts": evaluation.counts, "sha256": evaluation.sha256},
                at=evaluation.at,
            )
    return evaluation


def _columns(said: Judgement) -> dict[str, Any]:
    """Return what a judgement says, as the columns of a verdict."""
    return {
        "verdict": said.result.value,
        "value": said.value,
        "value_micro": said.value_micro,
        "bound": said.bound,
        "reason": said.reason,
        "window_from": said.window_from,
        "window_to": said.window_to,
        "sample": said.sample,
        "sample_min": said.sample_min,
    }


def _counts(judged: list[Said]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for one in judged:
        of_kind = counts.setdefault(one.criterion.kind.value, {"PASS": 0, "FAIL": 0, "UNKNOWN": 0})
        of_kind[one.judgement.result.value] += 1
    return counts


def _config_sha256() -> str:
    try:
        return config_files_sha256()
    except OSError as error:
        raise Invalid(
            "CONFIG_UNREADABLE",
            "phases.yaml or venues.yaml cannot be read",
            "check name and mode of both files",
        ) from error
