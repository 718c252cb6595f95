"""All three are read, compared and kept; what does not agree is looked at again first."""

import asyncio
from datetime import timedelta

import pytest
from django.db import connection

from tests.conftest import NOON
from tests.helpers.admin_pages import make_market
from tests.helpers.facts import booked, opened, set_moves, trade
from tests.reconciling.rows import (
    CAPITAL_MICRO,
    COST_MICRO,
    FEE_MICRO,
    HASH,
    LEFT_MICRO,
    SIZE_MICRO,
    Chain,
    Venue,
    a_ledger,
    an_open_order,
    down,
    the_trade,
    write,
)
from trading.engine.codes import OrderState, TradeState
from trading.engine.market import FeeSchedule
from trading.models import (
    ArbitrageSet,
    Incident,
    LedgerEntry,
    Mandate,
    Order,
    ReconciliationRun,
    Trade,
)
from trading.reconciling import books, gather
from trading.reconciling.verdicts import Code, Verdict
from trading.reconciling.views import EXACT


class TestBooks:
    pytestmark = pytest.mark.django_db

    def view(self, **changes):
        given = {"start": NOON - timedelta(hours=1), "listed": ()}
        return books.ledger_view("main", **{**given, **changes})

    def test_sums_are_of_real_money_alone(self, profile):
        session = a_ledger(profile)
        write(session, booked("CAPITAL", [("CASH", 7), ("CAPITAL", -7)], key="paper", paper=True))

        view = self.view()

        assert (view.cash_micro, view.reserved_micro) == (LEFT_MICRO, 0)
        assert view.shares == {"yes": SIZE_MICRO}
        last = LedgerEntry.objects.filter(paper=False).order_by("pk").last()
        assert last is not None
        assert view.sequence == last.pk

    def test_another_account_is_not_counted(self, profile):
        a_ledger(profile)

        assert books.ledger_view("other", start=NOON, listed=()).cash_micro == 0

    def test_a_fill_has_the_hash_of_its_order(self, profile):
        a_ledger(profile)

        (one,) = self.view().trades

        assert (one.trade_id, one.order_hash) == ("t1", HASH)
        assert one.moves == (("pUSD", -COST_MICRO - FEE_MICRO), ("yes", SIZE_MICRO))

    def test_fills_against_several_makers_are_one_part_of_the_venues_trade(self, profile):
        session = a_ledger(profile)
        Trade.objects.all().delete()
        for number, (price_micro, size_micro) in enumerate(((470_000, 2), (490_000, 3)), start=1):
            fill = trade(
                "CONFIRMED" if number == 1 else "MINED",
                paper=False,
                trade_id=f"t1:{number}",
                price_micro=price_micro,
                size_micro=size_micro * 1_000_000,
                fee_micro=number,
            )
            write(session, fill)

        (one,) = self.view(start=NOON - timedelta(days=9_000)).trades

        assert (one.trade_id, one.state, one.size_micro) == ("t1", TradeState.MINED, 5_000_000)
        assert one.moves == (("pUSD", -(940_000 + 1_470_000) - 3), ("yes", 5_000_000))

    def test_old_fills_are_left_out_unless_they_are_not_settled(self, profile):
        a_ledger(profile)
        Trade.objects.update(matched_at=NOON - timedelta(days=3))
        assert self.view().trades == ()

        Trade.objects.update(state="MINED")
        assert [one.state for one in self.view().trades] == [TradeState.MINED]

    def test_orders_that_are_over_are_left_out_unless_the_venue_lists_them(self, profile):
        a_ledger(profile)

        assert self.view().orders == ()
        assert [one.state for one in self.view(listed=[HASH]).orders] == [OrderState.CONFIRMED]

    def test_an_order_counts_the_fills_that_were_no_move(self, profile):
        a_ledger(profile, state="MATCHED")
        Order.objects.update(state="PARTIAL", matched_micro=1)

        (one,) = self.view().orders

        assert one.matched_micro == SIZE_MICRO

    def test_fees_are_of_the_market(self, profile):
        a_ledger(profile)
        make_market("0xabc", ("yes", "no"))

        assert self.view().fees["yes"] == FeeSchedule(rate_micro=20_000, exponent=1)

    def test_a_merge_that_was_asked_for_is_of_what_the_set_holds(self, profile):
        session = a_ledger(profile)
        write(
            session,
            opened(paper=False),
            *set_moves("SEEN", "MERGING"),
            booked("BUY", [("CASH", -9), ("NO", 9, "no", SIZE_MICRO - 1)], key="2", paper=False),
        )
        assert ArbitrageSet.objects.get().state == "MERGING"

        (one,) = self.view().exits

        assert one.moves == (("pUSD", 4_999_999), ("yes", -4_999_999), ("no", -4_999_999))
        assert not one.booked

    def test_a_redemption_may_not_be_paid_yet(self, profile):
        session = a_ledger(profile)
        lines = [
            ("CASH", SIZE_MICRO),
            ("REDEEMED", SIZE_MICRO),
            ("REDEEMED", -SIZE_MICRO),
            ("YES", -SIZE_MICRO, "yes", -SIZE_MICRO),
        ]
        write(session, booked("REDEEM", lines, key="r", paper=False))
        LedgerEntry.objects.update(at=NOON)

        (one,) = self.view().exits

        assert (one.booked, one.moves) == (True, (("pUSD", SIZE_MICRO), ("yes", -SIZE_MICRO)))

    def test_gas_is_told_apart(self, profile):
        session = a_ledger(profile)
        lines = [("CASH", -30), ("GAS", 30), ("GAS", -30), ("REALISED", 30)]
        write(session, booked("GAS", lines, key="g", paper=False))

        view = self.view()

        assert (view.gas_micro, view.collateral_micro) == (30, LEFT_MICRO)


