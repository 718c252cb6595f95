"""Exposed sets in the state: those of the money of now, with what the engine says of one."""

import pytest

from tests.conftest import NOON
from tests.helpers.runs import completed, make_run
from trading.models import ArbitrageSet
from trading.selectors import live_state

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(mandate, profile):
    return make_run(mode="LIVE", feed="simulator", label="SIMULATED")


def exposed():
    return live_state("main", NOON)["exposed"]


def test_none_is_a_counted_zero_and_before_any_run_it_is_not_known(mandate, profile):
    assert (exposed()["sets"], exposed()["reason"]) == (None, "the engine has not run yet")

    make_run()

    assert (exposed()["sets"], exposed()["number"], exposed()["reason"]) == (0, None, None)


def test_the_first_one_is_named_with_what_the_engine_says(session):
    for _ in range(2):
        completed(session, paper=False)
    ArbitrageSet.objects.update(state="EXPOSED", reason="selling could lose 1.2 dollars")

    found = exposed()

    first = ArbitrageSet.objects.earliest("pk")
    assert (found["sets"], found["number"], found["set_id"]) == (2, first.pk, first.set_id)
    assert found["reason"] == "selling could lose 1.2 dollars"
    assert "LEG_LOSS_MAX" in found["remedy"]


def test_those_on_paper_do_not_count_while_play_money_trades(session):
    completed(session, paper=True)
    ArbitrageSet.objects.update(state="EXPOSED")

    assert exposed()["sets"] == 0
