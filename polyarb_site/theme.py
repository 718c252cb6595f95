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
    "SCRIPTS": [
        _static(f"polyarb/{name}.js") for name in ("core", "live", "halt", "keys", "notify")
    ],
    "COMMAND": {"search_callback": "polyarb_site.dashboard.search.search"},
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            _group(
                "Desk",
                _item("Dashboard", "space_dashboard", "admin:index"),
                {
                    **_item("Phases", "stairs", "checks:phases", "checks.view_evaluation"),
                    "active": lambda request: request.path.startswith(
                        ("/admin/phases/", "/admin/promotions/")
                    ),
                },
                {
                    **_item("Go/no-go", "fact_check", "checks:go_no_go", "checks.view_checkrun"),
                    "active": lambda request: request.path.startswith("/admin/checks/"),
                },
                {
                    **_item("Alerts", "notifications", "alerts:centre", "alerts.view_alert"),
                    "badge_cell": "alerts_nav",  # a cell of the live state, kept current
                    "active": lambda request: request.path.startswith("/admin/alerts/"),
                },
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
                _item(
                    "Reports",
                    "newspaper",
                    "admin:reports_dailyreport_changelist",
                    "reports.view_dailyreport",
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
                    "Positions",
                    "pie_chart",
                    "dashboard:positions",
                    "trading.view_ledgerentry",
                ),
                _item(
                    "Ledger",
                    "account_balance",
                    "admin:trading_ledgerentry_changelist",
                    "trading.view_ledgerentry",
                ),
                _item(
                    "Capital movements",
                    "move_down",
                    "admin:trading_capitalmovement_changelist",
                    "trading.view_capitalmovement",
                ),
                _item(
                    "Reconciliation",
                    "balance",
                    "admin:trading_reconciliationrun_changelist",
                    "trading.view_reconciliationrun",
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
                    "Wallet",
                    "account_balance_wallet",
                    "admin:trading_walletcheck_newest",
                    "trading.view_walletcheck",
                ),
                _item(
                    "Engine sessions",
                    "memory",
                    "admin:trading_enginesession_changelist",
                    "trading.view_enginesession",
                ),
                _item(
                    "Replays",
                    "replay",
                    "admin:trading_replayrun_changelist",
                    "trading.view_replayrun",
                ),
                _item(
                    "Events",
                    "event_note",
                    "admin:trading_enginenote_changelist",
                    "trading.view_enginenote",
                ),
                _item(
                    "Incidents",
                    "report",
                    "admin:trading_incident_changelist",
                    "trading.view_incident",
                ),
                _item("Rollbacks", "undo", "checks:rollbacks", "checks.view_rollback"),
            ),
            _group(
                "Portal",
                {
                    **_item("Runbook", "menu_book", "dashboard:runbook"),
                    "active": lambda request: request.path.startswith(
                        ("/admin/runbook/", "/admin/documents/")
                    ),
                },
                _item(
                    "Backups",
                    "backup",
                    "admin:reports_backuprun_changelist",
                    "reports.view_backuprun",
                ),
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
