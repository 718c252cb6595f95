"""Reports: the list, one of a day, its forms, and making one."""

from collections.abc import Callable
from typing import Any, TypeAlias

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from polyarb_site.rest.describe import READ, WRITE, curl, endpoint, query
from polyarb_site.rest.errors import invalid
from polyarb_site.rest.permissions import may
from polyarb_site.rest.views import ApiView, KeysetListView, person
from reports.api import examples, filters
from reports.api.shapes import MakeBody, ReportAnswer, ReportRow
from reports.models import DailyReport
from reports.selectors.daily import day_of, find_daily
from reports.services.daily import make_report
from reports.services.forms import form_of
from trading.engine.units import text_from_micro

GetForm: TypeAlias = Callable[[Any, Request, str], HttpResponse]
READS = may("reports.view_dailyreport")
COLUMNS = (
    *("id", "account", "kind", "day", "session_key", "revision", "summary", "sha256"),
    *("audit_sequence", "audit_sha256", "created_at", "created_by", "took_ms"),
)
REVISION_MAX = 1_000_000
REVISION = query(
    "revision",
    {"type": "integer", "minimum": 1, "maximum": REVISION_MAX},
    "This revision; without it the newest.",
)


def row_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent of a report without its figures."""
    summary = values.pop("summary")
    values["session"] = values.pop("session_key")
    money = [
        {
            "money": one["money"],
            "realised_micro": one["realised_micro"],
            "realised": text_from_micro(one["realised_micro"]),
            "drawdown_micro": one["drawdown_micro"],
            "drawdown": text_from_micro(one["drawdown_micro"]),
            "sets_closed": one["closed"],
            "win_rate_micro": one["win_rate"],
        }
        for one in summary.get("money", [])
    ]
    told = {name: summary.get(name, []) for name in ("sentences", "anomalies")}
    return {**values, **told, "money": money}


def answer_of(report: DailyReport) -> dict[str, Any]:
    """Return a whole report."""
    values = row_of({name: getattr(report, name) for name in COLUMNS})
    return {**values, "figures": report.figures, "markdown": report.markdown}


class ReportListView(KeysetListView):
    """GET and POST /api/reports/daily."""

    rules = {"GET": READS, "POST": may("reports.make_report")}
    queryset = DailyReport.objects.all()
    filterset_class = filters.ReportFilters
    time_field = "created_at"
    columns = COLUMNS

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return one report."""
        return row_of(values)

    @endpoint(
        "listReports",
        "List reports",
        tag="reports",
        example_call=curl("/api/reports/daily?kind=DAILY&limit=7"),
        answer=ReportRow(many=True),
        example=examples.ROW,
    )
    def get(self, request: Request) -> Response:
        """Reports of days and of runs, newest first, each revision by itself."""
        return super().get(request)

    @endpoint(
        "makeReport",
        "Make the report of a day",
        tag="reports",
        example_call=curl("/api/reports/daily", body='{"day": "2026-03-02"}'),
        body=MakeBody,
        answer=ReportAnswer,
        example=examples.REPORT,
        refusals=(*WRITE, 404),
    )
    def post(self, request: Request) -> Response:
        """Make a report from the facts as they are now.

        While they are the same it is the same report, and no new row; else the next revision.
        """
        day = day_of(self.body(MakeBody)["day"])
        report = make_report(settings.ACCOUNT, day, by=person(request), at=self.clock.now())
        return Response(answer_of(report))


class _OneReport(ApiView):
    """What all forms of a report share."""

    rules = {"GET": READS}
    query_names = ("revision",)

    def report(self, request: Request, day: str) -> DailyReport:
        """Return the report that is asked for; raises NotFound and ApiError."""
        text = request.query_params.get("revision")
        if text is None:
            return find_daily(settings.ACCOUNT, day_of(day))
        plain = text.isascii() and text.isdecimal() and len(text) <= len(str(REVISION_MAX))
        if not plain or not 1 <= int(text) <= REVISION_MAX:
            raise invalid("revision", f"revision is a whole number from 1 to {REVISION_MAX}")
        return find_daily(settings.ACCOUNT, day_of(day), int(text))

    def form(self, request: Request, day: str, kind: str) -> HttpResponse:
        """Return the report as a file."""
        form = form_of(self.report(request, day), kind)
        return HttpResponse(
            form.content,
            content_type=form.media_type,
            headers={"Content-Disposition": f'attachment; filename="{form.name}"'},
        )


class ReportView(_OneReport):
    """GET /api/reports/daily/{day}."""

    @endpoint(
        "getReport",
        "The report of a day",
        tag="reports",
        example_call=curl("/api/reports/daily/20260302"),
        answer=ReportAnswer,
        example=examples.REPORT,
        parameters=[REVISION],
        refusals=(*READ, 404),
    )
    def get(self, request: Request, day: str) -> Response:
        """The newest revision of a day's report, with every figure and as Markdown."""
        return Response(answer_of(self.report(request, day)))


def _described(
    operation: str, title: str, kind: str, answer: Any, media: str
) -> Callable[[GetForm], GetForm]:
    return endpoint(
        operation,
        title,
        tag="reports",
        example_call=curl(f"/api/reports/daily/20260302/{kind}") + f" -o report.{kind}",
        answer=answer,
        media_type=media,
        parameters=[REVISION],
        refusals=(*READ, 404),
    )


class ReportMarkdownView(_OneReport):
    """GET /api/reports/daily/{day}/md."""

    @_described("getReportMarkdown", "A report as Markdown", "md", str, "text/markdown")
    def get(self, request: Request, day: str) -> HttpResponse:
        """The text whose hash is kept, byte for byte."""
        return self.form(request, day, "md")


class ReportHtmlView(_OneReport):
    """GET /api/reports/daily/{day}/html."""

    @_described("getReportHtml", "A report as a page", "html", str, "text/html")
    def get(self, request: Request, day: str) -> HttpResponse:
        """One page with its charts inside, which needs nothing beside itself."""
        return self.form(request, day, "html")


class ReportCsvView(_OneReport):
    """GET /api/reports/daily/{day}/csv."""

    @_described("getReportCsv", "A report as CSV", "csv", str, "text/csv")
    def get(self, request: Request, day: str) -> HttpResponse:
        """A line for each number: as it is shown, to its last digit, and where its rows are."""
        return self.form(request, day, "csv")


class ReportPdfView(_OneReport):
    """GET /api/reports/daily/{day}/pdf."""

    @_described("getReportPdf", "A report as PDF", "pdf", OpenApiTypes.BINARY, "application/pdf")
    def get(self, request: Request, day: str) -> HttpResponse:
        """Pages to print, A4, with the charts."""
        return self.form(request, day, "pdf")
