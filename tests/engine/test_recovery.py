"""A process dies with live orders under way; another carries on and sends nothing twice."""

import pytest

from tests.engine.builders import MARKET, NO, YES, delta, m
from tests.engine.live_rig import Live, one_leg_filled
from trading.engine.codes import Account, SetState, TradeState
from trading.engine.commands import MergeSet, PlaceOrders, ResolveMerge, ResolveOrders
from trading.engine.events import (
    CapitalChanged,
    ChainReceipt,
    MergeSent,
    OrderAck,
    OrderClosed,
    OrderUnknown,
)
from trading.engine.facts import OpportunitySeen, OrderMoved


def resolving(commands):
    return [order for c in commands if isinstance(c, ResolveOrders) for order in c.orders]


def reserved(live):
    return live.engine.treasury.books.balance(Account.RESERVED)


def never(live, order):
    """The venue does not have it and never had."""
    live.tell(OrderClosed(order_id=order.order_id, matched_micro=0, reason="not at the venue"))


class TestEntry:
    def test_what_was_never_signed_was_never_sent(self):
        live = Live()
        commands = live.restart()
        assert resolving(commands) == []
        assert live.moves[-1] == "ABANDONED"
        ends = [c.fact for c in commands if isinstance(getattr(c, "fact", None), OrderMoved)]
        assert {(fact.state_to, fact.reason[:10]) for fact in ends} == {("REFUSED", "NEVER_SENT")}
        assert reserved(live) == 0
        assert len(live.asked(PlaceOrders)) == 1

    def test_what_was_signed_may_have_been_sent_and_is_looked_up(self):
        live = Live()
        yes, no = live.orders()
        live.prepare(yes)
        live.prepare(no)
        commands = live.restart()
        assert live.moves[-1] == "UNKNOWN"
        asked = resolving(commands)
        assert [(o.order_id, o.order_hash, o.token_id, o.size_micro) for o in asked] == [
            (yes.order_id, f"0x{yes.order_id}", YES, m("10")),
            (no.order_id, f"0x{no.order_id}", NO, m("10")),
        ]
        assert reserved(live) == m("9.5")
        assert live.desk.exposure_micro == m("9.5")

        for number, order in enumerate((yes, no)):
            live.fill(order, "10", trade=f"t{number}")
            live.confirm(order, trade=f"t{number}")
        assert live.moves[-1] == "MERGING"
        assert reserved(live) == 0
        assert live.engine.treasury.books.balance(Account.CASH) == m("90.5")
        assert len(live.asked(PlaceOrders)) == 1

    def test_one_signed_and_one_not(self):
        live = Live()
        yes, _ = live.orders()
        live.prepare(yes)
        assert [order.order_id for order in resolving(live.restart())] == [yes.order_id]
        live.fill(yes, "10")
        assert live.moves[-2:] == ["ONE_MATCHED", "SETTLING"]
        live.confirm(yes)
        assert live.moves[-1] == "COMPLETING"
        assert [order.order_id for order in live.orders("COMPLETE")] == ["v-s1-3"]

    def test_what_the_venue_never_had_ends_the_set(self):
        live = Live()
        for order in live.orders():
            live.prepare(order)
        live.restart()
        for order in live.orders():
            never(live, order)
        assert live.moves[-2:] == ["NONE_MATCHED", "ABANDONED"]
        assert reserved(live) == 0
        assert live.engine.treasury.books.balance(Account.CASH) == m("100")

    def test_an_order_whose_answer_never_came_stays_unknown(self):
        live = Live()
        yes, no = live.orders()
        live.prepare(yes)
        live.prepare(no)
        live.tell(OrderUnknown(order_id=no.order_id, text="time-out"))
        live.fill(yes, "10")
        assert [order.order_id for order in resolving(live.restart())] == [
            yes.order_id,
            no.order_id,
        ]
        assert live.moves[-1] == "UNKNOWN"
        live.wait(60_000)
        assert live.moves[-1] == "UNKNOWN"
        assert live.alerts == ["SET_OVERDUE"]

    def test_its_market_takes_no_second_set(self):
        """A restored set is there before its market is watched, which knows nothing of it."""
        live = Live()
        for order in live.orders():
            live.prepare(order)
        live.restart()
        live.tell(
            delta((YES, "0.53", "0.48", ("bid 0.53x40",)), (NO, "0.52", "0.47", ("ask 0.47x40",)),
                  at_ms=2_000)
        )  # fmt: skip
        seen = [c.fact for c in live.commands if isinstance(getattr(c, "fact", 0), OpportunitySeen)]
        assert seen[-1].refusal == "ATTEMPT_IN_PROGRESS"
        assert len(live.asked(PlaceOrders)) == 1

    def test_a_set_of_which_only_the_plan_is_known_is_abandoned(self):
        live = Live()
        (set_id,) = live.ledger.open_ids
        live.ledger.orders.clear()
        live.ledger.order_moves.clear()
        del live.ledger.set_moves[set_id][1:]
        live.ledger.entries = {
            key: entry for key, entry in live.ledger.entries.items() if entry.kind != "RESERVE"
        }
        live.restart()
        assert live.moves[-3:] == ["ALLOWED", "INTENT", "ABANDONED"]


