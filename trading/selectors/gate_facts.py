"""How an engine ran, as criteria ask: sessions, samples, journals, replays, incidents.

Everything is as it was at the end of the scope, so that reading again gives the same. Of samples
the one at second 0 of each minute counts: it is what remains when samples are thinned after a day,
so a verdict is the same before and after.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast, Substr

from polyarb_site.audit.models import AuditEvent
from trading.models import (
    EngineNote,
    EngineSession,
    Incident,
    LedgerEntry,
    MetricSample,
    Order,
    ReplayRun,
)
from trading.runtime.ending import Ending
from trading.selectors.gate_scope import Rows, Scope, joined, ranges, session_ids, span
from trading.services.changes import mandate_target

SESSIONS_MAX = 20_000
SILENT_AFTER = timedelta(seconds=60)  # an open session that was not heard of for longer is dead
BROKEN = (EngineSession.State.CRASHED, EngineSession.State.FENCED)  # both ended out of order
JOURNAL_DAMAGED = "JOURNAL_DAMAGED"
HALT = "mandate.halt"
REPLAYED_AFTER = timedelta(hours=12)  # the night's replays of a day are over by then
DAY = timedelta(days=1)
_SECOND = Substr(Cast("at", TextField()), 18, 2)  # of both databases' text, in UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFact:
    """One session as it was at the end of the scope."""

    pk: int
    key: str
    started_at: datetime
    last_at: datetime  # its end, or when it was last heard of
    broken: bool  # it ended out of order, or has fallen silent
    ended: bool
    events: int  # records of its journal whose facts are in the database


def sessions(scope: Scope) -> tuple[tuple[SessionFact, ...], Rows]:
    """Return the sessions that were alive within the scope, in their order."""
    rows = scope.known(EngineSession.objects.filter(pk__in=session_ids(scope)))
    wanted = rows.order_by("token").only(
        *("key", "started_at", "ended_at", "heartbeat_at", "state"),
        "journal_sequence",
    )[:SESSIONS_MAX]
    found = tuple(_session(row, scope.until) for row in wanted)
    return found, ranges(EngineSession, [one.pk for one in found])


def _session(row: EngineSession, until: datetime) -> SessionFact:
    ended = row.ended_at is not None and row.ended_at <= until
    silent = row.ended_at is None and until - row.heartbeat_at > SILENT_AFTER
    if ended and row.ended_at is not None:
        last = row.ended_at
    else:
        last = row.heartbeat_at if silent else until
    return SessionFact(
        pk=row.pk,
        key=row.key,
        started_at=row.started_at,
        last_at=last,
        broken=(ended and row.state in BROKEN) or silent,
        ended=ended,
        events=row.journal_sequence,
    )


def heard_at(scope: Scope) -> datetime | None:
    """Return when an engine of this scope was last heard of, also after its end."""
    rows = scope.known(EngineSession.objects.filter(scope.of("")))
    newest: datetime | None = rows.aggregate(at=Max("heartbeat_at"))["at"]
    return newest


def _minutes(scope: Scope) -> QuerySet[MetricSample]:
    """Return the sample at second 0 of each minute."""
    rows = MetricSample.objects.filter(
        session__in=session_ids(scope), at__gte=scope.since, at__lte=scope.until
    ).order_by()
    return scope.known(rows.annotate(second=_SECOND).filter(second="00"))


def feed_minutes(scope: Scope) -> tuple[dict[str, Any], Rows]:
    """Return in how many of the sampled minutes the feed was connected.

    `unknown` are samples that do not say, which another version made.
    """
    up, down = Q(values__feed_connected=True), Q(values__feed_connected=False)
    found = _minutes(scope).aggregate(
        sampled=Count("pk"),
        connected=Count("pk", filter=up),
        down=Count("pk", filter=down),
        newest=Max("at"),
        first=Min("pk"),
        last=Max("pk"),
    )
    rows = span(MetricSample, found.pop("first"), found.pop("last"))
    found["unknown"] = found["sampled"] - found["connected"] - found.pop("down")
    return found, rows


def latencies(scope: Scope) -> tuple[Counter[int], int, datetime | None, Rows]:
    """Return how many of the sampled seconds had which p95, in milliseconds rounded up.

    Then how many decided something and do not say how fast, and the time of the newest sample.
    """
    wanted = _minutes(scope).annotate(
        p95=KeyTransform("decision_p95_us", "values"),
        frames=KeyTransform("frames_in_second", "values"),
    )
    counts: Counter[int] = Counter()
    unknown, newest, first, last = 0, None, None, None
    for pk, at, p95, frames in wanted.values_list("pk", "at", "p95", "frames").iterator():
        first, last = min(first or pk, pk), max(last or pk, pk)
        newest = at if newest is None or at > newest else newest
        if type(p95) is int and p95 >= 0:
            counts[-(-p95 // 1_000)] += 1
        elif p95 is not None or frames != 0:
            unknown += 1
    return counts, unknown, newest, span(MetricSample, first, last)


def counters(scope: Scope) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], Rows]:
    """Return (figures before, figures last) of each session of the scope.

    Counters of a session begin at 0 with it: before is empty for one that began within the scope.
    """
    samples = MetricSample.objects.filter(session=OuterRef("pk"))
    last = samples.filter(at__gte=scope.since, at__lte=scope.until).order_by("-at").values("pk")
    before = samples.filter(at__lt=scope.since).order_by("-at").values("pk")
    rows = EngineSession.objects.filter(pk__in=session_ids(scope)).order_by("token")
    pairs = [
        (first if begun < scope.since else None, final)
        for begun, first, final in rows.annotate(
            before=Subquery(before[:1]), last=Subquery(last[:1])
        ).values_list("started_at", "before", "last")
        if final is not None
    ]
    ids = {pk for pair in pairs for pk in pair if pk is not None}
    known = scope.known(MetricSample.objects.filter(pk__in=ids))
    figures = dict(known.values_list("pk", "values"))
    found = [
        (figures.get(first, {}) if first is not None else {}, figures[final])
        for first, final in pairs
        if final in figures
    ]
    return found, ranges(MetricSample, list(figures))


def newest_sample_at(scope: Scope) -> datetime | None:
    """Return the time of the newest sample of the scope."""
    rows = MetricSample.objects.filter(
        session__in=session_ids(scope), at__gte=scope.since, at__lte=scope.until
    )
    newest: datetime | None = scope.known(rows).aggregate(at=Max("at"))["at"]
    return newest


def journal_losses(scope: Scope) -> tuple[int, Rows]:
    """Return how often a journal was found damaged, or could not be written, which halts.

    The halt is the account's and not a session's: it counts whatever the feed was.
    """
    notes = scope.known(
        EngineNote.objects.filter(
            scope.of(), code=JOURNAL_DAMAGED, at__gte=scope.since, at__lte=scope.until
        )
    )
    ids = list(notes.order_by("id").values_list("pk", flat=True))
    halts = scope.known(
        AuditEvent.objects.filter(
            action=HALT,
            target=mandate_target(scope.account),
            after__code=Ending.JOURNAL_FAILED.value,
            at__gte=scope.since,
            at__lte=scope.until,
        )
    )
    more = list(halts.order_by("id").values_list("pk", flat=True))
    return len(ids) + len(more), joined(ranges(EngineNote, ids), ranges(AuditEvent, more))


def replays(scope: Scope) -> tuple[dict[tuple[int, date], str], Rows]:
    """Return the newest verdict of each session and day; SAME only when the sums agree too."""
    rows = scope.known(
        ReplayRun.objects.filter(
            session__in=session_ids(scope), at__lte=scope.until, account=scope.account
        )
    )
    found: dict[tuple[int, date], str] = {}
    ids: dict[tuple[int, date], int] = {}
    columns = ("pk", "session_id", "day", "verdict", "realised_micro", "ledger_micro")
    for pk, session, day, verdict, replayed, ledger in rows.order_by("id").values_list(*columns):
        same = verdict != ReplayRun.Verdict.SAME or (replayed is not None and replayed == ledger)
        found[session, day] = verdict if same else ReplayRun.Verdict.DIFFERENT.value
        ids[session, day] = pk
    return found, ranges(ReplayRun, list(ids.values()))


def day_replays(scope: Scope) -> tuple[dict[str, int], Rows]:
    """Return how the whole UTC days of the scope were replayed: same, different, unreadable.

    A day counts by its worst session, and as missing when a session of it has no verdict yet. The
    newest day is left out until its replays are due.
    """
    runs, rows = sessions(scope)
    verdicts, more = replays(scope)
    counts = {"same": 0, "different": 0, "unreadable": 0, "missing": 0}
    for day in whole_days(scope.since, scope.until - REPLAYED_AFTER):
        begin = datetime.combine(day, time(), UTC)
        alive = [one for one in runs if one.started_at < begin + DAY and one.last_at >= begin]
        if not alive:
            continue
        said = {verdicts.get((one.pk, day)) for one in alive}
        if ReplayRun.Verdict.DIFFERENT in said:
            counts["different"] += 1
        elif ReplayRun.Verdict.UNREADABLE in said:
            counts["unreadable"] += 1
        elif None in said:
            counts["missing"] += 1
        else:
            counts["same"] += 1
    return counts, joined(rows, more)


def whole_days(since: datetime, until: datetime) -> list[date]:
    """Return the UTC days that lie wholly within a time, oldest first."""
    first = since.astimezone(UTC)
    day = first.date() if first.timetz() == time(tzinfo=UTC) else first.date() + DAY
    end = until.astimezone(UTC).date()
    return [day + DAY * number for number in range(max(0, (end - day).days))]


def security_incidents(scope: Scope) -> tuple[int, Rows]:
    """Return how many security incidents of the account were opened, or were still open."""
    rows = scope.known(
        Incident.objects.filter(
            Q(opened_at__gte=scope.since) | Q(resolved_at=None) | Q(resolved_at__gte=scope.since),
            account=scope.account,
            kind=Incident.Kind.SECURITY,
            opened_at__lte=scope.until,
        )
    )
    ids = list(rows.order_by("id").values_list("pk", flat=True))
    return len(ids), ranges(Incident, ids)


def ahead_at(scope: Scope, after: datetime) -> datetime | None:
    """Return the time of a fact of this scope that lies after a moment; None when there is none."""
    runs = EngineSession.objects.filter(scope.of("")).order_by()
    newest = [
        runs.filter(Q(started_at__gt=after) | Q(heartbeat_at__gt=after)).aggregate(
            at=Max("heartbeat_at")
        )["at"],
        *(
            model.objects.filter(scope.of(), **{f"{field}__gt": after})
            .order_by()
            .aggregate(at=Max(field))["at"]
            for model, field in ((MetricSample, "at"), (LedgerEntry, "at"), (Order, "created_at"))
        ),
    ]
    return max((at for at in newest if at is not None), default=None)


def first_started_at(scope: Scope) -> datetime | None:
    """Return when the first session of this kind began, on this feed and in this mode."""
    rows = scope.known(EngineSession.objects.filter(scope.of("")))
    first: datetime | None = rows.order_by().aggregate(at=Min("started_at"))["at"]
    return first
