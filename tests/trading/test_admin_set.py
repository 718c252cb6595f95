"""The page of one set: its life line, legs, orders and bookings."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.building import make_session, make_set, make_trades
from tests.helpers import admin_pages as pages
from trading.models import LedgerPosting
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


class TestPage:
    def test_shows_the_line_both_legs_and_the_ledger(self, seeing, session):
        pages.facts(session)

        text = seeing.get(pages.page_of("arbitrageset", "main-1-s1")).content.decode()

        for word in ("Life line", "Merged", "250 ms", "Yes", "No", "every entry sums to $0.00"):
            assert word in text
        assert "+$0.10" in text
        assert 'title="+0.101000 USD"' in text

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