class TestSince:
    pytestmark = pytest.mark.django_db

    def test_is_the_opening_of_the_books_at_first(self, profile):
        a_ledger(profile)
        first = NOON - timedelta(days=9)
        LedgerEntry.objects.filter(kind="CAPITAL").update(at=first)

        assert books.since("main", NOON) == first

    def test_is_a_little_before_the_last_match_then(self, profile):
        a_ledger(profile)
        LedgerEntry.objects.update(at=NOON - timedelta(days=9))
        a_run(verdict="MATCH", at=NOON - timedelta(minutes=1))
        a_run(verdict="INCOMPLETE", at=NOON)

        assert books.since("main", NOON) == NOON - timedelta(minutes=11)

    def test_goes_back_to_what_is_not_settled(self, profile):
        a_ledger(profile)
        LedgerEntry.objects.update(at=NOON - timedelta(days=9))
        a_run(verdict="MATCH", at=NOON - timedelta(minutes=1))
        Trade.objects.update(state="MATCHED", matched_at=NOON - timedelta(hours=2))

        assert books.since("main", NOON) == NOON - timedelta(hours=2)


def a_run(**changes):
    values = {
        "account": "main",
        "at": NOON,
        "at_start": False,
        "verdict": "MATCH",
        "ledger_sequence": 1,
        "order_count": 0,
        "trade_count": 0,
        "took_ms": 5,
    }
    return ReconciliationRun.objects.create(**{**values, **changes})


