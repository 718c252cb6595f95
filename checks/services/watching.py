"""One look at the kill criteria of an account, and what follows from it.

FAIL of any of them rolls back, once for each stay in a phase: afterwards the phase is another one.
In phase 0 nothing lies below, so a stop there is repeated only when a criterion has another value
than at the last one, and never while the incident of that is open. UNKNOWN never rolls back, but
what nobody can say for long in a live phase is told as a warning, once for each such spell.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from django.db.models import QuerySet
from django.utils.module_loading import import_string

from alerts.services.notices import tell_notice
from checks.models import CriterionVerdict, Evaluation, Rollback
from checks.selectors.rollbacks import running, verdict_facts
from checks.services.rollbacks import roll_back
from trading.selectors.closing import ran_in_phase
from trading.selectors.incidents import has_open
from trading.selectors.phases import Mandate
from trading.services.changes import find_mandate

logger = logging.getLogger(__name__)

BY_NAME = "kill criteria"
SCOPE = "KILL"
EVALUATE = "checks.services.evaluations.evaluate"
UNKNOWN_MAX = timedelta(minutes=15)
PAGE = "/admin/phases/"
KILL, Verdict = CriterionVerdict.Kind.KILL, CriterionVerdict.Verdict


class Evaluate(Protocol):
    """Judges the criteria of an account's phase: checks.services.evaluations.evaluate."""

    def __call__(
        self, account: str, *, scope: str, by: None, by_name: str, at: datetime
    ) -> Evaluation:
        """Return the evaluation, stored."""
        ...


def stored_evaluation(
    account: str, *, scope: str, by: None, by_name: str, at: datetime
) -> Evaluation:
    """Judge as the phases are defined."""
    evaluate: Evaluate = import_string(EVALUATE)  # by name: it need not be loaded to go down
    return evaluate(account, scope=scope, by=by, by_name=by_name, at=at)


def watch_account(
    account: str, *, now: datetime, evaluate: Evaluate = stored_evaluation
) -> Rollback | None:
    """Judge the kill criteria of the phase; return the rollback that began because of them.

    Nothing is judged before an engine has run in the phase, and while a rollback is under way.
    """
    mandate = find_mandate(account)
    if running(account) is not None or not ran_in_phase(mandate):
        return None
    evaluation = evaluate(account, scope=SCOPE, by=None, by_name=BY_NAME, at=now)
    verdicts = list(evaluation.verdicts.filter(kind=KILL).order_by("order"))
    met = [verdict for verdict in verdicts if verdict.verdict == Verdict.FAIL]
    if met and _is_of_now(evaluation, account) and not _was_acted_on(mandate, met):
        return roll_back(
            account,
            by_name=BY_NAME,
            reason=_reason(met),
            cause=Rollback.Cause.KILL_CRITERION,
            verdicts=met,
            at=now,
        )
    if mandate.phase > 0:
        unknown = [verdict for verdict in verdicts if verdict.verdict == Verdict.UNKNOWN]
        _warn_of(mandate, evaluation, unknown, now)
    return None


def _is_of_now(evaluation: Evaluation, account: str) -> bool:
    """Say whether the phase is still the one, and the same stay in it, that was judged."""
    mandate = find_mandate(account)
    return (evaluation.phase, evaluation.phase_since, evaluation.venue) == (
        mandate.phase,
        mandate.phase_since,
        mandate.feed,
    )


def _was_acted_on(mandate: Mandate, met: Sequence[CriterionVerdict]) -> bool:
    """Say whether trading was stopped in phase 0 for just this already."""
    if mandate.phase > 0:
        return False
    rows = Rollback.objects.filter(
        account=mandate.account, phase_from=0, cause=Rollback.Cause.KILL_CRITERION
    )
    if mandate.phase_since is not None:
        rows = rows.filter(started_at__gte=mandate.phase_since)
    last = rows.order_by("-id").first()
    if last is None:
        return False
    if mandate.halted and has_open(mandate.account, "ROLLBACK"):
        return True
    known = {(one["criterion"], one["value"]) for one in last.evidence.get("verdicts", [])}
    return all((verdict.criterion, verdict.value) in known for verdict in met)


def _reason(met: Sequence[CriterionVerdict]) -> str:
    first = verdict_facts(met[0])
    more = f", and {len(met) - 1} more" if len(met) > 1 else ""
    return f"{first['title']}: {first['value'] or 'not known'} ({first['bound']}){more}"


def _warn_of(
    mandate: Mandate, evaluation: Evaluation, unknown: Sequence[CriterionVerdict], now: datetime
) -> None:
    """Tell of what nobody has been able to say for long."""
    for verdict in unknown:
        since = _unknown_since(mandate, evaluation, verdict.criterion)
        if now - since < UNKNOWN_MAX:
            continue
        title = verdict_facts(verdict)["title"]
        tell_notice(
            mandate.account,
            key=f"unknown:{verdict.criterion}:{since.isoformat()}",
            name="KILL_CRITERION_UNKNOWN",
            level="WARNING",
            text=f"{title} is not known since {since:%H:%M:%S} UTC: it would not be noticed if met",
            detail=verdict.reason,
            page=PAGE,
            at=now,
        )


def _unknown_since(mandate: Mandate, evaluation: Evaluation, criterion: str) -> datetime:
    """Return since when a criterion has been unknown, judgement after judgement, in this stay."""
    rows = _judged(mandate, evaluation).filter(criterion=criterion)
    known = rows.exclude(verdict=Verdict.UNKNOWN).order_by("-evaluation_id").first()
    if known is not None:
        rows = rows.filter(evaluation_id__gt=known.evaluation_id)
    first = rows.order_by("evaluation_id").values_list("evaluation__at", flat=True).first()
    return first or evaluation.at


def _judged(mandate: Mandate, evaluation: Evaluation) -> QuerySet[CriterionVerdict]:
    rows = CriterionVerdict.objects.filter(
        kind=KILL,
        evaluation__account=mandate.account,
        evaluation__scope=SCOPE,
        evaluation__phase=evaluation.phase,
        evaluation__venue=evaluation.venue,
    )
    if evaluation.phase_since is not None:
        rows = rows.filter(evaluation__at__gte=evaluation.phase_since)
    return rows
