"""Reading what criteria said: the newest evaluation of a phase, and how its values went before."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeAlias

from django.db.models import QuerySet

from checks.models import CriterionVerdict, Evaluation
from trading.selectors.phases import Mandate

PAST_MAX = 60  # values of one criterion, the newest ones
EVALUATIONS_MAX = 240  # that they are taken from
Key: TypeAlias = tuple[str, str]  # kind and id of a criterion


def newest_evaluation(account: str, phase: int, *, scope: str = "ALL") -> Evaluation | None:
    """Return the newest evaluation of all criteria of a phase, None when there is none."""
    rows = Evaluation.objects.filter(account=account, phase=phase, scope=scope)
    return _of_this_stay(rows, account, phase).first()


def newest_kill(account: str, phase: int) -> Evaluation | None:
    """Return the newest evaluation that judged the kill criteria, alone or with the others."""
    rows = Evaluation.objects.filter(account=account, phase=phase, scope__in=("ALL", "KILL"))
    return _of_this_stay(rows, account, phase).first()


def _of_this_stay(rows: "QuerySet[Evaluation]", account: str, phase: int) -> "QuerySet[Evaluation]":
    """Return the rows, newest first; of the present phase only those of the present stay in it."""
    present = Mandate.objects.filter(account=account, phase=phase)
    since = present.values_list("phase_since", flat=True).first()
    return (rows.filter(at__gte=since) if since is not None else rows).order_by("-id")


def verdicts_of(evaluation: Evaluation, kinds: Iterable[str]) -> list[CriterionVerdict]:
    """Return the verdicts of these kinds, in the order of the phase's definition."""
    return list(evaluation.verdicts.filter(kind__in=list(kinds)).order_by("order"))


def past_values(evaluation: Evaluation) -> dict[Key, list[int]]:
    """Return the stored values of each criterion up to an evaluation, oldest first.

    Only of the same stay in the phase and on the same venue: other facts are no history of these.
    """
    alike = Evaluation.objects.filter(
        account=evaluation.account,
        phase=evaluation.phase,
        venue=evaluation.venue,
        scope="ALL",
        phase_since=evaluation.phase_since,
        id__lte=evaluation.pk,
    )
    ids = list(alike.order_by("-id").values_list("id", flat=True)[:EVALUATIONS_MAX])
    if not ids:
        return {}
    rows = CriterionVerdict.objects.filter(
        evaluation_id__in=_thinned(ids), value_micro__isnull=False
    )
    found: dict[Key, list[int]] = defaultdict(list)
    told = rows.order_by("evaluation_id").values_list("kind", "criterion", "value_micro")
    for kind, criterion, value_micro in told.iterator():
        if value_micro is not None:
            found[kind, criterion].append(value_micro)
    return dict(found)


def _thinned(ids: list[int]) -> list[int]:
    """Return at most PAST_MAX of the ids at equal distances, the newest always among them."""
    step = -(-len(ids) // PAST_MAX)
    return ids[::step]
