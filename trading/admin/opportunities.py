"""Gaps: how far they came, why they ended, and what the books were."""

from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site import formats
from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, list_url, market_link, record_link, record_url
from trading.admin.filters import (
    MarketFilter,
    RaisedFilter,
    ReachedStageFilter,
    SessionMoneyFilter,
    choice,
    chosen_range,
    range_query,
    time_range,
)
from trading.engine.codes import Stage
from trading.models import ArbitrageSet, Mandate, Money, Opportunity
from trading.selectors.books import markets_by_condition, walk_view
from trading.selectors.figures import money_now
from trading.selectors.gaps import Funnel, Step, funnel_between, last_day
from trading.wording import REFUSALS, STAGES, of

STEP_WORDS = {
    "SEEN": ("Seen", "the books showed a gap"),
    "CONFIRMED": ("Confirmed", "both books of one instant"),
    "ALLOWED": ("Allowed", "worth it, and within the limits"),
    "SUBMITTED": ("Submitted", "orders were sent"),
    "MATCHED": ("Matched", "every leg was matched"),
    "MERGED": ("Merged", "turned back into dollars"),
}
DOLLARS = {"MATCHED": "expected", "MERGED": "realised"}
RAISED = "Paper only: raised to the smallest set that the venue takes."
NO_EDGE = "the fee is not known, so neither is the edge"
NO_WALK = "no set was worked out: it was refused before"


