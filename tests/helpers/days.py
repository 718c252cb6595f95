"""Invented days: everything that an engine leaves behind in one, in any number, from a seed."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from trading.models import (
    ArbitrageSet,
    EngineNote,
    EngineSession,
    LedgerEntry,
    LedgerPosting,
    Market,
    MetricSample,
    Opportunity,
    Order,
    Phase,
    SetMove,
    Trade,
)

DAY = datetime(2026, 3, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
REFUSALS = (
    *("LEGS_NOT_SAME_INSTANT",) * 12,
    *("EDGE_NOT_POSITIVE",) * 9,
    *("BELOW_MIN_PROFIT",) * 5,
    *("NO_DEPTH", "COOLDOWN", "COOLDOWN", "BOOK_STALE"),
)
STAGES = {"LEGS_NOT_SAME_INSTANT": "SEEN", "BOOK_STALE": "SEEN", "COOLDOWN": "ALLOWED"}
QUESTIONS = (
    "Bitcoin above $120,000 on 2 March?",
    "Ethereum up in the next 15 minutes?",
    "Will the Fed cut rates in March?",
    "Will it rain in Lisbon on Tuesday?",
    "Solana up in the next hour?",
    "Will the bill pass the Senate?",
)
MOVES = ("CONFIRMED", "ALLOWED", "INTENT", "SUBMITTED", "BOTH_MATCHED", "SETTLING", "SETTLED")
SIZE_MICRO = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much happened in a day. One set in so many is sold back, and one order refused."""

    sets: int = 40
    gaps: int = 900
    samples: int = 1_440
    sold_back: int = 9
    refused: int = 25


def session_of(profile, *, day=DAY, token=1, account="main", **changes):
    """Store a session that ran through a whole day."""
    values = {
        "account": account,
        "token": token,
        "key": f"{account}-{token}",
        "owner": "host:1:1",
        "mode": "SHADOW",
        "feed": "polymarket",
        "label": "SHADOW",
        "phase": Phase.SHADOW,
        "profile": profile,
        "mandate_revision": 1,
        "state": EngineSession.State.STOPPED,
        "state_reason": "stop requested",
        "state_since": day + timedelta(hours=23, minutes=58),
        "started_at": day + timedelta(minutes=1),
        "ended_at": day + timedelta(hours=23, minutes=58),
        "heartbeat_at": day + timedelta(hours=23, minutes=58),
        **changes,
    }
    return EngineSession.objects.create(**values)


def invent(session, shape=None, *, day=DAY, seed=7):
    """Store a day of a session, the same for the same seed."""
    shape = shape or Shape()
    chance = random.Random(seed)
    _markets(session.feed, day)
    paper = session.mode == "SHADOW"
    _store(Opportunity, _gaps(session, shape, day, chance))
    _capital(session, day, paper=paper)
    for rows in _batches(range(shape.sets), 2_000):
        _sets(session, shape, day, chance, rows, paper=paper)
    _store(MetricSample, _samples(session, shape, day, chance))
    notes = (("HALTED", "CRITICAL", "MANUAL: a look at the books"), ("RESUMED", "INFO", "resumed"))
    for number, (code, level, text) in enumerate(notes, 1):
        EngineNote.objects.create(
            note_id=f"{session.key}-n{number}",
            session=session,
            at=day + timedelta(hours=11, minutes=7 * number),
            level=level,
            code=code,
            text=text,
        )


def _batches(rows, size):
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch


def _store(model, rows):
    for batch in _batches(rows, 2_000):
        model.objects.bulk_create(batch)


def _markets(feed, day):
    for number, question in enumerate(QUESTIONS):
        Market.objects.get_or_create(
            condition_id=f"0x{number:02x}",
            defaults={
                "slug": f"market-{number}",
                "question": question,
                "yes_token_id": f"y{number}",
                "no_token_id": f"n{number}",
                "tick_micro": 10_000,
                "min_order_size_micro": SIZE_MICRO,
                "fee_rate_micro": 20_000,
                "fee_exponent": 1,
                "source": feed,
                "seen_at": day,
            },
        )


