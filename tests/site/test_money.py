"""Amounts and moments as templates show them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.template import Context, Template
from django.utils.safestring import SafeString

from polyarb_site.templatetags import money as filters


def shown(text, **context):
    return Template("{% load money %}" + text).render(Context(context))


class TestMoney:
    def test_is_to_the_cent_and_exact_on_hover(self):
        assert shown("{{ a|money }}", a=4_970_240) == (
            '<span class="pa-num" title="4.970240 USD">$4.97</span>'
        )

    def test_signed_shows_a_plus_and_a_minus(self):
        assert ">+$0.03<" in shown("{{ a|signed_money }}", a=30_000)
        assert ">−$0.03<" in shown("{{ a|signed_money }}", a=-30_000)
        assert "pa-bad" in shown("{{ a|signed_money }}", a=-30_000)

    def test_a_zero_has_neither_sign_nor_tone(self):
        html = shown("{{ a|signed_money }}", a=0)

        assert ">$0.00<" in html
        assert "pa-good" not in html
        assert "pa-bad" not in html

    def test_a_large_amount_loses_no_digit(self):
        assert "9,007,199,254.740993 USD" in shown("{{ a|money }}", a=9_007_199_254_740_993)

    def test_less_than_a_cent_does_not_read_as_nothing(self):
        assert ">$0.0034<" in shown("{{ a|money }}", a=3_400)


class TestMissing:
    @pytest.mark.parametrize("value", [None, "", True, 1.5])
    @pytest.mark.parametrize(
        "name", ["money", "signed_money", "price", "shares", "age", "millis", "micros", "count"]
    )
    def test_is_a_dash_with_a_reason_and_never_a_zero(self, name, value):
        html = getattr(filters, name)(value, "the fee is not known")

        assert html == '<span class="pa-missing" title="the fee is not known">–</span>'

    def test_a_missing_moment_says_why(self):
        assert 'title="it runs still"' in shown('{{ a|utc:"it runs still" }}', a=None)

    def test_the_reason_is_escaped(self):
        html = filters.money(None, '"><script>')

        assert "<script>" not in html
        assert isinstance(html, SafeString)


class TestTheRest:
    def test_a_price_is_in_cents(self):
        assert ">48.0¢<" in shown("{{ a|price }}", a=480_000)
        assert 'title="0.480000 USD a share"' in shown("{{ a|price }}", a=480_000)

    def test_shares_are_exact_on_hover(self):
        html = shown("{{ a|shares }}", a=12_345_678)

        assert ">12.35 shares<" in html
        assert 'title="12.345678 shares"' in html

    def test_an_age_has_a_unit(self):
        assert ">12 min<" in shown("{{ a|age }}", a=12 * 60_000 + 5_000)

    def test_a_moment_is_utc_and_machine_readable(self):
        moment = datetime(2026, 3, 2, 13, 0, tzinfo=timezone(timedelta(hours=1)))

        html = shown("{{ a|utc }}", a=moment)

        assert 'title="2026-03-02 12:00:00 UTC"' in html
        assert 'datetime="2026-03-02T13:00:00+01:00"' in html

    def test_a_moment_can_have_milliseconds(self):
        moment = datetime(2026, 3, 2, 12, 0, 0, 7_000, tzinfo=UTC)

        assert "12:00:00.007 UTC" in shown("{{ a|utc_ms }}", a=moment)
