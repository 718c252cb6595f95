"""What the header and the dashboard are told of the gates."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.module_loading import import_string

from checks.models import CheckRun, Promotion
from checks.selectors.gate_part import gates_part
from polyarb_site.live import parts
from polyarb_site.live.gate_cells import gate_cells
from tests.browser.gating import add_evaluation, add_run, bare_promotion, begin_run
from tests.conftest import NOON, make_profile

pytestmark = pytest.mark.django_db


def cells():
    return gate_cells(gates_part("main", NOON), NOON.isoformat())


def test_it_is_a_part_of_the_live_state():
    assert import_string(parts._READERS["gates"]) is gates_part


def test_before_anything_ran_both_say_why_there_is_nothing():
    made = cells()

    assert made["go_no_go"]["reason"] == "no check has run yet"
    assert made["criteria"]["reason"] == "no criterion was judged yet"


def test_the_last_decision_has_its_age_and_its_sentence():
    add_run(NOON - timedelta(hours=2), good=True)
    made = cells()

    assert (made["go_no_go"]["text"], made["go_no_go"]["tone"]) == ("GO", "good")
    assert "every P0 passes" in made["go_no_go"]["title"]
    assert made["go_no_go_age"]["text"] == "1 h 59 min"


def test_a_go_of_24_hours_ago_is_no_go_any_more():
    run = add_run(NOON - timedelta(hours=25), good=True)
    CheckRun.objects.filter(pk=run.pk).update(finished_at=NOON - timedelta(hours=24))
    assert (cells()["go_no_go"]["text"], cells()["go_no_go"]["tone"]) == ("GO, too old", "warn")
    CheckRun.objects.filter(pk=run.pk).update(finished_at=NOON - timedelta(hours=23, minutes=59))
    assert cells()["go_no_go"]["text"] == "GO"


def test_a_decision_from_the_future_is_not_valid():
    add_run(NOON + timedelta(minutes=1), good=True)

    assert cells()["go_no_go"]["text"] == "GO, too old"


def test_a_run_of_one_category_or_one_that_goes_on_is_no_decision():
    add_run(NOON - timedelta(hours=2), good=True)
    begin_run(NOON)
    CheckRun.objects.filter(pk=add_run(NOON).pk).update(category="data")

    assert cells()["go_no_go"]["text"] == "GO"


def test_the_next_step_counts_what_does_not_pass_and_no_kill_criterion():
    add_evaluation(NOON - timedelta(minutes=3))

    assert cells()["criteria"]["text"] == "3 of 8 criteria missing"


def test_with_everything_met_and_with_an_open_promotion_it_says_that(operator):
    make_profile("live_safe_atomic_v1")
    add_evaluation(NOON, good=True)
    assert cells()["criteria"]["text"] == "every criterion is met"
    row = bare_promotion(NOON, requested_by=operator)
    assert cells()["criteria"]["text"] == "promotion waits for a yes"
    Promotion.objects.filter(pk=row.pk).update(state="APPROVED")
    assert cells()["criteria"]["text"] == "approved, start it"


def test_it_costs_two_queries():
    add_evaluation(NOON)
    add_run(NOON)
    with CaptureQueriesContext(connection) as caught:
        gates_part("main", NOON)

    assert len(caught) == 2
