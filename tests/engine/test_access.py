"""What has to hold before live orders leave, and money that comes from outside."""

import pytest

from tests.engine.builders import NO, YES, delta, m
from tests.engine.live_rig import Live
from tests.engine.rig import Rig
from trading.engine.codes import ACCESS_PROBLEMS, Account, OrderState, TradeState
from trading.engine.commands import MergeSet, PlaceOrders
from trading.engine.events import (
    AccessChanged,
    CapitalChanged,
    ChainReceipt,
    HaltRequested,
    MergeSent,
    OrderPrepared,
)
from trading.engine.facts import EngineNoted, OpportunitySeen, OrderMoved, SetMoved

MS_NS = 1_000_000


def facts(live, kind):
    found = (getattr(command, "fact", None) for command in live.commands)
    return [fact for fact in found if isinstance(fact, kind)]


def cross(live, at_ms):
    """A gap in other sizes than the one that the rig begins with."""
    live.now_ns += 2_000 * MS_NS
    live.tell(
        delta((NO, "0.52", "0.47", (f"ask 0.47x{40 + at_ms}",)),
              (YES, "0.53", "0.48", (f"bid 0.53x{40 + at_ms}",)), at_ms=at_ms)
    )  # fmt: skip


class TestAccess:
    @pytest.mark.parametrize("problem", sorted(ACCESS_PROBLEMS))
    def test_a_problem_refuses_new_sets_by_its_own_code(self, problem):
        live = Live(access=problem)
        assert live.orders() == []
        assert facts(live, OpportunitySeen)[-1].refusal == problem
        assert facts(live, OpportunitySeen)[-1].reason == "as the test says"

        live.tell(AccessChanged(problem="", text="all is well"))
        cross(live, 2)
        assert len(live.orders()) == 2

    def test_a_live_engine_trusts_nothing_before_it_is_told(self):
        live = Live(access=None)
        assert live.orders() == []
        assert facts(live, OpportunitySeen)[-1].refusal == "NOT_RECONCILED"

    def test_a_word_that_is_not_known_never_counts_as_good(self):
        live = Live(access="MOON_PHASE")
        assert live.orders() == []
        assert facts(live, OpportunitySeen)[-1].refusal == "NOT_RECONCILED"
        assert "MOON_PHASE" in facts(live, OpportunitySeen)[-1].reason

    def test_each_change_is_noted_once(self):
        live = Live()
        before = len(facts(live, EngineNoted))
        lost = AccessChanged(problem="HEARTBEAT_LOST", text="no answer for 10 s")
        for _ in range(3):
            live.tell(lost)
        live.tell(AccessChanged(problem="", text="answered"))
        noted = facts(live, EngineNoted)[before:]
        assert [(note.level, note.code) for note in noted] == [
            ("WARNING", "ACCESS"),
            ("INFO", "ACCESS"),
        ]

    def test_paper_needs_no_access(self):
        rig = Rig()
        rig.books()
        assert rig.tell(AccessChanged(problem="SIGNER_DOWN", text="no signer")) == []
        rig.cross()
        assert rig.states()[-1] == "INTENT"

    def test_an_open_set_is_completed_whatever_the_access(self):
        live = Live()
        yes, no = live.orders()
        live.tell(AccessChanged(problem="USER_CHANNEL_DOWN", text="lost"))
        live.fill(yes, "10")
        live.kill(no)
        live.fill(yes, "10", TradeState.CONFIRMED)
        assert len(live.orders("COMPLETE")) == 1

    def test_an_open_set_is_completed_after_a_halt_of_any_kind(self):
        """What is half filled is a risk that a halt does not take away."""
        live = Live()
        yes, no = live.orders()
        live.tell(HaltRequested(code="KILL_SWITCH", reason="the file is there"))
        live.fill(yes, "10")
        live.kill(no)
        live.fill(yes, "10", TradeState.CONFIRMED)
        assert len(live.orders("COMPLETE")) == 1
        cross(live, 2)
        assert len(live.orders()) == 2

    def test_no_order_of_a_new_set_leaves_after_a_halt(self):
        live = Live(access="NOT_RECONCILED")
        live.tell(HaltRequested(code="KILL_SWITCH", reason="the file is there"))
        live.tell(AccessChanged(problem="", text="all is well"))
        cross(live, 2)
        assert not any(isinstance(command, PlaceOrders) for command in live.commands)