def _gaps(session, shape, day, chance):
    span = timedelta(hours=23, minutes=50) / max(shape.gaps, 1)
    for number in range(shape.gaps):
        refusal = chance.choice(REFUSALS)
        at = day + timedelta(minutes=2) + span * number
        yield Opportunity(
            opportunity_id=f"{session.key}-o{number}",
            session=session,
            condition_id=f"0x{number % len(QUESTIONS):02x}",
            strategy="PAIR",
            seen_at=at,
            last_seen_at=at,
            stage=STAGES.get(refusal, "CONFIRMED"),
            refusal=refusal,
            legs=[],
            gap_micro=chance.randrange(1_000, 40_000),
            frames=chance.randrange(1, 30),
        )


def _capital(session, day, *, paper):
    entry = LedgerEntry.objects.create(
        entry_id=f"{session.key}-capital",
        session=session,
        kind="CAPITAL",
        at=day + timedelta(minutes=1),
        paper=paper,
    )
    lines = (("CASH", 100_000_000_000), ("CAPITAL", -100_000_000_000))
    LedgerPosting.objects.bulk_create(
        LedgerPosting(entry=entry, line=line, account=account, amount_micro=micro)
        for line, (account, micro) in enumerate(lines)
    )


def _sets(session, shape, day, chance, numbers, *, paper):
    """Store some sets with everything that belongs to them."""
    gaps, sets, moves, orders, trades = [], [], [], [], []
    booked = []
    span = timedelta(hours=23, minutes=30) / max(shape.sets, 1)
    for number in numbers:
        opened = day + timedelta(minutes=5) + span * number
        bad = shape.sold_back and number % shape.sold_back == shape.sold_back - 1
        refused = shape.refused and number % shape.refused == shape.refused - 1
        one = _one(session, number, opened, chance, bad=bad, refused=refused, paper=paper)
        gaps.append(one["gap"])
        sets.append(one["set"])
        moves += one["moves"]
        orders += one["orders"]
        trades += one["trades"]
        booked += one["booked"]
    for model, rows in (
        *((Opportunity, gaps), (ArbitrageSet, sets), (SetMove, moves)),
        *((Order, orders), (Trade, trades)),
    ):
        _store(model, rows)
    entries = LedgerEntry.objects.bulk_create([entry for entry, _ in booked], batch_size=2_000)
    _store(
        LedgerPosting,
        (
            LedgerPosting(entry=entry, line=line, **posting)
            for entry, (_, postings) in zip(entries, booked, strict=True)
            for line, posting in enumerate(postings)
        ),
    )


def _one(session, number, opened, chance, *, bad, refused, paper):
    set_id, place = f"{session.key}-s{number}", number % len(QUESTIONS)
    yes_micro = chance.randrange(300_000, 650_000)
    gap_micro = chance.randrange(12_000, 40_000)
    no_micro = 1_000_000 - gap_micro - yes_micro
    fee_micro = chance.randrange(5_000, 16_000)
    cost_micro = (yes_micro + no_micro) * SIZE_MICRO // 1_000_000
    expected = SIZE_MICRO - cost_micro - 2 * fee_micro
    closed = opened + timedelta(milliseconds=chance.randrange(2_500, 9_000))
    realised = expected - chance.randrange(0, 4_000)
    if bad:
        realised = -chance.randrange(20_000, 140_000)
    state = "ABANDONED" if refused else "UNWOUND" if bad else "MERGED"
    legs = (("YES", f"y{place}", yes_micro), ("NO", f"n{place}", no_micro))
    common = {"session": session, "condition_id": f"0x{place:02x}"}
    return {
        "gap": Opportunity(
            **common, opportunity_id=f"{session.key}-t{number}", strategy="PAIR", seen_at=opened,
            last_seen_at=opened, stage="SUBMITTED", legs=[], gap_micro=gap_micro, set_id=set_id,
            net_micro=expected, size_micro=SIZE_MICRO, cost_micro=cost_micro,
        ),
        "set": ArbitrageSet(
            **common, set_id=set_id, opportunity_id=f"{session.key}-t{number}", strategy="PAIR",
            state=state, opened_at=opened, moved_at=closed, size_micro=SIZE_MICRO, paper=paper,
            cost_micro=cost_micro, payout_micro=1_000_000, expected_net_micro=expected,
            realised_micro=None if refused else realised, legs=[],
        ),
        "moves": [
            SetMove(set_id=set_id, sequence=sequence, state_to=to, at=opened + SECOND * 0)
            for sequence, to in enumerate((*MOVES[: 4 if refused else None], state), 1)
        ],
        "orders": [
            _order(session, set_id, index, leg, opened, refused=refused)
            for index, leg in enumerate(legs)
        ],
        "trades": [] if refused else [
            Trade(
                **common, trade_id=f"{set_id}-t{index}", order_id=f"{set_id}-{index}",
                set_id=set_id, token_id=token, side="BUY", price_micro=price_micro,
                size_micro=SIZE_MICRO, fee_micro=fee_micro, state="CONFIRMED", paper=paper,
                matched_at=opened, moved_at=closed,
            )
            for index, (_, token, price_micro) in enumerate(legs)
        ],
        "booked": [] if refused else _booked(
            session, set_id, opened, closed, legs, fee_micro, realised, bad=bad, paper=paper
        ),
    }  # fmt: skip


