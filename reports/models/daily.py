"""Reports as they were made: from recorded facts alone, and never edited."""

from django.db import models


class DailyReport(models.Model):
    """One report: of a UTC day, or of one session at its stop.

    The same facts give the same `markdown`, byte for byte; made again it replaces nothing: when the
    facts have changed since, it is another row with the next `revision`.
    """

    class Kind(models.TextChoices):
        DAILY = "DAILY", "Daily"
        STOP = "STOP", "At an engine stop"

    account = models.CharField(max_length=60, editable=False)
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.DAILY, editable=False)
    day = models.DateField(db_index=True, editable=False)  # UTC
    session_key = models.CharField(max_length=80, blank=True, editable=False)  # of a stop report
    revision = models.PositiveIntegerField(default=1, editable=False)
    figures = models.JSONField(editable=False)  # everything that is shown, as plain data
    # Of it, what lists show: sentences, a small curve and the result of each kind of money.
    summary = models.JSONField(default=dict, editable=False)
    markdown = models.TextField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)  # of the Markdown
    audit_sequence = models.PositiveBigIntegerField(default=0, editable=False)  # the chain's head
    audit_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    took_ms = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering = ("-day", "-id")
        permissions = [("make_report", "Can make reports")]
        constraints = [
            models.UniqueConstraint(
                fields=("account", "kind", "day", "session_key", "revision"),
                name="report_revision_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} report of {self.day}"
