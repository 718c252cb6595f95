"""Rows that the admin's pages show, and readers of the pages."""

from datetime import timedelta

import pytest
from django.urls import reverse

from tests.api.building import (
    make_capital,
    make_incident,
    make_note,
    make_opportunity,
    make_reconciliation,
    make_replay,
    make_sample,
    make_session,
    make_set,
    make_trades,
)
from tests.conftest import NOON
from trading.models import (
    LedgerEntry,
    LedgerPosting,
    Market,
    Order,
    OrderMove,
    SetMove,
    Trade,
)

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
FACTS = (
    *("market", "enginesession", "opportunity", "arbitrageset", "order", "trade"),
    *("ledgerentry", "metricsample", "enginenote", "profile", "mandate"),
    *("reconciliationrun", "incident", "capitalmovement", "replayrun"),
)
# One role after each change; the others see the same pages and take as long.
ROLES = [
    "viewer",
    *(pytest.param(r, marks=pytest.mark.slow) for r in ("operator", "approver", "admin_user")),
]
YES, NO = "111", "222"
SET_STATES = (
    *("CONFIRMED", "ALLOWED", "INTENT", "SUBMITTED", "BOTH_MATCHED", "SETTLING"),
    *("SETTLED", "MERGING", "MERGED"),
)


def list_of(model, app="trading"):
    return reverse(f"admin:{app}_{model}_changelist")


def page_of(model, key, app="trading"):
    return reverse(f"admin:{app}_{model}_change", args=[key])


def make_market(condition_id="0xaa", tokens=(YES, NO), **changes):
    values = {
        "condition_id": condition_id,
        "slug": f"slug-{condition_id}",
        "question": f"Will {condition_id} happen?",
        "yes_token_id": tokens[0],
        "no_token_id": tokens[1],
        "tick_micro": 10_000,
        "min_order_size_micro": 5_000_000,
        "fee_rate_micro": 20_000,
        "fee_exponent": 1,
        "source": "recorded",
        "seen_at": NOON,
    }
    return Market.objects.create(**{**values, **changes})


def make_gap(session, number=1, **changes):
    """A gap in the market 0xaa with two levels on each side."""
    values = {
        "legs": [
            {"token_id": YES, "ask_micro": 480_000, "size_micro": 100_000_000, "venue_ms": 1},
            {"token_id": NO, "ask_micro": 490_000, "size_micro": 50_000_000, "venue_ms": 1},
        ],
        "ladder": [
            [[480_000, 100_000_000], [490_000, 40_000_000]],
            [[490_000, 50_000_000], [500_000, 10_000_000]],
        ],
        "gap_micro": 30_000,
        "edge_micro": 20_000,
    }
    return make_opportunity(session, number, **{**values, **changes})


def taken_gap(session, number=1, **changes):
    """A gap of which five sets were bought; the set has the same number."""
    return make_gap(
        session,
        number,
        stage="SUBMITTED",
        refusal="",
        reason="",
        size_micro=5_000_000,
        cost_micro=4_900_000,
        fee_micro=50_000,
        net_micro=100_000,
        set_id=f"{session.key}-s{number}",
        **changes,
    )


def whole_set(session, number=1):
    """A set that was bought and merged, with its moves, orders, fills and bookings."""
    set_id = f"{session.key}-s{number}"
    start = NOON + timedelta(seconds=number)
    row = make_set(
        session,
        number,
        state="MERGED",
        cost_micro=4_900_000,
        expected_net_micro=100_000,
        realised_micro=101_000,
        payout_micro=1_000_000,
        legs=[_leg(set_id, 0, YES, 480_000), _leg(set_id, 1, NO, 490_000)],
    )
    before = "SEEN"
    for sequence, state in enumerate(SET_STATES, 1):
        SetMove.objects.create(
            set_id=set_id,
            sequence=sequence,
            state_from=before,
            state_to=state,
            at=start + timedelta(milliseconds=250 * sequence),
        )
        before = state
    for index, token in enumerate((YES, NO)):
        _order(session, set_id, index, token, start)
    _booked(session, set_id, start)
    return row


