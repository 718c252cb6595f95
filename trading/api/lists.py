"""The lists of facts: trades, sets, opportunities, events of the engine; trades also as a file."""

from collections.abc import Iterable
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import curl, endpoint
from polyarb_site.rest.exports import csv_response
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import KeysetListView
from trading.api import examples, filters, serializers
from trading.engine.units import text_from_micro
from trading.models import ArbitrageSet, EngineNote, Opportunity, Trade, money_of_row


def with_text(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Add the decimal text of each amount: price_micro 480000 brings price "0.48"."""
    for name in names:
        micro = row[name]
        row[name.removesuffix("_micro")] = None if micro is None else text_from_micro(micro)
    row["session"] = row.pop("session__key")
    return row


def with_money(row: dict[str, Any]) -> dict[str, Any]:
    """Add whose money it was, which the row says together with the feed of its session."""
    row["money"] = money_of_row(paper=row["paper"], feed=row.pop("session__feed")).value
    return row


TRADE_COLUMNS = (
    *("id", "trade_id", "order_id", "set_id", "session__key", "condition_id", "token_id", "side"),
    *("price_micro", "size_micro", "fee_micro", "state", "paper", "session__feed"),
    *("matched_at", "moved_at"),
)
TRADE_AMOUNTS = ("price_micro", "size_micro", "fee_micro")


class TradeListView(KeysetListView):
    """GET /api/trades."""

    rules = {"GET": may("trading.view_trade")}
    queryset = Trade.objects.all()
    filterset_class = filters.TradeFilters
    time_field = "matched_at"
    columns = TRADE_COLUMNS

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one fill."""
        return with_money(with_text(values, TRADE_AMOUNTS))

    @endpoint(
        "listTrades",
        "List trades",
        tag="facts",
        example_call=curl("/api/trades?state=CONFIRMED&since=2026-10-01&limit=100"),
        answer=serializers.TradeRow(many=True),
        example=examples.TRADE,
    )
    def get(self, request: Request) -> Response:
        """Fills of orders, newest first: by id, or by time when `since` or `until` is given.

        A fill counts when its state is CONFIRMED. Pages continue with `cursor`; rows that arrive
        meanwhile are never shown twice and leave none out.
        """
        return super().get(request)


class TradeCsvView(TradeListView):
    """GET /api/trades.csv."""

    pagination_class = None

    def known_query_names(self) -> tuple[str, ...]:
        """Return the filters; a file has no pages."""
        return tuple(sorted(self.filterset_class.base_filters))

    @endpoint(
        "exportTrades",
        "Trades as CSV",
        tag="facts",
        example_call=curl("/api/trades.csv?since=2026-10-01&until=2026-10-02"),
        answer=str,
        media_type="text/csv",
    )
    def get(self, request: Request) -> HttpResponseBase:  # type: ignore[override] # a file
        """The same rows and filters as a file for a spreadsheet: one line per fill, UTF-8.

        Times are UTC. A file has at most 250,000 lines: above that it is refused, never cut.
        """
        names = list(serializers.TradeRow().fields)
        return csv_response(request, self, names=names, file_name="trades.csv")


SET_AMOUNTS = (
    *("size_micro", "cost_micro", "payout_micro", "expected_net_micro", "realised_micro"),
)


class SetListView(KeysetListView):
    """GET /api/sets."""

    rules = {"GET": may("trading.view_arbitrageset")}
    queryset = ArbitrageSet.objects.all()
    filterset_class = filters.SetFilters
    time_field = "opened_at"
    columns = (
        *("id", "set_id", "opportunity_id", "session__key", "condition_id", "strategy", "state"),
        *("reason", "opened_at", "moved_at", *SET_AMOUNTS, "paper", "session__feed"),
        *("raised", "legs"),
    )

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one set."""
        return with_money(with_text(values, SET_AMOUNTS))

    @endpoint(
        "listSets",
        "List sets",
        tag="facts",
        example_call=curl("/api/sets?state=EXPOSED"),
        answer=serializers.SetRow(many=True),
        example=examples.SET_ROW,
    )
    def get(self, request: Request) -> Response:
        """Attempts to buy complete sets, newest first; `realised` is null until money came back."""
        return super().get(request)


OPPORTUNITY_AMOUNTS = (
    *("gap_micro", "edge_micro", "size_micro", "cost_micro", "fee_micro", "net_micro"),
)


class OpportunityListView(KeysetListView):
    """GET /api/opportunities."""

    rules = {"GET": may("trading.view_opportunity")}
    queryset = Opportunity.objects.all()
    filterset_class = filters.OpportunityFilters
    time_field = "seen_at"
    columns = (
        *("id", "opportunity_id", "set_id", "session__key", "condition_id", "strategy"),
        *("seen_at", "last_seen_at", "frames", "stage", "refusal", "reason"),
        *(*OPPORTUNITY_AMOUNTS, "raised", "legs", "ladder"),
    )

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one opportunity."""
        return with_text(values, OPPORTUNITY_AMOUNTS)

    @endpoint(
        "listOpportunities",
        "List opportunities",
        tag="facts",
        example_call=curl("/api/opportunities?refusal=BELOW_MIN_PROFIT"),
        answer=serializers.OpportunityRow(many=True),
        example=examples.OPPORTUNITY,
    )
    def get(self, request: Request) -> Response:
        """Every gap seen, newest first, with how far it came and why it was not taken."""
        return super().get(request)


class EventListView(KeysetListView):
    """GET /api/events."""

    rules = {"GET": may("trading.view_enginenote")}
    queryset = EngineNote.objects.all()
    filterset_class = filters.EventFilters
    time_field = "at"
    columns = (*("id", "note_id", "session__key", "at", "level", "code", "text", "condition_id"),)

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one event."""
        return with_text(values, ())

    @endpoint(
        "listEvents",
        "List events",
        tag="facts",
        example_call=curl("/api/events?level=CRITICAL"),
        answer=serializers.EventRow(many=True),
        example=examples.EVENT,
    )
    def get(self, request: Request) -> Response:
        """Events of the engine, newest first: halts, resyncs, breaker, feed, markets."""
        return super().get(request)
