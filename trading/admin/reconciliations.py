"""Comparisons of ledger, venue and chain."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, market_link, record_link, short
from trading.admin.filters import YesNoFilter, choice, time_range
from trading.engine.units import text_from_micro
from trading.models import EngineSession, ReconciliationRun
from trading.reconciling.code_words import CODES
from trading.reconciling.verdicts import UNKNOWNS, WARNINGS
from trading.reconciling.views import CASH
from trading.reconciling.wording import VERDICTS
from trading.selectors.books import markets_by_token, outcome_of
from trading.selectors.reconciliations import run_text
from trading.wording import of

NO_CHAIN = "the venue settles on its own books"
_TONES = {**dict.fromkeys(WARNINGS, "warn"), **dict.fromkeys(UNKNOWNS, "warn")}


class AtStartFilter(YesNoFilter):
    """Before trading, or while it went on."""

    parameter_name, title = "at_start", "when"
    yes, no = "Before trading", "While trading"


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(FactAdmin):
    """Ledger == venue == chain, at start and every minute."""

    change_form_template = "admin/trading/reconciliationrun/change_form.html"
    list_display = ("compared", "verdict_badge", "said", "block", "counts", "took", "when")
    list_display_links = ("compared",)
    list_filter = (choice("verdict", "verdict", VERDICTS), AtStartFilter, time_range("at"))
    search_fields = ("session_key__exact", "account__exact")
    search_help_text = "session key or account"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("account", "session_key", "at", "at_start", "verdict", "block_number"),
        *("ledger_sequence", "order_count", "trade_count", "took_ms", "differences"),
    )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one comparison."""
        row = self.get_object(request, object_id)
        own = _page(row) if isinstance(row, ReconciliationRun) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def empty(self) -> Empty:
        """Say when they come."""
        return Empty(
            title="Nothing was reconciled yet",
            text="When an engine trades with real or play money, its ledger is compared with the "
            "venue and the chain before it starts and every minute. On paper there is nothing to "
            "compare.",
            link=reverse("admin:trading_mandate_changelist"),
            link_text="What the engine may do now",
        )

    @display(description="compared", ordering="at")
    def compared(self, row: ReconciliationRun) -> SafeString:
        """Return when it was."""
        return money.utc(row.at)

    @display(description="verdict")
    def verdict_badge(self, row: ReconciliationRun) -> SafeString:
        """Return what came of it."""
        return badge(of(VERDICTS, row.verdict))

    @display(description="differences")
    def said(self, row: ReconciliationRun) -> str:
        """Return the gravest difference, and how many there are."""
        first, more = run_text(row), len(row.differences) - 1
        if first is None:
            return "none"
        return f"{first} (and {more} more)" if more > 0 else first

    @display(description="block")
    def block(self, row: ReconciliationRun) -> SafeString:
        """Return the block at which the chain was read."""
        return money.count(row.block_number, "the chain was not read")

    @display(description="orders, trades")
    def counts(self, row: ReconciliationRun) -> str:
        """Return how much the venue told of."""
        return f"{row.order_count}, {row.trade_count}"

    @display(description="took")
    def took(self, row: ReconciliationRun) -> SafeString:
        """Return how long it took."""
        return money.millis(row.took_ms)

    @display(description="when")
    def when(self, row: ReconciliationRun) -> str:
        """Return whether it was before trading."""
        return "before trading" if row.at_start else "while trading"


def _page(row: ReconciliationRun) -> dict[str, Any]:
    markets = markets_by_token(line["asset"] for line in row.assets)
    return {
        "title": "Reconciliation",
        "subtitle": str(row),
        "row": row,
        "verdict": of(VERDICTS, row.verdict),
        "session": record_link(EngineSession, row.session_key, reason="no engine asked for it"),
        "no_chain": NO_CHAIN,
        "differences": difference_lines(row.differences),
        "assets": [_asset(line, markets) for line in row.assets],
    }


def difference_lines(differences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return stored differences with their labels and exact amounts, for a page."""
    return [
        {
            **one,
            "shown": one["subject"] if " " in one["subject"] else short(one["subject"]),
            "label": CODES.get(one["code"], one["code"]),
            "tone": _TONES.get(one["code"], "bad"),
            "difference": _signed(one.get("difference_micro")),
        }
        for one in differences
    ]


def _asset(line: dict[str, Any], markets: dict[str, Any]) -> dict[str, Any]:
    token = line["asset"]
    market = markets.get(token)
    apart = line["difference_micro"]
    return {
        "name": "Dollars" if token == CASH else outcome_of(market, token) or "Unknown token",
        "market": None if token == CASH else market_link(market, token),
        "ledger": _text(line["ledger_micro"]),
        "unit": "pUSD" if token == CASH else "shares",
        "in_flight": _signed(line["in_flight_micro"] or None),
        "venue": _text(line["venue_micro"]),
        "chain": _text(line["chain_micro"]),
        "difference": _signed(apart),
        "apart": bool(apart),
    }


def _text(micro: int | None) -> str | None:
    return None if micro is None else _grouped(micro)


def _signed(micro: int | None) -> str | None:
    """Return an exact amount with its sign, None where there is none."""
    if micro is None:
        return None
    return f"+{_grouped(micro)}" if micro > 0 else _grouped(micro)


def _grouped(micro: int) -> str:
    """Return the exact amount with thousands separators."""
    whole, dot, part = text_from_micro(micro).partition(".")
    return f"{int(whole):,}{dot}{part}" if micro >= 0 else f"-{_grouped(-micro)}"
