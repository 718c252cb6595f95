"""The page of one set: its life line, legs, orders and bookings."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.building import make_session, make_set, make_trades
from tests.conftest import NOON
from tests.helpers import admin_pages as pages
from trading.models import LedgerPosting, SetMove
from trading.selectors.sets import set_story


@pytest.fixture
def session(mandate, profile):
    return make_session(profile)


@pytest.fixture
def seeing(client, viewer):
    client.force_login(viewer)
    return client


class TestStory:
    def test_the_life_line_has_the_milliseconds_between(self, session):
        pages.taken_gap(session)

        line = set_story(pages.whole_set(session)).line

        assert [point.state for point in line] == ["SEEN", *pages.SET_STATES]
        assert [point.after_ms for point in line] == [None, *[250] * 9]
        assert line[-1].since_start_ms == 2_250

    def test_a_set_without_any_move_was_at_least_seen(self, session):
        line = set_story(make_set(session)).line

        assert [point.state for point in line] == ["SEEN"]

    def test_each_leg_has_its_orders_and_what_was_paid(self, session):
        pages.make_market()

        legs = set_story(pages.whole_set(session)).legs

        assert [leg.outcome for leg in legs] == ["Yes", "No"]
        assert [leg.paid_micro for leg in legs] == [2_400_000, 2_450_000]
        assert [len(leg.orders) for leg in legs] == [1, 1]
        assert [move.after_ms for move in legs[0].orders[0].moves] == [None, 300, 300]

    def test_every_entry_sums_to_zero(self, session):
        story = set_story(pages.whole_set(session))

        assert len(story.entries) == 2
        assert story.entries_sum_micro == 0

    def test_an_entry_that_does_not_balance_is_told(self, session):
        row = pages.whole_set(session)
        LedgerPosting.objects.filter(account="FEES", amount_micro__gt=0).update(amount_micro=1)

        assert set_story(row).entries_sum_micro == 48_999


class TestMerge:
    def merging(self, session, *told):
        """A set that is merging, with what its moves tell of the merge, a second apart."""
        row = make_set(session, 1, state="MERGED")
        moves = [("MERGING", "5 sets"), *told]
        for sequence, (state, reason) in enumerate(moves, 1):
            SetMove.objects.create(
                set_id=row.set_id,
                sequence=sequence,
                state_from="MERGING",
                state_to=state,
                reason=reason,
                at=NOON + timedelta(seconds=sequence),
            )
        return row

    def test_a_live_set_says_under_which_reference_and_in_which_transaction(self, session):
        transaction = f"0x{'ab' * 32}"
        row = self.merging(
            session,
            ("MERGING", "sent as batch:4:1795688211:"),
            ("MERGING", f"in transaction {transaction}"),
            ("MERGED", "1.05 dollars realised"),
        )

        merge = set_story(row).merge

        assert (merge.reference, merge.transaction_hash) == ("batch:4:1795688211:", transaction)
        assert (merge.sent_at, merge.took_ms) == (NOON + timedelta(seconds=2), 2_000)

    def test_one_under_way_has_no_end_and_one_that_failed_is_told_by_its_next_try(self, session):
        row = self.merging(session, ("MERGING", "sent as tx:1:0xa"))
        assert set_story(row).merge.done_at is None
        SetMove.objects.all().delete()
        row.delete()

        row = self.merging(
            session,
            ("MERGING", "sent as tx:1:0xa"),
            ("SETTLED", "the merge failed: reverted"),
            ("MERGING", "sent as tx:2:0xb"),
        )

        assert set_story(row).merge.reference == "tx:2:0xb"

    def test_without_a_reference_there_is_none(self, session):
        assert set_story(self.merging(session)).merge is None

    def test_the_page_shows_both_and_the_life_line_names_the_steps(self, seeing, session):
        transaction = f"0x{'ab' * 32}"
        row = self.merging(
            session,
            ("MERGING", "sent as batch:4:1795688211:"),
            ("MERGING", f"in transaction {transaction}"),
            ("MERGED", "1.05 dollars realised"),
        )

        text = seeing.get(pages.page_of("arbitrageset", row.pk)).content.decode()

        for word in ("Merge sent", "On the chain", "batch:4:1795688211:", transaction):
            assert word in text
        assert "through the relayer" in text


class TestPage:
    def test_shows_the_line_both_legs_and_the_ledger(self, seeing, session):
        pages.facts(session)

        text = seeing.get(pages.page_of("arbitrageset", "main-1-s1")).content.decode()

        for word in ("Life line", "Merged", "250 ms", "Yes", "No", "every entry sums to $0.00"):
            assert word in text
        assert "+$0.10" in text
        assert 'title="+0.101000 USD"' in text

    def test_its_id_is_written_as_it_is_everywhere_also_in_the_way_to_the_page(
        self, seeing, session
    ):
        pages.facts(session)

        text = seeing.get(pages.page_of("arbitrageset", "main-1-s1")).content.decode()

        assert "main-1-s1" in text
        assert "Main-1-s1" not in text

    def test_an_unbalanced_entry_is_shown_as_such(self, seeing, session):
        pages.facts(session)
        LedgerPosting.objects.filter(account="FEES", amount_micro__gt=0).update(amount_micro=1)

        text = seeing.get(pages.page_of("arbitrageset", "main-1-s1")).content.decode()

        assert "the entries do not sum to zero" in text
        assert "every entry sums to" not in text

    def test_what_is_not_realised_is_no_zero(self, seeing, session):
        row = make_set(session)

        text = seeing.get(pages.page_of("arbitrageset", row.pk)).content.decode()

        assert "not until it is merged, redeemed or sold" in text

    def test_more_fills_take_no_more_queries(self, seeing, session):
        pages.facts(session)
        address = pages.page_of("arbitrageset", "main-1-s1")
        seeing.get(address)
        with CaptureQueriesContext(connection) as few:
            seeing.get(address)
        make_trades(session, 30, first=50, set_id="main-1-s1", order_id="main-1-s1-o0")
        with CaptureQueriesContext(connection) as many:
            seeing.get(address)

        assert len(many) == len(few)
