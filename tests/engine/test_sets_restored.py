"""Sets of neg-risk events, sets that a dead session left, and the circuit breaker."""

from dataclasses import replace

from tests.engine.builders import FREE, MARKET, NO, NOW_NS, YES, delta, limits, m, snapshot, spec
from tests.engine.live_rig import Live
from tests.engine.rig import Rig
from trading.engine.events import (
    MarketListed,
    OrderRefused,
    RestoredBalance,
    RestoredLeg,
    RestoredSet,
    StateRestored,
)
from trading.engine.facts import SetMoved
from trading.engine.units import MICRO

MS_NS = 1_000_000


class TestBreaker:
    def test_failures_in_a_row_open_it_and_raise_a_critical_alert(self):
        live = Live(breaker_failures_max=2, cooldown_ms=0)
        for number in (1, 2):
            for order in live.orders()[-2:]:
                live.tell(OrderRefused(order_id=order.order_id, code="FOK", text="killed"))
            live.now_ns += MS_NS
            live.tell(
                delta((NO, "0.52", "0.47", (f"ask 0.47x{40 + number}",)),
                      (YES, "0.53", "0.48", (f"bid 0.53x{40 + number}",)), at_ms=1 + number)
            )  # fmt: skip
        assert live.alerts == ["CIRCUIT_BREAKER_OPEN"]
        assert len(live.orders()) == 4
        refusals = [getattr(c.fact, "refusal", "") for c in live.commands if hasattr(c, "fact")]
        assert refusals[-1] == "BREAKER_OPEN"


class TestNegRisk:
    def rig(self) -> Rig:
        rig = Rig(limits(neg_risk_enabled=True, pair_enabled=False, trade_size_micro=m("30")))
        for number in range(3):
            rig.tell(
                MarketListed(
                    spec=spec(
                        f"0x{number}", token_ids=(f"y{number}", f"n{number}"), fee=FREE,
                        neg_risk_event_id="event", neg_risk_legs=3,
                    )
                )
            )  # fmt: skip
        return rig

    def read(self, rig: Rig, no_ask: str, *, from_read: bool) -> None:
        for number in range(3):
            for token, bid, ask in (("y", "0.3x50", "0.4x50"), ("n", "0.5x50", f"{no_ask}x50")):
                rig.tell(
                    snapshot(f"{token}{number}", bids=(bid,), asks=(ask,),
                             condition_id=f"0x{number}", from_read=from_read)
                )  # fmt: skip

    def test_a_gap_over_an_event_is_believed_only_after_every_leg_was_read_anew(self):
        rig = self.rig()
        self.read(rig, "0.6", from_read=False)
        assert rig.last.refusal == "LEGS_NOT_SAME_INSTANT"
        rig.now_ns += 1
        self.read(rig, "0.6", from_read=True)
        assert rig.states()[-1] == "INTENT"
        rig.wait(10_000)
        assert rig.states()[-1] == "MERGED"
        # Three NO at 0.60 cost 1.80 a set and convert into two dollars: 0.20 a set.
        # PolyArb-X paid a dollar per outcome (E29).
        assert rig.sample.realised_micro * 9 == rig.sample.cash_micro * 9 - 9 * m("100")
        assert rig.sample.realised_micro > 0

    def test_an_augmented_event_is_refused(self):
        rig = self.rig()
        rig.tell(
            MarketListed(
                spec=spec("0x0", token_ids=("y0", "n0"), neg_risk_event_id="event",
                          neg_risk_legs=3, neg_risk_augmented=True)
            )
        )  # fmt: skip
        self.read(rig, "0.6", from_read=False)
        rig.now_ns += 1
        self.read(rig, "0.6", from_read=True)
        assert rig.last.refusal == "NEG_RISK_AUGMENTED"


def holding(state: str, yes: str, no: str) -> StateRestored:
    """A session died with a set of which so many shares were recorded."""
    cost = {"YES": m(yes) * 48 // 100, "NO": m(no) * 47 // 100}
    balances = [
        RestoredBalance(account="CASH", token_id="", amount_micro=100 * MICRO - sum(cost.values()),
                        quantity_micro=0),
        RestoredBalance(
            account="CAPITAL", token_id="", amount_micro=-100 * MICRO, quantity_micro=0
        ),
    ]  # fmt: skip
    legs = []
    for account, token_id, held in (("YES", YES, m(yes)), ("NO", NO, m(no))):
        if held:
            balances.append(
                RestoredBalance(account=account, token_id=token_id, amount_micro=cost[account],
                                quantity_micro=held)
            )  # fmt: skip
        legs.append(
            RestoredLeg(token_id=token_id, condition_id=MARKET, size_micro=m("10"),
                        held_micro=held, cost_micro=cost[account], fee_micro=0)
        )  # fmt: skip
    return StateRestored(
        balances=tuple(balances),
        day="2026-09-21",
        realised_today_micro=-5,
        open_sets=(
            RestoredSet(set_id="old-s1", place_id=MARKET, strategy="PAIR", state=state, sequence=4,
                        payout_micro=MICRO, opened_ns=NOW_NS, expected_net_micro=0,
                        legs=tuple(legs)),
        ),
    )  # fmt: skip


class TestRestored:
    def rig(self, restored: StateRestored) -> Rig:
        rig = Rig()
        rig.books()
        rig.tell(restored)
        rig.wait(5_000)
        return rig

    def test_a_paper_set_without_fills_never_bought_anything(self):
        rig = self.rig(holding("SUBMITTED", "0", "0"))
        assert rig.states("old-s1")[-1] == "ABANDONED"

    def test_a_set_with_both_legs_is_merged(self):
        rig = self.rig(holding("SETTLING", "10", "10"))
        assert rig.states("old-s1")[-1] == "MERGED"
        assert rig.sample.realised_micro == m("0.5")
        assert rig.sample.realised_today_micro == m("0.5") - 5

    def test_a_merge_that_was_under_way_is_asked_for_anew(self):
        rig = self.rig(holding("MERGING", "10", "10"))
        assert rig.states("old-s1")[-1] == "MERGED"

    def test_a_set_with_one_leg_is_completed_or_sold(self):
        rig = self.rig(holding("SUBMITTED", "10", "0"))
        assert rig.states("old-s1")[-1] in ("MERGED", "UNWOUND")
        assert rig.sample.exposure_micro == 0

    def test_a_set_that_was_completing_does_not_complete_a_second_time(self):
        rig = self.rig(holding("COMPLETING", "10", "0"))
        assert rig.stops == []
        assert rig.states("old-s1")[-1] in ("UNWOUND", "EXPOSED")

    def test_moves_go_on_counting_where_they_stopped(self):
        rig = self.rig(holding("SETTLING", "10", "10"))
        numbers = [f.sequence for f in rig.facts(SetMoved) if f.set_id == "old-s1"]
        assert numbers == list(range(5, 5 + len(numbers)))

    def test_balances_that_do_not_add_up_stop_trading(self):
        restored = holding("SETTLING", "10", "10")
        rig = Rig()
        rig.tell(replace(restored, balances=restored.balances[1:]))
        assert rig.stops == ["LEDGER_CONTRADICTION"]
