"""Facts become rows, once, whatever is written twice or comes late."""

import random
from datetime import timedelta

import pytest
from django.db import transaction

from tests.helpers.clocks import NOON
from tests.helpers.facts import (
    KEY,
    NOON_NS,
    SECOND,
    a_session,
    a_whole_set,
    booked,
    later,
    market,
    note,
    opened,
    order_moves,
    sample,
    seen,
    set_moves,
    trade,
)
from trading.engine.codes import MarketState
from trading.engine.events import MarketStatus, RestoredBalance
from trading.ledger import FactBatch, LedgerContradictionError, restored_state, thin_samples
from trading.ledger.columns import nanoseconds, stored_id
from trading.models import (
    ArbitrageSet,
    EngineNote,
    LedgerEntry,
    LedgerPosting,
    Market,
    MetricSample,
    Money,
    Opportunity,
    Order,
    OrderMove,
    SetMove,
    Trade,
)

pytestmark = pytest.mark.django_db

TABLES = (
    ArbitrageSet,
    EngineNote,
    LedgerEntry,
    LedgerPosting,
    Market,
    MetricSample,
    Opportunity,
    Order,
    OrderMove,
    SetMove,
    Trade,
)


@pytest.fixture
def session(profile):
    return a_session(profile)


@pytest.fixture
def write(session):
    def write(*facts, figures=None, of=session):
        batch = FactBatch(of.pk, of.account)
        for fact in facts:
            batch.add(fact, figures)
        with transaction.atomic():
            batch.write(NOON)
        return batch

    return write


def everything():
    """Every row of every table of facts, without the database's own numbers."""
    hidden = {"id", "entry_id"}
    return {
        model.__name__: sorted(
            str({k: v for k, v in row.items() if k not in hidden or isinstance(v, str)})
            for row in model.objects.values()
        )
        for model in TABLES
    }


