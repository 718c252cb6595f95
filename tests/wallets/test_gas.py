"""What may be paid for gas: allowed up to each limit, refused one unit above it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.engine.units import MICRO
from trading.wallets.gas import GasLimits, GasOffer, cost_micro, decide_gas, decide_raise
from trading.wallets.messages import RefusalCode, Refused

GWEI = 10**9
LIMITS = GasLimits(
    price_wei_max=500 * GWEI,
    cost_micro_max=500_000,
    multiplier_micro=1_200_000,
    pol_price_micro=1 * MICRO,
)


def decide(base=50 * GWEI, tip=30 * GWEI, gas=100_000, **changes):
    limits = dataclasses.replace(LIMITS, **changes)
    return decide_gas(gas_estimate=gas, base_fee_wei=base, tip_wei=tip, limits=limits)


def test_the_offer_covers_twice_the_base_fee():
    assert decide() == GasOffer(
        gas_limit=120_000,
        fee_wei_max=130 * GWEI,
        tip_wei_max=30 * GWEI,
        cost_micro_max=15_600,  # 120,000 gas at 130 gwei are 0.0156 POL
    )


def test_the_gas_limit_is_rounded_up():
    assert decide(gas=100_001).gas_limit == 120_002


def test_one_price_offers_the_price_of_now():
    offer = decide(one_price=True)

    assert (offer.fee_wei_max, offer.tip_wei_max) == (80 * GWEI, 80 * GWEI)


class TestThePriceLimit:
    def test_a_price_at_the_limit_is_allowed_and_never_exceeded(self):
        assert decide(base=470 * GWEI).fee_wei_max == 500 * GWEI

    def test_one_wei_more_is_refused(self):
        refused = decide(base=470 * GWEI + 1)

        assert refused.code is RefusalCode.GAS_PRICE_TOO_HIGH
        assert "MAX_GAS_PRICE allows 500000000000" in refused.text


class TestTheCostLimit:
    def test_a_cost_at_the_limit_is_allowed_and_never_exceeded(self):
        offer = decide(cost_micro_max=9_600)  # 120,000 gas at 80 gwei

        assert (offer.fee_wei_max, offer.cost_micro_max) == (80 * GWEI, 9_600)

    def test_a_millionth_less_is_refused(self):
        refused = decide(cost_micro_max=9_599)

        assert refused.code is RefusalCode.GAS_COST_TOO_HIGH
        assert "MAX_GAS_COST allows 9599" in refused.text

    def test_a_dearer_pol_is_refused(self):
        assert isinstance(decide(cost_micro_max=9_600, pol_price_micro=1_000_001), Refused)


class TestReplacing:
    def test_both_prices_rise_by_an_eighth_at_least(self):
        before = decide()

        after = decide_raise(before, base_fee_wei=GWEI, tip_wei=GWEI, limits=LIMITS)

        assert after.gas_limit == before.gas_limit
        assert after.fee_wei_max == 146_250_000_000
        assert after.tip_wei_max == 33_750_000_000

    def test_a_fee_that_rose_further_is_followed(self):
        after = decide_raise(decide(), base_fee_wei=200 * GWEI, tip_wei=30 * GWEI, limits=LIMITS)

        assert after.fee_wei_max == 2 * 200 * GWEI + 33_750_000_000

    def test_above_the_limit_it_is_refused(self):
        limits = dataclasses.replace(LIMITS, price_wei_max=146_249_999_999)

        after = decide_raise(decide(), base_fee_wei=GWEI, tip_wei=GWEI, limits=limits)

        assert after.code is RefusalCode.GAS_PRICE_TOO_HIGH


@given(
    base=st.integers(0, 2_000 * GWEI),
    tip=st.integers(0, 2_000 * GWEI),
    gas=st.integers(21_000, 5_000_000),
    cost=st.integers(0, 10 * MICRO),
    pol=st.integers(1, 5 * MICRO),
)
def test_no_offer_is_above_a_limit_or_below_the_price(base, tip, gas, cost, pol):
    offer = decide(base, tip, gas, cost_micro_max=cost, pol_price_micro=pol)

    if isinstance(offer, GasOffer):
        assert base + tip <= offer.fee_wei_max <= LIMITS.price_wei_max
        assert offer.tip_wei_max <= offer.fee_wei_max
        assert offer.cost_micro_max <= cost


@pytest.mark.parametrize(("price_wei", "micro"), [(0, 0), (1, 1), (10**12, 1), (10**12 + 1, 2)])
def test_what_was_paid_is_rounded_up(price_wei, micro):
    assert cost_micro(gas_used=1, price_wei=price_wei, pol_price_micro=MICRO) == micro
