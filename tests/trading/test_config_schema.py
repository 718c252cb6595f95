"""Reading a configuration: exact values in, or every bad field by name."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.config.keys import KEYS
from trading.config.schema import ConfigProblems, parse, phase_problems, to_limits
from trading.config.values import Kind, write
from trading.engine.limits import Limits

NUMBERS = [name for name, key in KEYS.items() if key.lowest is not None]


def problems(values, *, strict=True):
    """Return what was refused, by field."""
    with pytest.raises(ConfigProblems) as caught:
        parse(values, strict=strict)
    return {problem.field: problem for problem in caught.value.problems}


def parsed_or_refused(values, *, strict):
    """Return the configuration or the refusal; anything else that is raised fails the test."""
    try:
        return parse(values, strict=strict)
    except ConfigProblems as refused:
        return refused


class TestExactValues:
    def test_nothing_given_is_paper_with_the_safe_defaults(self):
        config = parse({}, strict=True)

        assert config.dry_run is True
        assert config.number("TRADE_SIZE") == 1_000_000
        assert config.switch("ATOMIC_ARBITRAGE_ENABLED") is False

    @pytest.mark.parametrize(
        ("name", "text", "exact"),
        [
            ("TRADE_SIZE", "1", 1_000_000),
            ("TRADE_SIZE", "5.50", 5_500_000),
            ("MIN_PROFIT_THRESHOLD", "0.015", 15_000),
            ("FAIL_RATE_THRESHOLD", "0.40", 400_000),
            ("GAS_LIMIT_MULTIPLIER", "1.2", 1_200_000),
            ("RETRY_DELAY", "1.0", 1_000),
            ("RETRY_DELAY", "0.25", 250),
            ("MAX_RETRIES", 3, 3),
            ("MAX_RETRIES", "3", 3),
            ("MAX_GAS_PRICE", "500e9", 500_000_000_000),
            ("MAX_GAS_PRICE", "0.5e12", 500_000_000_000),
            ("MAX_GAS_PRICE", "500000000000", 500_000_000_000),
            # a float would make 999999999999.9999 or 1e12 of it
            ("MAX_GAS_PRICE", "1234567890123", 1_234_567_890_123),
            ("MAX_GAS_PRICE", "1.234567890123e12", 1_234_567_890_123),
        ],
    )
    def test_text_becomes_a_whole_number(self, name, text, exact):
        assert parse({name: text}, strict=True).number(name) == exact

    @given(st.integers(min_value=10_000, max_value=10_000_000_000))
    def test_every_amount_survives_being_written_and_read(self, micro):
        whole, fraction = divmod(micro, 1_000_000)
        given_values = {
            "TRADE_SIZE": f"{whole}.{fraction:06d}",
            "MAX_POSITION_SIZE": "100000",
        }
        config = parse(given_values, strict=True)

        assert config.number("TRADE_SIZE") == micro
        assert parse(config.texts(), strict=True) == config

    def test_values_have_one_text_however_they_were_typed(self):
        typed = parse({"TRADE_SIZE": "2.00", "MAX_GAS_PRICE": "0.5e12"}, strict=True)

        assert typed.texts()["TRADE_SIZE"] == "2"
        assert typed.texts()["MAX_GAS_PRICE"] == "500000000000"
        assert typed.texts()["DRY_RUN"] == "true"

    def test_reading_a_value_as_another_kind_is_our_mistake(self):
        config = parse({}, strict=True)
        with pytest.raises(KeyError):
            config.switch("TRADE_SIZE")
        with pytest.raises(KeyError):
            config.number("DRY_RUN")
        with pytest.raises(KeyError):
            config.word("MAX_RETRIES")


class TestRefusals:
    def test_every_bad_field_is_named_at_once(self):
        found = problems(
            {
                "TRADE_SIZE": "abc",
                "MAX_DAILY_LOSS": "-5",
                "MAX_SLIPPAGE": math.nan,
                "DRY_RUN": "maybe",
                "GAS_PRICE_MODE": "cheap",
                "MAX_TRADE_SIZE": "1",
            }
        )

        assert set(found) == {
            "TRADE_SIZE",
            "MAX_DAILY_LOSS",
            "MAX_SLIPPAGE",
            "DRY_RUN",
            "GAS_PRICE_MODE",
            "MAX_TRADE_SIZE",
        }
        assert all(problem.remedy for problem in found.values())

    @pytest.mark.parametrize(
        "value",
        [
            *(math.nan, math.inf, -math.inf, 0.1, 1.0, -1, 10**400, True, None, [], ["1"], {}),
            *("", " 1", "1 ", "-1", "-0", "+1", "1e999", "1e3", "nan", "inf", "Infinity", "0x10"),
            *(
                "1_000",
                "1,5",
                "१२",
                "１",
                "①",
                "½",
                "1" * 41,
                "0" * 500,
                "\x00",
                "1\n",
                "$1",
                "1..2",
            ),
            *(".", "0.0000001", b"1", object()),
        ],
    )
    @pytest.mark.parametrize("strict", [True, False])
    def test_a_hostile_amount_is_a_named_refusal(self, value, strict):
        found = problems({"TRADE_SIZE": value}, strict=strict)

        assert list(found) == ["TRADE_SIZE"]
        assert len(str(found["TRADE_SIZE"])) < 300

    @given(
        st.sampled_from(sorted(KEYS)),
        st.one_of(
            st.text(),
            st.floats(),
            st.integers(),
            st.none(),
            st.lists(st.integers(), max_size=3),
            st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
            st.from_regex(r"[-+]?[0-9]{0,50}[.eE_][0-9]{0,50}", fullmatch=True),
            st.binary(max_size=5),
        ),
        st.booleans(),
    )
    def test_no_value_of_any_kind_gets_past_its_bounds_or_raises_anything_else(
        self, name, value, strict
    ):
        outcome = parsed_or_refused({name: value}, strict=strict)
        if isinstance(outcome, ConfigProblems):
            assert outcome.problems
            assert all(p.field in KEYS and p.problem and p.remedy for p in outcome.problems)
            return
        key: Any = KEYS[name]
        exact = outcome.values[name]
        if key.lowest is not None:
            assert type(exact) is int
            assert key.lowest <= exact <= key.highest
        elif key.words:
            assert exact in key.words
        else:
            assert type(exact) is bool

    @given(st.floats())
    def test_a_float_is_never_taken_for_a_number(self, value):
        for name in NUMBERS:
            assert name in problems({name: value})
            assert name in problems({name: value}, strict=False)

    @pytest.mark.parametrize("name", NUMBERS)
    def test_both_bounds_hold_and_are_told(self, name):
        key: Any = KEYS[name]
        for side, exact in (("below", key.lowest - 1), ("above", key.highest + 1)):
            if exact < 0:
                continue  # nothing negative can be written at all
            found = problems({name: _text(key.kind, exact)})
            assert side in found[name].problem
            assert "from" in found[name].remedy

    @pytest.mark.parametrize("text", ["500000000000.5", "1.23456789e6", "1e-9", "5e", "e9", "0.5"])
    def test_a_gas_price_that_is_no_whole_number_of_wei_is_refused(self, text):
        assert "MAX_GAS_PRICE" in problems({"MAX_GAS_PRICE": text})

    def test_a_truth_value_is_no_number_and_is_called_what_it_is(self):
        assert problems({"MAX_RETRIES": True})["MAX_RETRIES"].problem == "is a truth value"

    def test_an_unknown_key_is_an_error_with_the_likely_name(self):
        found = problems({"TRADE_SZIE": "1"})

        assert "did you mean TRADE_SIZE" in found["TRADE_SZIE"].remedy

    def test_an_unknown_key_never_shows_its_value(self):
        found = problems({"PRIVATE_KEY": "0x" + "ab" * 32})

        assert "abab" not in str(found["PRIVATE_KEY"])

    def test_a_key_typed_into_a_known_field_is_not_repeated_in_the_message(self):
        found = problems({"TRADE_SIZE": "0x" + "ab" * 32})

        assert "abababab" not in str(found["TRADE_SIZE"])

    def test_a_bare_number_for_an_amount_is_refused_in_our_own_files(self):
        assert "quotes" in problems({"TRADE_SIZE": 2})["TRADE_SIZE"].remedy
        assert parse({"TRADE_SIZE": 2}, strict=False).number("TRADE_SIZE") == 2_000_000

    def test_the_text_true_is_a_switch_and_yes_is_not(self):
        assert parse({"DRY_RUN": "false"}, strict=True).dry_run is False
        for word in ("yes", "1", "True", "on", 1, 0):
            assert "DRY_RUN" in problems({"DRY_RUN": word})
        assert parse({"DRY_RUN": "True"}, strict=False).dry_run is True

    @pytest.mark.parametrize("name", ["COMBO_ARBITRAGE_ENABLED", "MARKET_MAKING_ENABLED"])
    def test_a_strategy_that_does_not_exist_cannot_be_switched_on(self, name):
        assert "no such strategy" in problems({name: True})[name].problem

    @pytest.mark.parametrize("name", ["COMBO_ARBITRAGE_ENABLED", "MARKET_MAKING_ENABLED"])
    def test_in_a_foreign_file_it_is_switched_off_with_a_warning(self, name):
        config = parse({name: True}, strict=False)

        assert config.switch(name) is False
        assert [warning.field for warning in config.warnings] == [name]

    def test_a_foreign_unknown_key_is_a_warning_that_names_it(self):
        config = parse({"LOG_LEVEL": "INFO", "tags": ["a"]}, strict=False)

        assert [warning.field for warning in config.warnings] == ["LOG_LEVEL", "tags"]
        assert "LOG_LEVEL" not in config.values

    def test_a_set_that_no_position_could_hold_is_refused(self):
        found = problems({"TRADE_SIZE": "11", "MAX_POSITION_SIZE": "10"})

        assert "MAX_POSITION_SIZE" in found["TRADE_SIZE"].problem
        parse({"TRADE_SIZE": "10", "MAX_POSITION_SIZE": "10"}, strict=True)

    def test_a_sample_that_no_window_could_hold_is_refused(self):
        found = problems({"BREAKER_SAMPLE_MIN": 51, "BREAKER_WINDOW": 50})

        assert "BREAKER_WINDOW" in found["BREAKER_SAMPLE_MIN"].problem
        parse({"BREAKER_SAMPLE_MIN": 50, "BREAKER_WINDOW": 50}, strict=True)


def _text(kind, exact):
    if kind in (Kind.DOLLARS, Kind.RATIO, Kind.FACTOR):
        return f"{exact // 1_000_000}.{exact % 1_000_000:06d}"
    if kind is Kind.SECONDS:
        return f"{exact // 1_000}.{exact % 1_000:03d}"
    return str(exact)


class TestPhases:
    def test_phase_0_is_paper_only(self):
        assert phase_problems(parse({}, strict=True), 0) == []
        live = parse({"DRY_RUN": False}, strict=True)
        assert [problem.field for problem in phase_problems(live, 0)] == ["DRY_RUN"]

    @pytest.mark.parametrize("phase", [1, 2, 3])
    def test_a_live_phase_is_not_paper(self, phase):
        assert [p.field for p in phase_problems(parse({}, strict=True), phase)] == ["DRY_RUN"]
        live = parse({"DRY_RUN": False}, strict=True)
        assert phase_problems(live, phase) == []

    @pytest.mark.parametrize(
        ("phase", "name", "most", "too_much"),
        [
            (1, "TRADE_SIZE", "6", "6.000001"),
            (2, "TRADE_SIZE", "6", "6.000001"),
            (3, "TRADE_SIZE", "20", "20.000001"),
            (1, "MAX_POSITION_SIZE", "20", "20.01"),
            (2, "MAX_POSITION_SIZE", "50", "50.01"),
            (3, "MAX_POSITION_SIZE", "200", "200.01"),
            (1, "MAX_DAILY_LOSS", "3", "3.01"),
            (2, "MAX_DAILY_LOSS", "5", "5.01"),
            (3, "MAX_DAILY_LOSS", "20", "20.01"),
        ],
    )
    def test_the_ceilings_of_the_live_phases(self, phase, name, most, too_much):
        live = {"DRY_RUN": False, "MAX_POSITION_SIZE": "20"}
        allowed = parse({**live, name: most}, strict=True)
        refused = parse({**live, "MAX_POSITION_SIZE": "21", name: too_much}, strict=True)

        assert phase_problems(allowed, phase) == []
        found = {problem.field: problem for problem in phase_problems(refused, phase)}
        assert f"phase {phase}" in found[name].problem
        assert most in found[name].remedy


class TestLimits:
    def test_every_limit_comes_from_a_key(self):
        """A limit that no key sets would keep a value that nobody chose."""
        odd: dict[str, Any] = {}
        keys: dict[str, Any] = dict(KEYS)
        for index, (name, key) in enumerate(keys.items()):
            if key.kind is Kind.SWITCH and key.offered and not name.startswith(("DRY", "PLAY")):
                odd[name] = True
            elif key.lowest is not None:
                odd[name] = _text(key.kind, min(key.lowest + 101 + index, key.highest))
        odd |= {"MAX_POSITION_SIZE": "9000", "BREAKER_WINDOW": 999}
        limits = to_limits(parse({**odd, "DRY_RUN": True}, strict=True))
        untouched = Limits()

        same = [
            name
            for name in Limits.__dataclass_fields__
            if getattr(limits, name) == getattr(untouched, name)
            # The phase's, and how long the venue may take to settle, which nobody can choose.
            and name not in ("live_ceiling_micro", "settle_deadline_ms")
        ]
        assert same == []

    def test_the_values_are_exact(self):
        config = parse(
            {
                "TRADE_SIZE": "2",
                "MIN_PROFIT_THRESHOLD": "0.015",
                "MAX_POSITION_SIZE": "20",
                "MAX_DAILY_LOSS": "3",
                "MAX_SLIPPAGE": "0.025",
                "FAIL_RATE_THRESHOLD": "0.40",
                "CONSECUTIVE_FAILURES_THRESHOLD": 3,
                "MAX_GAS_COST": "0.5",
            },
            strict=True,
        )
        limits = to_limits(config)

        assert limits.trade_size_micro == 2_000_000
        assert limits.min_profit_ratio_micro == 15_000
        assert limits.position_max_micro == 20_000_000
        assert limits.daily_loss_max_micro == 3_000_000
        assert limits.slippage_max_ratio_micro == 25_000
        assert limits.breaker_fail_ratio_micro == 400_000
        assert limits.breaker_failures_max == 3
        assert limits.gas_cost_max_micro == 500_000

    def test_only_paper_raises_to_the_venue_minimum(self):
        paper = parse({"RAISE_TO_MINIMUM": True}, strict=True)
        live = parse({"RAISE_TO_MINIMUM": True, "DRY_RUN": False}, strict=True)

        assert to_limits(paper).raise_to_minimum is True
        assert to_limits(live, phase=1).raise_to_minimum is False

    def test_the_ceiling_is_the_phase_s_own(self):
        live = parse({"DRY_RUN": False}, strict=True)

        assert to_limits(live, phase=1).live_ceiling_micro == 6_000_000
        assert to_limits(live, phase=3).live_ceiling_micro == 20_000_000
        assert to_limits(parse({}, strict=True)).live_ceiling_micro == 0

    def test_a_live_configuration_in_no_live_phase_gets_the_lowest_ceiling(self):
        live = parse({"DRY_RUN": False}, strict=True)

        assert to_limits(live).live_ceiling_micro == 6_000_000

    @pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.offered])
    def test_e35_a_key_that_the_engine_does_not_obey_says_that_it_is_for_live(self, name):
        """PolyArb-X had guards that were on in its configuration and imported by nothing."""
        key = KEYS[name]
        exact = (key.lowest, key.highest) if key.lowest is not None else (False, True)
        texts = key.words or [write(key.kind, value) for value in (*exact, key.default)]
        obeyed = {
            to_limits(config, phase=1)
            for text in texts
            if not isinstance(
                config := parsed_or_refused({name: text}, strict=True), ConfigProblems
            )
        }
        assert (len(obeyed) == 1) == key.help.startswith("Live only.")
