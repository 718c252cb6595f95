"""Facts and callers for the tests of the REST door."""

import json
from datetime import timedelta
from typing import Any

from django.test import Client

from polyarb_site.rest import tokens
from tests.conftest import ACCOUNT, NOON
from trading.models import (
    ArbitrageSet,
    CapitalMovement,
    EngineNote,
    EngineSession,
    Incident,
    MetricSample,
    Opportunity,
    Phase,
    ReconciliationRun,
    ReplayRun,
    Trade,
)

MARKETS = ("0xaa", "0xbb", "0xcc")


class Caller:
    """A program with the token of an account, or without one."""

    clock: Any = None  # of those who need the time

    def __init__(self, user=None):
        self.client = Client(raise_request_exception=False)
        self.headers = {}
        if user is not None:
            self.headers["Authorization"] = f"Token {tokens.issue(user, by_name='test')}"

    def get(self, path, **query):
        return self.client.get(path, query, headers=self.headers)

    def post(self, path, body=None, *, raw=None, content_type="application/json", **headers):
        data = raw if raw is not None else json.dumps({} if body is None else body)
        return self.client.post(
            path, data=data, content_type=content_type, headers={**self.headers, **headers}
        )

    def ask(self, method, path, body=None):
        """Send any method; a body only with those that take one."""
        data = json.dumps(body) if body is not None else ""
        return self.client.generic(
            method, path, data=data, content_type="application/json", headers=self.headers
        )


def error_of(response):
    """Return the error of an answer, and check that it has the one shape and nothing else."""
    payload = response.json()
    assert set(payload) == {"error"}, payload
    error = payload["error"]
    assert (
        {"code", "message", "request_id"}
        <= set(error)
        <= {
            *("code", "message", "field", "remedy", "request_id"),
        }
    )
    assert all(isinstance(text, str) for text in error.values())
    assert error["code"].isupper()
    assert error["message"]
    assert error["request_id"] == response.headers["X-Request-ID"]
    return error


def make_session(profile, token=1, *, account=ACCOUNT, at=NOON, **changes):
    values = {
        "account": account,
        "token": token,
        "key": f"{account}-{token}",
        "owner": "host:1:abc",
        "mode": "SHADOW",
        "feed": "recorded",
        "label": "RECORDED",
        "phase": Phase.SHADOW,
        "profile": profile,
        "mandate_revision": 1,
        "state": EngineSession.State.TRADING,
        "state_since": at,
        "started_at": at,
        "heartbeat_at": at,
    }
    return EngineSession.objects.create(**{**values, **changes})


def trade(session, number, **changes):
    """Return an unsaved fill; fills are a second apart, in the order of their numbers."""
    values = {
        "trade_id": f"{session.key}-s{number}-o0-t1",
        "order_id": f"{session.key}-s{number}-o0",
        "session": session,
        "set_id": f"{session.key}-s{number // 2}",
        "condition_id": MARKETS[number % len(MARKETS)],
        "token_id": str(10**70 + number % 2),
        "side": "BUY",
        "price_micro": 480_000,
        "size_micro": 5_000_000,
        "fee_micro": 31_200,
        "state": "CONFIRMED",
        "paper": True,
        "matched_at": NOON + timedelta(seconds=number),
        "moved_at": NOON + timedelta(seconds=number + 2),
    }
    return Trade(**{**values, **changes})


def make_trades(session, count, *, first=0, **changes):
    return Trade.objects.bulk_create(
        [trade(session, number, **changes) for number in range(first, first + count)],
        batch_size=1_000,
    )


def make_opportunity(session, number=1, **changes):
    values = {
        "opportunity_id": f"{session.key}-p{number}",
        "session": session,
        "condition_id": MARKETS[0],
        "strategy": "PAIR",
        "seen_at": NOON + timedelta(seconds=number),
        "stage": "CONFIRMED",
        "refusal": "BELOW_MIN_PROFIT",
        "reason": "net 0.0030 of the cost, 0.01 is needed",
        "legs": [{"token_id": "1", "ask_micro": 480_000, "size_micro": 1, "venue_ms": 1}],
        "ladder": [[[480_000, 1]]],
        "gap_micro": 20_000,
        "edge_micro": None,
        "last_seen_at": NOON + timedelta(seconds=number),
        "frames": 3,
    }
    return Opportunity.objects.create(**{**values, **changes})


def make_set(session, number=1, **changes):
    values = {
        "set_id": f"{session.key}-s{number}",
        "session": session,
        "opportunity_id": f"{session.key}-p{number}",
        "condition_id": MARKETS[0],
        "strategy": "PAIR",
        "state": "SUBMITTED",
        "opened_at": NOON + timedelta(seconds=number),
        "moved_at": NOON + timedelta(seconds=number),
        "size_micro": 5_000_000,
        "cost_micro": 4_862_400,
        "expected_net_micro": 137_600,
        "payout_micro": 1_000_000,
        "realised_micro": None,
        "paper": True,
        "legs": [
            {
                "token_id": "1",
                "order_id": f"{session.key}-s{number}-o0",
                "limit_micro": 480_000,
                "size_micro": 5_000_000,
                "cost_micro": 2_431_200,
                "fee_micro": 31_200,
            }
        ],
    }
    return ArbitrageSet.objects.create(**{**values, **changes})


