"""What people are told of a report: the sentences, and where the rest is."""

from datetime import datetime

from alerts.services.reports import tell_report
from reports.models import DailyReport
from reports.render.report import document

PAGE = "/admin/reports/dailyreport/{}/change/"


def tell(report: DailyReport, now: datetime) -> int:
    """Queue a report for the channels; return how many it is new to."""
    told = document(report.figures)
    configurations = report.figures["runs"]["configurations"]
    label = configurations[-1]["label"] if configurations else ""
    lines = [told.subtitle, "", *told.sentences, "", f"All of it: {PAGE.format(report.pk)}"]
    where = f"{report.account} ({label})" if label else report.account
    return tell_report(
        report.account,
        title=f"[REPORT] {where}: {told.title}",
        text="\n".join(lines),
        label=label,
        grave=bool(report.figures["anomalies"]),
        now=now,
    )
