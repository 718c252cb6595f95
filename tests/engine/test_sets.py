"""What becomes of a set when a leg does not fill, a fill does not settle, or the process died."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.builders import MARKET, NO, YES, delta, m
from tests.engine.live_rig import Live, one_leg_filled
from trading.engine.codes import MarketState, Side, TradeState
from trading.engine.commands import CancelOrders, ConvertSet, MergeSet, PlaceOrders
from trading.engine.events import (
    ChainReceipt,
    MarketStatus,
    OrderRefused,
    OrderUnknown,
    Tick,
)
from trading.engine.facts import LedgerBooked

MS_NS = 1_000_000


class TestOneLeg:
    def test_the_missing_leg_is_bought_within_the_loss_bound(self):
        """PolyArb-X returned nothing and forgot the leg that it held (E19)."""
        live = one_leg_filled()
        assert live.moves[-4:] == ["ONE_MATCHED", "SETTLING", "FAILED_LEG", "COMPLETING"]
        (order,) = live.orders("COMPLETE")
        assert (order.token_id, order.side, order.size_micro) == (NO, Side.BUY, m("10"))

        live.fill(order, "10", trade="t2")
        assert live.moves[-1] == "SETTLING"
        live.fill(order, "10", TradeState.CONFIRMED, trade="t2")
        assert live.moves[-2:] == ["SETTLED", "MERGING"]

    def test_what_cannot_be_completed_is_sold(self):
        live = Live(leg_loss_max_micro=m("0.25"))
        yes, no = live.orders()
        # The cheap NO ask is gone before its order arrives: completing would lose 0.2 a set.
        live.tell(
            delta((YES, "0.47", "0.48", ("bid 0.53x0", "bid 0.46x0", "bid 0.47x50")),
                  (NO, "0.52", "0.72", ("ask 0.47x0", "ask 0.54x0", "ask 0.72x50")), at_ms=2)
        )  # fmt: skip
        live.fill(yes, "10")
        live.kill(no)
        live.fill(yes, "10", TradeState.CONFIRMED)
        assert live.moves[-2:] == ["FAILED_LEG", "UNWINDING"]
        (order,) = live.orders("UNWIND")
        assert (order.token_id, order.side, order.size_micro) == (YES, Side.SELL, m("10"))

        live.fill(order, "10", trade="t2")
        assert live.moves[-1] == "UNWINDING"
        live.fill(order, "10", TradeState.CONFIRMED, trade="t2")
        assert live.moves[-1] == "UNWOUND"
        assert live.desk.exposure_micro == 0
        assert live.engine.treasury.realised_micro == m("-0.1")  # bought at 0.48, sold at 0.47

    def test_what_can_be_neither_is_held_with_an_alert_and_no_new_sets(self):
        live = one_leg_filled(leg_loss_max_micro=0)
        assert live.moves[-1] in ("COMPLETING", "EXPOSED")
        live = Live(leg_loss_max_micro=0)
        yes, no = live.orders()
        live.tell(
            delta((YES, "0.1", "0.48", ("bid 0.53x0", "bid 0.46x0", "bid 0.1x50")),
                  (NO, "0.52", "0.9", ("ask 0.47x0", "ask 0.54x0", "ask 0.9x50")), at_ms=2)
        )  # fmt: skip
        live.fill(yes, "10")
        live.kill(no)
        live.fill(yes, "10", TradeState.CONFIRMED)
        assert live.moves[-2:] == ["FAILED_LEG", "EXPOSED"]
        assert live.alerts == ["LEG_EXPOSED"]
        assert live.desk.exposed_count == 1
        assert live.desk.worst_case_micro == m("4.8")

    def test_a_rescue_that_fails_is_followed_by_the_other_way_then_by_holding(self):
        live = one_leg_filled()
        (complete,) = live.orders("COMPLETE")
        live.kill(complete)
        # Completing was tried: what is left to try is selling.
        assert live.moves[-1] == "UNWINDING"
        (unwind,) = live.orders("UNWIND")
        live.kill(unwind)
        assert live.moves[-1] == "EXPOSED"
        assert live.moves.count("COMPLETING") == live.moves.count("UNWINDING") == 1

    def test_a_rescue_past_its_deadline_is_exposed(self):
        live = one_leg_filled()
        live.now_ns += 11_000 * MS_NS
        live.tell(Tick())
        assert live.moves[-1] == "EXPOSED"
        assert live.alerts == ["LEG_EXPOSED"]


class TestUnknown:
    def test_an_unknown_outcome_is_waited_for_not_guessed(self):
        live = Live()
        yes, no = live.orders()
        live.fill(yes, "10")
        live.tell(OrderUnknown(order_id=no.order_id, text="time-out"))
        assert live.moves[-1] == "UNKNOWN"
        live.now_ns += 3_600_000 * MS_NS
        live.tell(Tick())
        assert live.moves[-1] == "UNKNOWN"
        assert "SET_OVERDUE" in live.alerts
        assert live.orders("COMPLETE") == []

        live.fill(no, "10", trade="t2")
        assert live.moves[-2:] == ["BOTH_MATCHED", "SETTLING"]

    def test_a_fill_may_precede_the_answer_to_the_order(self):
        live = Live()
        yes, no = live.orders()
        for number, order in enumerate((yes, no)):
            live.fill(order, "10", trade=f"t{number}")
            live.ack(order, "10")
        assert live.moves[-1] == "SETTLING"

    def test_a_contradiction_halts(self):
        live = Live()
        yes, _ = live.orders()
        live.fill(yes, "10")
        live.tell(OrderRefused(order_id=yes.order_id, code="X", text="refused"))
        assert live.engine.halt_code == "ORDER_CONTRADICTION"

    def test_news_of_an_order_that_is_not_ours_is_noted(self):
        live = Live()
        live.kill(replace(live.orders()[0], order_id="somebody-else"))
        notes = [
            c.fact.code for c in live.commands if hasattr(c, "fact") and hasattr(c.fact, "code")
        ]
        assert notes[-1] == "ORDER_UNKNOWN"

    def test_the_same_fill_told_twice_is_booked_once(self):
        live = Live()
        yes, _ = live.orders()
        live.fill(yes, "10")
        count = len(live.commands)
        live.fill(yes, "10")
        assert len(live.commands) == count


class TestLateFills:
    def test_a_fill_after_the_end_is_booked_and_halts(self):
        """Shares that nobody expects are held: trading on would trade on a wrong ledger."""
        live = Live()
        yes, no = live.orders()
        for order in (yes, no):
            live.kill(order)
        assert live.moves[-1] == "ABANDONED"
        live.fill(yes, "10")
        assert live.engine.halt_code == "LATE_FILL"
        assert live.engine.treasury.books.positions[YES].quantity_micro == m("10")

    def test_a_repetition_after_the_end_changes_nothing(self):
        live = Live()
        yes, no = live.orders()
        for state in (TradeState.MATCHED, TradeState.FAILED):
            for number, order in enumerate((yes, no)):
                live.fill(order, "10", state, trade=f"t{number}")
        assert live.moves[-1] == "ABANDONED"
        count = len(live.commands)
        live.fill(yes, "10", TradeState.FAILED, trade="t0")
        live.kill(no)
        assert len(live.commands) == count


class TestSettlement:
    def matched(self):
        live = Live()
        yes, no = live.orders()
        live.fill(yes, "10", trade="t1")
        live.fill(no, "10", trade="t2")
        return live, yes, no

    def test_matched_is_not_bought_nothing_is_merged_before_every_fill_is_confirmed(self):
        live, yes, no = self.matched()
        live.fill(yes, "10", TradeState.CONFIRMED, trade="t1")
        live.fill(no, "10", TradeState.MINED, trade="t2")
        assert not any(isinstance(c, MergeSet) for c in live.commands)
        live.fill(no, "10", TradeState.CONFIRMED, trade="t2")
        assert any(isinstance(c, MergeSet) for c in live.commands)

    def test_a_fill_that_fails_is_reversed_and_the_other_leg_is_taken_care_of(self):
        live, yes, no = self.matched()
        live.fill(yes, "10", TradeState.CONFIRMED, trade="t1")
        live.fill(no, "10", TradeState.FAILED, trade="t2")
        assert "FAILED_LEG" in live.moves
        assert live.moves[-1] == "COMPLETING"
        kinds = [
            c.fact.kind for c in live.commands if isinstance(getattr(c, "fact", None), LedgerBooked)
        ]
        assert "REVERSE" in kinds

    def test_when_every_fill_fails_nothing_was_bought(self):
        live, yes, no = self.matched()
        live.fill(yes, "10", TradeState.FAILED, trade="t1")
        live.fill(no, "10", TradeState.FAILED, trade="t2")
        assert live.moves[-1] == "ABANDONED"
        assert live.desk.exposure_micro == 0
        assert live.engine.treasury.realised_micro == 0

    def test_a_merge_that_fails_is_asked_for_again_and_its_gas_is_booked(self):
        live, yes, no = self.matched()
        live.fill(yes, "10", TradeState.CONFIRMED, trade="t1")
        live.fill(no, "10", TradeState.CONFIRMED, trade="t2")
        (merge,) = (c for c in live.commands if isinstance(c, MergeSet))
        failed = ChainReceipt(
            set_id=merge.set_id, ok=False, size_micro=0, proceeds_micro=0, gas_micro=m("0.01"),
            reference="0xa", text="reverted",
        )  # fmt: skip
        live.tell(failed)
        assert live.moves[-1] == "SETTLED"
        live.now_ns += 4_000 * MS_NS
        live.tell(Tick())
        assert live.moves[-1] == "MERGING"
        live.tell(
            replace(failed, ok=True, size_micro=m("10"), proceeds_micro=m("10"), gas_micro=0,
                    reference="0xb")
        )  # fmt: skip
        assert live.moves[-1] == "MERGED"
        assert live.engine.treasury.realised_micro == m("0.5") - m("0.01")

    def test_nothing_filled_is_abandoned_and_counts_as_a_failure(self):
        live = Live()
        for order in live.orders():
            live.tell(OrderRefused(order_id=order.order_id, code="FOK", text="killed"))
        assert live.moves[-1] == "ABANDONED"
        assert live.desk.failed_count == 1
        assert live.engine.treasury.books.reserved(live.orders()[0].order_id) == 0


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=30))
def test_whatever_the_venue_says_the_ledger_balances(script):
    """Random answers in random order: contradictions halt, they never corrupt."""
    live = Live()
    for action, number in script:
        orders = [o for c in live.commands if isinstance(c, PlaceOrders) for o in c.orders]
        order = orders[number % len(orders)]
        if action == 0:
            live.ack(order, "10")
        elif action == 1:
            live.kill(order)
        elif action == 2:
            live.tell(OrderUnknown(order_id=order.order_id, text="time-out"))
        elif action == 3:
            live.fill(order, "10", TradeState.FAILED, trade=f"t-{order.order_id}")
        elif action == 4:
            live.fill(order, "10", TradeState.CONFIRMED, trade=f"t-{order.order_id}")
        elif action == 5:
            live.tell(
                MarketStatus(condition_id=MARKET, state=MarketState.RESOLVED, winning_token_id=YES)
            )
        else:
            live.fill(order, "10", trade=f"t-{order.order_id}")
    for command in live.commands:
        fact = getattr(command, "fact", None)
        if isinstance(fact, LedgerBooked):
            assert sum(posting.amount_micro for posting in fact.postings) == 0
    for position in live.engine.treasury.books.positions.values():
        assert position.quantity_micro >= 0
    assert live.desk.exposure_micro >= 0
    assert not any(isinstance(c, CancelOrders | ConvertSet) for c in live.commands)
