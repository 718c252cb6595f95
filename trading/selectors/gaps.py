"""The funnel as people read it: how far gaps came, what they were worth, and why they ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet, Sum
from django.db.models.functions import Coalesce

from trading.engine.codes import SetState, Stage
from trading.models import ArbitrageSet, Money, Opportunity, SetMove, rows_with, sessions_with
from trading.selectors.books import offered_micro
from trading.selectors.figures import COMPLETED, STAGES

DAY = timedelta(hours=24)
VALUED_MAX = 5_000  # gaps whose worth is added up, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the funnel. `frames` is None for sets, which are not counted in frames."""

    key: str
    number: int  # gaps or sets
    frames: int | None
    micro: int | None  # None when none of them can be valued
    permille: int  # of the first step's number, for a bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One cause of refusal and how often it was given."""

    code: str
    gaps: int
    frames: int
    permille: int  # of the commonest cause, for a bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """A period's funnel. `valued` of the gaps are in the dollars, the newest ones."""

    since: datetime
    until: datetime
    steps: tuple[Step, ...]
    reasons: tuple[Reason, ...]
    valued: int
    gaps: int


def last_day(money: Money) -> tuple[datetime, datetime] | None:
    """Return the 24 hours up to the newest gap with this kind of money, None without any gap."""
    gaps = Opportunity.objects.filter(sessions_with(money, to="session__"))
    newest = gaps.aggregate(at=Max("seen_at"))["at"]
    if newest is None:
        return None
    until = newest.replace(microsecond=0) + timedelta(seconds=1)
    return until - DAY, until


def funnel_between(
    since: datetime, until: datetime, *, money: Money, condition_id: str = ""
) -> Funnel:
    """Return the funnel of the gaps seen from `since` to before `until`, of one market or all.

    Only of sessions that traded with this kind of money: its dollars are never added to others.
    """
    gaps = Opportunity.objects.filter(
        sessions_with(money, to="session__"), seen_at__gte=since, seen_at__lt=until
    )
    sets = ArbitrageSet.objects.filter(rows_with(money), opened_at__gte=since, opened_at__lt=until)
    if condition_id:
        gaps, sets = gaps.filter(condition_id=condition_id), sets.filter(condition_id=condition_id)
    numbers, frames, reasons = counted(gaps)
    worth, valued = _worth(gaps)
    total = numbers[Stage.SEEN]
    steps = [
        Step(
            key=stage.value,
            number=numbers[stage],
            frames=frames[stage],
            micro=worth[stage] if valued else None,
            permille=_permille(numbers[stage], total),
        )
        for stage in STAGES
    ]
    return Funnel(
        since=since,
        until=until,
        steps=(*steps, *set_steps(sets, total)),
        reasons=reasons,
        valued=valued,
        gaps=total,
    )


def with_edge() -> tuple[int, int, timedelta | None]:
    """Return how many gaps there are, in how many something was left after the fee, and over what
    time they were seen (None without any).
    """
    found = Opportunity.objects.aggregate(
        gaps=Count("pk"), first=Min("seen_at"), last=Max("last_seen_at")
    )
    edged = Opportunity.objects.filter(edge_micro__gt=0).count()
    time = found["last"] - found["first"] if found["first"] is not None else None
    return found["gaps"], edged, time


def counted(
    gaps: QuerySet[Opportunity],
) -> tuple[dict[Stage, int], dict[Stage, int], tuple[Reason, ...]]:
    """Return gaps and frames per step, each with the later ones, and the causes of refusal."""
    rows = (
        gaps.order_by()
        .values_list("stage", "refusal")
        .annotate(gaps=Count("pk"), total=Sum("frames"))
    )
    numbers, frames = dict.fromkeys(STAGES, 0), dict.fromkeys(STAGES, 0)
    causes: dict[str, tuple[int, int]] = {}
    for stage, refusal, number, total in rows:
        for earlier in STAGES[: STAGES.index(Stage(stage)) + 1]:
            numbers[earlier] += number
            frames[earlier] += total
        if refusal:
            before = causes.get(refusal, (0, 0))
            causes[refusal] = (before[0] + number, before[1] + total)
    ordered = sorted(causes.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    most = ordered[0][1][0] if ordered else 0
    reasons = tuple(
        Reason(code=code, gaps=number, frames=total, permille=_permille(number, most))
        for code, (number, total) in ordered
    )
    return numbers, frames, reasons


def _worth(gaps: QuerySet[Opportunity]) -> tuple[dict[Stage, int], int]:
    """Return what the newest gaps were worth before fees, per step, and how many those are."""
    worth = dict.fromkeys(STAGES, 0)
    rows = gaps.order_by("-id").values_list("stage", "gap_micro", "legs")[:VALUED_MAX]
    valued = 0
    for stage, gap_micro, legs in rows:
        valued += 1
        micro = offered_micro(gap_micro, legs)
        for earlier in STAGES[: STAGES.index(Stage(stage)) + 1]:
            worth[earlier] += micro
    return worth, valued


def set_steps(sets: QuerySet[ArbitrageSet], total: int) -> tuple[Step, Step]:
    matched = sets.filter(reached(SetState.BOTH_MATCHED)).aggregate(
        number=Count("pk"), micro=Coalesce(Sum("expected_net_micro"), 0)
    )
    merged = sets.filter(state__in=COMPLETED).aggregate(
        number=Count("pk"), micro=Coalesce(Sum("realised_micro"), 0)
    )
    return _set_step("MATCHED", matched, total), _set_step("MERGED", merged, total)


def _set_step(key: str, found: dict[str, int], total: int) -> Step:
    return Step(
        key=key,
        number=found["number"],
        frames=None,
        micro=found["micro"],
        permille=_permille(found["number"], total),
    )


def reached(state: SetState) -> Exists:
    """Return the condition on sets that were ever in this state."""
    return Exists(SetMove.objects.filter(set_id=OuterRef("set_id"), state_to=state))


def _permille(part: int, whole: int) -> int:
    return part * 1_000 // whole if whole else 0
