"""The shape of reports and backups."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from polyarb_site.rest.serializers import Answer, Body, DecimalTextField, LineField, MicroField
from reports.models import BackupRun, DailyReport
from trading.selectors import Money

REPORT_KINDS = tuple(DailyReport.Kind.values)
BACKUP_KINDS = tuple(BackupRun.Kind.values)
BACKUP_STATES = tuple(BackupRun.State.values)
RATE_HELP = "In millionths; null when no set ended."


class MoneyLine(Answer):
    """What a time came to with one kind of money."""

    money = serializers.ChoiceField(choices=list(Money.values))
    realised_micro = MicroField()
    realised = DecimalTextField()
    drawdown_micro = MicroField(help_text="How far it fell below its best, at the deepest.")
    drawdown = DecimalTextField()
    sets_closed = serializers.IntegerField()
    win_rate_micro = MicroField(allow_null=True, help_text=RATE_HELP)


class ReportRow(Answer):
    """One report without its figures."""

    id = serializers.IntegerField()
    account = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(REPORT_KINDS))
    day = serializers.DateField(help_text="Of UTC; of a stop report the day of the stop.")
    session = serializers.CharField(allow_blank=True, help_text="Of a stop report.")
    revision = serializers.IntegerField()
    sentences = serializers.ListField(child=serializers.CharField())
    anomalies = serializers.ListField(child=serializers.CharField())
    money = MoneyLine(many=True)
    sha256 = serializers.CharField(help_text="Of the Markdown.")
    audit_sequence = serializers.IntegerField(help_text="The audit's head; 0: it was empty.")
    audit_sha256 = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    took_ms = serializers.IntegerField()


@extend_schema_field({"description": "Everything that is shown, as plain data; `version` 1."})
class FiguresField(serializers.JSONField):
    """The figures of a report."""


class ReportAnswer(ReportRow):
    """One report with its figures and its Markdown."""

    figures = FiguresField()
    markdown = serializers.CharField()


class MakeBody(Body):
    """Which report to make."""

    day = serializers.CharField(
        max_length=10, help_text="A day of UTC that has begun: 20260302 or 2026-03-02."
    )


class BackupRow(Answer):
    """One backup."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(BACKUP_KINDS))
    state = serializers.ChoiceField(choices=list(BACKUP_STATES))
    verified = serializers.BooleanField(help_text="Restored and compared. Nothing else counts.")
    pinned = serializers.BooleanField(help_text="Kept until somebody releases it.")
    pinned_reason = serializers.CharField(allow_blank=True)
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField(allow_blank=True, help_text="Of its metadata.json.")
    encrypted = serializers.BooleanField()
    second_target = serializers.CharField(allow_blank=True, help_text="What became of its copy.")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    taking_ms = serializers.IntegerField(allow_null=True)
    verifying_ms = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(allow_blank=True)
    created_by = serializers.CharField()


class BackupBody(Body):
    """Why a backup is wanted."""

    reason = LineField(max_length=300, required=False)


class BackupAsked(Answer):
    """A job has been asked."""

    asked = serializers.BooleanField(help_text="Always true; everything else is an error.")
