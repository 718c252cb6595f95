"""What the venue charges, and the most that it can charge."""

import pytest

from trading.engine.fees import (
    EXPONENT_MAX,
    fee_ceiling,
    fee_charged,
    fee_fraction,
    fee_pico_per_share_down,
)
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, micro_from_text, proceeds_down

CRYPTO = FeeSchedule(rate_micro=70_000, exponent=1)
SPORTS = FeeSchedule(rate_micro=50_000, exponent=1)
POLITICS = FeeSchedule(rate_micro=40_000, exponent=1)
FREE = FeeSchedule(rate_micro=0, exponent=1)


def micro(text: str) -> int:
    return micro_from_text(text)


class TestWorkedExamples:
    """polymarket.md section 6; 100 shares unless said otherwise."""

    @pytest.mark.parametrize(
        ("schedule", "price", "size", "fee"),
        [
            pytest.param(POLITICS, "0.40", "100", "0.96", id="politics YES"),
            pytest.param(POLITICS, "0.57", "100", "0.98040", id="politics NO"),
            pytest.param(CRYPTO, "0.40", "100", "1.68", id="crypto YES"),
            pytest.param(CRYPTO, "0.57", "100", "1.71570", id="crypto NO"),
            pytest.param(SPORTS, "0.60", "100", "1.20", id="sports sale"),
            pytest.param(FREE, "0.50", "100", "0", id="geopolitics"),
        ],
    )
    def test_the_fee_is_the_documented_one(self, schedule, price, size, fee):
        assert fee_charged(schedule, micro(price), micro(size)) == micro(fee)
        assert fee_ceiling(schedule, micro(price), micro(size)) == micro(fee)

    def test_the_live_fill_of_25_at_13_cents_paid_14_cents(self):
        # 25 * 0.05 * 0.13 * 0.87 = 0.141375; the balance fell from 388.39 to 385.00 dollars.
        charged = fee_charged(SPORTS, micro("0.13"), micro("25"))

        assert charged == micro("0.14137")
        assert fee_ceiling(SPORTS, micro("0.13"), micro("25")) == micro("0.14138")
        left = micro("388.39") - micro("3.25") - charged
        assert (left + 5_000) // 10_000 == 38_500  # in cents, to the nearest one

    def test_a_politics_pair_earns_and_the_same_crypto_pair_loses(self):
        cost = micro("97")
        politics = sum(fee_charged(POLITICS, micro(p), micro("100")) for p in ("0.40", "0.57"))
        crypto = sum(fee_charged(CRYPTO, micro(p), micro("100")) for p in ("0.40", "0.57"))

        assert micro("100") - cost - politics == micro("1.0596")
        assert micro("100") - cost - crypto == micro("-0.3957")

    def test_a_sale_of_100_at_60_cents_in_sports_brings_58_80(self):
        proceeds = proceeds_down(micro("0.60"), micro("100"))

        assert proceeds - fee_charged(SPORTS, micro("0.60"), micro("100")) == micro("58.80")

    def test_upstreams_pair_of_48_and_50_cents_pays_a_quarter_and_not_three_cents(self):
        # E7: 10 + 10 shares at rate 0.05; a flat 0.35 % of notional would be 0.0343 dollars.
        fees = fee_charged(SPORTS, micro("0.48"), micro("10")) + fee_charged(
            SPORTS, micro("0.50"), micro("10")
        )

        assert fees == micro("0.2498")


class TestRounding:
    def test_a_fee_below_a_thousandth_of_a_cent_is_not_charged(self):
        # 0.0001 shares at 0.5: 0.0001 * 0.07 * 0.25 = 0.00000175 dollars.
        assert fee_charged(CRYPTO, 500_000, 100) == 0
        assert fee_ceiling(CRYPTO, 500_000, 100) == 10

    def test_exactly_a_thousandth_of_a_cent_is_charged(self):
        # 0.001 * 0.04 * 0.25 = 0.00001 dollars.
        assert fee_charged(POLITICS, 500_000, 1_000) == 10
        assert fee_ceiling(POLITICS, 500_000, 1_000) == 10

    def test_down_and_up_differ_by_one_step_when_anything_is_left_over(self):
        charged = fee_charged(POLITICS, 570_000, 1_010_000)

        assert charged == 9_900  # 0.00990204
        assert fee_ceiling(POLITICS, 570_000, 1_010_000) == charged + 10

    def test_nothing_traded_costs_nothing(self):
        assert fee_charged(CRYPTO, 500_000, 0) == fee_ceiling(CRYPTO, 500_000, 0) == 0

    def test_the_fee_of_one_share_is_exact_to_a_pico(self):
        # 0.04 * 0.57 * 0.43 = 0.009804 dollars = 9_804_000_000 pico.
        assert fee_pico_per_share_down(POLITICS, 570_000) == 9_804_000_000


class TestExponents:
    def test_exponent_zero_charges_the_rate_on_every_share(self):
        flat = FeeSchedule(rate_micro=20_000, exponent=0)

        assert fee_charged(flat, 10_000, micro("5")) == micro("0.1")

    def test_the_square_is_exact(self):
        squared = FeeSchedule(rate_micro=MICRO, exponent=2)

        # (0.4 * 0.6) ** 2 = 0.0576
        assert fee_charged(squared, 400_000, micro("1")) == micro("0.0576")

    def test_the_largest_exponent_has_no_overflow_and_no_float(self):
        steep = FeeSchedule(rate_micro=MICRO, exponent=EXPONENT_MAX)

        # (0.5 * 0.5) ** 8 = 4 ** -8 = 0.0000152587890625; times 1000 shares.
        assert fee_charged(steep, 500_000, micro("1000")) == 15_250
        assert fee_ceiling(steep, 500_000, micro("1000")) == 15_260


class TestRefusedInput:
    @pytest.mark.parametrize("exponent", [-1, EXPONENT_MAX + 1])
    def test_an_exponent_out_of_range_raises(self, exponent):
        with pytest.raises(ValueError, match="exponent"):
            fee_charged(FeeSchedule(rate_micro=1, exponent=exponent), 500_000, 1)

    @pytest.mark.parametrize("rate", [-1, MICRO + 1])
    def test_a_rate_out_of_range_raises(self, rate):
        with pytest.raises(ValueError, match="rate"):
            fee_ceiling(FeeSchedule(rate_micro=rate, exponent=1), 500_000, 1)

    @pytest.mark.parametrize("price", [-1, MICRO + 1])
    def test_a_price_outside_of_zero_and_one_raises(self, price):
        with pytest.raises(ValueError, match="price"):
            fee_charged(CRYPTO, price, 1)

    @pytest.mark.parametrize("price", [0, MICRO])
    def test_the_ends_of_the_price_range_are_free(self, price):
        assert fee_fraction(CRYPTO, price, MICRO)[0] == 0

    def test_a_negative_size_raises(self):
        with pytest.raises(ValueError, match="size"):
            fee_charged(CRYPTO, 500_000, -1)