class TestFills:
    def half(self, yes="10"):
        live = Live()
        orders = live.orders()
        live.fill(orders[0], yes)
        live.kill(orders[1])
        return live, orders

    def test_a_fill_that_is_known_is_not_booked_again(self):
        live, (yes, no) = self.half()
        assert [order.order_id for order in resolving(live.restart())] == [yes.order_id]
        assert live.moves[-1] == "SETTLING"
        booked = len(live.ledger.entries)
        live.fill(yes, "10")
        assert len(live.ledger.entries) == booked
        live.confirm(yes)
        assert len(live.ledger.entries) == booked + 1  # what completing it reserves
        assert live.moves[-1] == "COMPLETING"
        assert live.engine.treasury.books.positions[YES].cost_micro == m("4.8")
        assert no.order_id not in {order.order_id for order in resolving(live.restart())}

    def test_a_fill_that_fails_after_a_restart_is_reversed_at_its_own_price_and_fee(self):
        live = Live()
        yes, no = live.orders()
        live.fill(yes, "10", fee="0.1")
        live.kill(no)
        live.restart()
        live.fill(yes, "10", TradeState.FAILED)
        assert live.moves[-1] == "ABANDONED"
        assert live.engine.treasury.books.balance(Account.CASH) == m("100")
        assert live.engine.treasury.books.positions == {}
        live.fill(yes, "10", TradeState.FAILED)
        assert live.engine.halt_code == ""

    def test_what_was_matched_in_part_goes_on(self):
        live, (yes, _) = self.half(yes="4")
        live.restart()
        assert reserved(live) == m("2.88")  # six more shares at 0.48
        live.fill(yes, "6", trade="t2")
        assert reserved(live) == 0
        live.confirm(yes, "4")
        live.confirm(yes, "6", trade="t2")
        assert live.moves[-1] == "COMPLETING"

    def test_a_match_without_its_fill_is_asked_for(self):
        live = Live()
        yes, no = live.orders()
        for order in (yes, no):
            live.tell(
                OrderAck(order_id=order.order_id, order_hash="0xa", resting=False,
                         matched_micro=m("10"))
            )  # fmt: skip
        asked = resolving(live.restart())
        assert [order.matched_micro for order in asked] == [m("10"), m("10")]
        for number, order in enumerate((yes, no)):
            live.fill(order, "10", TradeState.CONFIRMED, trade=f"t{number}")
        assert live.moves[-1] == "MERGING"

    def test_money_reserved_again_and_again_never_books_one_entry_twice(self):
        """The model ledger refuses an entry that is told twice, as the database drops it."""
        live = Live()
        for order in live.orders():
            live.prepare(order)
        for _ in range(3):
            live.restart()
            assert reserved(live) == m("9.5")
        for order in live.orders():
            never(live, order)
        assert live.ledger.balances()["RESERVED", ""] == (0, 0)


class TestRescue:
    def test_a_completing_set_waits_for_its_order(self):
        live = one_leg_filled()
        (complete,) = live.orders("COMPLETE")
        live.prepare(complete)
        assert [order.order_id for order in resolving(live.restart())] == [complete.order_id]
        assert live.moves[-1] == "COMPLETING"
        live.fill(complete, "10", TradeState.CONFIRMED, trade="t2")
        assert live.moves[-1] == "MERGING"
        assert len(live.orders("COMPLETE")) == 1

    def test_what_was_tried_is_not_tried_again(self):
        live = one_leg_filled()
        (complete,) = live.orders("COMPLETE")
        live.prepare(complete)
        live.restart()
        never(live, complete)
        assert live.moves[-1] == "UNWINDING"
        live.restart()
        assert live.moves[-1] == "EXPOSED"
        assert (len(live.orders("COMPLETE")), len(live.orders("UNWIND"))) == (1, 1)

    def test_a_rescue_waits_for_the_books_of_the_new_session(self):
        live = one_leg_filled()
        (complete,) = live.orders("COMPLETE")
        live.prepare(complete)
        live.restart(books=False)
        never(live, complete)
        assert live.moves[-1] == "COMPLETING"
        live.restart()
        live.wait(100)
        assert live.moves[-1] == "UNWINDING"

    def test_an_exposed_set_is_told_again_and_still_rescued_when_it_can_be(self):
        live = Live(settle_deadline_ms=5_000)
        yes, no = live.orders()
        live.fill(yes, "10")
        live.kill(no)
        live.wait(5_000)
        live.restart()
        assert live.alerts == ["LEG_EXPOSED", "LEG_EXPOSED"]
        live.confirm(yes)
        assert live.moves[-1] == "COMPLETING"


