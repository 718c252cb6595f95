"""With real money a match is no fill: only what is confirmed is completed, sold or merged."""

from dataclasses import replace

from tests.engine.builders import NO, YES, delta, m
from tests.engine.live_rig import Live, one_leg_filled
from trading.engine.codes import Account, Side, TradeState
from trading.engine.commands import CancelOrders, MergeSet, PlaceOrders
from trading.engine.events import ChainReceipt, FeedChanged, OrderAck, OrderUnknown


def receipt(set_id, size="10", **changes):
    ok = ChainReceipt(
        set_id=set_id, ok=True, size_micro=m(size), proceeds_micro=m(size), gas_micro=0,
        reference="0xmerge",
    )  # fmt: skip
    return replace(ok, **changes)


class TestOneLeg:
    def matched(self, **bounds):
        live = Live(**bounds)
        yes, no = live.orders()
        live.fill(yes, "10")
        live.kill(no)
        return live, yes

    def test_a_match_alone_buys_nothing(self):
        """A ghost fill that was completed at once became a second position (polymarket.md 11)."""
        live, _ = self.matched()
        assert live.moves[-2:] == ["ONE_MATCHED", "SETTLING"]
        assert live.orders("COMPLETE") == live.orders("UNWIND") == []
        assert live.alerts == []

    def test_what_is_confirmed_is_completed(self):
        live, yes = self.matched()
        live.confirm(yes)
        assert live.moves[-2:] == ["FAILED_LEG", "COMPLETING"]
        assert [order.token_id for order in live.orders("COMPLETE")] == [NO]

    def test_what_failed_was_never_bought(self):
        live, yes = self.matched()
        live.fill(yes, "10", TradeState.FAILED)
        assert live.moves[-2:] == ["FAILED_LEG", "ABANDONED"]
        assert live.orders("COMPLETE") == []
        assert live.engine.treasury.books.balance(Account.CASH) == m("100")

    def test_unequal_and_not_confirmed_in_time_is_exposed(self):
        live, yes = self.matched(settle_deadline_ms=5_000)
        live.wait(4_900)
        assert live.moves[-1] == "SETTLING"
        live.wait(100)
        assert live.moves[-1] == "EXPOSED"
        assert live.alerts == ["LEG_EXPOSED"]
        assert live.desk.worst_case_micro == m("4.8")

        live.confirm(yes)
        assert live.moves[-1] == "COMPLETING"

    def test_a_failure_after_the_deadline_ends_it(self):
        live, yes = self.matched(settle_deadline_ms=5_000)
        live.wait(5_000)
        live.fill(yes, "10", TradeState.FAILED)
        assert live.moves[-2:] == ["UNWINDING", "UNWOUND"]
        assert live.desk.exposure_micro == 0

    def test_equal_and_not_confirmed_in_time_is_only_told(self):
        live = Live(settle_deadline_ms=5_000)
        for number, order in enumerate(live.orders()):
            live.fill(order, "10", trade=f"t{number}")
        live.wait(6_000)
        assert live.moves[-1] == "SETTLING"
        assert live.alerts == ["SET_OVERDUE"]
        for number, order in enumerate(live.orders()):
            live.confirm(order, trade=f"t{number}")
        assert live.moves[-1] == "MERGING"


