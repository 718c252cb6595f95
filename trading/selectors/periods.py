"""What ran in a time of one account, and what was compared and noted then, as plain values.

For reports: whatever is asked for here depends on the time asked for and on the facts, never on
now, so that asking again about a time that is over gives the same answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, Q, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from trading.models import (
    EngineNote,
    EngineSession,
    Incident,
    MetricSample,
    Money,
    Phase,
    ReconciliationRun,
    money_of,
    sessions_with,
)
from trading.wording import note_text

RUNS_MAX = 2_000  # a shift may be as short as some seconds
NOTES_MAX = 20
LOUD_CODES = ("HALTED", "RESUMED", "BREAKER_RESET")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A time of one account, from `since` to before `until`, both in UTC."""

    account: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One session as it was within a period. `ended_at` is None when it went on after it."""

    key: str
    token: int
    mode: str
    feed: str
    label: str
    money: str
    phase: int
    phase_name: str
    profile: str
    profile_revision: int
    profile_sha256: str
    started_at: datetime
    ended_at: datetime | None
    state: str  # empty while it went on
    reason: str
    ran_ms: int  # within the period


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The end of the last run before a period, and the start of the first one after it."""

    ended_at: datetime | None
    reason: str
    begins_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The comparisons of a period. `last` are the differences of the newest one, in sentences."""

    counts: dict[str, int]
    last_verdict: str | None
    last_at: datetime | None
    last_block: int | None
    last: tuple[str, ...]
    incidents_opened: int
    incidents_open: int  # at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """The engine's notes of a period: how many of each, and those that anybody should read."""

    counts: dict[str, int]  # by level
    loud: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One sample of a period."""

    at: datetime
    exposure_micro: int
    p95_us: int | None


def sessions_of(period: Period) -> QuerySet[EngineSession]:
    """Return the sessions that were alive at any moment of a period."""
    alive = Q(ended_at__gte=period.since) | Q(ended_at=None, heartbeat_at__gte=period.since)
    return EngineSession.objects.filter(
        alive, account=period.account, started_at__lt=period.until
    ).order_by()


def runs(period: Period) -> tuple[Run, ...]:
    """Return the sessions of a period in their order, at most RUNS_MAX."""
    rows = sessions_of(period).select_related("profile").defer("stats", "profile__values")
    return tuple(_run(row, period) for row in rows.order_by("token")[:RUNS_MAX])


def _run(row: EngineSession, period: Period) -> Run:
    ended = row.ended_at if row.ended_at is not None and row.ended_at < period.until else None
    last = min(row.ended_at or row.heartbeat_at, period.until)
    ran = max(timedelta(0), last - max(row.started_at, period.since))
    return Run(
        key=row.key,
        token=row.token,
        mode=row.mode,
        feed=row.feed,
        label=row.label,
        money=money_of(row.mode, row.feed).value,
        phase=row.phase,
        phase_name=Phase(row.phase).label,
        profile=row.profile.name,
        profile_revision=row.profile.revision,
        profile_sha256=row.profile.sha256,
        started_at=row.started_at,
        ended_at=ended,
        state=row.state if ended is not None else "",
        reason=row.state_reason if ended is not None else "",
        ran_ms=ran // timedelta(milliseconds=1),
    )


def neighbours(period: Period) -> Neighbours:
    """Return what lies around a period in which nothing ran."""
    rows = EngineSession.objects.filter(account=period.account)
    before = rows.filter(started_at__lt=period.since).order_by("-token").first()
    after = rows.filter(started_at__gte=period.until).order_by("token").first()
    return Neighbours(
        ended_at=(before.ended_at or before.heartbeat_at) if before is not None else None,
        reason=before.state_reason if before is not None else "",
        begins_at=after.started_at if after is not None else None,
    )


def compared(period: Period) -> Compared:
    """Return what the comparisons of ledger, venue and chain said in a period."""
    rows = ReconciliationRun.objects.filter(
        account=period.account, at__gte=period.since, at__lt=period.until
    )
    counts = rows.order_by().values_list("verdict").annotate(total=Count("pk"))
    last = rows.order_by("-at", "-id").first()
    incidents = Incident.objects.filter(account=period.account, opened_at__lt=period.until)
    still_open = Q(resolved_at=None) | Q(resolved_at__gte=period.until)
    return Compared(
        counts=dict(sorted(counts)),
        last_verdict=last.verdict if last is not None else None,
        last_at=last.at if last is not None else None,
        last_block=last.block_number if last is not None else None,
        last=tuple(str(one["text"]) for one in last.differences) if last is not None else (),
        incidents_opened=incidents.filter(opened_at__gte=period.since).count(),
        incidents_open=incidents.filter(still_open).count(),
    )


def noted(period: Period) -> Noted:
    """Return the engine's notes of a period."""
    rows = EngineNote.objects.filter(
        session__account=period.account, at__gte=period.since, at__lt=period.until
    )
    counts = rows.order_by().values_list("level").annotate(total=Count("pk"))
    loud = rows.filter(Q(level="CRITICAL") | Q(code__in=LOUD_CODES)).order_by("-at", "-id")
    lines = []
    for row in reversed(loud[:NOTES_MAX]):
        title, text = note_text(row.code, row.text)
        lines.append({"at": row.at, "level": row.level, "title": title, "text": text})
    return Noted(counts=dict(sorted(counts)), loud=tuple(lines))


def latency_groups(period: Period) -> Iterator[tuple[int, int, int, int]]:
    """Yield (p50, p95, p99, decisions) in microseconds of the seconds of a period.

    Seconds with the same three percentiles are one group; those without decisions, or measured by
    a version that did not keep all three, are left out.
    """
    rows = _samples(period).filter(decision_p50_us__isnull=False, decision_p99_us__isnull=False)
    named = rows.annotate(
        p95=Cast(KT("values__decision_p95_us"), BigIntegerField()),
        number=Cast(KT("values__frames_in_second"), BigIntegerField()),
    ).filter(p95__isnull=False, number__gt=0)
    groups = named.values_list("decision_p50_us", "p95", "decision_p99_us")
    yield from (
        groups.annotate(total=Sum("number"))
        .order_by("decision_p50_us", "p95", "decision_p99_us")
        .iterator()
    )


def sample_count(period: Period) -> int:
    """Return how many samples a period has."""
    return _samples(period).count()


def measured(period: Period, money: Money) -> Iterator[Measured]:
    """Yield exposure and latency of a period, sample by sample, of one kind of money."""
    rows = _samples(period).filter(sessions_with(money, to="session__"))
    named = rows.annotate(p95=Cast(KT("values__decision_p95_us"), BigIntegerField()))
    wanted = named.order_by("at", "id").values_list("at", "exposure_micro", "p95")
    for at, exposure_micro, p95_us in wanted.iterator(chunk_size=5_000):
        yield Measured(at=at, exposure_micro=exposure_micro, p95_us=p95_us)


def _samples(period: Period) -> QuerySet[MetricSample]:
    return MetricSample.objects.filter(
        session__account=period.account, at__gte=period.since, at__lt=period.until
    ).order_by()
