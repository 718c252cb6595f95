"""Fees, walks and books against exact fractions, on invented cases.

Each property is tried on a few cases in every run and on very many in the slow one: 106,000 cases
of fees and edges and 100,000 operations of the ledger. The cases are the same in each run.
"""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine import fraction_model as model
from tests.engine import invented
from tests.engine.ledger_actor import Actor
from trading.engine.fees import fee_ceiling, fee_charged, fee_pico_per_share_down
from trading.engine.outcome import Refused
from trading.engine.units import MICRO
from trading.engine.walk import Bounds, LegBook, Walk, touch_edge, walk_sets

BATCH = 20


def cases(count):
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def drawn(draw, make, *arguments):
    """A case of which Hypothesis draws every number, so that it can shrink a failing one."""
    return make(lambda low, high: draw(st.integers(low, high)), *arguments)


def try_many(count, make, check):
    """Check very many cases, a batch from each seed; a failure tells its seed."""

    @cases(count // BATCH)
    @given(st.integers(0, 2**64 - 1))
    def run(seed):
        pick = Random(seed).randint
        for _ in range(BATCH):
            check(*make(pick))

    run()


def exact(micro: int) -> Fraction:
    return Fraction(micro, MICRO)


class TestFees:
    @staticmethod
    def check(schedule, price_micro, size_micro):
        fee = model.exact_fee(
            exact(schedule.rate_micro), schedule.exponent, exact(price_micro), exact(size_micro)
        )
        charged = fee_charged(schedule, price_micro, size_micro)

        assert exact(charged) == model.round_down(fee, model.FEE_STEP)
        assert exact(fee_ceiling(schedule, price_micro, size_micro)) == model.round_up(
            fee, model.FEE_STEP
        )
        if size_micro == MICRO:
            pico = fee_pico_per_share_down(schedule, price_micro)
            assert 0 <= fee * 10**12 - pico < 1

    @cases(100)
    @given(drawn(invented.fee_case))
    def test_they_are_exact_and_rounded_as_named(self, case):
        self.check(*case)

    @pytest.mark.slow
    def test_they_are_so_in_40_000_cases(self):
        try_many(40_000, invented.fee_case, self.check)


class TestTouch:
    @staticmethod
    def check(asks, payout_micro):
        left, share = exact(payout_micro), Fraction(1)
        for price_micro, fee in asks:
            price = exact(price_micro)
            left -= price + model.exact_fee(exact(fee.rate_micro), fee.exponent, price, share)

        edge_micro = touch_edge(asks, payout_micro)
        assert edge_micro is not None
        assert exact(edge_micro) == model.round_down(left)
        assert touch_edge([*asks, (500_000, None)], payout_micro) is None

    @cases(50)
    @given(drawn(invented.touch))
    def test_the_edge_is_exact_and_rounded_down(self, case):
        self.check(*case)

    @pytest.mark.slow
    def test_the_edge_is_so_in_20_000_cases(self):
        try_many(20_000, invented.touch, self.check)


def fractions(legs: list[LegBook], bounds: Bounds) -> tuple[list[model.Leg], model.Terms]:
    """Say the same question to the model."""
    return [
        model.Leg(
            tuple((exact(price), exact(size)) for price, size in leg.asks),
            exact(leg.fee.rate_micro),
            leg.fee.exponent,
            exact(leg.tick_micro),
            exact(leg.min_order_size_micro),
        )
        for leg in legs
    ], model.Terms(
        exact(bounds.payout_micro),
        exact(bounds.cost_max_micro),
        exact(bounds.min_profit_ratio_micro),
        exact(bounds.slippage_max_ratio_micro),
        exact(bounds.slippage_allowance_ratio_micro),
        exact(bounds.gas_per_set_micro),
        bounds.raise_to_minimum,
    )


def check_value(legs, bounds, hundredths):
    """What is answered is worth what it says, and no other size would have been worth more."""
    outcome = walk_sets(legs, bounds)
    their_legs, terms = fractions(legs, bounds)
    if isinstance(outcome, Walk):
        size = exact(outcome.size_micro)
        answer = model.value(their_legs, terms, size)
        assert exact(outcome.cost_micro) == answer.cost
        assert exact(outcome.fee_micro) == answer.fee
        assert exact(outcome.net_micro) == answer.net > 0
        assert answer.net >= terms.profit_min * answer.cost
        assert answer.cost <= terms.cost_max or (outcome.raised and terms.raise_to_minimum)
        for leg, theirs in zip(outcome.legs, their_legs, strict=True):
            (limit,) = theirs.limits([size])
            assert exact(leg.limit_micro) == limit
            assert theirs.takes(size, limit)
            assert limit <= theirs.asks[0][0] * (1 + terms.slippage_max)
    else:
        assert isinstance(outcome, Refused)
    size = Fraction(hundredths, 100)
    within = [model.within_slippage(leg, terms.slippage_max) for leg in their_legs]
    if any(sum(offered for _, offered in leg.asks) < size for leg in within):
        return
    answer = model.value(within, terms, size)
    if (
        all(leg.takes(size, leg.limits([size])[0]) for leg in within)
        and answer.cost <= terms.cost_max
        and answer.net > 0
        and answer.net >= terms.profit_min * answer.cost
    ):
        assert isinstance(outcome, Walk)
        assert exact(outcome.net_micro) >= answer.net


def check_best(legs, bounds):
    """The answer, code or size, is the one that trying every size gives."""
    outcome = walk_sets(legs, bounds)
    answer = model.best_set(*fractions(legs, bounds))
    if isinstance(outcome, Refused):
        assert outcome.code == answer.code
        return
    assert not answer.code
    assert exact(outcome.net_micro) == answer.net
    assert (exact(outcome.size_micro), outcome.raised) == (answer.size, answer.raised)


class TestWalk:
    @staticmethod
    def any_gap(pick):
        return (*invented.gap(pick, 3_000), pick(1, 3_000))

    @staticmethod
    def small_gap(pick):
        return invented.gap(pick, 800)

    @cases(30)
    @given(drawn(any_gap))
    def test_it_is_worth_what_it_says_and_no_size_at_random_is_worth_more(self, case):
        check_value(*case)

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_it_is_so_in_40_000_cases(self):
        try_many(40_000, self.any_gap, check_value)

    @cases(20)
    @given(drawn(small_gap))
    def test_it_is_the_best_of_all_sizes(self, case):
        check_best(*case)

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_it_is_the_best_of_all_sizes_in_6_000_cases(self):
        try_many(6_000, self.small_gap, check_best)


class TestBooks:
    @staticmethod
    def steps(pick, count):
        return [
            (invented.one_of(pick, Actor.ACTIONS), pick(0, 3), pick(1, 99), pick(1, 2_000_000))
            for _ in range(count)
        ]

    @staticmethod
    def check(*steps):
        actor = Actor()
        for step in steps:
            actor.act(*step)
            actor.check()
        actor.check_restored()

    @cases(10)
    @given(drawn(steps, 15))
    def test_debits_equal_credits_whatever_happens(self, steps):
        self.check(*steps)

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_debits_equal_credits_in_100_000_operations(self):
        try_many(2_000, lambda pick: self.steps(pick, 50), self.check)
