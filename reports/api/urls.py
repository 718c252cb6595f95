"""The addresses of the REST door of reports, below /api/."""

from polyarb_site.rest.routing import route
from reports.api import backups, daily

urlpatterns = [
    route("backups", backups.BackupListView.as_view(), "api-backups"),
    route("reports/daily", daily.ReportListView.as_view(), "api-reports"),
    route("reports/daily/<str:day>", daily.ReportView.as_view(), "api-report"),
    route("reports/daily/<str:day>/md", daily.ReportMarkdownView.as_view(), "api-report-md"),
    route("reports/daily/<str:day>/html", daily.ReportHtmlView.as_view(), "api-report-html"),
    route("reports/daily/<str:day>/csv", daily.ReportCsvView.as_view(), "api-report-csv"),
    route("reports/daily/<str:day>/pdf", daily.ReportPdfView.as_view(), "api-report-pdf"),
]
