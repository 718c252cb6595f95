"""What was wrong with a day, what most likely caused it, and where the runbook says what to do.

Each bound is that of the product's description. A figure that is not known is no anomaly and never
proof that there was none: the section says which ones could not be judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polyarb_site.formats import millis, money, percent, ratio

REJECTED_MICRO_MAX = 100_000  # 10 %
FILLED_MICRO_MIN = 300_000  # 30 %
ORDERS_MIN = 10  # more than so many orders, before the rate of fills says anything
P95_US_MAX = 500_000
RUNBOOK = "/admin/runbook/#rule-{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What the anomalies are judged by. None is what is not known."""

    submitted: int
    refused: int
    filled: int  # in full or in part
    unmatched: int  # ended without a fill, and were not refused
    refusals: Sequence[tuple[str, int]]  # why orders were refused, commonest first
    p95_us: int | None
    slowest: str  # when the slowest part of the day was, empty when that is not known
    realised_micro: int | None  # None when nothing was ever realised or lost
    losses: Mapping[str, int]  # what cost money, by cause, as negative amounts
    criticals: Sequence[tuple[str, str]]  # open CRITICAL alerts: rule and reason
    money: str  # whose money the amounts are, such as "on paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One finding. `value` and `bound` are texts with their units."""

    code: str
    title: str
    value: str
    bound: str
    cause: str
    runbook: str


def anomalies(day: Day) -> list[Anomaly]:
    """Return what was wrong, gravest first."""
    found = [_criticals(day), _loss(day), _rejected(day), _filled(day), _slow(day)]
    return [one for one in found if one is not None]


def _criticals(day: Day) -> Anomaly | None:
    if not day.criticals:
        return None
    rule, reason = day.criticals[0]
    more = f", and {len(day.criticals) - 1} more" if len(day.criticals) > 1 else ""
    return Anomaly(
        code="CRITICAL_OPEN",
        title="A CRITICAL alert was open at the end",
        value=str(len(day.criticals)),
        bound="0",
        cause=f"{rule}: {reason or 'its condition had not ended'}{more}",
        runbook=RUNBOOK.format(rule.lower()),
    )


def _loss(day: Day) -> Anomaly | None:
    if day.realised_micro is None or day.realised_micro >= 0:
        return None
    worst = min(day.losses.items(), key=lambda item: (item[1], item[0]), default=None)
    cause = "sets brought less than they had cost"
    if worst is not None and worst[1] < 0:
        cause = f"most of it is {worst[0]}: {money(worst[1])}"
    return Anomaly(
        code="NEGATIVE_PNL",
        title=f"Money was lost {day.money}",
        value=money(day.realised_micro),
        bound="$0.00",
        cause=cause,
        runbook=RUNBOOK.format("pnl_drawdown"),
    )


def _rejected(day: Day) -> Anomaly | None:
    if not day.submitted or day.refused * 1_000_000 <= REJECTED_MICRO_MAX * day.submitted:
        return None
    cause = "the venue gave no reason"
    if day.refusals:
        reason, number = day.refusals[0]
        cause = f"the venue said mostly ({number} of {day.refused}): {reason or 'nothing'}"
    return Anomaly(
        code="REJECT_RATE",
        title=f"Orders were refused {day.money}",
        value=f"{day.refused} of {day.submitted} orders, {_rate(day.refused, day.submitted)}",
        bound="10 %",
        cause=cause,
        runbook=RUNBOOK.format("high_reject_rate"),
    )


def _filled(day: Day) -> Anomaly | None:
    few = day.filled * 1_000_000 < FILLED_MICRO_MIN * day.submitted
    if day.submitted <= ORDERS_MIN or not few:
        return None
    cause = "the prices had moved before the orders arrived: they ended without a match"
    if day.refused > day.unmatched:
        cause = "most of the orders were refused, see above"
    return Anomaly(
        code="FILL_RATE",
        title=f"Few orders were filled {day.money}",
        value=f"{day.filled} of {day.submitted} orders, {_rate(day.filled, day.submitted)}",
        bound="30 % of more than 10 orders",
        cause=cause,
        runbook=RUNBOOK.format("live_no_fills"),
    )


def _slow(day: Day) -> Anomaly | None:
    if day.p95_us is None or day.p95_us <= P95_US_MAX:
        return None
    when = f"; the slowest part was {day.slowest}" if day.slowest else ""
    return Anomaly(
        code="LATENCY_P95",
        title="Decisions were slow",
        value=millis(day.p95_us // 1_000),
        bound="500 ms",
        cause=f"something else took the host's processor or its disk{when}",
        runbook=RUNBOOK.format("latency_p95_high"),
    )


def _rate(part: int, whole: int) -> str:
    return percent(ratio(part, whole), decimals=1)
