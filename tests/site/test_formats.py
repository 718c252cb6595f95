"""Numbers as people read them, from integers alone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyarb_site import formats


@pytest.mark.parametrize(
    ("micro", "text"),
    [
        (None, "–"),
        (0, "$0.00"),
        (1_234_500_000, "$1,234.50"),
        (-30_000, "−$0.03"),
        (5_000, "$0.01"),  # half a cent and more rounds away from zero
        (4_999, "$0.0050"),
        (3_400, "$0.0034"),
        (-3_400, "−$0.0034"),
        (49, "$0.000049"),
        (-1, "−$0.000001"),
        (9_007_199_254_740_993, "$9,007,199,254.74"),  # more than a float holds
    ],
)
def test_money_is_to_the_cent_and_never_hides_what_is_there(micro, text):
    assert formats.money(micro) == text


@pytest.mark.parametrize(
    ("micro", "text"), [(1_200_000, "+$1.20"), (0, "$0.00"), (-1_200_000, "−$1.20"), (None, "–")]
)
def test_signed_money_shows_the_plus(micro, text):
    assert formats.money(micro, sign=True) == text


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_no_amount_that_is_there_reads_as_nothing(micro):
    digits = [c for c in formats.money(micro) if c.isdigit()]

    assert (set(digits) == {"0"}) == (micro == 0)
    assert formats.money(micro).startswith("−") == (micro < 0)


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_exact_money_reads_back(micro):
    text = formats.money_exact(micro).replace("$", "").replace(",", "").replace("−", "-")
    whole, _, fraction = text.partition(".")

    assert int(whole + fraction) == micro


@pytest.mark.parametrize(
    ("micro", "text"),
    [(480_000, "48.0¢"), (482_500, "48.25¢"), (100, "0.01¢"), (-4_820, "−0.482¢"), (None, "–")],
)
def test_prices_have_the_decimals_of_their_tick(micro, text):
    assert formats.price(micro) == text


@pytest.mark.parametrize(
    ("micro", "text"),
    [
        (1_000_000, "1 share"),
        (5_000_000, "5 shares"),
        (12_345_678, "12.35 shares"),
        (4_250_000_000, "4,250 shares"),
        (None, "–"),
    ],
)
def test_shares_have_their_unit(micro, text):
    assert formats.shares(micro) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "0.0 s"),
        (400, "0.4 s"),
        (9_999, "9.9 s"),
        (10_000, "10 s"),
        (59_999, "59 s"),
        (720_000, "12 min"),
        (3_600_000, "1 h"),
        (11_520_000, "3 h 12 min"),
        (187_200_000, "2 d 4 h"),
        (None, "–"),
    ],
)
def test_ages_are_rounded_down(ms, text):
    assert formats.age(ms) == text


@pytest.mark.parametrize(
    ("us", "text"),
    [(84, "84 µs"), (1_250, "1.2 ms"), (48_000, "48 ms"), (3_400_000, "3.4 s"), (None, "–")],
)
def test_short_times_have_the_unit_that_fits(us, text):
    assert formats.micros(us) == text


def test_ratios_are_percent_and_need_a_whole():
    assert formats.percent(12_500) == "1.25 %"
    assert formats.percent(-12_500, sign=True) == "−1.25 %"
    assert formats.ratio(1, 3) == 333_333
    assert formats.ratio(1, 0) is None
    assert formats.ratio(None, 3) is None


def test_counts_and_their_nouns():
    assert formats.count(12_480) == "12,480"
    assert formats.plural(1, "gap") == "1 gap"
    assert formats.plural(2, "entry", "entries") == "2 entries"
    assert formats.millis(340) == "340 ms"
    assert formats.millis(1_200) == "1.2 s"


def test_moments_are_shown_in_utc():
    paris = datetime(2026, 3, 2, 13, 0, 0, 7_000, tzinfo=timezone(timedelta(hours=1)))

    assert formats.utc(paris) == "2026-03-02 12:00:00 UTC"
    assert formats.utc(paris, milliseconds=True) == "2026-03-02 12:00:00.007 UTC"
    assert formats.utc(None) == "–"


@pytest.mark.parametrize("text", [None, 3, "", "yesterday"])
def test_what_is_no_moment_is_none(text):
    assert formats.moment_of(text) is None


def test_a_moment_without_a_zone_is_utc():
    assert formats.moment_of("2026-03-02T12:00:00") == datetime(2026, 3, 2, 12, tzinfo=UTC)
