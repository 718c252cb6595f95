"""Markets as discovered."""

from typing import ClassVar

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site import formats
from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, list_url
from trading.admin.filters import choice, words_filter
from trading.models import Market, Opportunity
from trading.wording import GOOD, QUIET, Wording

STATES = {
    "OPEN": Wording("Open", "The market takes orders.", "", GOOD),
    "CLOSED": Wording("Closed", "The market takes no orders.", "", QUIET),
    "RESOLVED": Wording("Resolved", "The outcome is decided.", "", QUIET),
}
NO_FEE = "the fee schedule is not known, so the market is not traded"


@admin.register(Market)
class MarketAdmin(FactAdmin):
    """What the engine knows of a market: its outcomes, fee, tick, and restrictions."""

    natural_key = "condition_id"
    list_display = ("name", "state_badge", "fee", "tick", "minimum", "restrictions", "ends", "seen")
    list_display_links = ("name",)
    list_filter = (
        choice("state", "state", STATES),
        words_filter("source", "source", ("recorded", "polymarket", "simulator")),
    )
    ordering = ("-seen_at", "-id")
    search_fields = ("question", "slug", "condition_id__exact")
    search_help_text = "words of the question, slug, or condition id"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("condition_id", "slug", "question", "yes_token_id", "no_token_id", "yes_outcome"),
        *("no_outcome", "tick_micro", "min_order_size_micro", "fee_rate_micro", "fee_exponent"),
        *("protocol", "neg_risk_event_id", "neg_risk_augmented", "seconds_delay"),
        *("taker_delay_ms", "ends_at", "state", "source", "seen_at"),
    )
    fieldsets = (
        (None, {"fields": ("question", "state_badge", "gaps", "ends", "seen", "source")}),
        ("What it costs", {"fields": ("fee", "tick", "minimum", "restrictions", "protocol")}),
        (
            "At the venue",
            {
                "fields": (
                    *("slug", "condition_id", "yes_outcome", "yes_token_id", "no_outcome"),
                    *("no_token_id", "neg_risk_event_id"),
                )
            },
        ),
    )

    def empty(self) -> Empty:
        """Say where markets come from."""
        return Empty(
            title="No markets yet",
            text="The engine writes them down when it first hears of them. Start it to see some.",
        )

    @display(description="market")
    def name(self, row: Market) -> str:
        """Return the question."""
        return str(row)

    @display(description="state")
    def state_badge(self, row: Market) -> SafeString:
        """Return whether it takes orders."""
        return badge(STATES[row.state])

    @display(description="taker fee at 50¢")
    def fee(self, row: Market) -> SafeString:
        """Return what a share costs in fees where that is most, and the schedule on hover."""
        if row.fee_rate_micro is None or row.fee_exponent is None:
            return money.missing(NO_FEE)
        if not row.fee_rate_micro:
            return format_html('<span title="{}">none</span>', "the venue charges no fee here")
        per_share_micro = row.fee_rate_micro // 4**row.fee_exponent
        rate = formats.percent(row.fee_rate_micro)
        return format_html(
            '<span class="pa-num" title="{} × (price × (1 − price)) ^ {} of the shares">{}</span>',
            rate,
            row.fee_exponent,
            formats.price(per_share_micro),
        )

    @display(description="tick")
    def tick(self, row: Market) -> SafeString:
        """Return the smallest step of a price."""
        return money.price(row.tick_micro)

    @display(description="smallest order")
    def minimum(self, row: Market) -> SafeString:
        """Return the fewest shares of an order."""
        return money.shares(row.min_order_size_micro)

    @display(description="restrictions")
    def restrictions(self, row: Market) -> str:
        """Return in words what the venue does otherwise here."""
        found = []
        if row.seconds_delay:
            found.append(f"delayed {row.seconds_delay} s")
        if row.taker_delay_ms:
            found.append(f"takers held {row.taker_delay_ms} ms")
        if row.neg_risk_event_id:
            found.append("one of several outcomes")
        if row.neg_risk_augmented:
            found.append("outcomes may be added")
        return ", ".join(found) or "none"

    @display(description="ends")
    def ends(self, row: Market) -> SafeString:
        """Return when it ends."""
        return money.utc(row.ends_at, "the venue names no end")

    @display(description="last seen", ordering="seen_at")
    def seen(self, row: Market) -> SafeString:
        """Return when the feed last told of it."""
        return money.utc(row.seen_at)

    @display(description="gaps")
    def gaps(self, row: Market) -> SafeString:
        """Return a link to this market's gaps."""
        return format_html(
            '<a class="pa-link" href="{}?condition_id={}">Show the gaps of this market</a>',
            list_url(Opportunity),
            row.condition_id,
        )