class TestMoreThanPlanned:
    """A BUY spends dollars: at a better price it brings more shares than were asked for."""

    def bought(self, yes_size, **bounds):
        live = Live(**bounds)
        yes, no = live.orders()
        for order, size, trade in ((yes, yes_size, "t1"), (no, "10", "t2")):
            live.tell(
                OrderAck(order_id=order.order_id, order_hash="0x", resting=False,
                         matched_micro=m(size))
            )  # fmt: skip
            live.fill(order, size, trade=trade)
            live.fill(order, size, TradeState.CONFIRMED, trade=trade)
        return live

    def test_a_little_more_is_dust_and_is_named(self):
        live = self.bought("10.4")
        assert live.moves[-2:] == ["SETTLED", "MERGING"]
        reasons = [c.fact.reason for c in live.commands if hasattr(getattr(c, "fact", 0), "reason")]
        assert "every fill is confirmed; left over as dust: 0.4 shares" in reasons
        (merge,) = live.asked(MergeSet)
        assert merge.size_micro == m("10")

        live.tell(receipt(merge.set_id))
        assert live.moves[-1] == "MERGED"
        assert live.engine.treasury.books.positions[YES].quantity_micro == m("0.4")
        assert live.desk.exposure_micro == 0

    def test_much_more_is_a_surplus_that_is_taken_care_of(self):
        live = self.bought("16")
        assert live.moves[-2:] == ["FAILED_LEG", "COMPLETING"]
        (order,) = live.orders("COMPLETE")
        assert (order.token_id, order.size_micro) == (NO, m("6"))

    def test_a_second_fill_after_the_first_was_confirmed_is_taken(self):
        live = Live()
        yes, no = live.orders()
        live.fill(no, "10", trade="t2")
        live.fill(yes, "10")
        live.confirm(yes)
        live.fill(yes, "0.4", trade="t3")
        assert live.engine.halt_code == ""
        live.confirm(no, trade="t2")
        assert live.moves[-1] == "SETTLING"
        live.confirm(yes, "0.4", trade="t3")
        assert live.moves[-1] == "MERGING"


class TestSelling:
    def selling(self):
        live = one_leg_filled(leg_loss_max_micro=m("0.25"))
        (complete,) = live.orders("COMPLETE")
        live.kill(complete)
        (unwind,) = live.orders("UNWIND")
        return live, unwind

    def test_a_sale_ends_the_set_only_when_it_is_confirmed(self):
        live, unwind = self.selling()
        live.fill(unwind, "10", trade="t9")
        assert live.moves[-1] == "UNWINDING"
        live.confirm(unwind, trade="t9")
        assert live.moves[-1] == "UNWOUND"
        assert live.engine.halt_code == ""

    def test_a_sale_counts_until_it_is_confirmed_because_its_shares_may_come_back(self):
        live, unwind = self.selling()
        live.fill(unwind, "10", trade="t9")
        sold_micro = live.desk.exposure_micro
        live.fill(unwind, "10", TradeState.FAILED, trade="t9")

        assert sold_micro == unwind.limit_micro * 10
        assert live.desk.exposure_micro == sold_micro

    def test_a_sale_that_failed_leaves_the_shares_to_people(self):
        live, unwind = self.selling()
        live.fill(unwind, "10", trade="t9")
        live.fill(unwind, "10", TradeState.FAILED, trade="t9")
        assert live.moves[-1] == "EXPOSED"
        assert live.engine.treasury.books.positions[YES].cost_micro == m("4.8")
        assert live.desk.exposure_micro >= m("4.8")

    def test_a_confirmation_may_take_longer_than_the_sale(self):
        live, unwind = self.selling()
        live.fill(unwind, "10", trade="t9")
        live.wait(40_000)
        assert live.moves[-1] == "UNWINDING"
        live.wait(120_000)
        assert live.moves[-1] == "EXPOSED"
        live.confirm(unwind, trade="t9")
        assert live.moves[-2:] == ["UNWINDING", "UNWOUND"]


