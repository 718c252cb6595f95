"""A plausible small world to look at: one running shadow engine, its gaps, sets, books and notes.

Only for tests and scratch databases. Everything is counted back from the `now` that is given.
"""

from datetime import timedelta

from polyarb_site.live.send import publish
from trading.models import (
    ArbitrageSet,
    EngineLease,
    EngineNote,
    EngineSession,
    LedgerEntry,
    LedgerPosting,
    Mandate,
    Market,
    MetricSample,
    Opportunity,
    Order,
    OrderMove,
    SetMove,
    Trade,
)
from trading.reconciling.verdicts import Code, Difference, Reconciliation, Verdict
from trading.selectors import live_state
from trading.services import record_reconciliation

QUESTIONS = (
    "Bitcoin Up or Down - 22 November, 4:15PM-4:30PM ET",
    "Will the Fed cut rates in December?",
    "Will it snow in New York before Christmas?",
    "Ethereum above $5,000 on 31 December?",
)
# stage, refusal, reason, gap, edge, net, frames
GAPS = (
    ("SEEN", "LEGS_NOT_SAME_INSTANT",
     "the two books are 214 ms apart at the venue; both must be of one instant",
     30_000, 16_000, 0, 1),
    ("CONFIRMED", "EDGE_NOT_POSITIVE",
     "5 shares at 0.48 and 0.51 leave -0.0241 dollars; more than 0 is needed",
     10_000, -4_820, -24_100, 3),
    ("CONFIRMED", "BELOW_MIN_PROFIT",
     "5 shares at 0.47 and 0.51 leave 0.0312 dollars, a ratio of 0.0063; 0.01 is needed",
     20_000, 6_240, 31_200, 2),
    ("CONFIRMED", "COOLDOWN", "412 ms are left of this market's cooldown",
     30_000, 15_200, 76_000, 1),
    ("SUBMITTED", "", "", 40_000, 25_000, 125_000, 1),
)  # fmt: skip


def make_world(now, profile, *, gaps=40, hours=20, label="SHADOW"):
    """Fill the tables and return the running session."""
    mandate, _ = Mandate.objects.get_or_create(account="main")
    Mandate.objects.filter(pk=mandate.pk).update(
        desired="RUN", profile=profile, feed="polymarket", changed_at=now, revision=2
    )
    markets = [_market(number, question, now) for number, question in enumerate(QUESTIONS)]
    old = _session(profile, 3, now - timedelta(hours=hours), label)
    EngineSession.objects.filter(pk=old.pk).update(
        state="STOPPED",
        state_reason="asked to stop",
        ended_at=now - timedelta(hours=hours - 6),
        heartbeat_at=now - timedelta(hours=hours - 6),
    )
    session = _session(profile, 4, now - timedelta(hours=hours - 7), label)
    EngineLease.objects.update_or_create(
        account="main", defaults={"token": 4, "owner": "desk:1:1:4", "host": "desk"}
    )
    span = timedelta(hours=hours - 7) / gaps
    for number in range(gaps):
        at = now - timedelta(seconds=4) - span * (gaps - 1 - number)
        _gap(session, markets[number % len(markets)], number, at)
    _notes(session, now)
    MetricSample.objects.create(
        session=session,
        at=now,
        values={
            "feed_connected": True,
            "breaker": "CLOSED",
            "worst_case_micro": 180_000,
            "gaps_seen": gaps,
        },
        realised_micro=100_000,
        exposure_micro=4_870_000,
        feed_age_ms=180,
        decision_p50_us=84,
        decision_p99_us=310,
    )
    return session


def beat(session, now):
    """Let the engine give a sign of life."""
    EngineSession.objects.filter(pk=session.pk).update(heartbeat_at=now)
    publish("state", live_state("main", now), at=now)


def add_gap(session, number, at):
    """Let one more gap be seen, and tell the pages."""
    market = Market.objects.order_by("pk").first()
    row = _gap(session, market, number, at)
    publish("facts", {"account": "main", "rows": [{"kind": "opportunity", "id": row}]}, at=at)
    return row


