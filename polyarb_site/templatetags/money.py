"""Numbers and moments as templates and cells show them: the short form, the exact one on hover.

Every filter takes an integer in millionths (or a count, or a moment) and, as its argument, the
reason to give when there is none: what is missing is a dash with its reason, never a zero.
"""

from datetime import datetime
from typing import TypeGuard

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from polyarb_site import formats

register = template.Library()

ID_SHOWN_MAX = 14


@register.filter
def missing(reason: str = "") -> SafeString:
    """Return the dash of a missing number, with the reason on hover."""
    return format_html(
        '<span class="pa-missing" title="{}">{}</span>', reason or "not known", formats.MISSING
    )


@register.filter
def money(micro: object, reason: str = "") -> SafeString:
    """Return dollars to the cent."""
    return _amount(micro, reason, sign=False)


@register.filter
def signed_money(micro: object, reason: str = "") -> SafeString:
    """Return dollars with a sign, toned by it."""
    return _amount(micro, reason, sign=True)


@register.filter
def price(micro: object, reason: str = "") -> SafeString:
    """Return a price per share in cents."""
    if not _is_number(micro):
        return missing(reason)
    return _number(formats.price(micro), f"{_usd(micro)} a share")


@register.filter
def shares(micro: object, reason: str = "") -> SafeString:
    """Return a number of shares."""
    if not _is_number(micro):
        return missing(reason)
    return _number(formats.shares(micro), formats.shares_exact(micro))


@register.filter
def percent(ratio_micro: object, reason: str = "") -> SafeString:
    """Return a ratio of millionths in percent."""
    if not _is_number(ratio_micro):
        return missing(reason)
    return _number(formats.percent(ratio_micro), formats.percent(ratio_micro, decimals=4))


@register.filter
def count(number: object, reason: str = "") -> SafeString:
    """Return a count with thousands separators."""
    return _number(formats.count(number)) if _is_number(number) else missing(reason)


@register.filter
def age(ms: object, reason: str = "") -> SafeString:
    """Return how old something is, from milliseconds."""
    return _number(formats.age(ms), f"{ms:,} ms") if _is_number(ms) else missing(reason)


@register.filter
def millis(ms: object, reason: str = "") -> SafeString:
    """Return a time measured in milliseconds."""
    return _number(formats.millis(ms), f"{ms:,} ms") if _is_number(ms) else missing(reason)


@register.filter
def micros(us: object, reason: str = "") -> SafeString:
    """Return a time measured in microseconds."""
    return _number(formats.micros(us), f"{us:,} µs") if _is_number(us) else missing(reason)


@register.filter
def utc(moment: object, reason: str = "") -> SafeString:
    """Return a moment that the page rewrites in the viewer's zone, UTC on hover."""
    return _moment(moment, reason, "full")


@register.filter
def utc_ms(moment: object, reason: str = "") -> SafeString:
    """Return a moment with its milliseconds."""
    return _moment(moment, reason, "ms")


@register.filter
def time_tag(moment: object, style: str = "time") -> SafeString:
    """Return a moment in a style: time (of today only the time), full, ms, age."""
    return _moment(moment, "", style)


register.filter("missing_tag", missing)
register.filter("gain_tag", signed_money)
register.filter("money_tag", money)
register.filter("price_tag", price)
register.filter("shares_tag", shares)


@register.filter
def short_id(text: object, reason: str = "") -> SafeString:
    """Return both ends of a long id, whole on hover."""
    whole = str(text or "")
    if not whole:
        return missing(reason)
    shown = whole if len(whole) <= ID_SHOWN_MAX else f"{whole[:6]}…{whole[-4:]}"
    return format_html('<span class="pa-id pa-nowrap" title="{}">{}</span>', whole, shown)


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _usd(micro: int, *, sign: bool = False) -> str:
    return f"{formats.money_exact(micro, sign=sign).replace('$', '')} USD"


def _number(text: str, exact: str = "") -> SafeString:
    if not exact:
        return format_html('<span class="pa-num">{}</span>', text)
    return format_html('<span class="pa-num" title="{}">{}</span>', exact, text)


def _amount(micro: object, reason: str, *, sign: bool) -> SafeString:
    if not _is_number(micro):
        return missing(reason)
    if not sign or not micro:
        return _number(formats.money(micro), _usd(micro))
    return format_html(
        '<span class="pa-num pa-{}" data-tone="{}" title="{}">{}</span>',
        "good" if micro > 0 else "bad",
        "good" if micro > 0 else "bad",
        _usd(micro, sign=True),
        formats.money(micro, sign=True),
    )


def _moment(moment: object, reason: str, style: str) -> SafeString:
    if not isinstance(moment, datetime):
        return missing(reason)
    stated = formats.utc(moment, milliseconds=style == "ms")
    return format_html(
        '<time class="pa-time" datetime="{}" data-style="{}" title="{}">{}</time>',
        moment.isoformat(),
        style,
        stated,
        stated,
    )