class TestRescue:
    def test_both_ways_are_tried_in_their_order(self):
        live = one_leg_filled()
        live.kill(live.orders("COMPLETE")[0])
        assert live.moves[-1] == "UNWINDING"
        (unwind,) = live.orders("UNWIND")
        assert (unwind.token_id, unwind.side, unwind.size_micro) == (YES, Side.SELL, m("10"))

    def test_what_could_not_be_sold_is_completed_if_the_book_allows_it_now(self):
        live = Live(leg_loss_max_micro=m("0.25"))
        yes, no = live.orders()
        live.tell(
            delta((YES, "0.47", "0.48", ("bid 0.53x0", "bid 0.46x0", "bid 0.47x50")),
                  (NO, "0.52", "0.72", ("ask 0.47x0", "ask 0.54x0", "ask 0.72x50")), at_ms=2)
        )  # fmt: skip
        live.fill(yes, "10")
        live.kill(no)
        live.confirm(yes)
        assert live.moves[-1] == "UNWINDING"
        live.tell(delta((NO, "0.52", "0.53", ("ask 0.53x50",)), at_ms=3))
        live.kill(live.orders("UNWIND")[0])
        assert live.moves[-3:] == ["UNWINDING", "FAILED_LEG", "COMPLETING"]

    def test_without_the_money_to_complete_the_surplus_is_sold(self):
        live = Live(leg_loss_max_micro=m("1"))
        yes, no = live.orders()
        live.fill(yes, "10")
        live.kill(no)
        # Somebody took the money out: nothing may be bought on credit.
        live.engine.treasury.books.open_capital(
            m("1") - live.engine.treasury.books.balance(Account.CASH), at_ns=live.now_ns
        )
        live.confirm(yes)
        assert live.moves[-1] == "UNWINDING"
        assert live.engine.halt_code == ""

    def test_a_book_that_is_not_valid_is_waited_for(self):
        live = Live()
        yes, no = live.orders()
        live.fill(yes, "10")
        live.kill(no)
        live.tell(FeedChanged(connected=False, token_ids=(), reason="lost"))
        live.confirm(yes)
        assert live.moves[-1] == "FAILED_LEG"
        live.wait(1_000)
        assert live.orders("COMPLETE") == []
        live.books(at_ms=10)
        live.wait(100)
        assert live.moves[-1] == "COMPLETING"

    def test_a_book_that_stays_invalid_is_told_and_taken_up_when_it_is_valid(self):
        live = Live()
        yes, no = live.orders()
        live.fill(yes, "10")
        live.kill(no)
        live.tell(FeedChanged(connected=False, token_ids=(), reason="lost"))
        live.confirm(yes)
        live.wait(11_000)
        assert live.moves[-1] == "EXPOSED"
        assert live.alerts == ["LEG_EXPOSED"]
        live.books(at_ms=10)
        live.wait(100)
        assert live.moves[-1] == "COMPLETING"

    def test_a_fill_that_comes_while_books_are_waited_for_makes_it_whole(self):
        live = Live()
        yes, no = live.orders()
        live.fill(yes, "10")
        live.kill(no)
        live.tell(FeedChanged(connected=False, token_ids=(), reason="lost"))
        live.confirm(yes)
        live.fill(no, "10", trade="t2")
        assert live.moves[-1] == "SETTLING"
        live.confirm(no, trade="t2")
        assert live.moves[-1] == "MERGING"

    def test_a_half_filled_set_keeps_the_room_of_its_missing_leg_until_that_was_tried(self):
        live = Live()
        yes, no = live.orders()
        live.prepare(yes)
        live.prepare(no)
        live.fill(yes, "10", state=TradeState.MATCHED)
        live.kill(no)
        assert live.moves[-1] == "SETTLING"
        assert live.desk.exposure_micro == m("10")

    def test_exposure_counts_what_is_being_bought(self):
        live = one_leg_filled()
        (order,) = live.orders("COMPLETE")
        assert live.desk.exposure_micro == m("4.8") + order.limit_micro * 10
        live.kill(order)
        assert live.moves[-1] == "UNWINDING"
        assert live.desk.exposure_micro == m("10")  # the sale may fail, and it be completed then


class TestCancelling:
    def test_an_entry_order_that_waits_past_its_deadline_is_cancelled(self):
        live = Live()
        yes, no = live.orders()
        live.tell(OrderAck(order_id=yes.order_id, order_hash="0xa", resting=True, matched_micro=0))
        live.tell(OrderUnknown(order_id=no.order_id, text="time-out"))
        live.wait(11_000)
        (cancel,) = live.asked(CancelOrders)
        assert cancel.order_ids == (yes.order_id, no.order_id)
        assert live.alerts == ["SET_OVERDUE"]
        assert len(live.asked(PlaceOrders)) == 1

    def test_one_that_was_answered_is_not(self):
        live = Live()
        yes, _ = live.orders()
        live.fill(yes, "10")
        live.wait(11_000)
        assert live.asked(CancelOrders) == []
        assert live.alerts == ["SET_OVERDUE"]

    def test_a_rescue_that_nobody_knows_of_is_cancelled_and_exposed(self):
        live = one_leg_filled()
        (order,) = live.orders("COMPLETE")
        live.tell(OrderUnknown(order_id=order.order_id, text="time-out"))
        live.wait(11_000)
        assert [cancel.order_ids for cancel in live.asked(CancelOrders)] == [(order.order_id,)]
        assert live.moves[-1] == "EXPOSED"

        live.fill(order, "10", trade="t2")
        assert live.moves[-1] == "EXPOSED"
        live.confirm(order, trade="t2")
        assert live.moves[-2:] == ["SETTLED", "MERGING"]


