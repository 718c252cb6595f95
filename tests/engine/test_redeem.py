"""What a set holds when its market resolves: with real money it is booked only by its receipt."""

import pytest

from tests.engine.builders import MARKET, NO, YES, delta, m
from tests.engine.live_rig import Live
from trading.engine.codes import MarketState, TradeState
from trading.engine.commands import MergeSet, RedeemSet
from trading.engine.events import ChainReceipt, MarketStatus
from trading.engine.facts import EngineNoted

RESOLVED = MarketStatus(condition_id=MARKET, state=MarketState.RESOLVED, winning_token_id=YES)


def paid(dollars, *, ok=True, reference="0xr", gas="0", condition_id=MARKET):
    return ChainReceipt(
        set_id="v-s1", ok=ok, size_micro=m(dollars), proceeds_micro=m(dollars), gas_micro=m(gas),
        reference=reference, kind="REDEEM", condition_id=condition_id,
        text="" if ok else "reverted",
    )  # fmt: skip


def worse_books(live):
    """Nothing can be completed and nothing sold within the loss bound."""
    live.tell(
        delta((YES, "0.1", "0.48", ("bid 0.53x0", "bid 0.46x0", "bid 0.1x50")),
              (NO, "0.52", "0.9", ("ask 0.47x0", "ask 0.54x0", "ask 0.9x50")), at_ms=2)
    )  # fmt: skip


def exposed(confirmed=True):
    live = Live(leg_loss_max_micro=0)
    yes, no = live.orders()
    worse_books(live)
    live.fill(yes, "10")
    live.kill(no)
    if confirmed:
        live.confirm(yes)
        assert live.moves[-1] == "EXPOSED"
    return live


class TestResolution:
    @pytest.mark.parametrize(("winner", "proceeds"), [(YES, "10"), (NO, "0")])
    def test_an_exposed_leg_is_redeemed_by_a_transaction(self, winner, proceeds):
        live = exposed()
        live.tell(
            MarketStatus(condition_id=MARKET, state=MarketState.RESOLVED, winning_token_id=winner)
        )
        (asked,) = live.asked(RedeemSet)
        assert (asked.set_id, asked.condition_id) == ("v-s1", MARKET)
        assert (asked.token_ids, asked.shares_micro) == ((YES,), (m("10"),))
        assert asked.won_micro == m(proceeds)  # a share of the other outcome pays nothing
        assert live.moves[-1] == "EXPOSED"
        assert live.engine.treasury.realised_micro == 0

        live.tell(paid(proceeds))
        assert live.moves[-1] == "REDEEMED"
        assert live.engine.treasury.realised_micro == m(proceeds) - m("4.8")
        assert live.desk.exposed_count == 0

    def test_a_resolution_told_twice_is_asked_for_once(self):
        live = exposed()
        live.tell(RESOLVED)
        assert live.tell(RESOLVED) == []
        assert len(live.asked(RedeemSet)) == 1

    def test_what_is_not_confirmed_is_not_redeemed_yet(self):
        live = exposed(confirmed=False)
        live.tell(RESOLVED)
        assert live.asked(RedeemSet) == []
        live.confirm(live.orders()[0])
        assert live.moves[-1] == "EXPOSED"
        assert len(live.asked(RedeemSet)) == 1

    def test_a_receipt_told_twice_is_booked_once(self):
        live = exposed()
        live.tell(RESOLVED)
        live.tell(paid("10"))
        count = len(live.ledger.entries)
        live.tell(paid("10"))
        assert len(live.ledger.entries) == count

    def test_a_redemption_that_fails_costs_its_gas_and_is_asked_for_again(self):
        live = exposed()
        live.tell(RESOLVED)
        live.tell(paid("0", ok=False, gas="0.01"))
        assert live.moves[-1] == "EXPOSED"
        live.wait(2_900)
        assert len(live.asked(RedeemSet)) == 1
        live.wait(200)
        assert len(live.asked(RedeemSet)) == 2
        live.tell(paid("10", reference="0xsecond"))
        assert live.moves[-1] == "REDEEMED"
        assert live.engine.treasury.realised_micro == m("10") - m("4.8") - m("0.01")

    def test_one_that_nobody_answers_is_told(self):
        live = exposed()
        live.tell(RESOLVED)
        live.wait(301_000)
        assert live.alerts == ["LEG_EXPOSED", "SET_OVERDUE"]

    def test_after_a_restart_it_is_asked_for_anew(self):
        live = exposed()
        live.tell(RESOLVED)
        live.restart(books=False)
        live.tell(RESOLVED)
        assert len(live.asked(RedeemSet)) == 2
        live.tell(paid("10"))
        assert live.moves[-1] == "REDEEMED"

    def test_its_receipt_counts_even_if_the_resolution_was_not_heard_of_again(self):
        live = exposed()
        live.tell(RESOLVED)
        live.restart(books=False)
        live.tell(paid("10"))
        assert live.moves[-1] == "REDEEMED"

    def test_a_receipt_of_another_condition_books_nothing(self):
        live = exposed()
        live.tell(RESOLVED)
        count = len(live.ledger.entries)
        live.tell(paid("10", condition_id="0xother"))
        assert len(live.ledger.entries) == count
        notes = [c.fact for c in live.commands if isinstance(getattr(c, "fact", 0), EngineNoted)]
        assert notes[-1].code == "RECEIPT_UNKNOWN"


