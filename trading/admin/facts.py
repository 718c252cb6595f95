"""The engine's figures of each second, and its notes."""

from typing import Any, ClassVar

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from polyarb_site.templatetags import money
from trading.admin.base import Empty, FactAdmin
from trading.admin.cells import badge, market_link, record_link
from trading.admin.filters import choice, time_range, words_filter
from trading.models import EngineNote, EngineSession, MetricSample
from trading.wording import BAD, NONE, QUIET, WARN, Wording, note_text, of

LEVELS = {
    "DEBUG": Wording("Detail", "For finding faults.", "", QUIET),
    "INFO": Wording("Info", "For the record.", "", NONE),
    "WARNING": Wording("Warning", "Something is not as it should be.", "", WARN),
    "ERROR": Wording("Error", "Something failed.", "", BAD),
    "CRITICAL": Wording("Critical", "Trading is halted or in danger.", "", BAD),
}
NOT_MEASURED = "nothing was decided in this second"


@admin.register(MetricSample)
class MetricSampleAdmin(FactAdmin):
    """What the engine counted and the runtime measured, second by second."""

    list_display = (
        *("at_utc", "session_link", "realised", "exposure", "feed_age", "p50", "p99"),
        "gaps",
    )
    list_display_links = ("at_utc",)
    list_filter = (time_range("at"),)
    search_fields = ("session__key__exact",)
    search_help_text = "session key"
    list_select_related = ("session",)
    export_fields: ClassVar[tuple[str, ...]] = (
        *("session_id", "at", "realised_micro", "exposure_micro", "feed_age_ms"),
        *("decision_p50_us", "decision_p99_us"),
    )
    fieldsets = (
        (None, {"fields": ("at_utc", "session_link", "realised", "exposure")}),
        ("Speed", {"fields": ("feed_age", "p50", "p99")}),
        ("All figures", {"fields": ("figures",)}),
    )

    def empty(self) -> Empty:
        """Say when they come."""
        return Empty(
            title="No figures yet",
            text="A running engine writes one line of figures each second; old ones are thinned.",
        )

    @display(description="second", ordering="at")
    def at_utc(self, row: MetricSample) -> SafeString:
        """Return the second."""
        return money.utc(row.at)

    @display(description="session")
    def session_link(self, row: MetricSample) -> SafeString:
        """Return the run."""
        return record_link(EngineSession, row.session.key)

    @display(description="realised")
    def realised(self, row: MetricSample) -> SafeString:
        """Return what was realised since the session began."""
        return money.signed_money(row.realised_micro)

    @display(description="exposure")
    def exposure(self, row: MetricSample) -> SafeString:
        """Return what was held or pending, at cost."""
        return money.money(row.exposure_micro)

    @display(description="feed age")
    def feed_age(self, row: MetricSample) -> SafeString:
        """Return how long the feed had been silent."""
        return money.age(row.feed_age_ms, "the feed had not said anything yet")

    @display(description="decision p50")
    def p50(self, row: MetricSample) -> SafeString:
        """Return the time that half of the decisions took at most."""
        return money.micros(row.decision_p50_us, NOT_MEASURED)

    @display(description="decision p99")
    def p99(self, row: MetricSample) -> SafeString:
        """Return the time that 99 of 100 decisions took at most."""
        return money.micros(row.decision_p99_us, NOT_MEASURED)

    @display(description="gaps seen")
    def gaps(self, row: MetricSample) -> SafeString:
        """Return the frames with a gap since the session began."""
        return money.count(row.values.get("gaps_seen"))

    @display(description="figures")
    def figures(self, row: MetricSample) -> SafeString:
        """Return every figure by its name; amounts are in millionths, as their names say."""
        lines = format_html_join(
            "",
            "<tr><th scope='row'>{}</th><td>{}</td></tr>",
            ((name, "–" if value is None else value) for name, value in row.values.items()),
        )
        return format_html("<table class='pa-plain'>{}</table>", lines)


@admin.register(EngineNote)
class EngineNoteAdmin(FactAdmin):
    """Events of the engine that a person should read."""

    natural_key = "note_id"
    list_display = ("at_utc", "level_badge", "what", "said", "market", "session_link")
    list_display_links = ("at_utc",)
    list_filter = (
        choice("level", "level", LEVELS),
        words_filter(
            "code",
            "what",
            ("HALTED", "RESUMED", "ACCESS", "MANDATE", "BREAKER_RESET", "VENUE_MODE", "RECOVERED"),
        ),
        time_range("at"),
    )
    search_fields = ("note_id__exact", "session__key__exact")
    search_help_text = "note id, session key, or words of the market"
    list_select_related = ("session",)
    export_fields: ClassVar[tuple[str, ...]] = (
        *("note_id", "session_id", "at", "level", "code", "text", "condition_id"),
    )
    fieldsets = ((None, {"fields": ("at_utc", "level_badge", "what", "said", "session_link")}),)

    def empty(self) -> Empty:
        """Say what would be here."""
        return Empty(
            title="Nothing worth a note yet",
            text="Starts, halts, venue modes and repairs are noted here by the engine itself.",
        )

    @display(description="at", ordering="at")
    def at_utc(self, row: EngineNote) -> SafeString:
        """Return when it happened."""
        return money.utc_ms(row.at)

    @display(description="level")
    def level_badge(self, row: EngineNote) -> SafeString:
        """Return how much it matters."""
        return badge(of(LEVELS, row.level))

    @display(description="what", ordering="code")
    def what(self, row: EngineNote) -> str:
        """Return what it is about, in words."""
        title = note_text(row.code, row.text)[0]
        return f"{title[:1].upper()}{title[1:]}"

    @display(description="text")
    def said(self, row: EngineNote) -> str:
        """Return what the engine said."""
        return note_text(row.code, row.text)[1]

    @display(description="market")
    def market(self, row: Any) -> SafeString:
        """Return the market that it is about."""
        if not row.condition_id:
            return money.missing("it is about no single market")
        return market_link(row.market_row, row.condition_id)

    @display(description="session")
    def session_link(self, row: EngineNote) -> SafeString:
        """Return the run that noted it."""
        return record_link(EngineSession, row.session.key)
