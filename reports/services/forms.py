"""A kept report in each of its forms, made from its stored figures: always the same."""

from dataclasses import dataclass

from polyarb_site.portal_address import portal_url
from reports.models import DailyReport
from reports.pdf import pdf
from reports.render.csv_text import csv_text
from reports.render.html import page
from reports.render.report import document
from reports.services.daily import report_name

MEDIA = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
}


@dataclass(frozen=True, slots=True)
class Form:
    """A report as a file."""

    content: bytes
    media_type: str
    name: str


def form_of(report: DailyReport, kind: str) -> Form:
    """Return a report as md, html, csv or pdf."""
    name = f"report-{report_name(report)}.{kind}"
    return Form(_content(report, kind), MEDIA[kind], name)


def _content(report: DailyReport, kind: str) -> bytes:
    if kind == "md":
        return report.markdown.encode()
    told = document(report.figures)
    if kind == "html":
        return page(told).encode()
    if kind == "csv":
        return csv_text(told).encode()
    foot = f"{report}, revision {report.revision}, SHA-256 of the Markdown {report.sha256[:16]}"
    return pdf(told, foot=foot, made_at=report.created_at, address=portal_url())
