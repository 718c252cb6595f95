"""Runs of the engine."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site.clock import SystemClock
from polyarb_site.formats import ms_between
from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, money_badge, record_link, record_url
from trading.admin.filters import choice, time_range, words_filter
from trading.models import EngineSession, Profile, ReplayRun, money_of
from trading.replaying.wording import VERDICTS
from trading.selectors.replays import newest_replays
from trading.wording import ENGINES, note_text, of

LABELS = {
    "RECORDED": "Recorded frames of the real market, played back; paper fills.",
    "SIMULATED": "The local venue: invented flow, no real market, no real money.",
    "SHADOW": "The real market's feed with paper fills; no money moves.",
    "LIVE": "Real orders with real money.",
}


@admin.register(EngineSession)
class EngineSessionAdmin(FactAdmin):
    """One run under one lease: what ran, for how long, and how it ended."""

    natural_key = "key"
    list_display = (
        *("key", "label_badge", "money_kind", "state_badge", "profile_link", "started", "lasted"),
        "why",
    )
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
        *("journal_sequence", "journal_removed_at"),
    )
    fieldsets = (
        (None, {"fields": ("key", "state_badge", "why", "started", "lasted", "heartbeat")}),
        ("What ran", {"fields": ("label_badge", "money_kind", "phase", "profile_link", "feed")}),
        ("Journal", {"fields": ("journal", "replays")}),
        ("Lease", {"fields": ("account", "token", "owner", "mandate_revision")}),
    )

    def empty(self) -> Empty:
        """Say how a session comes about."""
        return Empty(
            title="The engine has not run yet",
            text="Each run becomes one line here, with what it ran and how it ended.",
            link=reverse("admin:trading_mandate_changelist"),
            link_text="Start the engine",
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[EngineSession]:
        """Leave the figures out: the list shows none."""
        rows: QuerySet[EngineSession] = super().get_queryset(request).defer("stats")
        return rows

    @display(description="environment")
    def label_badge(self, row: EngineSession) -> SafeString:
        """Return where the prices came from, and whether real money moved."""
        return format_html(
            '<span class="pa-badge pa-env-{}" title="{}">{}</span>',
            row.label.lower(),
            LABELS.get(row.label, ""),
            row.label,
        )

    @display(description="money")
    def money_kind(self, row: EngineSession) -> SafeString:
        """Return whose money it traded with."""
        return money_badge(money_of(row.mode, row.feed))

    @display(description="state")
    def state_badge(self, row: EngineSession) -> SafeString:
        """Return how it is, or how it ended."""
        return badge(of(ENGINES, row.state))

    @display(description="profile")
    def profile_link(self, row: EngineSession) -> SafeString:
        """Return the revision that it started with."""
        return record_link(Profile, str(row.profile_id), text=str(row.profile))

    @display(description="journal")
    def journal(self, row: EngineSession) -> SafeString:
        """Return how far the ledger follows it, or when it was removed."""
        if row.journal_removed_at is not None:
            return money.missing(f"removed on {row.journal_removed_at:%Y-%m-%d} by retention")
        return format_html("booked up to record {}", money.count(row.journal_sequence))

    @display(description="replays")
    def replays(self, row: EngineSession) -> SafeString:
        """Return the newest verdict on each day, as links."""
        runs = newest_replays(row)
        if not runs:
            return money.missing("it is replayed in the night after it ran")
        return format_html_join(
            ", ",
            '<a class="pa-link" href="{}">{}</a> {}',
            (
                (record_url(ReplayRun, run.pk), run.day, badge(of(VERDICTS, run.verdict)))
                for run in runs
            ),
        )

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
        if row.state == EngineSession.State.HALTED and row.state_reason:
            return note_text("HALTED", row.state_reason)[1]
        return row.state_reason or of(ENGINES, row.state).meaning
