"""What keeps alerts from being told: silences with an end, and recurring maintenance windows."""

from django.db import models


class Silence(models.Model):
    """Alerts that match are kept and shown, and nobody is told of them. Stopping is never muted.

    Empty matchers match everything. A maintenance window is muted on some days of the week for some
    hours of UTC, between its start and its end.
    """

    class Kind(models.TextChoices):
        SILENCE = "SILENCE", "Silence"
        MAINTENANCE = "MAINTENANCE", "Maintenance window"

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.SILENCE)
    account = models.CharField(max_length=60, blank=True)
    rule_ids = models.JSONField(default=list, blank=True)
    levels = models.JSONField(default=list, blank=True)
    reason = models.CharField(max_length=500)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)
    weekdays = models.JSONField(default=list, blank=True)  # of a window: 0 is Monday; UTC
    from_minute = models.PositiveSmallIntegerField(default=0)  # of a window: minute of the UTC day
    minutes = models.PositiveSmallIntegerField(
        default=0
    )  # of a window: how long, may pass midnight
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(editable=False)
    ended_by = models.CharField(max_length=150, blank=True, editable=False)  # before its time
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [("manage_silence", "Can silence alerts and end silences")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}: {self.reason}"