class TestRows:
    def test_a_gap_keeps_what_was_judged_and_how_long_it_stood(self, write):
        write(*a_whole_set())

        row = Opportunity.objects.get()
        assert (row.opportunity_id, row.set_id, row.refusal) == (f"{KEY}-o1", f"{KEY}-s1", "")
        assert (row.gap_micro, row.edge_micro, row.net_micro) == (10_000, 4_000, 20_000)
        assert row.legs[0] == {
            "token_id": "yes",
            "ask_micro": 480_000,
            "size_micro": 10,
            "venue_ms": 1,
        }
        assert (row.frames, row.last_seen_at) == (12, later(seconds=3))

    def test_a_gap_that_ends_in_a_later_batch_is_counted_too(self, write):
        facts = a_whole_set()
        write(*facts[:-1])
        assert Opportunity.objects.get().frames == 1

        write(facts[-1])

        assert Opportunity.objects.get().frames == 12

    def test_an_unknown_edge_stays_unknown(self, write):
        write(seen(edge_micro=None))

        assert Opportunity.objects.get().edge_micro is None

    def test_a_set_stands_where_its_last_move_left_it(self, write):
        write(*a_whole_set())

        row = ArbitrageSet.objects.get()
        assert (row.state, row.reason) == ("MERGED", "to MERGED")
        assert row.moved_at == later(seconds=9)
        assert row.payout_micro == 1_000_000
        assert [leg["token_id"] for leg in row.legs] == ["yes", "no"]
        assert SetMove.objects.count() == 9

    def test_a_set_has_no_result_until_it_was_merged_or_sold(self, write):
        facts = a_whole_set()
        merge = next(i for i, fact in enumerate(facts) if getattr(fact, "kind", "") == "MERGE")
        write(*facts[:merge])
        assert ArbitrageSet.objects.get().realised_micro is None

        write(*facts[merge:])

        assert ArbitrageSet.objects.get().realised_micro == 44_000

    def test_an_order_stands_where_its_last_move_left_it(self, write):
        write(*a_whole_set())

        row = Order.objects.get()
        assert (row.state, row.matched_micro, row.order_hash) == ("CONFIRMED", 5_000_000, "0xhash")
        assert OrderMove.objects.count() == 3

    def test_an_old_move_that_comes_again_sets_nothing_back(self, write):
        write(opened(), *set_moves("SEEN", "CONFIRMED", "ALLOWED", "INTENT"))
        write(*order_moves("INTENT", "SUBMITTED", "MATCHED"), trade("CONFIRMED"))

        write(*set_moves("SEEN", "CONFIRMED"), *order_moves("INTENT", "SUBMITTED"), trade())

        assert ArbitrageSet.objects.get().state == "INTENT"
        assert Order.objects.get().state == "MATCHED"
        assert Order.objects.get().order_hash == "0xhash"
        assert Trade.objects.get().state == "CONFIRMED"

    def test_a_trade_is_known_by_both_of_its_ids(self, write):
        write(trade(), trade(order_id=f"{KEY}-s1-2"), trade("CONFIRMED"))

        states = dict(Trade.objects.values_list("order_id", "state"))
        assert states == {f"{KEY}-s1-1": "CONFIRMED", f"{KEY}-s1-2": "MATCHED"}
        assert Trade.objects.get(order_id=f"{KEY}-s1-1").matched_at == later(seconds=1)

    def test_all_postings_of_all_entries_sum_to_zero(self, write):
        write(*a_whole_set())

        lines = LedgerPosting.objects.values_list("amount_micro", flat=True)
        assert len(lines) == 13
        assert sum(lines) == 0

    def test_an_entry_that_does_not_sum_to_zero_is_a_bug(self, write):
        with pytest.raises(LedgerContradictionError, match="BUY:1 does not sum to zero"):
            write(booked("BUY", [("CASH", -1), ("YES", 2, "yes", 1)]))

        assert LedgerEntry.objects.count() == 0

    def test_accounts_and_modes_have_ledgers_of_their_own(self, write, profile):
        capital = [("CASH", 5), ("CAPITAL", -5)]
        write(booked("CAPITAL", capital, key="opening", set_id=""))
        write(booked("CAPITAL", capital, key="opening", set_id="", paper=False))
        write(
            booked("CAPITAL", capital, key="opening", set_id=""),
            of=a_session(profile, account="other"),
        )

        assert LedgerEntry.objects.count() == 3
        assert LedgerPosting.objects.count() == 6

    def test_a_sample_keeps_the_engines_and_the_runtimes_figures(self, write):
        write(sample(), figures={"feed_age_ms": 12, "decision_p99_us": 40, "standby": True})

        row = MetricSample.objects.get()
        assert (row.feed_age_ms, row.decision_p99_us, row.decision_p50_us) == (12, 40, None)
        assert row.values["frames"] == 100
        assert row.values["standby"] is True

    def test_a_market_is_kept_as_last_seen_and_moves_on(self, write):
        write(market())
        write(market(question="Is Bitcoin up?"))
        write(MarketStatus(condition_id="0xabc", state=MarketState.RESOLVED))

        row = Market.objects.get()
        assert (row.question, row.state, row.fee_rate_micro) == (
            "Is Bitcoin up?",
            "RESOLVED",
            70_000,
        )
        assert row.ends_at == later(minutes=15)

    def test_a_market_that_contradicts_another_is_left_out_and_said(self, write, caplog):
        write(market("0x1", ("a", "b")))

        write(market("0x2", ("a", "c")), market("0x3", ("d", "e")), note())

        assert set(Market.objects.values_list("condition_id", flat=True)) == {"0x1", "0x3"}
        assert EngineNote.objects.count() == 1
        assert "0x2 contradicts another one" in caplog.text

    def test_long_and_broken_texts_are_cut_to_what_a_column_takes(self, write):
        write(seen(reason="x" * 900 + "\0"), note(text="a\0b" + "y" * 2_000))
        write(market(question="q" * 999, slug="s" * 999))

        assert len(Opportunity.objects.get().reason) == 500
        assert EngineNote.objects.get().text.startswith("a by")
        assert len(Market.objects.get().question) == 500

    def test_long_ids_stay_different(self, write):
        write(*(seen(opportunity_id="o" * 150 + str(n)) for n in range(3)))

        ids = list(Opportunity.objects.values_list("opportunity_id", flat=True))
        assert len(set(ids)) == 3
        assert {len(one) for one in ids} == {100}
        assert stored_id("short") == "short"

    def test_times_go_to_columns_and_back(self):
        assert nanoseconds(later(microseconds=7)) == NOON_NS + 7_000


class TestTwice:
    @pytest.mark.parametrize("seed", range(12))
    def test_facts_that_come_again_from_any_point_change_nothing(self, write, seed):
        facts = [*a_whole_set(), market(), seen(2), *order_moves("INTENT", "REFUSED", number=9)]
        write(*facts)
        once = everything()
        chance = random.Random(seed)

        for _ in range(5):
            start = chance.randrange(len(facts))
            stop = chance.randint(start, len(facts))
            write(*facts[start:stop])

        write(*facts)
        assert everything() == once

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
    def test_the_size_of_a_batch_makes_no_difference(self, write, size):
        facts = [*a_whole_set(), seen(2)]
        for start in range(0, len(facts), size):
            write(*facts[start : start + size])
        in_pieces = everything()
        write(*facts)

        assert everything() == in_pieces
        assert ArbitrageSet.objects.get().realised_micro == 44_000
        assert Opportunity.objects.get(set_id=f"{KEY}-s1").frames == 12


class TestNews:
    def test_open_pages_hear_of_gaps_sets_and_notes_in_order(self, write):
        rows = write(*a_whole_set()).news(50)

        assert {row["kind"] for row in rows} == {"opportunity", "set", "note"}
        assert rows[-1]["state"] == "MERGED"
        assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)

    def test_of_too_many_rows_the_newest_are_told(self, write):
        rows = write(*(seen(n) for n in range(90))).news(50)

        assert len(rows) == 50
        assert rows[-1]["id"] == f"{KEY}-o89"


