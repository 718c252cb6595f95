"""The audit as people read it. Nothing here changes anything."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from polyarb_site.audit.diff import changes
from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.verifying import newest_check
from polyarb_site.clock import SystemClock
from polyarb_site.templatetags import money

SUMMARY_CHANGES = 3
CHECK_OLD = timedelta(hours=2)


class ActionFilter(admin.SimpleListFilter):
    """By what was done, out of what ever was."""

    title = "action"
    parameter_name = "action"

    def lookups(self, *_: Any) -> list[tuple[str, str]]:
        """Return the actions that occur."""
        names = AuditEvent.objects.order_by("action").values_list("action", flat=True).distinct()
        return [(name, name) for name in names]

    def queryset(
        self, _request: HttpRequest, queryset: QuerySet[AuditEvent]
    ) -> QuerySet[AuditEvent]:
        """Keep the records of the chosen action."""
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ModelAdmin):
    """Who did what to what, when and why, with what was before and after."""

    list_before_template = "admin/audit/auditevent/above.html"  # type: ignore[assignment]
    list_display = ("sequence", "when", "actor_name", "action", "target", "reason", "changed")
    list_display_links = ("sequence", "action")
    list_filter = (ActionFilter, ("at", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("actor_name", "target", "reason", "request_id", "sha256")
    search_help_text = "actor, target, reason, request id or hash"
    ordering = ("-sequence",)
    list_per_page = 50
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("sequence", "at", "actor_name", "action", "target", "reason")}),
        ("Before and after", {"fields": ("difference",)}),
        ("Evidence", {"fields": ("request_id", "previous_sha256", "sha256")}),
    )
    readonly_fields = (
        "sequence",
        "at",
        "actor_name",
        "action",
        "target",
        "reason",
        "difference",
        "request_id",
        "previous_sha256",
        "sha256",
    )

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["polyarb/pages.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Return the list below the state of the chain."""
        chain = newest_check()
        old = chain is not None and SystemClock().now() - chain.at > CHECK_OLD
        own: Any = {"chain": chain, "chain_old": old}
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def has_add_permission(self, *_: Any) -> bool:
        """Refuse: the recorder appends."""
        return False

    def has_change_permission(self, *_: Any) -> bool:
        """Refuse: records do not change."""
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        """Refuse: records stay."""
        return False

    @admin.display(description="when", ordering="at")
    def when(self, event: AuditEvent) -> SafeString:
        """Return when it was, in the reader's zone."""
        return money.utc(event.at)

    @admin.display(description="changed")
    def changed(self, event: AuditEvent) -> str:
        """Return the first changes in one line."""
        found = changes(event.before, event.after)
        shown = [
            f"{change.path}: {change.before or '-'} → {change.after or '-'}"
            for change in found[:SUMMARY_CHANGES]
        ]
        more = len(found) - len(shown)
        return "; ".join(shown) + (f"; and {more} more" if more else "")

    @admin.display(description="difference")
    def difference(self, event: AuditEvent) -> SafeString:
        """Return the changes as a table."""
        found = changes(event.before, event.after)
        if not found:
            return format_html("<p>{}</p>", "This record is of an act that changed no value.")
        rows = format_html_join(
            "",
            "<tr><th scope='row' class='text-left font-medium pr-4 py-1'>{}</th>"
            "<td class='pr-4 text-red-700 dark:text-red-400'>{}</td>"
            "<td class='text-green-700 dark:text-green-400'>{}</td></tr>",
            (
                (
                    change.path,
                    "-" if change.before is None else change.before,
                    "-" if change.after is None else change.after,
                )
                for change in found
            ),
        )
        return format_html(
            "<table><thead><tr><th class='text-left pr-4'>field</th>"
            "<th class='text-left pr-4'>before</th><th class='text-left'>after</th></tr></thead>"
            "<tbody>{}</tbody></table>",
            rows,
        )
