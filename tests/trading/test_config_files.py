"""The configuration files that come with the portal, value by value."""

from pathlib import Path

import pytest

from polyarb_site.yaml_files import read_named, read_yaml
from trading.config.keys import KEYS
from trading.config.schema import parse, phase_problems, play_problems
from trading.config.values import Kind

CONFIG = Path(__file__).resolve().parents[2] / "config"
GWEI = 1_000_000_000

# Typed from the specification, in exact units: micro dollars, millionths, milliseconds, wei.
NAMES = ("shadow", "safe", "constrained", "scaled")
TABLE = {
    "DRY_RUN": (True, False, False, False),
    "TRADE_SIZE": (1_000_000, 2_000_000, 5_000_000, 10_000_000),
    "MIN_PROFIT_THRESHOLD": (10_000, 15_000, 18_000, 20_000),
    "MAX_POSITION_SIZE": (10_000_000, 20_000_000, 50_000_000, 100_000_000),
    "MAX_DAILY_LOSS": (1_000_000, 3_000_000, 5_000_000, 10_000_000),
    "MAX_SLIPPAGE": (20_000, 25_000, 25_000, 30_000),
    "MAX_RETRIES": (3, 3, 3, 5),
    "RETRY_DELAY": (1_000, 1_000, 1_000, 1_000),
    "CONSECUTIVE_FAILURES_THRESHOLD": (3, 3, 3, 5),
    "FAIL_RATE_THRESHOLD": (400_000, 400_000, 400_000, 500_000),
    "GAS_PRICE_MODE": ("eip1559", "eip1559", "eip1559", "eip1559"),
    "MAX_GAS_PRICE": (500 * GWEI, 500 * GWEI, 600 * GWEI, 700 * GWEI),
    "MAX_GAS_COST": (1_000_000, 500_000, 800_000, 1_000_000),
    "GAS_LIMIT_MULTIPLIER": (1_200_000, 1_200_000, 1_200_000, 1_200_000),
    "ATOMIC_ARBITRAGE_ENABLED": (True, True, True, True),
    "NEGRISK_ARBITRAGE_ENABLED": (False, False, False, False),
    "COMBO_ARBITRAGE_ENABLED": (False, False, False, False),
    "MARKET_MAKING_ENABLED": (False, False, False, False),
}


def read(name):
    return read_named(CONFIG / "profiles", f"live_{name}_atomic_v1")


def test_there_are_exactly_four_profiles_for_the_phases_and_one_for_play_money():
    files = {file.stem for file in (CONFIG / "profiles").glob("*")}

    assert files == {*(f"live_{name}_atomic_v1" for name in NAMES), "simulated_atomic_v1"}


@pytest.mark.parametrize("key", TABLE)
@pytest.mark.parametrize("column", range(4))
def test_each_value_is_the_specified_one(column, key):
    config = parse(read(NAMES[column]), strict=True)

    assert config.values[key] == TABLE[key][column]


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_names_every_key_of_the_table_itself(name):
    """Else a change of the base would change a phase that nobody looked at."""
    assert set(read(name)) == set(TABLE)


@pytest.mark.parametrize("name", NAMES)
def test_all_amounts_are_texts(name):
    amounts = (Kind.DOLLARS, Kind.RATIO, Kind.FACTOR, Kind.SECONDS, Kind.WEI)
    for key, value in read(name).items():
        if KEYS[key].kind in amounts:
            assert isinstance(value, str), key


@pytest.mark.parametrize("column", range(4))
def test_each_profile_fits_its_phase(column):
    assert phase_problems(parse(read(NAMES[column]), strict=True), column) == []


@pytest.mark.parametrize("column", range(4))
def test_and_no_live_profile_fits_phase_0(column):
    config = parse(read(NAMES[column]), strict=True)

    assert bool(phase_problems(config, 0)) is (column > 0)


class TestPlayMoney:
    VALUES = read_named(CONFIG / "profiles", "simulated_atomic_v1")

    def test_it_is_as_scaled_live_at_its_ceilings_and_with_the_threshold_of_shadow(self):
        own = {
            "PLAY_MONEY": True,
            "TRADE_SIZE": "20",
            "MAX_POSITION_SIZE": "200",
            "MAX_DAILY_LOSS": "20",
            "MIN_PROFIT_THRESHOLD": "0.01",
            "LEG_LOSS_MAX": "2.00",
        }

        assert {**read("scaled"), **own} == self.VALUES

    def test_it_may_run_with_play_money_and_in_no_phase(self):
        config = parse(self.VALUES, strict=True)

        assert play_problems(config) == []
        assert config.real_money is False
        assert [p.field for p in phase_problems(config, 0)] == ["DRY_RUN"]
        for phase in (1, 2, 3):
            assert "PLAY_MONEY" in [p.field for p in phase_problems(config, phase)]


def test_the_base_names_every_key_and_is_paper():
    base = read_yaml(CONFIG / "config.yaml")

    assert set(base) == set(KEYS)
    assert parse(base, strict=True).dry_run is True


def test_the_base_is_never_looser_than_the_tightest_profile():
    base = parse(read_yaml(CONFIG / "config.yaml"), strict=True)
    profiles = [parse(read(name), strict=True) for name in NAMES]
    higher_is_looser = ("TRADE_SIZE", "MAX_POSITION_SIZE", "MAX_DAILY_LOSS", "MAX_SLIPPAGE")

    for key in (*higher_is_looser, "MAX_GAS_PRICE", "MAX_GAS_COST"):
        assert base.number(key) <= min(profile.number(key) for profile in profiles), key
    assert base.number("MIN_PROFIT_THRESHOLD") >= max(
        profile.number("MIN_PROFIT_THRESHOLD") for profile in profiles
    )
