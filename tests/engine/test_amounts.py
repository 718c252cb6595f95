"""Order amounts, against what the official client computed."""

import json
import math
from pathlib import Path

import pytest

from trading.engine.amounts import (
    DECIMALS_BY_TICK,
    Amounts,
    ceil_to_grid,
    floor_to_grid,
    is_on_tick,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
    size_grid_micro,
    tick_decimals,
)
from trading.engine.codes import Side
from trading.engine.market import TICKS_MICRO
from trading.engine.units import MICRO, micro_from_text

VECTORS = json.loads(
    (Path(__file__).parents[1] / "wire" / "vectors_amounts.json").read_text(encoding="utf-8")
)["amounts"]


def _name(vector):
    return "-".join(str(value) for value in vector.values())


def _client_price_micro(vector):
    """Return the price that the official client goes on with: floored in floats, in a market order.

    floor(0.57 * 100) is 56, because 0.57 * 100 is 56.99999999999999 in floats.
    """
    price_micro = micro_from_text(vector["price"])
    if vector["kind"] == "limit":
        return price_micro
    decimals = tick_decimals(micro_from_text(vector["tick"])).price
    floored = math.floor(float(vector["price"]) * 10**decimals)
    return floored * 10 ** (6 - decimals)


def _amounts(vector, price_micro):
    tick_micro = micro_from_text(vector["tick"])
    if vector["kind"] == "limit":
        size_micro = micro_from_text(vector["size"])
        return limit_amounts(Side(vector["side"]), price_micro, size_micro, tick_micro)
    amount_micro = micro_from_text(vector["amount"])
    if vector["side"] == "BUY":
        return market_buy_amounts(price_micro, amount_micro, tick_micro)
    return market_sell_amounts(price_micro, amount_micro, tick_micro)


class TestOfficialClient:
    def test_all_recorded_vectors_are_here(self):
        assert len(VECTORS) == 68

    @pytest.mark.parametrize("vector", VECTORS, ids=_name)
    def test_the_amounts_are_the_clients(self, vector):
        amounts = _amounts(vector, _client_price_micro(vector))

        assert amounts == (vector["makerAmount"], vector["takerAmount"])

    def test_only_the_clients_floats_lose_a_unit_of_price_and_only_at_57_cents(self):
        lost = {
            (v["tick"], v["side"], v["price"])
            for v in VECTORS
            if _client_price_micro(v) != micro_from_text(v["price"])
        }

        ticks = ("0.01", "0.0025", "0.0001")
        assert lost == {(tick, side, "0.57") for tick in ticks for side in ("BUY", "SELL")}

    def test_ours_loses_nothing_there(self):
        sold = market_sell_amounts(570_000, 100_000_000, 10_000)
        bought = market_buy_amounts(570_000, 100_000_000, 10_000)

        assert sold == Amounts(100_000_000, 57_000_000)  # the client: 56_000_000
        assert bought == Amounts(100_000_000, 175_438_500)  # the client: 178_571_400


class TestDecimals:
    def test_every_tick_of_the_venue_has_its_decimals(self):
        assert set(DECIMALS_BY_TICK) == set(TICKS_MICRO)

    @pytest.mark.parametrize(
        ("tick_micro", "price", "amount"),
        [
            (100_000, 1, 3),
            (10_000, 2, 4),
            (5_000, 3, 5),
            (2_500, 4, 6),
            (1_000, 3, 5),
            (100, 4, 6),
        ],
    )
    def test_they_are_those_of_the_venues_table(self, tick_micro, price, amount):
        decimals = tick_decimals(tick_micro)

        assert (decimals.price, decimals.size, decimals.amount) == (price, 2, amount)

    @pytest.mark.parametrize("tick_micro", [0, -10_000, 20_000, 1])
    def test_another_tick_raises(self, tick_micro):
        with pytest.raises(ValueError, match="not a tick"):
            tick_decimals(tick_micro)


class TestOnTick:
    @pytest.mark.parametrize(
        ("price_micro", "tick_micro"),
        [(10_000, 10_000), (990_000, 10_000), (482_500, 2_500), (5_000, 5_000), (999_900, 100)],
    )
    def test_a_multiple_within_the_bounds_is_on_it(self, price_micro, tick_micro):
        assert is_on_tick(price_micro, tick_micro)

    @pytest.mark.parametrize(
        ("price_micro", "tick_micro"),
        [
            pytest.param(0, 10_000, id="zero"),
            pytest.param(MICRO, 10_000, id="one"),
            pytest.param(5_000, 10_000, id="below the tick"),
            pytest.param(995_000, 10_000, id="above one less the tick"),
            pytest.param(482_500, 5_000, id="between two"),
            pytest.param(-10_000, 10_000, id="negative"),
        ],
    )
    def test_anything_else_is_not(self, price_micro, tick_micro):
        assert not is_on_tick(price_micro, tick_micro)

    def test_a_tick_of_nothing_raises(self):
        with pytest.raises(ValueError, match="positive"):
            is_on_tick(500_000, 0)


