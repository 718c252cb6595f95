"""The facts of all accounts as monitoring reads them: few queries by index, whatever the history.

None is what is not known. A figure of a silent engine is not known: its last one would look alive.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum

from trading import kill_file
from trading.engine.codes import Refusal
from trading.models import EngineLease, EngineSession, Mandate, MetricSample, Opportunity

ACCOUNTS_MAX = 20
SAMPLE_AGE_MAX = timedelta(seconds=15)
OTHER = "OTHER"  # a refusal of another version: counted, without a label of its own
CODES = frozenset(Refusal)


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
    heartbeat_age_us: int | None = None
    figures: dict[str, Any] = field(default_factory=dict)  # of the newest sample, while fresh
    sample_age_us: int | None = None
    feed_age_ms: int | None = None
    decision_p50_us: int | None = None
    decision_p99_us: int | None = None
    refusals: dict[str, int] = field(default_factory=dict)


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
    if session.ended_at is None:
        known["heartbeat_age_us"] = _age_us(session.heartbeat_at, now)
    return AccountFacts(**known, **_figures(session, now), refusals=_refusals(session))


def _figures(session: EngineSession, now: datetime) -> dict[str, Any]:
    sample = MetricSample.objects.filter(session=session).order_by("-at").first()
    if sample is None or session.ended_at is not None or now - sample.at > SAMPLE_AGE_MAX:
        return {}
    age_us = _age_us(sample.at, now)
    feed_age_ms = sample.feed_age_ms
    return {
        "figures": sample.values,
        "sample_age_us": age_us,
        "feed_age_ms": None if feed_age_ms is None else feed_age_ms + age_us // 1_000,
        "decision_p50_us": sample.decision_p50_us,
        "decision_p99_us": sample.decision_p99_us,
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
