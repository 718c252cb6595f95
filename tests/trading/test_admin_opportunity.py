"""The funnel over the list of gaps, and the page of one gap."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.building import make_session
from tests.conftest import NOON
from tests.helpers import admin_pages as pages
from trading.models import Market, Money
from trading.selectors.books import walk_view
from trading.selectors.gaps import funnel_between, last_day


@pytest.fixture
def session(mandate, profile):
    return make_session(profile)


@pytest.fixture
def seeing(client, viewer):
    client.force_login(viewer)
    return client


def funnel(**market):
    day = last_day(Money.PAPER)
    assert day is not None
    return funnel_between(*day, money=Money.PAPER, **market)


class TestFunnel:
    def test_a_later_step_is_in_the_earlier_ones(self, session):
        pages.facts(session)
        pages.make_gap(session, 3, stage="SEEN", refusal="BOOK_STALE", frames=10)

        steps = {step.key: step for step in funnel().steps}

        assert [steps[key].number for key in ("SEEN", "CONFIRMED", "ALLOWED", "SUBMITTED")] == [
            *(3, 2, 1, 1),
        ]
        assert steps["SEEN"].frames == 16
        assert steps["MATCHED"].number == steps["MERGED"].number == 1
        assert steps["MERGED"].micro == 101_000

    def test_dollars_are_what_was_on_offer_at_the_best_asks_each_gap_once(self, session):
        pages.make_gap(session, 1, frames=50)  # 3 cents for 50 sets

        assert funnel().steps[0].micro == 1_500_000

    def test_reasons_are_commonest_first(self, session):
        pages.make_gap(session, 1, refusal="COOLDOWN")
        for number in (2, 3):
            pages.make_gap(session, number, refusal="EDGE_NOT_POSITIVE")

        assert [(one.code, one.gaps) for one in funnel().reasons] == [
            ("EDGE_NOT_POSITIVE", 2),
            ("COOLDOWN", 1),
        ]

    def test_another_market_and_another_day_do_not_count(self, session):
        pages.make_gap(session, 1)
        pages.make_gap(session, 2, condition_id="0xbb")
        pages.make_gap(session, 3, seen_at=NOON - timedelta(days=2))

        assert funnel(condition_id="0xaa").gaps == 1

    def test_each_step_and_reason_leads_to_its_rows(self, seeing, session):
        pages.facts(session)
        context = seeing.get(pages.list_of("opportunity")).context

        for step in context["funnel_steps"]:
            found = seeing.get(step["url"]).context["cl"].result_list
            assert len(found) == step["number"], step["label"]
        for reason in context["funnel_reasons"]:
            found = seeing.get(reason["url"]).context["cl"].result_list
            assert len(found) == reason["gaps"]

    def test_the_reason_is_said_in_words(self, seeing, session):
        pages.facts(session)

        text = seeing.get(pages.list_of("opportunity")).content.decode()

        assert "less than the profile asks for" in text
        assert "a lower MIN_PROFIT_THRESHOLD" in text


class TestBooks:
    def test_the_walk_marks_what_it_takes_of_each_level(self, session):
        pages.make_market()
        gap = pages.taken_gap(
            session,
            ladder=[
                [[480_000, 3_000_000], [490_000, 40_000_000]],
                [[490_000, 50_000_000]],
            ],
        )

        walk = walk_view(gap)

        assert [level.taken_micro for level in walk.legs[0].levels] == [3_000_000, 2_000_000]
        assert [level.taken_micro for level in walk.legs[1].levels] == [5_000_000]
        assert walk.planned
        assert not walk.deeper

    def test_fees_are_of_the_markets_schedule_level_by_level(self, session):
        pages.make_market(fee_rate_micro=20_000, fee_exponent=1)

        walk = walk_view(pages.taken_gap(session))

        # 5 shares * 0.02 * 0.48 * 0.52 = 0.02496 dollars, and 0.02499 for the other leg.
        assert [leg.fee_micro for leg in walk.legs] == [24_960, 24_990]
        assert walk.cost_micro == 2_400_000 + 2_450_000
        assert walk.left_micro == 5_000_000 - 4_850_000 - 49_950

    def test_an_unknown_fee_is_not_a_fee_of_nothing(self, session):
        pages.make_market(fee_rate_micro=None, fee_exponent=None)

        walk = walk_view(pages.taken_gap(session))

        assert walk.fee_micro is None
        assert walk.left_micro is None

    def test_a_refused_gap_shows_the_smallest_set(self, session):
        pages.make_market()

        walk = walk_view(pages.make_gap(session))

        assert not walk.planned
        assert walk.size_micro == 5_000_000

    def test_more_than_the_kept_levels_hold_is_said_to_be_more(self, session):
        pages.make_market()

        walk = walk_view(pages.taken_gap(session, ladder=[[[480_000, 1_000_000]], []]))

        assert walk.deeper
        assert walk.left_micro is None


class TestPage:
    def test_shows_books_verdict_and_links(self, seeing, session):
        pages.facts(session)

        text = seeing.get(pages.page_of("opportunity", "main-1-p2")).content.decode()

        assert "Below the least profit" in text
        assert "What would change it" in text
        assert "48.0¢" in text
        assert "49.0¢" in text
        assert "Will 0xaa happen?" in text

    def test_a_taken_gap_leads_to_its_set_and_the_set_back(self, seeing, session):
        pages.facts(session)

        text = seeing.get(pages.page_of("opportunity", "main-1-p1")).content.decode()

        address = pages.page_of("arbitrageset", "main-1-s1")
        assert address in text
        assert pages.page_of("opportunity", "main-1-p1") in seeing.get(address).content.decode()

    @pytest.mark.parametrize(
        "changes",
        [
            {"ladder": []},
            {"ladder": [], "legs": []},
            {"edge_micro": None, "refusal": "UNKNOWN_FEE"},
            {"refusal": "OF_ANOTHER_VERSION"},
            {"size_micro": 10**15},
        ],
    )
    def test_what_is_missing_breaks_nothing(self, seeing, session, changes):
        gap = pages.make_gap(session, **changes)

        assert seeing.get(pages.page_of("opportunity", gap.pk)).status_code == 200
        pages.make_market()
        assert seeing.get(pages.page_of("opportunity", gap.pk)).status_code == 200

    def test_many_legs_take_no_more_queries(self, seeing, session):
        for number in range(12):
            pages.make_market(f"0x{number}", (f"y{number}", f"n{number}"))
        legs = [
            {"token_id": f"n{n}", "ask_micro": 80_000, "size_micro": 5_000_000, "venue_ms": 1}
            for n in range(12)
        ]
        pages.make_market()
        two = pages.make_gap(session, 1)
        twelve = pages.make_gap(session, 2, legs=legs, ladder=[[[80_000, 5_000_000]]] * 12)
        seeing.get(pages.page_of("opportunity", two.pk))
        with CaptureQueriesContext(connection) as few:
            seeing.get(pages.page_of("opportunity", two.pk))
        with CaptureQueriesContext(connection) as many:
            seeing.get(pages.page_of("opportunity", twelve.pk))

        assert len(many) == len(few)
        assert Market.objects.count() == 13