class TestRestoredState:
    def restored(self, **values):
        return restored_state(
            "main", **{"money": Money.PAPER, "capital_micro": 100, "now": later(hours=1), **values}
        )

    def test_an_empty_ledger_opens_with_capital_and_nothing_else(self, session):
        state = self.restored()

        assert (state.balances, state.open_sets, state.capital_micro) == ((), (), 100)
        assert (state.day, state.realised_today_micro) == (NOON.date().isoformat(), 0)
        assert self.restored(money=Money.PLAY).capital_micro == 0
        assert self.restored(money=Money.REAL).capital_micro == 0

    def test_balances_are_sums_by_account_and_token(self, write):
        write(booked("CAPITAL", [("CASH", 10_000_000), ("CAPITAL", -10_000_000)], key="opening"))
        facts = a_whole_set()
        merge = next(i for i, fact in enumerate(facts) if getattr(fact, "kind", "") == "MERGE")
        write(*facts[:merge])

        def balance(account, amount, token="", quantity=0):
            return RestoredBalance(
                account=account, token_id=token, amount_micro=amount, quantity_micro=quantity
            )

        assert set(self.restored().balances) == {
            balance("CASH", 5_040_000),
            balance("CAPITAL", -10_000_000),
            balance("RESERVED", 4_000),
            balance("YES", 2_400_000, "yes", 5_000_000),
            balance("NO", 2_550_000, "no", 5_000_000),
            balance("FEES", 3_000, "yes"),
            balance("FEES", 3_000, "no"),
        }

    def test_what_came_and_went_is_not_told_but_an_empty_purse_is(self, write):
        write(booked("CAPITAL", [("CASH", 4_956_000), ("CAPITAL", -4_956_000)], key="opening"))
        write(*a_whole_set())
        write(booked("CAPITAL", [("CASH", -4_996_000), ("CAPITAL", 4_996_000)], key="out"))

        balances = {(b.account, b.token_id): b.amount_micro for b in self.restored().balances}

        assert ("YES", "yes") not in balances
        assert balances["CASH", ""] == 0
        assert sum(balances.values()) == 0

    def test_only_what_was_realised_on_the_same_day_counts(self, write):
        write(*a_whole_set())

        assert self.restored().realised_today_micro == 44_000
        assert self.restored(now=later(days=1)).realised_today_micro == 0
        assert self.restored(money=Money.REAL).realised_today_micro == 0

    def test_an_open_set_is_told_with_what_it_holds(self, write):
        facts = a_whole_set()
        merge = next(i for i, fact in enumerate(facts) if getattr(fact, "kind", "") == "MERGE")
        write(*facts[:merge])

        (one,) = self.restored().open_sets

        assert (one.set_id, one.state, one.sequence) == (f"{KEY}-s1", "MERGING", 8)
        assert (one.opened_ns, one.payout_micro) == (NOON_NS, 1_000_000)
        held = [(leg.token_id, leg.held_micro, leg.cost_micro, leg.fee_micro) for leg in one.legs]
        assert held == [("yes", 5_000_000, 2_400_000, 3_000), ("no", 5_000_000, 2_550_000, 3_000)]

    def test_a_set_that_ended_is_not_open(self, write):
        write(*a_whole_set())

        assert self.restored().open_sets == ()

    def test_a_set_that_never_filled_holds_nothing(self, write):
        write(opened(), *set_moves("SEEN", "CONFIRMED", "ALLOWED", "INTENT"))

        (one,) = self.restored().open_sets

        assert [leg.held_micro for leg in one.legs] == [0, 0]


class TestThinning:
    def test_seconds_stay_a_day_minutes_a_month_and_then_nothing(self, write):
        day, month = 86_400, 30 * 86_400
        recent = [sample(-second) for second in range(300)]
        aged = [sample(-second - day - 7_200) for second in range(600)]
        ancient = [sample(-month - 100 - second) for second in range(5)]
        write(*recent, *aged, *ancient)

        removed = thin_samples(NOON)

        assert removed == 600 - 11 + 5
        assert MetricSample.objects.filter(at__gt=NOON - timedelta(days=1)).count() == 300
        assert MetricSample.objects.filter(at__lt=NOON - timedelta(days=30)).count() == 0
        assert thin_samples(NOON) == 0

    def test_each_session_keeps_its_own_minutes(self, write, profile):
        old = -86_400 - 7_200
        write(sample(old), sample(old + 1))
        write(sample(old), sample(old + 1), of=a_session(profile, token=8))

        assert thin_samples(NOON) == 2
        assert MetricSample.objects.count() == 2


def test_the_helpers_make_a_set_that_the_books_believe(write):
    entries = [fact for fact in a_whole_set() if hasattr(fact, "postings")]

    assert all(sum(p.amount_micro for p in entry.postings) == 0 for entry in entries)
    assert NOON_NS % SECOND == 0
