"""Reports as pages: the days as a list, and each of them to be read."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from polyarb_site.clock import SystemClock
from polyarb_site.templatetags import money
from reports.admin.charts import chart_data
from reports.models import DailyReport
from reports.render.html import body, together
from reports.render.report import document
from reports.render.sparks import spark_svg
from reports.selectors.daily import around, day_of, newest_revisions
from reports.services.daily import PERMISSION, make_report
from reports.services.forms import MEDIA, form_of
from trading.services import ServiceRefused

LIST = "admin:reports_dailyreport_changelist"
PAGE = "admin:reports_dailyreport_change"
FILES = {"md": "Markdown", "html": "HTML", "pdf": "PDF", "csv": "CSV"}


@admin.register(DailyReport)
class DailyReportAdmin(ModelAdmin):
    """Each day as it was told. Nothing is changed here; made again it is another revision."""

    change_list_template = "admin/reports/dailyreport/change_list.html"
    change_form_template = "admin/reports/dailyreport/change_form.html"
    list_display = ("told_day", "result", "curve", "sets", "look", "told_kind", "revision", "made")
    list_display_links = ("told_day",)
    list_filter = (("kind", ChoicesDropdownFilter),)
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 31
    list_max_show_all = 0
    show_full_result_count = False
    actions = None
    ordering = ("-day", "-id")

    class Media:
        css = {"all": ["polyarb/pages.css", "polyarb/report.css"]}

    def has_add_permission(self, *_: Any) -> bool:
        """Refuse: a report is made, not filled in."""
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Add making one, and the files of each."""
        view = self.admin_site.admin_view
        own = [
            path("make/", view(self.make_view), name="reports_dailyreport_make"),
            path(
                "<int:number>/file/<str:kind>/",
                view(self.file_view),
                name="reports_dailyreport_file",
            ),
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DailyReport]:
        """Return the newest revision of each in the list; a page may show any."""
        resolved = request.resolver_match
        if resolved is not None and resolved.url_name == LIST.partition(":")[2]:
            return newest_revisions()
        rows: QuerySet[DailyReport] = super().get_queryset(request)
        return rows

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Return the days."""
        today = SystemClock().now().date()
        own: dict[str, Any] = {
            "none_yet": not DailyReport.objects.exists(),
            "may_make": request.user.has_perm(PERMISSION),
            "today": today.isoformat(),
            "yesterday": (today - timedelta(days=1)).isoformat(),
        }
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the page of one report."""
        report = self.get_object(request, object_id)
        own = self._page(request, report) if isinstance(report, DailyReport) else {}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})

    def _page(self, request: HttpRequest, report: DailyReport) -> dict[str, Any]:
        told = document(report.figures)
        near = around(report)
        newest = newest_revisions().filter(
            account=report.account,
            kind=report.kind,
            day=report.day,
            session_key=report.session_key,
        )
        return {
            "title": told.title,
            "report": report,
            "told": told,
            "sentences": [together(sentence) for sentence in told.sentences],
            # Made by our own renderer from stored figures; every text in it is escaped there.
            "body": mark_safe(body(told)),  # noqa: S308
            "charts": chart_data(report.figures),
            "before": _address(near.before),
            "after": _address(near.after),
            "newest": _address(newest.exclude(pk=report.pk).first()),
            "may_make": request.user.has_perm(PERMISSION) and report.kind == "DAILY",
            "files": [
                (label, reverse("admin:reports_dailyreport_file", args=[report.pk, kind]))
                for kind, label in FILES.items()
            ],
        }

    def make_view(self, request: HttpRequest) -> HttpResponseBase:
        """Make the report of a day on POST, and show it."""
        if request.method != "POST":
            return HttpResponseRedirect(reverse(LIST))
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        try:
            day = day_of(request.POST.get("day", ""))
            report = make_report(settings.ACCOUNT, day, by=request.user)  # type: ignore[arg-type]
        except ServiceRefused as refused:
            messages.error(request, f"{refused.message}: {refused.remedy}.")
            return HttpResponseRedirect(reverse(LIST))
        except OSError as error:
            messages.error(request, f"The report is kept, its files could not be written: {error}")
            return HttpResponseRedirect(reverse(LIST))
        return HttpResponseRedirect(reverse(PAGE, args=[report.pk]))

    def file_view(self, request: HttpRequest, number: int, kind: str) -> HttpResponseBase:
        """Return a report as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        report = DailyReport.objects.filter(pk=number).first() if kind in MEDIA else None
        if report is None:
            raise Http404
        form = form_of(report, kind)
        headers = {"Content-Disposition": f'attachment; filename="{form.name}"'}
        return HttpResponse(form.content, content_type=form.media_type, headers=headers)

    @display(description="day (UTC)", ordering="day")
    def told_day(self, row: DailyReport) -> SafeString:
        """Return the day with its weekday."""
        return format_html('<span class="pa-strong">{}</span>', f"{row.day:%a %-d %b %Y}")

    @display(description="realised")
    def result(self, row: DailyReport) -> SafeString:
        """Return what each kind of money came to."""
        parts = row.summary.get("money", [])
        if not parts:
            return money.missing(row.summary.get("idle") or "no engine ran")
        lines = [
            format_html(
                '{} <span class="pa-label">{}</span>',
                money.signed_money(one["realised_micro"]),
                one["label"],
            )
            for one in parts
        ]
        return format_html("<br>".join(["{}"] * len(lines)), *lines)

    @display(description="how the day went")
    def curve(self, row: DailyReport) -> SafeString:
        """Return the realised curve as a small picture, of the gravest kind of money."""
        parts = row.summary.get("money", [])
        if not parts:
            return money.missing("no engine ran")
        title = row.summary["sentences"][1] if len(row.summary["sentences"]) > 1 else ""
        return mark_safe(spark_svg(parts[0]["curve"], title))  # noqa: S308 - our own shapes

    @display(description="sets, win rate")
    def sets(self, row: DailyReport) -> SafeString:
        """Return how many sets ended and how many of them won."""
        parts = row.summary.get("money", [])
        closed = sum(one["closed"] for one in parts)
        if not closed:
            return money.missing("no set ended")
        rate = parts[0]["win_rate"] if len(parts) == 1 else None
        return format_html("{}, {}", money.count(closed), money.percent(rate, "see each kind"))

    @display(description="to look at")
    def look(self, row: DailyReport) -> SafeString:
        """Return what was out of bounds."""
        found = row.summary.get("anomalies", [])
        if not found:
            return format_html('<span class="pa-label">{}</span>', "nothing")
        names = ", ".join(code.replace("_", " ").lower() for code in found)
        return format_html('<span class="pa-badge pa-badge-warn">{}</span>', names)

    @display(description="kind")
    def told_kind(self, row: DailyReport) -> str:
        """Return of what it is."""
        return "day" if row.kind == DailyReport.Kind.DAILY else f"stop of {row.session_key}"

    @display(description="made", ordering="created_at")
    def made(self, row: DailyReport) -> SafeString:
        """Return when it was made."""
        return money.utc(row.created_at)


def _address(report: DailyReport | None) -> dict[str, str] | None:
    """Return where a report is and what to call it."""
    if report is None:
        return None
    return {"url": reverse(PAGE, args=[report.pk]), "name": f"{report.day:%a %-d %b}"}
