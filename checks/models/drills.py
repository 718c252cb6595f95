"""Rehearsals of what has to work when something goes wrong, and how they ended."""

from django.contrib.auth.models import User
from django.db import models


class Drill(models.Model):
    """One rehearsal. Append-only."""

    class Kind(models.TextChoices):
        BREAKER = "BREAKER", "The circuit breaker trips and stops"

    account = models.CharField(max_length=60, editable=False)
    kind = models.CharField(max_length=20, choices=Kind, editable=False)
    at = models.DateTimeField(db_index=True, editable=False)
    passed = models.BooleanField(editable=False)
    reason = models.CharField(max_length=500, editable=False)
    config_sha256 = models.CharField(max_length=64, editable=False)  # of the profile it was made on
    software = models.CharField(max_length=60, editable=False)
    evidence = models.JSONField(default=dict, editable=False)
    by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    by_name = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [("run_drill", "Can run a drill")]
        indexes = [models.Index(fields=("account", "kind", "-id"), name="drill_newest")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {'passed' if self.passed else 'failed'}"
