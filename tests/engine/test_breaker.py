"""The circuit breaker opens by the configured bounds, waits, probes once, and closes or opens anew.

E24: upstream's opened after one failure, never became half-open, and read no configuration.
"""

from dataclasses import replace

import pytest

from trading.engine.breaker import Breaker, Permit
from trading.engine.codes import BreakerState
from trading.engine.limits import Limits

LIMITS = Limits(
    breaker_failures_max=3,
    breaker_fail_ratio_micro=400_000,
    breaker_sample_min=10,
    breaker_window=20,
    breaker_open_ms=300_000,
)
WAIT_NS = 300_000 * 1_000_000


def ended(breaker, outcomes, now_ns=0):
    """Record sets written as "+" and "-"."""
    for outcome in outcomes:
        breaker.record(outcome == "+", now_ns)


def opened(at_ns=0) -> Breaker:
    breaker = Breaker(LIMITS)
    ended(breaker, "---", at_ns)
    assert breaker.state is BreakerState.OPEN
    return breaker


def probing(at_ns=0) -> Breaker:
    breaker = opened(at_ns)
    assert breaker.permit(at_ns + WAIT_NS) is Permit.ALLOW
    breaker.probe_started()
    return breaker


class TestOpening:
    def test_a_new_one_is_closed_and_allows(self):
        breaker = Breaker(LIMITS)

        assert breaker.state is BreakerState.CLOSED
        assert breaker.permit(0) is Permit.ALLOW

    @pytest.mark.parametrize("outcomes", ["-", "--", "--+--", "-+-+-"])
    def test_fewer_failures_in_a_row_than_configured_leave_it_closed(self, outcomes):
        breaker = Breaker(LIMITS)

        ended(breaker, outcomes)

        assert breaker.state is BreakerState.CLOSED

    @pytest.mark.parametrize("outcomes", ["---", "++---", "--+---"])
    def test_as_many_in_a_row_as_configured_open_it(self, outcomes):
        breaker = Breaker(LIMITS)

        ended(breaker, outcomes)

        assert breaker.state is BreakerState.OPEN
        assert breaker.permit(0) is Permit.REFUSE_OPEN

    def test_five_in_a_row_are_needed_where_five_are_configured(self):
        breaker = Breaker(replace(LIMITS, breaker_failures_max=5))

        ended(breaker, "----")
        assert breaker.permit(0) is Permit.ALLOW
        ended(breaker, "-")
        assert breaker.state is BreakerState.OPEN

    def test_the_failed_share_opens_it_once_enough_sets_ended(self):
        breaker = Breaker(LIMITS)

        ended(breaker, "--+-+-+++")  # 4 of 9, too few to tell
        assert breaker.permit(0) is Permit.ALLOW
        ended(breaker, "-")  # 5 of 10
        assert breaker.state is BreakerState.OPEN

    def test_exactly_the_share_opens_it_and_less_does_not(self):
        at_it, below = Breaker(LIMITS), Breaker(LIMITS)

        ended(at_it, "--+-+++++-")  # 4 of 10
        ended(below, "--++++++++-")  # 3 of 11

        assert at_it.state is BreakerState.OPEN
        assert below.state is BreakerState.CLOSED

    def test_a_success_never_opens_it(self):
        breaker = Breaker(replace(LIMITS, breaker_fail_ratio_micro=0))

        ended(breaker, "+" * 30)

        assert breaker.state is BreakerState.CLOSED

    def test_sets_before_the_window_are_forgotten(self):
        breaker = Breaker(replace(LIMITS, breaker_window=10))

        ended(breaker, "--+--" + "+" * 10)
        ended(breaker, "-+-+-")  # 3 of the last 10

        assert breaker.state is BreakerState.CLOSED

    def test_a_sample_larger_than_the_window_does_not_switch_the_share_off(self):
        breaker = Breaker(replace(LIMITS, breaker_sample_min=50, breaker_window=5))

        ended(breaker, "+--+-")

        assert breaker.state is BreakerState.OPEN

    def test_forgotten_limits_open_it_at_the_first_failure(self):
        breaker = Breaker(Limits())

        ended(breaker, "-")

        assert breaker.state is BreakerState.OPEN