def facts(session):
    """Some rows of everything."""
    make_market()
    taken_gap(session, 1)
    make_gap(session, 2)
    whole_set(session, 1)
    make_note(session)
    make_sample(session)
    make_reconciliation(session)
    make_incident(session)
    make_capital()
    make_replay(session)
    return session


def everything(profile, **changes):
    """A session with rows of everything."""
    return facts(make_session(profile, **changes))


def many(session, count, *, first=100):
    """So many more gaps, sets and fills, each in the market of its own number."""
    for number in range(first, first + count):
        make_market(f"0x{number}", (f"y{number}", f"n{number}"))
        make_opportunity(session, number, condition_id=f"0x{number}")
        make_set(session, number, condition_id=f"0x{number}")
        make_note(session, number)
        make_sample(session, NOON + timedelta(seconds=number))
        make_reconciliation(session, number)
        make_incident(session, number, state="RESOLVED")
        make_capital(number)
        make_replay(session, number)
        Order.objects.create(
            order_id=f"{session.key}-x{number}",
            session=session,
            set_id=f"{session.key}-s{number}",
            token_id=f"y{number}",
            side="BUY",
            purpose="ENTRY",
            limit_micro=480_000,
            size_micro=5_000_000,
            state="CONFIRMED",
            created_at=NOON,
            moved_at=NOON,
        )
        _entry(session, f"{session.key}-s{number}", f"X:{number}", [("CASH", -1), ("YES", 1)], NOON)
    make_trades(session, count, first=first)


def _leg(set_id, index, token, price_micro):
    return {
        "token_id": token,
        "order_id": f"{set_id}-o{index}",
        "limit_micro": price_micro,
        "size_micro": 5_000_000,
        "cost_micro": 5 * price_micro,
        "fee_micro": 25_000,
    }


def _order(session, set_id, index, token, start):
    order_id = f"{set_id}-o{index}"
    price_micro = 480_000 if token == YES else 490_000
    Order.objects.create(
        order_id=order_id,
        session=session,
        set_id=set_id,
        token_id=token,
        side="BUY",
        purpose="ENTRY",
        limit_micro=price_micro,
        size_micro=5_000_000,
        matched_micro=5_000_000,
        state="CONFIRMED",
        created_at=start,
        moved_at=start,
    )
    for sequence, state in enumerate(("SUBMITTED", "MATCHED", "CONFIRMED"), 1):
        OrderMove.objects.create(
            order_id=order_id,
            sequence=sequence,
            state_to=state,
            matched_micro=0,
            at=start + timedelta(milliseconds=300 * sequence),
        )
    Trade.objects.create(
        trade_id=f"{order_id}-t1",
        order_id=order_id,
        session=session,
        set_id=set_id,
        condition_id="0xaa",
        token_id=token,
        side="BUY",
        price_micro=price_micro,
        size_micro=5_000_000,
        fee_micro=24_000,
        state="CONFIRMED",
        paper=True,
        matched_at=start,
        moved_at=start,
    )


def _booked(session, set_id, start):
    paid = [("RESERVED", -4_899_000), ("YES", 2_400_000), ("NO", 2_450_000), ("FEES", 49_000)]
    back = [("CASH", 5_000_000), ("YES", -2_400_000), ("NO", -2_450_000), ("FEES", -49_000)]
    _entry(session, set_id, f"BUY:{set_id}", paid, start)
    merged = _entry(session, set_id, f"MERGE:{set_id}", [*back, ("REALISED", -101_000)], start)
    LedgerEntry.objects.filter(pk=merged.pk).update(realised_micro=101_000)


def _entry(session, set_id, entry_id, lines, at):
    entry = LedgerEntry.objects.create(
        entry_id=entry_id,
        session=session,
        set_id=set_id,
        kind=entry_id.partition(":")[0],
        at=at,
        paper=True,
    )
    LedgerPosting.objects.bulk_create(
        LedgerPosting(entry=entry, line=line, account=account, amount_micro=amount_micro)
        for line, (account, amount_micro) in enumerate(lines, 1)
    )
    return entry
