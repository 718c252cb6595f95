"""Template tags for the cells of the live state: what the server writes, the page then updates."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from polyarb_site import formats

register = template.Library()

NOTHING: Mapping[str, Any] = {"text": formats.MISSING, "reason": "not known"}


@register.simple_tag(takes_context=True)
def cell(context: Context, name: str, css: str = "") -> SafeString:
    """Return one cell: its text, and what the page needs to keep it honest as time passes."""
    found = _cell(context, name)
    reason = found.get("reason") or ""
    at = found.get("at")
    return format_html(
        '<span class="pa-cell {}" data-cell="{}" data-tone="{}" data-at="{}" data-stale-ms="{}"'
        ' data-tick="{}" data-reason="{}" title="{}">{}</span>',
        css,
        name,
        found.get("tone") or "",
        "" if at is None else at,
        found.get("stale_ms") or "",
        "1" if found.get("tick") else "",
        reason,
        found.get("title") or reason,
        found.get("text", ""),
    )


@register.simple_tag(takes_context=True)
def cell_age(context: Context, name: str) -> SafeString:
    """Return how old a cell is, shown only while it is older than expected."""
    found = _cell(context, name)
    at, stale_ms = found.get("at"), found.get("stale_ms")
    now_ms = context["portal"]["now_ms"]
    old = at is not None and bool(stale_ms) and now_ms - at > stale_ms
    text = f"{formats.age(now_ms - at)} old" if old and at is not None else ""
    return format_html('<span class="pa-old" data-age-of="{}">{}</span>', name, text)


@register.simple_tag(takes_context=True)
def cell_reason(context: Context, name: str) -> SafeString:
    """Return why a cell has no value, empty while it has one."""
    reason = _cell(context, name).get("reason") or ""
    return format_html('<span class="pa-reason" data-reason-of="{}">{}</span>', name, reason)


@register.simple_tag(takes_context=True)
def cell_bar(context: Context, name: str, label: str) -> SafeString:
    """Return a bar for a cell that is a share of a limit; empty of colour when it is not known."""
    found = _cell(context, name)
    permille = found.get("permille")
    return format_html(
        '<span class="pa-meter" role="meter" data-bar-of="{}" data-tone="{}" aria-label="{}"'
        ' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{}" aria-valuetext="{}">'
        '<span style="width: {}%"></span></span>',
        name,
        found.get("tone") or "",
        label,
        0 if permille is None else permille // 10,
        found.get("text", ""),
        "0" if permille is None else f"{permille // 10}.{permille % 10}",
    )


def _cell(context: Context, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = context["portal"]["values"].get(name, NOTHING)
    return found


@register.filter
def moment(at: datetime) -> SafeString:
    """Return when something happened; the page makes it the viewer's time, or date."""
    return format_html(
        '<time class="pa-time" datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        formats.utc(at),
        formats.utc(at),
    )