class TestWhole:
    def settled(self):
        live = Live()
        for number, order in enumerate(live.orders()):
            live.fill(order, "10", TradeState.CONFIRMED, trade=f"t{number}")
        return live

    def failed_merge(self, live):
        live.tell(
            ChainReceipt(
                set_id="v-s1", ok=False, size_micro=0, proceeds_micro=0, gas_micro=0,
                reference="0xm", text="reverted",
            )
        )  # fmt: skip

    def test_a_set_whose_merge_failed_is_redeemed_instead_once_its_market_resolved(self):
        live = self.settled()
        self.failed_merge(live)
        live.tell(RESOLVED)
        (asked,) = live.asked(RedeemSet)
        assert dict(zip(asked.token_ids, asked.shares_micro, strict=True)) == {
            YES: m("10"),
            NO: m("10"),
        }
        assert asked.won_micro == m("10")
        live.wait(10_000)
        assert len(live.asked(MergeSet)) == 1
        live.tell(paid("10"))
        assert live.moves[-1] == "REDEEMED"
        assert live.engine.treasury.realised_micro == m("0.5")

    def test_a_merge_under_way_is_waited_for(self):
        live = self.settled()
        live.tell(RESOLVED)
        assert live.asked(RedeemSet) == []
        self.failed_merge(live)
        live.wait(3_100)
        assert len(live.asked(RedeemSet)) == 1
        assert len(live.asked(MergeSet)) == 1


def test_dust_that_an_older_set_left_is_redeemed_along():
    """A redemption takes everything of its tokens, whichever set bought it."""
    live = Live()
    yes, no = live.orders()
    live.fill(yes, "10.4", TradeState.CONFIRMED, trade="t1")
    live.fill(no, "10", TradeState.CONFIRMED, trade="t2")
    live.tell(
        ChainReceipt(set_id="v-s1", ok=True, size_micro=m("10"), proceeds_micro=m("10"),
                     gas_micro=0, reference="0xm")
    )  # fmt: skip
    assert live.moves[-1] == "MERGED"
    live.wait(2_000)
    live.tell(
        delta((NO, "0.52", "0.47", ("ask 0.47x41",)), (YES, "0.53", "0.48", ("bid 0.53x41",)),
              at_ms=3)
    )  # fmt: skip
    yes, no = live.orders()[2:]
    live.tell(
        delta((YES, "0.1", "0.48", ("bid 0.53x0", "bid 0.46x0", "bid 0.1x50")),
              (NO, "0.52", "0.9", ("ask 0.47x0", "ask 0.54x0", "ask 0.9x50")), at_ms=4)
    )  # fmt: skip
    live.fill(yes, "10", TradeState.CONFIRMED, trade="t3")
    live.kill(no)
    assert live.moves[-1] == "EXPOSED"
    live.tell(RESOLVED)
    (asked,) = live.asked(RedeemSet)
    assert asked.shares_micro == (m("10.4"),)