class TestMerging:
    def merging(self):
        live = Live()
        for number, order in enumerate(live.orders()):
            live.fill(order, "10", TradeState.CONFIRMED, trade=f"t{number}")
        (merge,) = live.asked(MergeSet)
        return live, merge.set_id

    def test_nothing_is_merged_before_every_fill_is_confirmed(self):
        live = Live()
        yes, no = live.orders()
        for state in (TradeState.MATCHED, TradeState.MINED):
            live.fill(yes, "10", state, trade="t1")
            live.fill(no, "10", state, trade="t2")
        live.confirm(yes)
        assert live.asked(MergeSet) == []
        live.confirm(no, trade="t2")
        assert len(live.asked(MergeSet)) == 1

    def test_a_failure_told_twice_is_one_failure(self):
        """Else the second would end the merge that was asked for after the first."""
        live, set_id = self.merging()
        failed = receipt(set_id, ok=False, size_micro=0, proceeds_micro=0, text="reverted")
        live.tell(failed)
        live.wait(3_100)
        assert live.moves[-1] == "MERGING"
        assert live.tell(failed) == []
        live.tell(receipt(set_id, reference="0xsecond"))
        assert live.moves[-1] == "MERGED"

    def test_a_merge_told_twice_is_booked_once_when_as_much_came_meanwhile(self):
        live, set_id = self.merging()
        merged = receipt(set_id)
        for number, order in enumerate(live.orders(), start=3):
            live.confirm(order, trade=f"t{number}")
        live.tell(merged)
        assert (live.moves[-1], len(live.asked(MergeSet))) == ("MERGING", 2)
        entries = len(live.ledger.entries)

        assert live.tell(merged) == []
        assert len(live.ledger.entries) == entries

        live.tell(receipt(set_id, reference="0xsecond"))
        assert live.moves[-1] == "MERGED"

    def test_a_merge_that_fails_again_and_again_is_told_and_tried_ever_more_rarely(self):
        live, set_id = self.merging()
        for number in range(5):
            assert live.moves[-1] == "MERGING"
            live.tell(
                receipt(set_id, ok=False, size_micro=0, proceeds_micro=0, reference=f"0x{number}",
                        gas_micro=m("0.01"))
            )  # fmt: skip
            live.wait(3_000 << number)
        assert live.alerts == ["SET_OVERDUE"]
        assert live.engine.treasury.realised_micro == m("-0.05")

    def test_a_failure_that_cost_nothing_books_nothing(self):
        live, set_id = self.merging()
        entries = len(live.ledger.entries)
        live.tell(receipt(set_id, ok=False, size_micro=0, proceeds_micro=0))
        assert len(live.ledger.entries) == entries

    def test_more_than_the_set_holds_was_never_merged_for_it(self):
        live, set_id = self.merging()
        live.tell(receipt(set_id, "11"))
        assert live.engine.halt_code == "CHAIN_CONTRADICTION"
        assert live.moves[-1] == "MERGING"

    def test_shares_that_came_while_it_was_merged_stay_with_the_set(self):
        live, set_id = self.merging()
        yes, _ = live.orders()
        live.fill(yes, "6", TradeState.CONFIRMED, trade="t8")
        live.tell(receipt(set_id))
        assert "EXPOSED" in live.moves
        assert live.moves[-1] == "COMPLETING"
        live.fill(live.orders("COMPLETE")[0], "6", TradeState.CONFIRMED, trade="t9")
        assert live.moves[-1] == "MERGING"
        live.tell(receipt(set_id, "6", reference="0xsecond"))
        assert live.moves[-1] == "MERGED"
        assert live.engine.treasury.books.positions == {}


def test_a_market_that_is_over_has_no_minimum_and_still_knows_dust():
    live = Live()
    yes, no = live.orders()
    live.fill(yes, "10.4", trade="t1")
    live.fill(no, "10", trade="t2")
    live.restart(books=False)
    live.confirm(yes, "10.4")
    live.confirm(no, trade="t2")
    assert live.moves[-1] == "MERGING"