def add_mismatch(now):
    """Let the chain have less than the ledger; return the number of the incident."""
    told = Difference(
        code=Code.CASH_DIFFERS,
        subject="pUSD",
        text="the chain has 7.5 pUSD less than the ledger",
        ledger="100",
        chain="92.5",
        difference_micro=-7_500_000,
    )
    return record_reconciliation(
        "main", _compared(Verdict.MISMATCH, told), at=now, at_start=False, took_ms=40
    ).incident.pk


def add_match(now):
    """Let ledger, venue and chain agree again."""
    record_reconciliation("main", _compared(Verdict.MATCH), at=now, at_start=False, took_ms=40)


def _compared(verdict, *differences):
    return Reconciliation(
        verdict=verdict, differences=differences, assets=(), in_flight=(), block_number=412,
        ledger_sequence=9, order_count=0, trade_count=12,
    )  # fmt: skip


def _market(number, question, now):
    return Market.objects.create(
        condition_id=f"0x{number:064x}",
        slug=f"market-{number}",
        question=question,
        yes_token_id=f"10{number}",
        no_token_id=f"20{number}",
        tick_micro=10_000,
        min_order_size_micro=5_000_000,
        fee_rate_micro=70_000,
        fee_exponent=1,
        source="polymarket",
        seen_at=now,
    )


def _session(profile, token, started, label):
    return EngineSession.objects.create(
        account="main",
        token=token,
        key=f"main-{token}",
        owner=f"desk:1:1:{token}",
        mode="LIVE" if label == "LIVE" else "SHADOW",
        feed={"RECORDED": "recorded", "SIMULATED": "simulator"}.get(label, "polymarket"),
        label=label,
        phase=0,
        profile=profile,
        mandate_revision=2,
        state="TRADING",
        state_since=started + timedelta(seconds=2),
        started_at=started,
        heartbeat_at=started,
        stats={"standby": True},
    )


def _gap(session, market, number, at):
    stage, refusal, reason, gap, edge, net, frames = GAPS[number % len(GAPS)]
    yes, no = 470_000, 530_000 - gap
    size = 5_000_000 if stage != "SEEN" else 0
    set_id = f"{session.key}-s{number}" if not refusal else ""
    row = Opportunity.objects.create(
        opportunity_id=f"{session.key}-o{number}",
        session=session,
        condition_id=market.condition_id,
        strategy="PAIR",
        seen_at=at,
        last_seen_at=at + timedelta(milliseconds=120 * (frames - 1)),
        stage=stage,
        refusal=refusal,
        reason=reason,
        legs=[
            {"token_id": market.yes_token_id, "ask_micro": yes, "size_micro": 120_000_000,
             "venue_ms": 1},
            {"token_id": market.no_token_id, "ask_micro": no, "size_micro": 80_000_000,
             "venue_ms": 1},
        ],
        ladder=[[[yes, 120_000_000], [yes + 10_000, 300_000_000]], [[no, 80_000_000]]],
        gap_micro=gap,
        edge_micro=edge,
        size_micro=size,
        cost_micro=4_875_000 if size else 0,
        fee_micro=87_000 if size else 0,
        net_micro=net,
        frames=frames,
        set_id=set_id,
    )  # fmt: skip
    if set_id:
        lost = number % 15 == 14  # now and then a leg is missing, and what is held is sold again
        realised = -90_000 if lost else net - 3_000
        _set(session, market, set_id, row.opportunity_id, at, realised=realised)
    return row.pk


_MERGED = (
    ("SEEN", "CONFIRMED", 0), ("CONFIRMED", "ALLOWED", 1), ("ALLOWED", "INTENT", 2),
    ("INTENT", "SUBMITTED", 9), ("SUBMITTED", "BOTH_MATCHED", 61),
    ("BOTH_MATCHED", "SETTLING", 62), ("SETTLING", "SETTLED", 2_300),
    ("SETTLED", "MERGING", 2_301), ("MERGING", "MERGED", 4_480),
)  # fmt: skip
_UNWOUND = (
    *_MERGED[:4], ("SUBMITTED", "ONE_MATCHED", 61), ("ONE_MATCHED", "UNWINDING", 2_300),
    ("UNWINDING", "UNWOUND", 4_480),
)  # fmt: skip


