"""Whether live orders can be sent, as every door says it: yes, no and why, or not known and why."""

import pytest

from tests.conftest import NOON
from tests.helpers.runs import make_run, sample
from trading.selectors import live_state

pytestmark = pytest.mark.django_db

LIVE = {"mode": "LIVE", "feed": "simulator", "label": "SIMULATED"}


@pytest.fixture
def run(mandate, profile):
    """Return the maker of sessions that send orders."""
    return lambda **changes: make_run(**{**LIVE, **changes})


def access():
    return live_state("main", NOON)["access"]


def orders():
    return live_state("main", NOON)["orders"]


def figures(**values):
    return {"values": {"feed_connected": True, **values}}


def test_a_trading_engine_can_send(run):
    run()

    assert (access()["works"], access()["problem"], access()["reason"]) == (True, None, None)


def test_what_stands_against_orders_has_code_words_and_remedy(run):
    reason = "SIGNER_DOWN: no signer answers at play.sock: gone"
    run(state="NO_ACCESS", state_reason=reason)

    found = access()

    assert (found["works"], found["problem"]) == (False, "SIGNER_DOWN")
    assert found["label"] == "Signer down"
    assert found["reason"] == "no signer answers at play.sock: gone"
    assert "could be signed" in found["meaning"]
    assert "Start the signer" in found["remedy"]


def test_a_halted_engine_says_by_its_figures(run):
    session = run(state="HALTED")
    assert access()["works"] is None
    assert "has not said" in access()["reason"]

    sample(session, **figures(access_problem="NOT_RECONCILED", access_text="cash differs"))

    assert (access()["works"], access()["problem"]) == (False, "NOT_RECONCILED")
    assert access()["reason"] == "cash differs"


def test_on_paper_nothing_is_sent_and_nothing_is_claimed(mandate, profile):
    sample(make_run())

    assert access()["works"] is None
    assert access()["reason"] == "on paper no order is sent"
    assert orders()["reason"] == "on paper no order is sent"


@pytest.mark.parametrize("changes", [{"state": "STOPPED", "ended_at": NOON}, {}], ids=str)
def test_an_engine_that_is_not_alive_can_send_nothing(run, changes):
    run(heartbeat_at=NOON.replace(hour=1), **changes)

    assert access()["works"] is None
    assert access()["reason"] == "the engine is not running"


def test_how_long_orders_took_is_told_with_their_number(run):
    told = {"order_sent_session_p50_us": 9_800, "order_sent_session_p99_us": 31_000}
    sample(run(), **figures(**told, batches_sent=12, orders_followed=2))

    assert (orders()["sent_p50_us"], orders()["sent_p99_us"]) == (9_800, 31_000)
    assert (orders()["batches_sent"], orders()["followed"]) == (12, 2)
    assert orders()["reason"] is None


def test_before_the_first_order_there_is_no_time_and_a_reason(run):
    sample(run(), **figures(order_sent_session_p50_us=None, batches_sent=0, orders_followed=0))

    assert orders()["sent_p50_us"] is None
    assert orders()["reason"] == "this session has sent no order yet"
