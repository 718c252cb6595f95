"""The facts of all accounts as monitoring reads them: few queries by index, whatever the history.

None is what is not known. A figure of a silent engine is not known: its last one would look alive.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum

from trading import kill_file
from trading.engine.codes import ACCESS_PROBLEMS, Refusal
from trading.models import (
    EngineLease,
    EngineSession,
    Incident,
    Mandate,
    MetricSample,
    Money,
    Opportunity,
    money_of,
)
from trading.reconciling.verdicts import Verdict
from trading.selectors.reconciliations import newest_run

ACCOUNTS_MAX = 20
SAMPLE_AGE_MAX = timedelta(seconds=15)
OTHER = "OTHER"  # a refusal of another version: counted, without a label of its own
CODES = frozenset(Refusal)
NO_PROBLEM = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What is known of one account. Counters run from the start of the session."""

    account: str
    phase: int
    halted: bool
    desired_run: bool
    lease_token: int | None = None
    lease_left_ns: int | None = None  # None when nobody holds it
    session_state: str | None = None  # None when no engine has run yet
    money: str | None = None  # what the newest session trades with; None as above
    heartbeat_age_us: int | None = None
    figures: dict[str, Any] = field(default_factory=dict)  # of the newest sample, while fresh
    sample_age_us: int | None = None
    feed_age_ms: int | None = None
    decision_p50_us: int | None = None
    decision_p99_us: int | None = None
    refusals: dict[str, int] = field(default_factory=dict)
    access_problem: str | None = None  # NO_PROBLEM when orders can be sent; None is not known
    incidents_open: int = 0
    verdict: str | None = None  # of the newest reconciliation; None when there was none
    reconciled_age_us: int | None = None


def account_facts(now: datetime, now_ns: int) -> list[AccountFacts]:
    """Return the facts of each account, at most ACCOUNTS_MAX, by name."""
    by_file = kill_file.is_set(settings.KILL_FILE)
    mandates = list(Mandate.objects.order_by("account")[:ACCOUNTS_MAX])
    leases = {lease.account: lease for lease in EngineLease.objects.all()[:ACCOUNTS_MAX]}
    return [
        _facts(mandate, leases.get(mandate.account), now, now_ns, halted_by_file=by_file)
        for mandate in mandates
    ]


def session_states() -> tuple[str, ...]:
    """Return every state that an engine can be in."""
    return tuple(EngineSession.State.values)


def money_kinds() -> tuple[str, ...]:
    """Return everything that an engine can trade with."""
    return tuple(Money.values)


def access_problems() -> tuple[str, ...]:
    """Return everything that can stand against live orders, and that nothing does."""
    return (NO_PROBLEM, *sorted(ACCESS_PROBLEMS), Refusal.VENUE_MODE)


def verdicts() -> tuple[str, ...]:
    """Return everything that can come of a reconciliation."""
    return tuple(Verdict)


def _facts(
    mandate: Mandate,
    lease: EngineLease | None,
    now: datetime,
    now_ns: int,
    *,
    halted_by_file: bool,
) -> AccountFacts:
    known: dict[str, Any] = {
        "account": mandate.account,
        "phase": mandate.phase,
        "halted": mandate.halted or halted_by_file,
        "desired_run": mandate.desired == Mandate.Desired.RUN,
        **_books(mandate.account, now),
    }
    if lease is not None:
        known["lease_token"] = lease.token
        if lease.owner:
            known["lease_left_ns"] = lease.expires_ns - now_ns
    runs = EngineSession.objects.filter(account=mandate.account)
    session = runs.order_by("-token").first()
    if session is None:
        return AccountFacts(**known)
    known["session_state"] = session.state
    known["money"] = money_of(session.mode, session.feed).value
    if session.ended_at is None:
        known["heartbeat_age_us"] = _age_us(session.heartbeat_at, now)
    return AccountFacts(**known, **_figures(session, now), refusals=_refusals(session))


def _figures(session: EngineSession, now: datetime) -> dict[str, Any]:
    sample = MetricSample.objects.filter(session=session).order_by("-at").first()
    if sample is None or session.ended_at is not None or now - sample.at > SAMPLE_AGE_MAX:
        return {}
    age_us = _age_us(sample.at, now)
    problem = sample.values.get("access_problem")  # none at all on paper
    feed_age_ms = sample.feed_age_ms
    return {
        "figures": sample.values,
        "sample_age_us": age_us,
        "feed_age_ms": None if feed_age_ms is None else feed_age_ms + age_us // 1_000,
        "decision_p50_us": sample.decision_p50_us,
        "decision_p99_us": sample.decision_p99_us,
        "access_problem": None if problem is None else problem or NO_PROBLEM,
    }


def _books(account: str, now: datetime) -> dict[str, Any]:
    """Return whether ledger, venue and chain agreed the last time, and what is to be cleared up."""
    run = newest_run(account)
    opened = Incident.objects.filter(account=account, state=Incident.State.OPEN)
    return {
        "incidents_open": opened.count(),
        "verdict": run.verdict if run else None,
        "reconciled_age_us": _age_us(run.at, now) if run else None,
    }


def _refusals(session: EngineSession) -> dict[str, int]:
    """Return how many frames of this session were refused, by code; from the index alone."""
    rows = (
        Opportunity.objects.filter(session=session)
        .exclude(refusal="")
        .order_by()
        .values_list("refusal")
        .annotate(total=Sum("frames"))
    )
    counts: dict[str, int] = {}
    for code, total in rows:
        label = code if code in CODES else OTHER
        counts[label] = counts.get(label, 0) + total
    return counts


def _age_us(then: datetime, now: datetime) -> int:
    """Return how long ago, 0 for a moment that our clock has not reached yet."""
    return max(0, (now - then) // timedelta(microseconds=1))
