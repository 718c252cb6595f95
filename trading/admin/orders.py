"""Orders and their fills."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import (
    badge,
    market_link,
    money_badge,
    record_link,
    record_url,
    row_money,
)
from trading.admin.filters import (
    MarketFilter,
    MoneyFilter,
    OutcomeFilter,
    SessionMoneyFilter,
    choice,
    time_range,
    words_filter,
)
from trading.models import ArbitrageSet, EngineSession, Order, Trade, money_of
from trading.selectors.books import markets_by_token, outcome_of
from trading.selectors.sets import order_story, settled_ms, trade_cost_micro
from trading.wording import ORDERS, TRADES, of

# Why an order was written, by the word of the engine.
PURPOSES = {
    "ENTRY": "to open the set, all or nothing",
    "COMPLETE": "to buy the leg that is missing",
    "UNWIND": "to sell back what is held without its counterpart",
}
NO_SET = "it belongs to no set"
NO_OUTCOME = "the market of this token is not known"


@admin.register(Order)
class OrderAdmin(FactAdmin):
    """What was asked of the venue, and where it is now."""

    natural_key = "order_id"
    change_form_template = "admin/trading/order/change_form.html"
    list_display = (
        *("created", "market", "outcome", "side", "limit", "size", "filled", "state_badge"),
        *("purpose", "set_link"),
    )
    list_display_links = ("created",)
    list_filter = (
        choice("state", "state", ORDERS),
        OutcomeFilter,
        SessionMoneyFilter,
        words_filter("side", "side", ("BUY", "SELL")),
        time_range("created_at"),
    )
    search_fields = ("order_id__exact", "order_hash__exact", "set_id__exact")
    search_help_text = "order id, order hash or set id"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("order_id", "order_hash", "set_id", "token_id", "side", "purpose", "limit_micro"),
        *("size_micro", "matched_micro", "state", "reason", "created_at", "moved_at"),
    )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one order."""
        row = self.get_object(request, object_id)
        own = self._page(row) if isinstance(row, Order) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def _page(self, row: Any) -> dict[str, Any]:
        story = order_story(row)
        return {
            "title": "Order",
            "subtitle": row.order_id,
            "row": row,
            "words": of(ORDERS, row.state),
            "market": self.market(row),
            "outcome": self.outcome(row),
            "money_badge": money_badge(money_of(row.session.mode, row.session.feed)),
            "purpose": PURPOSES.get(row.purpose, row.purpose),
            "set_link": self.set_link(row),
            "session_link": record_link(EngineSession, row.session.key),
            "moves": [(move, of(ORDERS, move.state)) for move in story.moves],
            "trades": [
                (trade, of(TRADES, trade.state), settled_ms(trade), record_url(Trade, trade.pk))
                for trade in story.trades
            ],
        }

    def empty(self) -> Empty:
        """Say why there are none."""
        return Empty(
            title="No orders yet",
            text="An order is written down before it is sent, so this list is never behind.",
        )

    def complete(self, rows: list[Any]) -> None:
        """Give each row the market of its token, with one query for the page."""
        markets = markets_by_token(row.token_id for row in rows)
        for row in rows:
            row.market_row = markets.get(row.token_id)

    def get_object(self, request: Any, object_id: str, from_field: str | None = None) -> Any:
        """Return the order with its market."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self.complete([row])
        return row

    @display(description="created", ordering="created_at")
    def created(self, row: Order) -> SafeString:
        """Return when it was written down."""
        return money.utc(row.created_at)

    @display(description="market")
    def market(self, row: Any) -> SafeString:
        """Return the market."""
        return market_link(row.market_row, row.token_id)

    @display(description="outcome")
    def outcome(self, row: Any) -> str:
        """Return which outcome is bought or sold."""
        return outcome_of(row.market_row, row.token_id) or money.missing(NO_OUTCOME)

    @display(description="limit")
    def limit(self, row: Order) -> SafeString:
        """Return the worst price that it accepts."""
        return money.price(row.limit_micro)

    @display(description="size")
    def size(self, row: Order) -> SafeString:
        """Return how many shares it is for."""
        return money.shares(row.size_micro)

    @display(description="filled")
    def filled(self, row: Order) -> SafeString:
        """Return how many shares were matched."""
        return money.shares(row.matched_micro)

    @display(description="state")
    def state_badge(self, row: Order) -> SafeString:
        """Return where it is now."""
        words = of(ORDERS, row.state)
        return badge(words, title=row.reason or words.why)

    @display(description="set")
    def set_link(self, row: Order) -> SafeString:
        """Return the set that it is for."""
        return record_link(ArbitrageSet, row.set_id, reason=NO_SET)


@admin.register(Trade)
class TradeAdmin(FactAdmin):
    """Fills, each with what it cost and what the venue charged."""

    list_display = (
        *("matched", "market", "outcome", "side", "price", "size", "cost", "fee", "state_badge"),
        *("money_kind", "set_link"),
    )
    list_display_links = ("matched",)
    list_filter = (
        choice("state", "state", TRADES),
        MarketFilter,
        MoneyFilter,
        words_filter("side", "side", ("BUY", "SELL")),
        time_range("matched_at"),
    )
    list_select_related = ("session",)
    search_fields = ("order_id__exact", "set_id__exact", "condition_id__exact")
    search_help_text = "order id, set id, condition id, or words of the market"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("trade_id", "order_id", "set_id", "condition_id", "token_id", "side", "price_micro"),
        *("size_micro", "fee_micro", "state", "paper", "session__feed", "matched_at", "moved_at"),
    )
    fieldsets = (
        (None, {"fields": ("market_one", "side", "state_badge", "money_kind")}),
        ("Amounts", {"fields": ("price", "size", "cost", "fee")}),
        ("Where it belongs", {"fields": ("set_link", "order_link", "trade_id", "token_id")}),
        ("When", {"fields": ("matched", "moved")}),
    )

    def empty(self) -> Empty:
        """Say why there are none."""
        return Empty(
            title="No fills yet",
            text="A fill appears when the venue, or the paper rule, matches an order.",
        )

    @display(description="matched", ordering="matched_at")
    def matched(self, row: Trade) -> SafeString:
        """Return when it was matched."""
        return money.utc(row.matched_at)

    @display(description="last move")
    def moved(self, row: Trade) -> SafeString:
        """Return when its settlement last moved."""
        return money.utc(row.moved_at)

    @display(description="market")
    def market(self, row: Any) -> SafeString:
        """Return the market."""
        return market_link(row.market_row, row.condition_id)

    @display(description="market")
    def market_one(self, row: Trade) -> SafeString:
        """Return the market of the one record of a page."""
        found = markets_by_token([row.token_id]).get(row.token_id)
        return market_link(found, row.condition_id)

    @display(description="outcome")
    def outcome(self, row: Any) -> str:
        """Return which outcome was bought or sold."""
        return outcome_of(row.market_row, row.token_id) or money.missing(NO_OUTCOME)

    @display(description="price")
    def price(self, row: Trade) -> SafeString:
        """Return the price of a share."""
        return money.price(row.price_micro)

    @display(description="size")
    def size(self, row: Trade) -> SafeString:
        """Return the shares."""
        return money.shares(row.size_micro)

    @display(description="price × size")
    def cost(self, row: Trade) -> SafeString:
        """Return what was paid or received, without the fee."""
        return money.money(trade_cost_micro(row))

    @display(description="fee")
    def fee(self, row: Trade) -> SafeString:
        """Return what the venue charged."""
        return money.money(row.fee_micro)

    @display(description="state")
    def state_badge(self, row: Trade) -> SafeString:
        """Return how far its settlement is."""
        return badge(of(TRADES, row.state))

    @display(description="money")
    def money_kind(self, row: Trade) -> SafeString:
        """Return whose money it was."""
        return money_badge(row_money(row))

    @display(description="set")
    def set_link(self, row: Trade) -> SafeString:
        """Return the set that it is for."""
        return record_link(ArbitrageSet, row.set_id, reason=NO_SET)

    @display(description="order")
    def order_link(self, row: Trade) -> SafeString:
        """Return the order that it filled."""
        return record_link(Order, row.order_id, reason="it belongs to no order")
