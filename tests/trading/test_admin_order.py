"""The page of one order: hash, moves with the time between, fills and their settlement."""

from datetime import timedelta

import pytest

from tests.api.building import make_session
from tests.helpers import admin_pages as pages
from trading.models import Order, OrderMove, Trade
from trading.selectors.sets import order_story, settled_ms

HASH = f"0x{'7e' * 32}"


@pytest.fixture
def order(mandate, profile):
    """The first leg of a set that traded with play money."""
    session = make_session(profile, mode="LIVE", feed="simulator", label="SIMULATED")
    pages.make_market()
    pages.whole_set(session)
    Order.objects.update(order_hash=HASH)
    return Order.objects.earliest("pk")


@pytest.fixture
def shown(client, viewer, order):
    client.force_login(viewer)

    def page():
        return client.get(pages.page_of("order", order.order_id)).content.decode()

    return page


def test_shows_its_hash_its_moves_and_its_money(shown):
    text = shown()

    assert HASH in text
    assert text.count("+<span") == 2
    for word in ("Submitted", "Matched", "Confirmed", "300 ms", "Play money", "all or nothing"):
        assert word in text


def test_a_fill_says_how_long_its_settlement_took(shown, order):
    fill = Trade.objects.get(order_id=order.order_id)
    fill.moved_at = fill.matched_at + timedelta(milliseconds=7_200)
    fill.save()

    assert settled_ms(fill) == 7_200
    assert "7.2 s" in shown()


def test_a_fill_that_is_not_settled_has_no_time_and_a_reason(shown, order):
    Trade.objects.filter(order_id=order.order_id).update(state="MINED")

    assert settled_ms(Trade.objects.get(order_id=order.order_id)) is None
    assert 'title="In a block, not yet final."' in shown()


def test_news_within_a_state_is_shown_by_what_it_says(order):
    OrderMove.objects.filter(order_id=order.order_id).delete()
    for sequence, (state, reason) in enumerate(
        (("INTENT", "planned"), ("INTENT", "hash known"), ("SUBMITTED", "acknowledged"))
    ):
        OrderMove.objects.create(
            order_id=order.order_id,
            sequence=sequence,
            state_to=state,
            reason=reason,
            matched_micro=0,
            at=order.created_at + timedelta(milliseconds=sequence),
        )

    assert [move.stays for move in order_story(order).moves] == [False, True, False]


def test_without_a_hash_it_says_why(shown):
    Order.objects.update(order_hash="")

    assert "on paper an order has no hash" in shown()