class TestPrepared:
    def test_the_hash_is_told_before_the_order_is_sent(self):
        live = Live()
        yes, _ = live.orders()
        live.tell(OrderPrepared(order_id=yes.order_id, order_hash="0xaa"))
        told = [fact for fact in facts(live, OrderMoved) if fact.order_id == yes.order_id][-1]
        assert (told.state_from, told.state_to) == ("INTENT", "INTENT")
        assert (told.sequence, told.order_hash, told.reason) == (1, "0xaa", "hash known")
        assert live.moves[-1] == "INTENT"

    def test_told_again_it_changes_nothing(self):
        live = Live()
        yes, _ = live.orders()
        live.tell(OrderPrepared(order_id=yes.order_id, order_hash="0xaa"))
        assert live.tell(OrderPrepared(order_id=yes.order_id, order_hash="0xaa")) == []

    @pytest.mark.parametrize("order_hash", ["0xbb", ""])
    def test_another_hash_or_none_is_a_contradiction(self, order_hash):
        """Two hashes are two orders at the venue."""
        live = Live()
        yes, _ = live.orders()
        live.tell(OrderPrepared(order_id=yes.order_id, order_hash="0xaa"))
        live.tell(OrderPrepared(order_id=yes.order_id, order_hash=order_hash))
        assert live.engine.halt_code == "ORDER_CONTRADICTION"

    def test_an_order_that_was_answered_cannot_get_another_hash(self):
        live = Live()
        yes, _ = live.orders()
        live.ack(yes, "10")
        live.tell(OrderPrepared(order_id=yes.order_id, order_hash="0xbb"))
        assert live.engine.halt_code == "ORDER_CONTRADICTION"
        assert facts(live, OrderMoved)[-1].state_to == OrderState.MATCHED

    def test_an_order_plan_says_what_the_wire_needs(self):
        live = Live()
        assert {(order.tick_micro, order.neg_risk) for order in live.orders()} == {(10_000, False)}


class TestMergeSent:
    def merging(self):
        live = Live()
        for number, order in enumerate(live.orders()):
            live.fill(order, "10", TradeState.CONFIRMED, trade=f"t{number}")
        (merge,) = (command for command in live.commands if isinstance(command, MergeSet))
        return live, merge

    def test_a_merge_that_was_handed_over_says_as_what(self):
        live, merge = self.merging()
        live.tell(MergeSent(set_id=merge.set_id, reference="0xfeed"))
        told = facts(live, SetMoved)[-1]
        assert (told.state_from, told.state_to) == ("MERGING", "MERGING")
        assert told.reason == "sent as 0xfeed"

    def test_a_merge_that_is_done_says_in_which_transaction(self):
        live, merge = self.merging()
        live.tell(MergeSent(set_id=merge.set_id, reference="batch:4:1:"))
        receipt = ChainReceipt(
            set_id=merge.set_id,
            ok=True,
            size_micro=merge.size_micro,
            proceeds_micro=merge.size_micro,
            gas_micro=0,
            reference="batch:4:1:",
            text="in transaction 0xfeed",
        )
        live.tell(receipt)

        told = facts(live, SetMoved)
        assert [move.state_to for move in told[-2:]] == ["MERGING", "MERGED"]
        assert told[-2].reason == "in transaction 0xfeed"

    def test_a_merge_that_nobody_asked_for_is_noted(self):
        live, merge = self.merging()
        live.tell(MergeSent(set_id="other", reference="0xfeed"))
        assert facts(live, EngineNoted)[-1].code == "MERGE_UNKNOWN"
        assert live.moves[-1] == "MERGING"
        assert len(facts(live, SetMoved)) == len(live.moves)
        assert merge.size_micro == m("10")


class TestCapital:
    def test_money_from_outside_is_booked_once_per_reference(self):
        live = Live()
        books = live.engine.treasury.books
        cash_micro = books.balance(Account.CASH)
        change = CapitalChanged(amount_micro=m("25"), reference="block-7")
        (booked,) = live.tell(change)
        assert booked.fact.entry_id == "CAPITAL:block-7"
        assert live.tell(change) == []
        assert books.balance(Account.CASH) == cash_micro + m("25")
        assert books.realised_micro == 0

        live.tell(CapitalChanged(amount_micro=m("-5"), reference="block-8"))
        assert books.balance(Account.CASH) == cash_micro + m("20")

    def test_nothing_is_no_entry(self):
        live = Live()
        assert live.tell(CapitalChanged(amount_micro=0, reference="block-7")) == []
        assert live.tell(CapitalChanged(amount_micro=1, reference="block-7")) != []
