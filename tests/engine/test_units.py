"""Text to millionths and back, exactly or not at all."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.engine.units import (
    MICRO,
    UnitError,
    cost_up,
    divide_down,
    divide_up,
    micro_from_text,
    proceeds_down,
    text_from_micro,
    unsigned_micro_from_text,
)


@pytest.mark.parametrize(
    ("text", "micro"),
    [("0.48", 480_000), (".48", 480_000), ("5", 5 * MICRO), ("-1.5", -1_500_000), ("5.", 5 * MICRO),
     ("0.0001", 100), ("219.217767", 219_217_767), ("1.10000000000", 1_100_000), ("0", 0)],
)  # fmt: skip
def test_plain_decimals_are_exact(text, micro):
    assert micro_from_text(text) == micro


@pytest.mark.parametrize(
    "text",
    ["", ".", "-", "-.", "1e6", "NaN", "inf", "1_000", " 1", "1 ", "+1", "0x10", "٣", "1,5",
     "0.1234567", "1.2.3", "9" * 41, "\n1", None, 5],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(UnitError):
        micro_from_text(text)


def test_a_negative_zero_is_not_unsigned():
    with pytest.raises(UnitError, match="negative"):
        unsigned_micro_from_text("-0")


@given(st.integers(min_value=-(10**20), max_value=10**20))
def test_text_and_back_is_the_same(micro):
    assert micro_from_text(text_from_micro(micro)) == micro


@given(st.integers(min_value=-(10**12), max_value=10**12), st.integers(1, 10**9))
def test_both_roundings_hold_the_exact_value_between_them(numerator, denominator):
    exact = Fraction(numerator, denominator)
    assert divide_down(numerator, denominator) <= exact <= divide_up(numerator, denominator)
    assert divide_up(numerator, denominator) - divide_down(numerator, denominator) in (0, 1)


@given(st.integers(0, MICRO), st.integers(0, 10**12))
def test_we_pay_rounded_up_and_receive_rounded_down(price, size):
    exact = Fraction(price * size, MICRO)
    assert proceeds_down(price, size) <= exact <= cost_up(price, size)


def test_a_denominator_must_be_positive():
    for divide in (divide_down, divide_up):
        with pytest.raises(ValueError, match="positive"):
            divide(1, 0)