@admin.register(Opportunity)
class OpportunityAdmin(FactAdmin):
    """Every gap that the engine saw, and what became of it."""

    natural_key = "opportunity_id"
    change_list_template = "admin/trading/opportunity/change_list.html"
    change_form_template = "admin/trading/opportunity/change_form.html"
    list_display = (
        *("seen", "market", "verdict", "gap", "edge", "net", "size", "frame_count", "stage_badge"),
        "set_link",
    )
    list_display_links = ("seen",)
    list_filter = (
        ReachedStageFilter,
        choice("stage", "stage", STAGES),
        choice("refusal", "refusal", REFUSALS),
        MarketFilter,
        SessionMoneyFilter,
        RaisedFilter,
        time_range("seen_at"),
    )
    search_fields = ("opportunity_id__exact", "condition_id__exact", "set_id__exact")
    search_help_text = "gap id, set id, condition id, or words of the market"
    export_fields: ClassVar[tuple[str, ...]] = (
        *("opportunity_id", "condition_id", "strategy", "seen_at", "last_seen_at", "frames"),
        *("stage", "refusal", "reason", "gap_micro", "edge_micro", "size_micro", "cost_micro"),
        *("fee_micro", "net_micro", "raised", "set_id"),
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Return the list below the funnel of the same time and market."""
        funnel = _funnel(request)
        own: dict[str, Any] = {"funnel": funnel, "funnel_steps": [], "funnel_reasons": []}
        if funnel is not None:
            own["funnel_steps"] = [_step(step, funnel, request) for step in funnel.steps]
            own["funnel_reasons"] = _reasons(funnel, request)
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one gap."""
        row = self.get_object(request, object_id)
        own = _page(row) if isinstance(row, Opportunity) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def empty(self) -> Empty:
        """Say what a gap is."""
        return Empty(
            title="No gaps yet",
            text="A gap is seen when the best asks of all outcomes sum to less than a dollar. "
            "Start the engine: it writes down each one, and why it was not taken.",
            link=list_url(Mandate),
            link_text="Start the engine",
        )

    @display(description="seen", ordering="seen_at")
    def seen(self, row: Opportunity) -> SafeString:
        """Return when it was first seen."""
        return money.utc_ms(row.seen_at)

    @display(description="market")
    def market(self, row: Any) -> SafeString:
        """Return the market."""
        return market_link(row.market_row, row.condition_id)

    @display(description="gap")
    def gap(self, row: Opportunity) -> SafeString:
        """Return the cents per set before fees."""
        return money.price(row.gap_micro)

    @display(description="after fee")
    def edge(self, row: Opportunity) -> SafeString:
        """Return the cents per set that are left after the fee, at the best asks."""
        if row.edge_micro is None:
            return money.missing(NO_EDGE)
        tone = "good" if row.edge_micro > 0 else "bad"
        return format_html('<span class="pa-{}">{}</span>', tone, money.price(row.edge_micro))

    @display(description="size")
    def size(self, row: Opportunity) -> SafeString:
        """Return the sets of the walk."""
        text = money.shares(row.size_micro or None, NO_WALK)
        if not row.raised:
            return text
        return format_html(
            '{} <span class="pa-badge pa-badge-warn" title="{}">raised</span>', text, RAISED
        )

    @display(description="net")
    def net(self, row: Opportunity) -> SafeString:
        """Return what the walk expected to be left."""
        return money.signed_money(row.net_micro if row.size_micro else None, NO_WALK)

    @display(description="frames")
    def frame_count(self, row: Opportunity) -> SafeString:
        """Return in how many frames it stood unchanged."""
        return money.count(row.frames)

    @display(description="came to")
    def stage_badge(self, row: Opportunity) -> SafeString:
        """Return how far it came."""
        return badge(of(STAGES, row.stage))

    @display(description="verdict")
    def verdict(self, row: Opportunity) -> SafeString:
        """Return why it ended, with the engine's own words on hover."""
        words = of(REFUSALS, row.refusal) if row.refusal else STAGES[Stage.SUBMITTED]
        return badge(words, title=row.reason or words.why)

    @display(description="set")
    def set_link(self, row: Opportunity) -> SafeString:
        """Return the set that was made of it."""
        return record_link(ArbitrageSet, row.set_id, reason="no set was made of it")


def _funnel(request: HttpRequest) -> Funnel | None:
    """Return the funnel of the time and the market that the list shows; of the last day else."""
    money = _money(request)
    day = last_day(money)
    if day is None:
        return None
    since, until = chosen_range(request, "seen_at")
    end = until or day[1]
    start = since or (end - (day[1] - day[0]))
    market = request.GET.get("condition_id", "")
    return funnel_between(start, end, money=money, condition_id=market)


def _money(request: HttpRequest) -> Money:
    """Return the kind of money that the list shows; without a choice, what is traded with now."""
    asked = request.GET.get("money", "")
    return Money(asked) if asked in Money.values else money_now(settings.ACCOUNT)


def _query(request: HttpRequest, field: str, since: datetime, until: datetime) -> dict[str, str]:
    market = request.GET.get("condition_id", "")
    chosen = {**range_query(field, since, until), "money": _money(request).value}
    return {**chosen, **({"condition_id": market} if market else {})}


def _step(step: Step, funnel: Funnel, request: HttpRequest) -> dict[str, Any]:
    label, meaning = STEP_WORDS[step.key]
    of_sets = step.frames is None
    field, model = ("opened_at", ArbitrageSet) if of_sets else ("seen_at", Opportunity)
    query = {**_query(request, field, funnel.since, funnel.until), "reached": step.key}
    return {
        "label": label,
        "meaning": meaning,
        "number": step.number,
        "noun": "set" if of_sets else "gap",
        "frames": step.frames,
        "micro": step.micro,
        "dollars": DOLLARS.get(step.key, "on offer before fees"),
        "permille": step.permille,
        "url": f"{list_url(model)}?{urlencode(query)}",
    }


def _reasons(funnel: Funnel, request: HttpRequest) -> list[dict[str, Any]]:
    query = _query(request, "seen_at", funnel.since, funnel.until)
    address = list_url(Opportunity)
    return [
        {
            "code": reason.code,
            "words": of(REFUSALS, reason.code),
            "gaps": reason.gaps,
            "frames": reason.frames,
            "permille": reason.permille,
            "url": f"{address}?{urlencode({**query, 'refusal': reason.code})}",
        }
        for reason in funnel.reasons
    ]


def _page(row: Opportunity) -> dict[str, Any]:
    """Return what the page of a gap shows. A fixed number of queries."""
    market = markets_by_condition([row.condition_id]).get(row.condition_id)
    words = of(REFUSALS, row.refusal) if row.refusal else STAGES[Stage.SUBMITTED]
    return {
        "title": "Gap",
        "subtitle": str(market or row.condition_id),
        "gap": row,
        "gap_market": market,
        "walk": walk_view(row),
        "verdict": words,
        "stage": of(STAGES, row.stage),
        "stood_ms": formats.ms_between(row.seen_at, row.last_seen_at),
        "set_url": record_url(ArbitrageSet, row.set_id) if row.set_id else "",
        "market_link": market_link(market, row.condition_id),
        "ratio_micro": formats.ratio(row.net_micro, row.cost_micro) if row.size_micro else None,
        "alike_url": f"{list_url(Opportunity)}?{urlencode({'refusal': row.refusal})}"
        if row.refusal
        else "",
    }
