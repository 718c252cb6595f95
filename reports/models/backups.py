"""Backups and what became of each. Only a verified one counts."""

from django.db import models


class BackupRun(models.Model):
    """One backup. `state` is moved by reports.services alone.

    TAKEN means that its files are on the disk, VERIFIED that it was restored into a scratch
    database and compared. A PRUNED one has no files any more.
    """

    class Kind(models.TextChoices):
        DAILY = "DAILY", "Daily"
        MANUAL = "MANUAL", "By hand"
        PRE_LIVE = "PRE_LIVE", "Before a live start"
        INCIDENT = "INCIDENT", "Incident"

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        TAKEN = "TAKEN", "Taken"
        VERIFIED = "VERIFIED", "Verified"
        FAILED = "FAILED", "Failed"
        PRUNED = "PRUNED", "Pruned"

    name = models.CharField(max_length=40, unique=True, editable=False)  # YYYYMMDD_HHMM
    kind = models.CharField(max_length=8, choices=Kind, editable=False)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING, editable=False)
    pinned = models.BooleanField(default=False, editable=False)  # kept until somebody releases it
    pinned_reason = models.CharField(max_length=300, blank=True, editable=False)
    path = models.CharField(max_length=500, blank=True, editable=False)
    size_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)  # of metadata.json
    encrypted = models.BooleanField(default=False, editable=False)
    second_target = models.CharField(
        max_length=300, blank=True, editable=False
    )  # what became of it
    started_at = models.DateTimeField(db_index=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    verified_at = models.DateTimeField(null=True, editable=False)
    taking_ms = models.PositiveIntegerField(null=True, editable=False)
    verifying_ms = models.PositiveIntegerField(null=True, editable=False)
    problem = models.CharField(max_length=500, blank=True, editable=False)
    facts = models.JSONField(default=dict, editable=False)  # row counts, audit head, versions
    created_by = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering = ("-id",)
        verbose_name = "backup"
        permissions = [
            ("take_backup", "Can take, pin and release backups"),
            ("restore_backup", "Can restore a backup"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"


class RestoreDrill(models.Model):
    """A restore tried on a schedule, into a scratch place, with how long it took."""

    backup = models.ForeignKey(BackupRun, on_delete=models.PROTECT, editable=False)
    at = models.DateTimeField(db_index=True, editable=False)
    took_ms = models.PositiveIntegerField(editable=False)
    passed = models.BooleanField(editable=False)
    problem = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.backup_id} {'passed' if self.passed else 'failed'}"
