"""Runs of the engine and what they left behind, as rows."""

from datetime import timedelta

from tests.conftest import NOON
from trading.models import (
    ArbitrageSet,
    EngineSession,
    LedgerEntry,
    MetricSample,
    Opportunity,
    Phase,
    Profile,
)

SECOND = timedelta(seconds=1)


def make_run(account="main", **changes):
    """Store a session with the next token; it trades, and its last heartbeat is a second old."""
    token = EngineSession.objects.count() + 1
    values = {
        "account": account,
        "token": token,
        "key": f"{account}-{token}",
        "owner": "host:1",
        "mode": "SHADOW",
        "feed": "recorded",
        "label": "RECORDED",
        "phase": Phase.SHADOW,
        "profile": Profile.objects.order_by("pk").first(),
        "mandate_revision": 1,
        "state": EngineSession.State.TRADING,
        "state_since": NOON - timedelta(minutes=5),
        "started_at": NOON - timedelta(minutes=10),
        "heartbeat_at": NOON - SECOND,
        **changes,
    }
    return EngineSession.objects.create(**values)


def sample(session, at=NOON - SECOND, **changes):
    values = {
        "values": {"feed_connected": True, "worst_case_micro": 250_000, "breaker": "CLOSED"},
        "realised_micro": 0,
        "exposure_micro": 4_900_000,
        "feed_age_ms": 400,
        "decision_p50_us": 12,
        "decision_p99_us": 80,
        **changes,
    }
    return MetricSample.objects.create(session=session, at=at, **values)


def gap(session, stage, refusal="", frames=1, seen_at=NOON):
    number = Opportunity.objects.count()
    Opportunity.objects.create(
        opportunity_id=f"{session.key}-{number}",
        session=session,
        condition_id="0xc",
        strategy="PAIR",
        seen_at=seen_at,
        stage=stage,
        refusal=refusal,
        legs=[],
        gap_micro=10_000,
        last_seen_at=seen_at,
        frames=frames,
    )


def earned(session, micro, at=NOON, *, paper=True):
    LedgerEntry.objects.create(
        entry_id=f"{session.key}-{LedgerEntry.objects.count()}",
        session=session,
        kind="MERGE",
        at=at,
        realised_micro=micro,
        paper=paper,
    )


def completed(session, at=NOON, state="MERGED", **changes):
    values = {
        "set_id": f"{session.key}-s{ArbitrageSet.objects.count()}",
        "session": session,
        "opportunity_id": "o",
        "condition_id": "0xc",
        "strategy": "PAIR",
        "state": state,
        "opened_at": at,
        "moved_at": at,
        "size_micro": 5_000_000,
        "cost_micro": 4_900_000,
        "expected_net_micro": 10_000,
        "payout_micro": 1_000_000,
        "paper": True,
        "legs": [],
    }
    ArbitrageSet.objects.create(**{**values, **changes})
