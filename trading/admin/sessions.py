"""Runs of the engine."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site.clock import SystemClock
from polyarb_site.formats import ms_between
from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, record_link
from trading.admin.filters import choice, time_range, words_filter
from trading.models import EngineSession, Profile
from trading.wording import ENGINES, of

LABELS = {
    "RECORDED": "Recorded frames of the real market, played back; paper fills.",
    "SIMULATED": "The local venue: invented flow, no real market.",
    "SHADOW": "The real market's feed with paper fills; no money moves.",
    "LIVE": "Real orders with real money.",
}


@admin.register(EngineSession)
class EngineSessionAdmin(FactAdmin):
    """One run under one lease: what ran, for how long, and how it ended."""

    natural_key = "key"
    list_display = ("key", "label_badge", "state_badge", "profile_link", "started", "lasted", "why")
    list_display_links = ("key",)
    list_filter = (
        choice("state", "state", ENGINES),
        words_filter("label", "environment", LABELS),
        time_range("started_at"),
    )
    ordering = ("-started_at", "-id")
    search_fields = ("key__exact", "account__exact")
    search_help_text = "session key or account"
    list_select_related = ("profile",)
    export_fields: ClassVar[tuple[str, ...]] = (
        *("key", "account", "token", "owner", "mode", "feed", "label", "phase", "profile_id"),
        *("mandate_revision", "state", "state_reason", "started_at", "ended_at", "heartbeat_at"),
    )
    fieldsets = (
        (None, {"fields": ("key", "state_badge", "why", "started", "lasted", "heartbeat")}),
        ("What ran", {"fields": ("label_badge", "phase", "profile_link", "feed", "mode")}),
        ("Lease", {"fields": ("account", "token", "owner", "mandate_revision")}),
    )

    def empty(self) -> Empty:
        """Say how a session comes about."""
        return Empty(
            title="The engine has not run yet",
            text="Each run becomes one line here, with what it ran and how it ended.",
            link=reverse("admin:trading_mandate_changelist"),
            link_text="Start the engine in shadow",
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[EngineSession]:
        """Leave the figures out: the list shows none."""
        rows: QuerySet[EngineSession] = super().get_queryset(request).defer("stats")
        return rows

    @display(description="environment")
    def label_badge(self, row: EngineSession) -> SafeString:
        """Return where the prices came from, and whether money moved."""
        return format_html(
            '<span class="pa-badge pa-env-{}" title="{}">{}</span>',
            row.label.lower(),
            LABELS.get(row.label, ""),
            row.label,
        )

    @display(description="state")
    def state_badge(self, row: EngineSession) -> SafeString:
        """Return how it is, or how it ended."""
        return badge(of(ENGINES, row.state))

    @display(description="profile")
    def profile_link(self, row: EngineSession) -> SafeString:
        """Return the revision that it started with."""
        return record_link(Profile, str(row.profile_id), text=str(row.profile))

    @display(description="started", ordering="started_at")
    def started(self, row: EngineSession) -> SafeString:
        """Return when it took the lease."""
        return money.utc(row.started_at)

    @display(description="last heartbeat")
    def heartbeat(self, row: EngineSession) -> SafeString:
        """Return when it was last alive."""
        return money.utc(row.heartbeat_at)

    @display(description="lasted")
    def lasted(self, row: EngineSession) -> SafeString:
        """Return how long it ran, or has been running."""
        end = row.ended_at or SystemClock().now()
        return money.age(ms_between(row.started_at, end))

    @display(description="why")
    def why(self, row: EngineSession) -> str:
        """Return the reason of its state."""
        return row.state_reason or of(ENGINES, row.state).meaning
