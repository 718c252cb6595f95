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
from trading.admin.cells import badge, list_url, market_link, paper_badge, record_url
from trading.admin.filters import (
    MarketFilter,
    PaperFilter,
    RaisedFilter,
    ReachedStateFilter,
    choice,
    time_range,
)
from trading.models import ArbitrageSet, Opportunity
from trading.selectors.books import markets_by_condition
from trading.selectors.gaps import with_edge
from trading.selectors.sets import SetStory, set_story
from trading.wording import ORDERS, SETS, TRADES, of

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
        ReachedStateFilter,
        choice("state", "state", SETS),
        MarketFilter,
        PaperFilter,
        RaisedFilter,
        time_range("opened_at"),
    )
    search_fields = ("set_id__exact", "opportunity_id__exact", "condition_id__exact")
    search_help_text = "set id, gap id, condition id, or words of the market"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("set_id", "opportunity_id", "condition_id", "strategy", "state", "reason", "opened_at"),
        *("moved_at", "size_micro", "cost_micro", "payout_micro", "expected_net_micro"),
        *("realised_micro", "paper", "raised"),
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
        """Return whether it was real."""
        return paper_badge(paper=row.paper)


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
        "line": [{"point": point, "words": of(SETS, point.state)} for point in story.line],
        "legs": _legs(story),
        "market_link": market_link(market, row.condition_id),
        "paper_badge": paper_badge(paper=row.paper),
        "gap_url": record_url(Opportunity, row.opportunity_id) if story.opportunity else "",
        "kept_micro": None if realised is None else realised - expected,
        "not_realised": NOT_REALISED,
    }


def _legs(story: SetStory) -> list[dict[str, Any]]:
    return [
        {
            "leg": leg,
            "missing_micro": max(0, leg.size_micro - leg.bought_micro),
            "orders": [
                {
                    "order": one.order,
                    "words": of(ORDERS, one.order.state),
                    "moves": [(move, of(ORDERS, move.state)) for move in one.moves],
                    "trades": [(trade, of(TRADES, trade.state)) for trade in one.trades],
                }
                for one in leg.orders
            ],
        }
        for leg in story.legs
    ]