@pytest.mark.django_db(transaction=True)
class TestReconcile:
    @pytest.fixture
    def ledger(self, mandate, profile):
        Mandate.objects.update(mode="LIVE")
        make_market("0xabc", ("yes", "no"), fee_rate_micro=70_000)
        return a_ledger(profile)

    @pytest.fixture
    def pauses(self):
        return []

    @pytest.fixture
    def reconcile(self, clock, pauses):
        async def pause(seconds):
            pauses.append(seconds)
            clock.advance(timedelta(seconds=seconds))

        def run(venue, chain, **changes):
            given = {"at_start": True, "clock": clock, "dust": EXACT, "pause": pause}
            return asyncio.run(gather.reconcile("main", venue, chain, **{**given, **changes}))

        return run

    def test_three_that_agree_are_a_match_and_are_kept(self, ledger, reconcile, pauses):
        venue, chain = Venue(trades=(the_trade(),)), Chain()
        result = reconcile(venue, chain, session_key="main-7")

        assert result.verdict is Verdict.MATCH, result.differences
        assert pauses == []
        run = ReconciliationRun.objects.get()
        assert (run.verdict, run.block_number, run.session_key) == ("MATCH", 77, "main-7")
        assert (run.at_start, run.trade_count, run.differences) == (True, 1, [])
        assert chain.asked == ("no", "yes")
        assert not Mandate.objects.get().halted

    def test_a_dollar_that_is_missing_halts_and_is_shown_exactly(self, ledger, reconcile, pauses):
        venue = Venue(trades=(the_trade(),), cash_micro=LEFT_MICRO - 1)
        result = reconcile(venue, Chain(cash_micro=LEFT_MICRO - 1))

        assert [one.code for one in result.differences] == [Code.CASH_DIFFERS]
        assert pauses == [2.0, 2.0]
        mandate = Mandate.objects.get()
        assert (mandate.halted, mandate.halt_code) == (True, "RECONCILIATION_MISMATCH")
        incident = Incident.objects.get()
        assert "-0.000001 dollars are unexplained" in incident.title
        kept = ReconciliationRun.objects.get()
        assert kept.differences[0]["difference_micro"] == -1
        assert kept.took_ms == 4_000

    def test_news_that_was_on_its_way_is_no_mismatch(self, ledger, reconcile, pauses):
        venue = Venue(trades=())  # it does not tell of the fill yet

        def tell(asked):
            asked.told = (the_trade(),)

        venue.then = tell
        result = reconcile(venue, Chain())

        assert result.verdict is Verdict.MATCH
        assert pauses == [2.0]
        assert ReconciliationRun.objects.count() == 1

    @pytest.mark.parametrize(
        ("hashes", "verdict"),
        [
            (("0x1", "0x2", "0x3"), Verdict.INCOMPLETE),
            (("0x1", "0x2", "0x2"), Verdict.MISMATCH),
        ],
    )
    def test_only_what_two_looks_find_is_a_mismatch(self, ledger, reconcile, hashes, verdict):
        venue = Venue(trades=(the_trade(),), orders=(an_open_order(hashes[0]),))

        def then(asked):
            asked.orders = (an_open_order(hashes[asked.looks - 1]),)

        venue.then = then
        result = reconcile(venue, Chain())

        assert result.verdict is verdict
        assert Mandate.objects.get().halted == (verdict is Verdict.MISMATCH)

    def test_a_ledger_that_moves_all_the_while_leaves_it_unknown(self, ledger, reconcile):
        class Busy(Venue):
            number = 0

            async def open_orders(self):
                self.number += 1
                lines = [("CASH", 1), ("CAPITAL", -1)]
                fact = booked("CAPITAL", lines, key=f"busy{self.number}", paper=False)
                await asyncio.to_thread(self._write, fact)
                return ()

            @staticmethod
            def _write(fact):
                try:
                    write(ledger, fact)
                finally:
                    connection.close()  # of this thread

        result = reconcile(Busy(trades=(the_trade(),)), Chain())

        assert [one.code for one in result.differences] == [Code.LEDGER_MOVED]
        assert result.verdict is Verdict.INCOMPLETE

    @pytest.mark.parametrize(
        ("venue", "chain", "subject"),
        [
            ({"orders": down()}, {}, "the venue's open orders"),
            ({"trades": down()}, {}, "the venue's trades"),
            ({"cash_micro": down()}, {}, "the venue's view of the dollars"),
            ({"shares": {"yes": down()}}, {}, "the venue's view of the shares"),
            ({}, {"cash_micro": OSError(111, "refused")}, "the chain"),
        ],
    )
    def test_what_fails_to_be_read_is_named(self, ledger, reconcile, venue, chain, subject):
        given = {"trades": (the_trade(),), **venue}
        result = reconcile(Venue(**given), Chain(**chain))

        assert [(one.code, one.subject) for one in result.differences] == [(Code.NOT_READ, subject)]
        assert not Mandate.objects.get().halted  # the caller does not start

    def test_a_bug_of_ours_is_not_taken_for_trouble_outside(self, ledger, reconcile):
        with pytest.raises(ZeroDivisionError):
            reconcile(Venue(orders=ZeroDivisionError()), Chain())

    def test_without_a_chain_the_venue_decides(self, ledger, reconcile):
        assert reconcile(Venue(trades=(the_trade(),)), None).verdict is Verdict.MATCH

        venue = Venue(trades=(the_trade(),), shares={"yes": SIZE_MICRO - 1})
        result = reconcile(venue, None)

        assert [one.code for one in result.differences] == [Code.SHARES_DIFFER]

    def test_an_order_of_somebody_else_is_a_mismatch(self, ledger, reconcile):
        venue = Venue(trades=(the_trade(),), orders=(an_open_order(),))

        result = reconcile(venue, Chain())

        assert [one.code for one in result.differences] == [Code.ORDER_NOT_OURS]

    def test_a_fill_in_flight_is_explained(self, ledger, reconcile):
        Trade.objects.update(state="MATCHED")
        venue = Venue(trades=(the_trade(TradeState.MATCHED),), cash_micro=CAPITAL_MICRO, shares={})
        result = reconcile(venue, Chain(cash_micro=CAPITAL_MICRO, shares={}))

        assert result.verdict is Verdict.MATCH
        assert ReconciliationRun.objects.get().in_flight == ["trade t1"]
