"""Facts, sessions and leases for tests, with plausible defaults."""

import itertools
from datetime import timedelta

from tests.helpers.clocks import NOON, to_ns
from trading.adapters.feed import MarketRecord
from trading.engine import facts as f
from trading.engine.market import FeeSchedule, MarketSpec
from trading.models import EngineLease, EngineSession, Phase

NOON_NS = to_ns(NOON)
SECOND = 1_000_000_000
KEY = "main-7"


def a_session(profile, *, token=7, account="main", **values):
    """Make a session row and the lease that it runs under."""
    EngineLease.objects.update_or_create(
        account=account, defaults={"token": token, "owner": f"host:1:1:{token}"}
    )
    values = {
        "owner": f"host:1:1:{token}",
        "mode": "SHADOW",
        "feed": "recorded",
        "label": "RECORDED",
        "phase": Phase.SHADOW,
        "profile": profile,
        "mandate_revision": 1,
        "state_since": NOON,
        "started_at": NOON,
        "heartbeat_at": NOON,
        **values,
    }
    return EngineSession.objects.create(
        account=account, token=token, key=f"{account}-{token}", **values
    )


def seen(number=1, **values):
    return f.OpportunitySeen(
        **{
            "opportunity_id": f"{KEY}-o{number}",
            "condition_id": "0xabc",
            "strategy": "PAIR",
            "seen_ns": NOON_NS + number,
            "stage": "CONFIRMED",
            "refusal": "BELOW_MIN_PROFIT",
            "reason": "0.4 cents are less than 1 cent",
            "legs": (
                f.LegQuote(token_id="yes", ask_micro=480_000, size_micro=10, venue_ms=1),
                f.LegQuote(token_id="no", ask_micro=510_000, size_micro=20, venue_ms=1),
            ),
            "gap_micro": 10_000,
            "edge_micro": 4_000,
            "size_micro": 5_000_000,
            "cost_micro": 4_950_000,
            "fee_micro": 6_000,
            "net_micro": 20_000,
            "ladder": (((480_000, 10),), ((510_000, 20),)),
            **values,
        }
    )


def opened(number=1, **values):
    set_id = f"{KEY}-s{number}"
    return f.SetOpened(
        **{
            "set_id": set_id,
            "opportunity_id": f"{KEY}-o{number}",
            "condition_id": "0xabc",
            "strategy": "PAIR",
            "opened_ns": NOON_NS,
            "size_micro": 5_000_000,
            "cost_micro": 4_950_000,
            "payout_micro": 1_000_000,
            "expected_net_micro": 20_000,
            "paper": True,
            "raised": False,
            "legs": tuple(
                f.LegPlanned(
                    token_id=token,
                    condition_id="0xabc",
                    order_id=f"{set_id}-{leg}",
                    limit_micro=500_000,
                    size_micro=5_000_000,
                    cost_micro=2_475_000,
                    fee_micro=3_000,
                )
                for leg, token in enumerate(("yes", "no"), 1)
            ),
            **values,
        }
    )


def set_moves(*states, number=1, first=1):
    """The moves of a set through these states; the first one is where it comes from."""
    return [
        f.SetMoved(
            set_id=f"{KEY}-s{number}",
            sequence=first + index,
            state_from=before,
            state_to=after,
            at_ns=NOON_NS + (first + index) * SECOND,
            reason=f"to {after}",
        )
        for index, (before, after) in enumerate(itertools.pairwise(states))
    ]


def order_moves(*states, number=1, matched_micro=5_000_000):
    return [
        f.OrderMoved(
            order_id=f"{KEY}-s1-{number}",
            set_id=f"{KEY}-s1",
            token_id="yes",
            side="BUY",
            limit_micro=500_000,
            size_micro=5_000_000,
            matched_micro=matched_micro if after in ("MATCHED", "CONFIRMED") else 0,
            sequence=index + 1,
            state_from=before,
            state_to=after,
            at_ns=NOON_NS + index * SECOND,
            reason=f"to {after}",
            order_hash="0xhash" if after != "SUBMITTED" else "",
        )
        for index, (before, after) in enumerate(itertools.pairwise(states))
    ]


def trade(state="MATCHED", number=1, **values):
    return f.TradeRecorded(
        **{
            "trade_id": f"t{number}",
            "order_id": f"{KEY}-s1-1",
            "set_id": f"{KEY}-s1",
            "condition_id": "0xabc",
            "token_id": "yes",
            "side": "BUY",
            "price_micro": 480_000,
            "size_micro": 5_000_000,
            "fee_micro": 3_000,
            "state": state,
            "at_ns": NOON_NS + (2 * SECOND if state == "CONFIRMED" else SECOND),
            "paper": True,
            **values,
        }
    )