def make_note(session, number=1, **changes):
    values = {
        "note_id": f"{session.key}-n{number}",
        "session": session,
        "at": NOON + timedelta(seconds=number),
        "level": "INFO",
        "code": "RESYNC",
        "text": "the book was read anew",
    }
    return EngineNote.objects.create(**{**values, **changes})


def make_sample(session, at=NOON, **figures):
    values: dict[str, Any] = {
        "markets": 3,
        "books_fresh": 6,
        "books_stale": 0,
        "feed_connected": True,
        "frames": 1_234,
        "gaps_seen": 64,
        "gaps_confirmed": 6,
        "gaps_allowed": 2,
        "sets_submitted": 2,
        "sets_completed": 1,
        "sets_failed": 0,
        "realised_micro": 137_600,
        "realised_today_micro": -250_001,
        "exposure_micro": 4_862_400,
        "worst_case_micro": 2_431_200,
        "cash_micro": 95_137_600,
        "breaker": "CLOSED",
        "halted": False,
        "halt_code": "",
    }
    values |= figures
    return MetricSample.objects.create(
        session=session,
        at=at,
        values=values,
        realised_micro=values["realised_micro"],
        exposure_micro=values["exposure_micro"],
        feed_age_ms=values.get("feed_age_ms", 120),
        decision_p50_us=values.get("decision_p50_us", 9),
        decision_p99_us=values.get("decision_p99_us", 110),
    )


DIFFERENCE = {
    "code": "CASH_DIFFERS",
    "subject": "pUSD",
    "text": "the chain at block 77 has 97.5 dollars and 0.1 is unexplained",
    "ledger": "97.6",
    "venue": "",
    "chain": "97.5",
    "difference_micro": -100_000,
    "remedy": "find the transfer in the wallet's history",
}


def make_reconciliation(session, number=1, **changes):
    values = {
        "account": session.account,
        "session_key": session.key,
        "at": NOON + timedelta(seconds=number),
        "at_start": False,
        "verdict": "MISMATCH",
        "block_number": 77,
        "ledger_sequence": 5,
        "differences": [DIFFERENCE],
        "assets": [
            {
                "asset": "pUSD",
                "ledger_micro": 97_600_000,
                "in_flight_micro": 0,
                "venue_micro": 97_500_000,
                "chain_micro": 97_500_000,
                "difference_micro": -100_000,
            },
            {
                "asset": "111",
                "ledger_micro": 5_000_000,
                "in_flight_micro": -2_000_000,
                "venue_micro": None,
                "chain_micro": 3_000_000,
                "difference_micro": 0,
            },
        ],
        "in_flight": ["trade t1"],
        "order_count": 1,
        "trade_count": 2,
        "took_ms": 40,
    }
    return ReconciliationRun.objects.create(**{**values, **changes})


def make_replay(session, number=1, **changes):
    values = {
        "account": session.account,
        "day": NOON.date(),
        "session": session,
        "at": NOON + timedelta(days=1, seconds=number),
        "verdict": "DIFFERENT",
        "problem": "1 commands are not what the journal has, the first for record 7",
        "inputs": 120,
        "commands": 9,
        "last_sequence": 129,
        "complete": True,
        "sha256": "ab" * 32,
        "recorded_sha256": "cd" * 32,
        "realised_micro": 101_000,
        "ledger_micro": 101_000,
        "different": 22,
        "differences": [{"sequence": 7, "recorded": "", "produced": "CancelAll(reason='x')"}],
        "version": "0.1.0",
        "took_ms": 40,
    }
    return ReplayRun.objects.create(**{**values, **changes})


def make_incident(session, number=1, **changes):
    at = NOON + timedelta(seconds=number)
    run = ReconciliationRun.objects.order_by("pk").last()
    found = {
        "run": run.pk if run else 1,
        "at": at.isoformat(),
        "verdict": "MISMATCH",
        "block_number": 77,
        "differences": [DIFFERENCE],
    }
    title = "CASH_DIFFERS of pUSD at block 77: 0.1 dollars are unexplained"
    values = {
        "account": session.account,
        "kind": "RECONCILIATION",
        "title": title,
        "opened_at": at,
        "last_seen_at": at,
        "evidence": {
            "first": found,
            "last": found,
            "timeline": [{"at": at.isoformat(), "what": "opened", "text": title}],
        },
    }
    return Incident.objects.create(**{**values, **changes})


def make_capital(number=1, **changes):
    values = {
        "account": "main",
        "money": "PLAY",
        "amount_micro": -12_500_000,
        "reference": f"withdrawal-{number}",
        "reason": "to the treasury",
        "by_name": "adam",
        "at": NOON + timedelta(seconds=number),
    }
    return CapitalMovement.objects.create(**{**values, **changes})
