"""What somebody who watches an account needs of it, as plain values: no rows leave this file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models.fields.json import KeyTransform

from trading.models import (
    EngineSession,
    LedgerEntry,
    Mandate,
    MetricSample,
    Money,
    ReconciliationRun,
    money_of,
    rows_with,
)
from trading.selectors.figures import phase_start

SAMPLES_MAX = 2_000  # that one call returns
ACCOUNTS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What an account's engine is to do, and when it was last heard of."""

    phase: int
    mode: str
    wanted: bool  # it is to run
    halted: bool
    changed_at: datetime | None  # the mandate
    heartbeat_at: datetime | None  # None when no engine has run yet
    running: bool  # the newest session has not ended


@dataclass(slots=True)
class Sums:
    """What was realised in one stay in a phase, entry by entry, and the highest that it ever was.

    Kept by whoever asks again and again, so that each entry is read once.
    """

    since: datetime | None = None
    money: Money | None = None
    last_id: int = 0
    total_micro: int = 0
    peak_micro: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """How far realised PnL is below its peak, and what the account was worth at the peak.

    `peak_equity_micro` is None when the cash is not known.
    """

    below_micro: int
    peak_equity_micro: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The figures of one second."""

    at: datetime
    figures: dict[str, Any] = field(default_factory=dict)


def accounts() -> list[str]:
    """Return the names of all accounts, at most ACCOUNTS_MAX."""
    return list(Mandate.objects.order_by("account").values_list("account", flat=True))[
        :ACCOUNTS_MAX
    ]


def watched(account: str) -> Watched | None:
    """Return what is to be watched, None when there is no such account."""
    mandate = Mandate.objects.filter(account=account).first()
    if mandate is None:
        return None
    session = _newest(account)
    return Watched(
        phase=mandate.phase,
        mode=mandate.mode,
        wanted=mandate.desired == Mandate.Desired.RUN,
        halted=mandate.halted,
        changed_at=mandate.changed_at,
        heartbeat_at=session.heartbeat_at if session is not None else None,
        running=session is not None and session.ended_at is None,
    )


def phase_of(account: str) -> int:
    """Return the phase that an account is in, the first one when there is no such account."""
    phase = Mandate.objects.filter(account=account).values_list("phase", flat=True).first()
    return int(phase or 0)


def samples_after(account: str, after: datetime, until: datetime) -> Iterator[Sample]:
    """Yield the samples of a time in order, at most SAMPLES_MAX, all sessions together."""
    rows = MetricSample.objects.filter(session__account=account, at__gt=after, at__lte=until)
    wanted = rows.order_by("at", "id").values_list("at", "values")
    for at, figures in wanted[:SAMPLES_MAX].iterator(chunk_size=SAMPLES_MAX):
        yield Sample(at=at, figures=figures)


def samples_between(
    account: str, since: datetime, until: datetime, *, only: Sequence[str] = ()
) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield moment and figures of every sample of a time in order, however many there are.

    With `only` just these figures: taken out by the database, which is many times faster. One that
    is missing is None then.
    """
    rows = MetricSample.objects.filter(session__account=account, at__gte=since, at__lte=until)
    rows = rows.order_by("at", "id")
    if not only:
        yield from rows.values_list("at", "values").iterator()
        return
    taken = rows.values_list("at", *(KeyTransform(name, "values") for name in only))
    for at, *figures in taken.iterator():
        yield at, dict(zip(only, figures, strict=True))


def session_end(account: str, key: str) -> datetime | None:
    """Return when a session ended, None while it has not or when there is none."""
    rows = EngineSession.objects.filter(account=account, key=key)
    return rows.values_list("ended_at", flat=True).first()


def newest_verdict(account: str) -> tuple[str, datetime] | None:
    """Return what the newest reconciliation said and when, None when there was none."""
    rows = ReconciliationRun.objects.filter(account=account).order_by("-id")
    return rows.values_list("verdict", "at").first()


def drawdown(account: str, phase: int, sums: Sums) -> Drawdown | None:
    """Return the drawdown of the present stay in a phase, None before its first figures.

    `sums` is read on from where the last call left it.
    """
    start, session = phase_start(account, phase), _newest(account)
    if session is None or start is None:
        return None
    sample = MetricSample.objects.filter(session=session).order_by("-at").first()
    if sample is None:
        return None
    money = money_of(session.mode, session.feed)
    if (sums.since, sums.money) != (start, money):
        sums.since, sums.money = start, money
        sums.last_id = sums.total_micro = sums.peak_micro = 0
    _read_on(account, sums, start, money)
    below_micro = sums.peak_micro - sums.total_micro
    cash_micro = sample.values.get("cash_micro")
    known = isinstance(cash_micro, int)
    return Drawdown(
        below_micro=below_micro,
        peak_equity_micro=cash_micro + sample.exposure_micro + below_micro if known else None,
    )


def _read_on(account: str, sums: Sums, start: datetime, money: Money) -> None:
    rows = LedgerEntry.objects.filter(
        rows_with(money), session__account=account, at__gte=start, id__gt=sums.last_id
    )
    moves = rows.exclude(realised_micro=0).order_by("id").values_list("id", "realised_micro")
    for number, micro in moves.iterator():
        sums.last_id = number
        sums.total_micro += micro
        sums.peak_micro = max(sums.peak_micro, sums.total_micro)


def _newest(account: str) -> EngineSession | None:
    return EngineSession.objects.filter(account=account).order_by("-token").first()