def booked(kind, postings, *, key="1", realised_micro=0, set_id=f"{KEY}-s1", at_ns=NOON_NS, **more):
    """A double entry; postings are (account, amount) or (account, amount, token, quantity)."""
    return f.LedgerBooked(
        entry_id=f"{kind}:{key}",
        kind=kind,
        set_id=set_id,
        at_ns=at_ns,
        postings=tuple(
            f.Posting(
                account=line[0],
                amount_micro=line[1],
                token_id=line[2] if len(line) > 2 else "",
                quantity_micro=line[3] if len(line) > 3 else 0,
            )
            for line in postings
        ),
        realised_micro=realised_micro,
        paper=more.get("paper", True),
    )


def sample(second=0, **values):
    return f.MetricSample(
        **{
            "at_ns": NOON_NS + second * SECOND,
            "markets": 1,
            "books_fresh": 2,
            "books_stale": 0,
            "feed_connected": True,
            "frames": 100 + second,
            "gaps_seen": 3,
            "gaps_confirmed": 2,
            "gaps_allowed": 1,
            "sets_submitted": 1,
            "sets_completed": 1,
            "sets_failed": 0,
            "realised_micro": 20_000,
            "realised_today_micro": 20_000,
            "exposure_micro": 4_950_000,
            "worst_case_micro": 0,
            "cash_micro": 95_000_000,
            "breaker": "CLOSED",
            "halted": False,
            "halt_code": "",
            **values,
        }
    )


def note(number=1, **values):
    return f.EngineNoted(
        **{
            "note_id": f"{KEY}-n{number}",
            "at_ns": NOON_NS,
            "level": "INFO",
            "code": "MANDATE",
            "text": "mandate revision 3: may trade",
            **values,
        }
    )


def market(condition_id="0xabc", tokens=("yes", "no"), **values):
    return MarketRecord(
        **{
            "spec": MarketSpec(
                condition_id=condition_id,
                token_ids=tokens,
                tick_micro=10_000,
                min_order_size_micro=5_000_000,
                fee=FeeSchedule(rate_micro=70_000, exponent=1),
            ),
            "slug": "btc-up",
            "question": "Bitcoin up?",
            "yes_outcome": "Up",
            "no_outcome": "Down",
            "source": "recorded",
            "ends_at_ms": (NOON_NS // 1_000_000) + 900_000,
            **values,
        }
    )


def a_whole_set():
    """Every fact of one pair that was bought and merged, in the order of the engine."""
    return [
        seen(1, stage="SUBMITTED", refusal="", set_id=f"{KEY}-s1"),
        opened(1),
        *set_moves("SEEN", "CONFIRMED", "ALLOWED", "INTENT"),
        booked("RESERVE", [("CASH", -4_960_000), ("RESERVED", 4_960_000)]),
        *order_moves("INTENT", "SUBMITTED", "MATCHED", "CONFIRMED"),
        trade("MATCHED"),
        booked(
            "BUY",
            [
                ("RESERVED", -4_956_000),
                ("YES", 2_400_000, "yes", 5_000_000),
                ("FEES", 3_000, "yes"),
                ("NO", 2_550_000, "no", 5_000_000),
                ("FEES", 3_000, "no"),
            ],
        ),
        trade("CONFIRMED"),
        *set_moves(
            "INTENT", "SUBMITTED", "BOTH_MATCHED", "SETTLING", "SETTLED", "MERGING", first=4
        ),
        booked(
            "MERGE",
            [
                ("CASH", 5_000_000),
                ("YES", -2_400_000, "yes", -5_000_000),
                ("FEES", -3_000, "yes"),
                ("NO", -2_550_000, "no", -5_000_000),
                ("FEES", -3_000, "no"),
                ("REALISED", -44_000),
            ],
            realised_micro=44_000,
            at_ns=NOON_NS + 9 * SECOND,
        ),
        *set_moves("MERGING", "MERGED", first=9),
        sample(0),
        note(1),
        f.OpportunityRepeated(
            opportunity_id=f"{KEY}-o1", frames=12, last_seen_ns=NOON_NS + 3 * SECOND
        ),
    ]


def later(**step):
    return NOON + timedelta(**step)
