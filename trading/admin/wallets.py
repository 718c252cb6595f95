"""The wallet as it was when it was checked, and what to do next. No key is here, no signature."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site.clock import SystemClock
from polyarb_site.templatetags import money
from trading.admin.acting import Act, Scene, perform
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, record_url
from trading.admin.filters import time_range
from trading.models import WalletCheck
from trading.selectors.wallets import newest_wallet_check
from trading.services import ask_for_check
from trading.wording import BAD, GOOD, WARN, Wording

STATUSES = {
    "ok": Wording("Ok", "It was seen, and is as it has to be.", "", GOOD),
    "failed": Wording("Failed", "It was seen, and is not as it has to be.", "", BAD),
    "unknown": Wording("Unknown", "It could not be seen, which is never taken for good.", "", WARN),
}
OLD = timedelta(minutes=30)  # two regular checks have not come
# What the portal cannot do, because the key is in the signer: the commands that can.
COMMANDS = (
    (
        "manage.py wallet_check",
        "Looks at everything at once, on the host of the signer. Nothing is changed.",
    ),
    (
        "manage.py wallet_approve",
        "Shows which approvals it would change and to which amounts, and asks before it does.",
    ),
    (
        "manage.py wallet_approve --revoke",
        "Takes every approval back: the wallet then cannot trade, and nobody can take from it.",
    ),
)


def _ask(user: Any, data: dict[str, Any]) -> str:
    ask_for_check(settings.ACCOUNT, by=user, reason=data["reason"])
    return "A check is asked for. A job makes it within seconds; reload this page then."


CHECK = Act(
    name="check",
    title="Check the wallet",
    button="Check again",
    what=(
        "A job looks at signer, wallet, chain and venue, and keeps what it saw.",
        "Nothing is changed and nothing is sent from the wallet.",
    ),
    permission="trading.view_walletcheck",
    call=_ask,
)


@admin.register(WalletCheck)
class WalletCheckAdmin(FactAdmin):
    """Checks of the wallet, the newest first."""

    change_form_template = "admin/trading/walletcheck/change_form.html"
    list_display = ("checked", "ok_badge", "kind", "funder_cell", "phase", "feed", "by_name")
    list_filter = ("ok", time_range("at"))
    ordering = ("-at", "-id")
    search_fields = ("account__exact", "funder__iexact")
    search_help_text = "account or address"
    export_fields = ("account", "at", "kind", "funder", "phase", "feed", "ok", "by_name")

    def get_urls(self) -> list[URLPattern]:
        """Add the page that shows the newest, and the one that asks for another."""
        newest = self.admin_site.admin_view(self.newest_view)
        check = self.admin_site.admin_view(self.check_view)
        own = [
            path("newest/", newest, name="trading_walletcheck_newest"),
            path("check/", check, name="trading_walletcheck_check"),
        ]
        return [*own, *super().get_urls()]

    def newest_view(self, request: HttpRequest) -> Any:
        """Return the page of this account's newest check, or the list that says there is none."""
        row = newest_wallet_check(settings.ACCOUNT)
        return self.change_view(request, str(row.pk)) if row else self.changelist_view(request)

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a check, or return the page that does."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        scene = Scene(
            back_url=reverse("admin:trading_walletcheck_newest"), subtitle=settings.ACCOUNT
        )
        return perform(self, request, CHECK, scene)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one check."""
        row = self.get_object(request, object_id)
        own = self._page(row) if isinstance(row, WalletCheck) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def empty(self) -> Empty:
        """Say how a check comes about."""
        return Empty(
            title="The wallet has not been checked yet",
            text="An account that shall trade is checked every 15 minutes. On paper no wallet is "
            "needed; ask for a check to see what is still missing.",
            link=reverse("admin:trading_walletcheck_check"),
            link_text="Check now",
        )

    def _page(self, row: WalletCheck) -> dict[str, Any]:
        newest = newest_wallet_check(row.account)
        lines = [
            {**line, "badge": badge(STATUSES.get(line["status"], STATUSES["unknown"]))}
            for line in row.lines
        ]
        return {
            "title": "Wallet",
            "subtitle": row.account,
            "row": row,
            "lines": lines,
            "open_count": sum(line["status"] != "ok" for line in row.lines),
            "ok": self.ok_badge(row),
            "funder": self.funder_cell(row),
            "check_url": reverse("admin:trading_walletcheck_check"),
            "is_old": SystemClock().now() - row.at > OLD,
            "commands": [{"command": command, "what": what} for command, what in COMMANDS],
            "newer_url": record_url(WalletCheck, newest.pk)
            if newest is not None and newest.pk != row.pk
            else "",
        }

    @display(description="checked", ordering="at")
    def checked(self, row: WalletCheck) -> SafeString:
        """Return when."""
        return money.utc(row.at, "it was never checked")

    @display(description="ready")
    def ok_badge(self, row: WalletCheck) -> SafeString:
        """Return whether every line was ok."""
        if row.ok:
            return badge(Wording("Ready", "Every line was ok.", "", GOOD))
        return badge(Wording("Not ready", "A line failed or could not be seen.", "", BAD))

    @display(description="wallet")
    def funder_cell(self, row: WalletCheck) -> Any:
        """Return the address that holds the money."""
        return row.funder or money.missing("nobody said which wallet it is")