class TestMerge:
    def merging(self):
        live = Live()
        for number, order in enumerate(live.orders()):
            live.fill(order, "10", TradeState.CONFIRMED, trade=f"t{number}")
        return live

    def receipt(self, *, ok):
        dollars_micro = m("10") if ok else 0
        return ChainReceipt(
            set_id="v-s1", ok=ok, size_micro=dollars_micro, proceeds_micro=dollars_micro,
            gas_micro=0, reference="0xmerge" if ok else "", text="" if ok else "never sent",
        )  # fmt: skip

    def test_a_merge_that_was_under_way_is_resolved_not_repeated(self):
        live = self.merging()
        live.tell(MergeSent(set_id="v-s1", reference="0xmerge"))
        commands = live.restart()
        (asked,) = (command for command in commands if isinstance(command, ResolveMerge))
        assert (asked.set_id, asked.condition_id, asked.size_micro) == ("v-s1", MARKET, m("10"))
        assert live.moves[-1] == "MERGING"
        assert len(live.asked(MergeSet)) == 1

        live.tell(self.receipt(ok=True))
        assert live.moves[-1] == "MERGED"
        assert live.engine.treasury.realised_micro == m("0.5")
        assert len(live.asked(MergeSet)) == 1

    def test_one_that_surely_did_not_happen_is_asked_for_anew(self):
        live = self.merging()
        live.restart()
        live.tell(self.receipt(ok=False))
        assert live.moves[-1] == "SETTLED"
        live.wait(3_100)
        assert live.moves[-1] == "MERGING"
        assert len(live.asked(MergeSet)) == 2

    def test_a_merge_that_was_booked_only_lacks_its_move(self):
        live = self.merging()
        live.tell(self.receipt(ok=True))
        live.ledger.set_moves["v-s1"].pop()
        live.restart()
        assert live.moves[-1] == "MERGED"
        assert live.asked(ResolveMerge) == []

    def test_an_open_set_is_the_only_one_that_is_told(self):
        live = self.merging()
        live.tell(self.receipt(ok=True))
        assert not any(isinstance(command, ResolveOrders) for command in live.restart())
        assert live.engine.treasury.books.balance(Account.CASH) == m("100.5")


class TestMoney:
    def test_capital_that_an_earlier_session_booked_is_not_booked_again(self):
        live = Live()
        cash_micro = live.engine.treasury.books.balance(Account.CASH)
        live.restart()
        assert live.tell(CapitalChanged(amount_micro=m("100"), reference="start")) == []
        assert live.engine.treasury.books.balance(Account.CASH) == cash_micro + m("9.5")

    def test_every_entry_of_every_session_sums_to_zero_and_to_the_books(self):
        live = one_leg_filled()
        live.prepare(live.orders("COMPLETE")[0])
        live.restart()
        live.fill(live.orders("COMPLETE")[0], "4", trade="t2")
        live.restart()
        told = {
            account: sum(amount for (name, _), (amount, _) in live.ledger.balances().items()
                         if name == account)
            for account in Account
        }  # fmt: skip
        books = live.engine.treasury.books
        assert told == {account: books.balance(account) for account in Account}
        assert sum(told.values()) == 0


STATES = (SetState.BOTH_MATCHED, SetState.ONE_MATCHED, SetState.FAILED_LEG)


@pytest.mark.parametrize("state", STATES)
def test_a_set_that_died_in_the_middle_of_a_call_goes_on(state):
    if state is SetState.BOTH_MATCHED:
        live = Live()
        for number, order in enumerate(live.orders()):
            live.fill(order, "10", TradeState.CONFIRMED, trade=f"t{number}")
    else:
        live = one_leg_filled()
    moves = live.ledger.set_moves["v-s1"]
    del moves[next(n for n, move in enumerate(moves) if move.state_to == state) + 1 :]
    for order in live.orders("COMPLETE"):
        del live.ledger.orders[order.order_id], live.ledger.order_moves[order.order_id]
        del live.ledger.entries[f"RESERVE:{order.order_id}"]
    live.restart()
    live.wait(100)
    assert live.moves[-1] in ("COMPLETING", "MERGING")