def _order(session, set_id, index, leg, opened, *, refused):
    return Order(
        order_id=f"{set_id}-{index}",
        session=session,
        set_id=set_id,
        token_id=leg[1],
        side="BUY",
        purpose="ENTRY",
        limit_micro=leg[2],
        size_micro=SIZE_MICRO,
        matched_micro=0 if refused else SIZE_MICRO,
        state="REFUSED" if refused else "CONFIRMED",
        reason="not enough balance / allowance" if refused else "",
        created_at=opened,
        moved_at=opened,
    )


def _booked(session, set_id, opened, closed, legs, fee_micro, realised, *, bad, paper):
    """Return the entries of a set with their postings; each sums to zero."""

    def entry(kind, at, micro=0):
        return LedgerEntry(
            entry_id=f"{session.key}-{kind}-{set_id}", session=session, set_id=set_id, kind=kind,
            at=at, realised_micro=micro, paper=paper,
        )  # fmt: skip

    bought = [
        {
            "account": account,
            "token_id": token,
            "amount_micro": price_micro * SIZE_MICRO // 1_000_000,
            "quantity_micro": SIZE_MICRO,
        }
        for account, token, price_micro in legs
    ]
    cost = sum(line["amount_micro"] for line in bought)
    fees = {"account": "FEES", "token_id": legs[0][1], "amount_micro": 2 * fee_micro}
    total = cost + 2 * fee_micro
    out = [{**line, "amount_micro": -line["amount_micro"]} for line in (*bought, fees)]
    for line in out[:-1]:
        line["quantity_micro"] = -line["quantity_micro"]
    back = {"account": "CASH", "amount_micro": total + realised}
    result = {"account": "REALISED", "amount_micro": -realised}
    held = {"account": "RESERVED", "amount_micro": total}
    freed = {"account": "CASH", "amount_micro": -total}
    return [
        (entry("RESERVE", opened), [held, freed]),
        (entry("BUY", opened), [*bought, fees, {**held, "amount_micro": -total}]),
        (entry("SELL" if bad else "MERGE", closed, realised), [back, *out, result]),
    ]


def _samples(session, shape, day, chance):
    span = timedelta(hours=23, minutes=56) / max(shape.samples, 1)
    buckets = (9, 10, 11, 12, 14)
    for number in range(shape.samples):
        p50 = chance.choice(buckets)
        values = {
            "decision_p95_us": p50 * chance.choice((4, 5, 6)),
            "frames_in_second": chance.randrange(20, 400),
            "cash_micro": 100_000_000_000,
        }
        yield MetricSample(
            session=session,
            at=day + timedelta(minutes=1) + span * number,
            values=values,
            realised_micro=0,
            exposure_micro=chance.choice((0, 0, 4_900_000, 9_800_000)),
            feed_age_ms=100,
            decision_p50_us=p50,
            decision_p99_us=p50 * chance.choice((9, 14, 40, 600)),
        )