class TestWaiting:
    def test_it_refuses_until_the_last_nanosecond(self):
        breaker = opened(at_ns=7)

        assert breaker.permit(7 + WAIT_NS - 1) is Permit.REFUSE_OPEN
        assert breaker.state is BreakerState.OPEN

    def test_then_it_is_half_open_and_allows(self):
        breaker = opened(at_ns=7)

        assert breaker.permit(7 + WAIT_NS) is Permit.ALLOW
        assert breaker.state is BreakerState.HALF_OPEN
        assert breaker.changed_ns == 7 + WAIT_NS

    def test_sets_that_were_under_way_do_not_close_it(self):
        breaker = opened()

        ended(breaker, "++", now_ns=1)

        assert breaker.state is BreakerState.OPEN

    def test_sets_that_were_under_way_do_not_make_it_wait_longer(self):
        breaker = opened()

        ended(breaker, "-", now_ns=WAIT_NS - 1)

        assert breaker.permit(WAIT_NS) is Permit.ALLOW


class TestProbing:
    def test_only_one_probe_is_let_through(self):
        breaker = probing()

        assert breaker.permit(WAIT_NS) is Permit.REFUSE_PROBING
        assert breaker.permit(10 * WAIT_NS) is Permit.REFUSE_PROBING

    def test_a_permit_alone_is_no_probe(self):
        # Risk may still refuse the set for another reason.
        breaker = opened()

        assert breaker.permit(WAIT_NS) is Permit.ALLOW
        assert breaker.permit(WAIT_NS) is Permit.ALLOW

    def test_its_success_closes_the_breaker_and_forgets_the_past(self):
        breaker = probing()

        ended(breaker, "+", now_ns=WAIT_NS)

        assert breaker.state is BreakerState.CLOSED
        ended(breaker, "--", now_ns=WAIT_NS)
        assert breaker.state is BreakerState.CLOSED

    def test_its_failure_opens_the_breaker_for_another_full_wait(self):
        breaker = probing()

        ended(breaker, "-", now_ns=WAIT_NS + 5)

        assert breaker.permit(2 * WAIT_NS + 4) is Permit.REFUSE_OPEN
        assert breaker.permit(2 * WAIT_NS + 5) is Permit.ALLOW

    def test_a_late_success_without_a_probe_does_not_close_it(self):
        breaker = opened()
        breaker.permit(WAIT_NS)

        ended(breaker, "+", now_ns=WAIT_NS)

        assert breaker.state is BreakerState.HALF_OPEN

    def test_a_late_failure_without_a_probe_opens_it_anew(self):
        breaker = opened()
        breaker.permit(WAIT_NS)

        ended(breaker, "-", now_ns=WAIT_NS)

        assert breaker.state is BreakerState.OPEN

    def test_a_set_opened_while_closed_is_no_probe(self):
        breaker = Breaker(LIMITS)

        breaker.probe_started()

        assert breaker.permit(0) is Permit.ALLOW


class TestReset:
    @pytest.mark.parametrize("start", [opened, probing], ids=["open", "probing"])
    def test_a_person_closes_it_at_once(self, start):
        breaker = start()

        breaker.reset(9)

        assert breaker.state is BreakerState.CLOSED
        assert breaker.permit(9) is Permit.ALLOW
        ended(breaker, "--", now_ns=9)
        assert breaker.state is BreakerState.CLOSED

    def test_the_failed_share_is_counted_anew(self):
        breaker = opened()

        breaker.reset(9)
        ended(breaker, "-+-+++-", now_ns=9)  # with the three before, six of ten would have failed

        assert breaker.state is BreakerState.CLOSED


class TestNewLimits:
    def test_they_count_from_the_next_set_that_ends(self):
        breaker = Breaker(LIMITS)
        ended(breaker, "--")

        breaker.limits = replace(LIMITS, breaker_failures_max=2)

        assert breaker.limits.breaker_failures_max == 2
        assert breaker.permit(0) is Permit.ALLOW
        ended(breaker, "-")
        assert breaker.state is BreakerState.OPEN

    def test_a_smaller_window_forgets_at_once(self):
        breaker = Breaker(LIMITS)
        ended(breaker, "--+--+--+")

        breaker.limits = replace(LIMITS, breaker_window=2, breaker_sample_min=2)
        ended(breaker, "++-")  # of the last two one failed

        assert breaker.state is BreakerState.OPEN

    def test_a_longer_wait_holds_a_breaker_that_is_open(self):
        breaker = opened()

        breaker.limits = replace(LIMITS, breaker_open_ms=600_000)

        assert breaker.permit(WAIT_NS) is Permit.REFUSE_OPEN
        assert breaker.permit(2 * WAIT_NS) is Permit.ALLOW
