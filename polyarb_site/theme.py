"""How the admin looks: name, logo, colours, navigation. Plain settings for django-unfold."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _static(path: str) -> Any:
    return lambda _request: static(path)


def _item(title: str, icon: str, url: str, permission: str = "") -> dict[str, Any]:
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(url)}
    if permission:
        item["permission"] = lambda request: request.user.has_perm(permission)
    return item


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": False, "items": list(items)}


# A cool grey and a petrol that is none of the badge colours, nor the red and green of money.
GREY = {
    "50": "oklch(98.4% .003 225)",
    "100": "oklch(96.4% .005 225)",
    "200": "oklch(92.2% .008 225)",
    "300": "oklch(86.6% .012 225)",
    "400": "oklch(70.5% .018 225)",
    "500": "oklch(54.5% .022 228)",
    "600": "oklch(44.0% .024 230)",
    "700": "oklch(36.5% .024 232)",
    "800": "oklch(27.4% .022 235)",
    "900": "oklch(20.6% .020 238)",
    "950": "oklch(14.4% .018 240)",
}
PETROL = {
    "50": "oklch(97.6% .015 205)",
    "100": "oklch(94.2% .032 205)",
    "200": "oklch(88.6% .056 206)",
    "300": "oklch(81.0% .086 208)",
    "400": "oklch(71.5% .106 212)",
    "500": "oklch(61.5% .106 216)",
    "600": "oklch(51.5% .094 219)",
    "700": "oklch(44.0% .080 221)",
    "800": "oklch(37.5% .066 223)",
    "900": "oklch(31.5% .052 226)",
    "950": "oklch(23.0% .040 229)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "PolyArb",
    "SITE_HEADER": "PolyArb",
    "SITE_SUBHEADER": "Polymarket arbitrage",
    "SITE_URL": None,
    "SITE_ICON": {
        "light": _static("polyarb/logo.svg"),
        "dark": _static("polyarb/logo.svg"),
    },
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": _static("polyarb/favicon.svg")}
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "COLORS": {"base": GREY, "primary": PETROL},
    "DASHBOARD_CALLBACK": "polyarb_site.dashboard.views.dashboard_context",
    "STYLES": [_static("polyarb/polyarb.css")],
    "SCRIPTS": [_static(f"polyarb/{name}.js") for name in ("core", "live", "halt", "keys")],
    "COMMAND": {"search_callback": "polyarb_site.dashboard.search.search"},
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            _group(
                "Desk",
                _item("Dashboard", "space_dashboard", "admin:index"),
                _item(
                    "Opportunities",
                    "filter_alt",
                    "admin:trading_opportunity_changelist",
                    "trading.view_opportunity",
                ),
                _item(
                    "Sets",
                    "join_inner",
                    "admin:trading_arbitrageset_changelist",
                    "trading.view_arbitrageset",
                ),
            ),
            _group(
                "Books",
                _item(
                    "Orders",
                    "receipt_long",
                    "admin:trading_order_changelist",
                    "trading.view_order",
                ),
                _item(
                    "Trades",
                    "swap_horiz",
                    "admin:trading_trade_changelist",
                    "trading.view_trade",
                ),
                _item(
                    "Ledger",
                    "account_balance",
                    "admin:trading_ledgerentry_changelist",
                    "trading.view_ledgerentry",
                ),
                _item(
                    "Markets",
                    "storefront",
                    "admin:trading_market_changelist",
                    "trading.view_market",
                ),
            ),
            _group(
                "Engine",
                _item(
                    "Profiles",
                    "tune",
                    "admin:trading_profile_changelist",
                    "trading.view_profile",
                ),
                _item(
                    "Mandate",
                    "gavel",
                    "admin:trading_mandate_changelist",
                    "trading.view_mandate",
                ),
                _item(
                    "Engine sessions",
                    "memory",
                    "admin:trading_enginesession_changelist",
                    "trading.view_enginesession",
                ),
                _item(
                    "Events",
                    "event_note",
                    "admin:trading_enginenote_changelist",
                    "trading.view_enginenote",
                ),
            ),
            _group(
                "Portal",
                _item(
                    "Audit", "policy", "admin:audit_auditevent_changelist", "audit.view_auditevent"
                ),
                _item(
                    "Task queue",
                    "checklist",
                    "admin:django_q_success_changelist",
                    "django_q.view_success",
                ),
                _item("Users", "group", "admin:auth_user_changelist", "auth.view_user"),
            ),
        ],
    },
}