class TestRoundingOfOrders:
    @pytest.mark.parametrize(
        ("price_micro", "rounded_micro"), [(450_000, 400_000), (550_000, 600_000)]
    )
    def test_a_limit_price_between_two_decimals_goes_to_the_even_one(
        self, price_micro, rounded_micro
    ):
        amounts = limit_amounts(Side.SELL, price_micro, MICRO, 100_000)

        assert amounts == Amounts(MICRO, rounded_micro)

    def test_a_size_loses_its_third_decimal(self):
        assert limit_amounts(Side.BUY, 500_000, 7_779_999, 10_000) == Amounts(3_885_000, 7_770_000)

    def test_dollars_of_a_market_buy_lose_what_is_below_a_cent(self):
        assert market_buy_amounts(500_000, 2_019_999, 10_000) == Amounts(2_010_000, 4_020_000)

    def test_shares_of_a_market_buy_are_cut_to_the_decimals_of_the_tick(self):
        # 0.20 / 0.3 = 0.6666...
        assert market_buy_amounts(300_000, 200_000, 10_000) == Amounts(200_000, 666_600)
        assert market_buy_amounts(300_000, 200_000, 1_000) == Amounts(200_000, 666_660)
        assert market_buy_amounts(300_000, 200_000, 100) == Amounts(200_000, 666_666)

    def test_the_clients_rounding_up_before_the_cut_changes_no_exact_quotient(self):
        tick_micro, decimals = 100, 6
        for price_units in range(1, 10_000, 7):
            guarded = -(-(10 ** (decimals + 4)) * 37 // price_units) // 10**4
            assert guarded == 10**decimals * 37 // price_units
            amounts = market_buy_amounts(price_units * tick_micro, 37 * MICRO, tick_micro)
            assert amounts.taker_micro == 37 * 10**10 // price_units

    @pytest.mark.parametrize(
        "call",
        [
            pytest.param(lambda: limit_amounts(Side.BUY, 500_000, 9_999, 10_000), id="size"),
            pytest.param(lambda: limit_amounts(Side.BUY, 4_000, MICRO, 10_000), id="price"),
            pytest.param(lambda: market_buy_amounts(9_999, MICRO, 10_000), id="market price"),
            pytest.param(lambda: market_buy_amounts(500_000, 9_999, 10_000), id="dollars"),
            pytest.param(lambda: market_sell_amounts(500_000, 0, 10_000), id="no shares"),
            pytest.param(lambda: market_sell_amounts(MICRO, MICRO, 10_000), id="price one"),
        ],
    )
    def test_an_order_of_which_nothing_is_left_raises(self, call):
        with pytest.raises(ValueError, match="is left after rounding"):
            call()


class TestGrid:
    @pytest.mark.parametrize(
        ("prices_micro", "tick_micro", "grid_micro"),
        [
            pytest.param((480_000,), 10_000, 250_000, id="a quarter share at 0.48"),
            pytest.param((480_000, 500_000), 10_000, 500_000, id="half a share for 0.48 and 0.50"),
            pytest.param((470_000, 510_000), 10_000, MICRO, id="whole shares at odd cents"),
            pytest.param((483_000,), 1_000, 10 * MICRO, id="ten shares at tick 0.001"),
            pytest.param((482_500,), 2_500, 4 * MICRO, id="four shares at tick 0.0025"),
            pytest.param((480_100,), 100, 100 * MICRO, id="a hundred shares at tick 0.0001"),
            pytest.param((), 10_000, 10_000, id="hundredths without any price"),
        ],
    )
    def test_the_step_is_the_smallest_that_is_whole_cents(
        self, prices_micro, tick_micro, grid_micro
    ):
        assert size_grid_micro(prices_micro, tick_micro) == grid_micro

    @pytest.mark.parametrize("tick_micro", TICKS_MICRO)
    def test_no_smaller_number_of_hundredths_would_do(self, tick_micro):
        step = max(1, (MICRO // tick_micro) // 97)
        for ticks in range(1, MICRO // tick_micro, step):
            price_micro = ticks * tick_micro
            smallest = next(
                size_micro
                for size_micro in range(10_000, 100 * MICRO + 1, 10_000)
                if price_micro * size_micro % (10_000 * MICRO) == 0
            )
            assert size_grid_micro((price_micro,), tick_micro) == smallest

    def test_a_price_off_the_tick_raises(self):
        with pytest.raises(ValueError, match="not on the tick"):
            size_grid_micro((485_000,), 10_000)

    def test_sizes_go_to_the_grid_below_or_above(self):
        assert floor_to_grid(5_740_000, 500_000) == 5_500_000
        assert ceil_to_grid(5_740_000, 500_000) == 6_000_000
        assert floor_to_grid(6_000_000, 500_000) == ceil_to_grid(6_000_000, 500_000) == 6_000_000
