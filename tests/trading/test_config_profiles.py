"""What changes between two revisions, and which changes a person is warned of."""

import pytest

from trading.config.keys import KEYS
from trading.config.profiles import RiskCode, canonical, diff, risk_flags, sha256
from trading.config.schema import parse

BASE = {
    "TRADE_SIZE": "2",
    "MAX_POSITION_SIZE": "20",
    "MAX_SLIPPAGE": "0.02",
    "MIN_PROFIT_THRESHOLD": "0.02",
}


def config(**changes):
    return parse({**BASE, **changes}, strict=True)


def codes(before, after):
    return [flag.code for flag in risk_flags(before, after)]


class TestDiff:
    def test_names_each_field_that_differs_with_both_texts(self):
        changes = diff(config(), config(TRADE_SIZE="3", MAX_RETRIES=5))

        assert [(c.field, c.before, c.after, c.unit) for c in changes] == [
            ("TRADE_SIZE", "2", "3", "$"),
            ("MAX_RETRIES", "3", "5", "count"),
        ]

    def test_another_spelling_of_the_same_value_is_no_change(self):
        assert diff(config(), config(TRADE_SIZE="2.00")) == []
        assert sha256(config()) == sha256(config(TRADE_SIZE="2.00"))

    def test_without_a_before_everything_is_new(self):
        changes = diff(None, config())

        assert [c.field for c in changes] == list(KEYS)
        assert {c.before for c in changes} == {None}

    def test_the_canonical_form_does_not_depend_on_the_order_of_the_keys(self):
        backwards = parse(dict(reversed(BASE.items())), strict=True)

        assert canonical(backwards) == canonical(config())

    def test_one_changed_value_changes_the_hash(self):
        assert sha256(config()) != sha256(config(MAX_RETRIES=4))


class TestRiskFlags:
    def test_no_change_is_no_risk(self):
        assert codes(config(), config()) == []

    def test_switching_to_live(self):
        flag = risk_flags(config(), config(DRY_RUN=False))[0]

        assert flag.code is RiskCode.SWITCH_TO_LIVE
        assert "$2" in flag.text

    def test_staying_live_and_going_back_to_paper_are_not_switches(self):
        live = config(DRY_RUN=False)

        assert RiskCode.SWITCH_TO_LIVE not in codes(live, live)
        assert codes(live, config()) == []

    def test_the_first_profile_ever_is_a_switch_when_it_is_live(self):
        assert RiskCode.SWITCH_TO_LIVE in codes(None, config(DRY_RUN=False))

    def test_from_play_money_to_real_money_is_a_switch_and_the_other_way_none(self):
        play = config(DRY_RUN=False, PLAY_MONEY=True)
        flag = risk_flags(play, config(DRY_RUN=False))[0]

        assert flag.code is RiskCode.SWITCH_TO_LIVE
        assert "of real money instead of play money" in flag.text
        assert codes(config(), play) == codes(config(DRY_RUN=False), play) == []

    @pytest.mark.parametrize(
        ("changes", "flagged"),
        [
            ({"MAX_POSITION_SIZE": "30"}, False),  # exactly 1.5 times
            ({"MAX_POSITION_SIZE": "30.000001"}, True),
            ({"TRADE_SIZE": "3"}, False),
            ({"TRADE_SIZE": "3.000001"}, True),
            ({"MAX_POSITION_SIZE": "5"}, False),
        ],
    )
    def test_a_size_that_grows_by_more_than_half(self, changes, flagged):
        found = codes(config(), config(**changes))

        assert (RiskCode.INCREASE_POSITION_SIZE in found) is flagged

    @pytest.mark.parametrize(("slippage", "flagged"), [("0.03", False), ("0.030001", True)])
    def test_slippage_relaxed_by_more_than_half(self, slippage, flagged):
        found = codes(config(), config(MAX_SLIPPAGE=slippage))

        assert (RiskCode.RELAX_SLIPPAGE in found) is flagged

    @pytest.mark.parametrize(("threshold", "flagged"), [("0.01", False), ("0.009999", True)])
    def test_a_threshold_below_half(self, threshold, flagged):
        found = codes(config(), config(MIN_PROFIT_THRESHOLD=threshold))

        assert (RiskCode.LOWER_PROFIT_THRESHOLD in found) is flagged

    @pytest.mark.parametrize(
        "loose",
        [
            {"TRADE_SIZE": "10.01"},
            {"MAX_POSITION_SIZE": "100.01"},
            {"MAX_DAILY_LOSS": "10.01"},
            {"MAX_SLIPPAGE": "0.0301"},
            {"MIN_PROFIT_THRESHOLD": "0.0099"},
            {"CONSECUTIVE_FAILURES_THRESHOLD": 6},
            {"FAIL_RATE_THRESHOLD": "0.51"},
            {"MAX_GAS_COST": "1.01"},
            {"NEGRISK_ARBITRAGE_ENABLED": True},
            {"DELAYED_MARKETS_ENABLED": True},
        ],
    )
    def test_live_and_looser_than_any_planned_profile_is_high_risk(self, loose):
        live = {"DRY_RUN": False, "MAX_POSITION_SIZE": "100", **loose}
        flags = risk_flags(config(**live), config(**live))

        assert [flag.code for flag in flags] == [RiskCode.HIGH_RISK_PROFILE]
        assert next(iter(loose)) in flags[0].text

    def test_the_same_on_paper_or_with_play_money_is_not(self):
        assert codes(config(), config(NEGRISK_ARBITRAGE_ENABLED=True)) == []
        play = config(DRY_RUN=False, PLAY_MONEY=True, NEGRISK_ARBITRAGE_ENABLED=True)
        assert codes(play, play) == []

    def test_the_loosest_planned_values_are_not_high_risk(self):
        scaled = config(
            DRY_RUN=False,
            TRADE_SIZE="10",
            MAX_POSITION_SIZE="100",
            MAX_DAILY_LOSS="10",
            MAX_SLIPPAGE="0.03",
            MIN_PROFIT_THRESHOLD="0.01",
            CONSECUTIVE_FAILURES_THRESHOLD=5,
            FAIL_RATE_THRESHOLD="0.5",
            MAX_GAS_COST="1",
        )
        assert codes(scaled, scaled) == []
