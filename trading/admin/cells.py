"""Pieces of the pages: badges with words, links to other records, short names of long ids."""

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from polyarb_site.templatetags.money import missing
from trading.models import ArbitrageSet, LedgerEntry, Market, Money, Trade, money_of_row
from trading.wording import Wording

NAME_SHOWN_MAX = 70
ID_SHOWN_MAX = 18


def badge(words: Wording, *, title: str = "") -> SafeString:
    """Return a state as a word in its colour; the sentence is on hover."""
    return format_html(
        '<span class="pa-badge pa-badge-{}" title="{}">{}</span>',
        words.tone or "plain",
        title or words.why,
        words.label,
    )


def money_badge(money: Money) -> SafeString:
    """Return whose money it was."""
    kind, meaning = _MONEY[money]
    return format_html(
        '<span class="pa-badge pa-badge-{}" title="{}">{}</span>',
        kind,
        meaning,
        money.label.capitalize(),
    )


def row_money(row: Trade | ArbitrageSet | LedgerEntry) -> Money:
    """Return whose money a row is about."""
    return money_of_row(paper=row.paper, feed=row.session.feed)


_MONEY = {
    Money.PAPER: ("paper", "Filled by rule from the book; no money moved."),
    Money.PLAY: ("simulated", "Real orders on the local venue, whose money is worth nothing."),
    Money.REAL: ("live", "Real orders with real money."),
}


def record_url(model: type[Model], key: object) -> str:
    """Return the address of a record's page by its number or by its own id."""
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    return reverse(f"admin:{name}_change", args=[quote(str(key))])


def list_url(model: type[Model]) -> str:
    """Return the address of a list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def record_link(model: type[Model], key: str, *, text: str = "", reason: str = "") -> SafeString:
    """Return a link to a record, or a dash with the reason when there is no key."""
    if not key:
        return missing(reason)
    return format_html(
        '<a class="pa-link" href="{}" title="{}">{}</a>',
        record_url(model, key),
        key,
        text or short(key),
    )


def market_link(market: Market | None, condition_id: str) -> SafeString:
    """Return the market's question as a link; without the market its id, as text."""
    if market is None:
        return format_html(
            '<span class="pa-id" title="{}: the market is not known">{}</span>',
            condition_id,
            short(condition_id),
        )
    name = str(market)
    shown = name if len(name) <= NAME_SHOWN_MAX else f"{name[: NAME_SHOWN_MAX - 1]}…"
    return format_html(
        '<a class="pa-link pa-market" href="{}" title="{}">{}</a>',
        record_url(Market, market.condition_id),
        name,
        shown,
    )


def short(text: str) -> str:
    """Return an id that fits a column: both ends of a long one."""
    if len(text) <= ID_SHOWN_MAX:
        return text
    return f"{text[:8]}…{text[-6:]}"


def id_text(text: str, reason: str = "") -> SafeString:
    """Return a long id, whole on hover."""
    if not text:
        return missing(reason)
    return format_html('<span class="pa-id" title="{}">{}</span>', text, short(text))
