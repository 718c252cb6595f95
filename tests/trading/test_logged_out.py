"""A live session whose API key the venue has lost: the cause is told, and it is not the signer."""

from dataclasses import replace

import pytest

from tests.conftest import make_profile
from tests.helpers.journals import until
from tests.helpers.quiet_ports import QuietPorts
from tests.helpers.shifts import QUICK, shift
from trading.adapters.clob_private import KEY_UNKNOWN
from trading.execution.requests import CallFailed, FailureKind
from trading.models import EngineSession, Mandate, ReconciliationRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def live(wanted, monkeypatch):
    monkeypatch.setattr("trading.runtime.live.SIGNER_EVERY_S", 0.05)
    play = make_profile("simulated_atomic_v1")
    Mandate.objects.update(mode="LIVE", feed="simulator", profile=play)
    return QuietPorts(100_000_000)


def problem_is(code):
    until(lambda: EngineSession.objects.get().stats.get("access_problem") == code)


def failure(code, text):
    return CallFailed(kind=FailureKind.NOT_SENT, code=code, text=text)


@pytest.mark.parametrize("again", [None, failure("", f"{KEY_UNKNOWN}, and did not let us in")])
def test_tells_that_the_venue_does_not_know_us_until_it_lets_us_in(live, again):
    with shift(live_ports=live, times=replace(QUICK, reconcile_ms=100)):
        until(ReconciliationRun.objects.filter(verdict="MATCH").exists)
        problem_is("")

        live.logged_out, live.failure = KEY_UNKNOWN, again
        problem_is("USER_CHANNEL_DOWN")

        live.let_in()
        problem_is("")


def test_a_signer_that_is_away_is_told_as_that(live):
    with shift(live_ports=live, times=replace(QUICK, reconcile_ms=100)):
        until(ReconciliationRun.objects.filter(verdict="MATCH").exists)
        live.failure = failure("SIGNER_DOWN", "nobody answers")
        problem_is("SIGNER_DOWN")

        live.failure = None
        problem_is("")