def _set(session, market, set_id, opportunity_id, at, *, realised):
    tokens = (market.yes_token_id, market.no_token_id)
    legs = [
        {"token_id": token, "condition_id": market.condition_id, "order_id": f"{set_id}-{leg}",
         "limit_micro": 487_000, "size_micro": 5_000_000, "cost_micro": 2_394_000,
         "fee_micro": 43_500}
        for leg, token in enumerate(tokens, 1)
    ]  # fmt: skip
    life = _MERGED if realised > 0 else _UNWOUND
    ArbitrageSet.objects.create(
        set_id=set_id, session=session, opportunity_id=opportunity_id,
        condition_id=market.condition_id, strategy="PAIR", state=life[-1][1], opened_at=at,
        moved_at=at + timedelta(milliseconds=4_480), size_micro=5_000_000, cost_micro=4_875_000,
        payout_micro=1_000_000, expected_net_micro=realised + 3_000, realised_micro=realised,
        paper=True, raised=True, legs=legs,
    )  # fmt: skip
    for sequence, (before, after, ms) in enumerate(life, 1):
        SetMove.objects.create(
            set_id=set_id, sequence=sequence, state_from=before, state_to=after,
            at=at + timedelta(milliseconds=ms),
        )  # fmt: skip
    for leg in legs:
        order_id = leg["order_id"]
        Order.objects.create(
            order_id=order_id, order_hash=f"0x{order_id.encode().hex():0>64}", session=session,
            set_id=set_id, token_id=leg["token_id"], side="BUY", purpose="ENTRY",
            limit_micro=487_000, size_micro=5_000_000, matched_micro=5_000_000,
            state="CONFIRMED", created_at=at, moved_at=at + timedelta(milliseconds=2_300),
        )  # fmt: skip
        moves = (("", "INTENT"), ("INTENT", "SUBMITTED"), ("SUBMITTED", "MATCHED"),
                 ("MATCHED", "CONFIRMED"))  # fmt: skip
        for sequence, (before, after) in enumerate(moves):
            OrderMove.objects.create(
                order_id=order_id, sequence=sequence, state_from=before, state_to=after,
                matched_micro=5_000_000 if sequence > 1 else 0,
                at=at + timedelta(milliseconds=30 * sequence),
            )  # fmt: skip
        Trade.objects.create(
            trade_id=f"{order_id}-t1", order_id=order_id, session=session, set_id=set_id,
            condition_id=market.condition_id, token_id=leg["token_id"], side="BUY",
            price_micro=478_800, size_micro=5_000_000, fee_micro=43_500, state="CONFIRMED",
            paper=True, matched_at=at, moved_at=at + timedelta(milliseconds=2_300),
        )  # fmt: skip
    _booked(session, set_id, at + timedelta(milliseconds=4_480), realised)


def _booked(session, set_id, at, realised):
    entry = LedgerEntry.objects.create(
        entry_id=f"{set_id}-merge", session=session, set_id=set_id, kind="MERGE", at=at,
        realised_micro=realised, paper=True,
    )  # fmt: skip
    lines = (("CASH", 5_000_000), ("MERGED", -5_000_000 + realised), ("REALISED", -realised))
    for line, (account, amount) in enumerate(lines):
        LedgerPosting.objects.create(entry=entry, line=line, account=account, amount_micro=amount)


def _notes(session, now):
    notes = (
        (360, "INFO", "RECOVERED", "nothing was open; 0 orders and 0 sets were looked up"),
        (200, "WARNING", "FEED", "the connection closed (1006); connecting again"),
        (199, "INFO", "FEED", "connected again after 1.2 s, 8 books read anew"),
        (90, "WARNING", "HALTED", "MANUAL: spread looks wrong"),
        (84, "INFO", "RESUMED", "checked by hand, spread was real"),
    )
    for number, (minutes, level, code, text) in enumerate(notes):
        EngineNote.objects.create(
            note_id=f"{session.key}-n{number}", session=session,
            at=now - timedelta(minutes=minutes), level=level, code=code, text=text,
        )  # fmt: skip
