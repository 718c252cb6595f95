"""Sets: from the gap to the last posting."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site import formats
from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, list_url, market_link, money_badge, record_url, row_money
from trading.admin.filters import (
    EndedFilter,
    MarketFilter,
    MoneyFilter,
    OpenFilter,
    RaisedFilter,
    ReachedStateFilter,
    choice,
    time_range,
)
from trading.engine.codes import SetState
from trading.models import ArbitrageSet, Opportunity, Order
from trading.selectors.books import markets_by_condition
from trading.selectors.gaps import with_edge
from trading.selectors.sets import MergeStory, SetStory, set_story, settled_ms
from trading.wording import ORDERS, SETS, TRADES, of

LEG_HASHES_MAX = 4  # on the life line; each order has its own below
NOT_REALISED = "not until it is merged, redeemed or sold"


@admin.register(ArbitrageSet)
class ArbitrageSetAdmin(FactAdmin):
    """Every attempt to buy a complete set."""

    natural_key = "set_id"
    change_form_template = "admin/trading/arbitrageset/change_form.html"
    list_display = (
        *("opened", "market", "state_badge", "size", "cost", "expected", "realised", "lasted"),
        "money_kind",
    )
    list_display_links = ("opened",)
    list_filter = (
        OpenFilter,
        ReachedStateFilter,
        choice("state", "state", SETS),
        MarketFilter,
        MoneyFilter,
        RaisedFilter,
        EndedFilter,
        time_range("opened_at"),
        time_range("moved_at"),
    )
    list_select_related = ("session",)
    search_fields = ("set_id__exact", "opportunity_id__exact", "condition_id__exact")
    search_help_text = "set id, gap id, condition id, or words of the market"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("set_id", "opportunity_id", "condition_id", "strategy", "state", "reason", "opened_at"),
        *("moved_at", "size_micro", "cost_micro", "payout_micro", "expected_net_micro"),
        *("realised_micro", "paper", "session__feed", "raised"),
    )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one set."""
        row = self.get_object(request, object_id)
        own = _page(row) if isinstance(row, ArbitrageSet) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def empty(self) -> Empty:
        """Say with real numbers why no set was made."""
        gaps, edged, time = with_edge()
        if time is None:
            return Empty(
                title="No sets yet",
                text="A set is made when a gap is real, worth it, and within every limit. "
                "No gap has been seen yet either.",
                link=list_url(Opportunity),
                link_text="What a gap is",
            )
        hours = formats.age(time // timedelta(milliseconds=1))
        survived = "survives" if edged == 1 else "survive"
        text = (
            f"In {hours} of data only {formats.count(edged)} of {formats.plural(gaps, 'gap')} "
            f"{survived} the fee: see the funnel."
        )
        return Empty(
            title="No sets yet", text=text, link=list_url(Opportunity), link_text="Show the funnel"
        )

    @display(description="opened", ordering="opened_at")
    def opened(self, row: ArbitrageSet) -> SafeString:
        """Return when it began."""
        return money.utc(row.opened_at)

    @display(description="market")
    def market(self, row: Any) -> SafeString:
        """Return the market."""
        return market_link(row.market_row, row.condition_id)

    @display(description="state")
    def state_badge(self, row: ArbitrageSet) -> SafeString:
        """Return where it is now."""
        words = of(SETS, row.state)
        return badge(words, title=row.reason or words.why)

    @display(description="size")
    def size(self, row: ArbitrageSet) -> SafeString:
        """Return how many sets."""
        return money.shares(row.size_micro)

    @display(description="cost")
    def cost(self, row: ArbitrageSet) -> SafeString:
        """Return what all legs were to cost, with fees."""
        return money.money(row.cost_micro)

    @display(description="expected")
    def expected(self, row: ArbitrageSet) -> SafeString:
        """Return what was expected to be left."""
        return money.signed_money(row.expected_net_micro)

    @display(description="realised")
    def realised(self, row: ArbitrageSet) -> SafeString:
        """Return what was left."""
        return money.signed_money(row.realised_micro, NOT_REALISED)

    @display(description="took")
    def lasted(self, row: ArbitrageSet) -> SafeString:
        """Return the time from its beginning to its last move."""
        return money.millis(formats.ms_between(row.opened_at, row.moved_at))

    @display(description="money")
    def money_kind(self, row: ArbitrageSet) -> SafeString:
        """Return whose money it was."""
        return money_badge(row_money(row))


def _page(row: ArbitrageSet) -> dict[str, Any]:
    """Return what the page of a set shows. A fixed number of queries."""
    market = markets_by_condition([row.condition_id]).get(row.condition_id)
    story = set_story(row)
    expected, realised = row.expected_net_micro, row.realised_micro
    return {
        "title": "Set",
        "subtitle": str(market or row.condition_id),
        "row": row,
        "story": story,
        "state": of(SETS, row.state),
        "line": _line(story),
        "merge": story.merge,
        "merge_kind": _merge_kind(story.merge),
        "legs": _legs(story),
        "market_link": market_link(market, row.condition_id),
        "money_badge": money_badge(row_money(row)),
        "gap_url": record_url(Opportunity, row.opportunity_id) if story.opportunity else "",
        "kept_micro": None if realised is None else realised - expected,
        "not_realised": NOT_REALISED,
    }


def _line(story: SetStory) -> list[dict[str, Any]]:
    """Return the life line with the hashes that stood when the orders were written down."""
    hashes = [
        one.order.order_hash for leg in story.legs for one in leg.orders if one.order.order_hash
    ]
    merge = story.merge
    line = []
    for point in story.line:
        words, ids = of(SETS, point.state), []
        label = words.label
        if point.state == SetState.INTENT:
            ids = hashes[:LEG_HASHES_MAX]
        elif merge is not None and point.stays and point.at == merge.sent_at:
            label, ids = "Merge sent", [merge.reference]
        elif merge is not None and point.stays and merge.transaction_hash:
            label, ids = "On the chain", [merge.transaction_hash]
        line.append({"point": point, "words": words, "label": label, "ids": ids})
    return line


def _merge_kind(merge: MergeStory | None) -> str:
    """Return how a merge left, by the kind of its reference."""
    if merge is None:
        return ""
    kinds = {"batch": "through the relayer, in a batch of the deposit wallet"}
    kinds["tx"] = "as a transaction of the wallet itself"
    return kinds.get(merge.reference.partition(":")[0], "under its reference")


def _legs(story: SetStory) -> list[dict[str, Any]]:
    return [
        {
            "leg": leg,
            "missing_micro": max(0, leg.size_micro - leg.bought_micro),
            "orders": [
                {
                    "order": one.order,
                    "url": record_url(Order, one.order.order_id),
                    "words": of(ORDERS, one.order.state),
                    "moves": [(move, of(ORDERS, move.state)) for move in one.moves],
                    "trades": [
                        (trade, of(TRADES, trade.state), settled_ms(trade)) for trade in one.trades
                    ],
                }
                for one in leg.orders
            ],
        }
        for leg in story.legs
    ]
