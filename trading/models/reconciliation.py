"""What came of comparing ledger, venue and chain, and what has to be cleared up because of it."""

from django.db import models
from django.db.models import Q


class ReconciliationRun(models.Model):
    """One comparison. Never changed; those that agreed are removed after a week."""

    class Verdict(models.TextChoices):
        MATCH = "MATCH", "Match"
        MISMATCH = "MISMATCH", "Mismatch"
        INCOMPLETE = "INCOMPLETE", "Incomplete"

    account = models.CharField(max_length=60)
    session_key = models.CharField(max_length=80, blank=True)  # of the engine that asked for it
    at = models.DateTimeField(db_index=True)
    at_start = models.BooleanField()  # before trading, not while it goes on
    verdict = models.CharField(max_length=10, choices=Verdict)
    block_number = models.PositiveBigIntegerField(null=True)  # null: no chain, or it was not read
    ledger_sequence = models.PositiveBigIntegerField()  # of the last entry that was compared
    differences = models.JSONField(default=list)
    assets = models.JSONField(default=list)
    in_flight = models.JSONField(default=list)  # names of what explains the rest
    order_count = models.PositiveIntegerField()
    trade_count = models.PositiveIntegerField()
    took_ms = models.PositiveIntegerField()

    class Meta:
        ordering = ("-id",)
        verbose_name = "reconciliation"
        indexes = [
            models.Index(fields=("account", "-id"), name="reconciliation_newest"),
            models.Index(fields=("verdict", "at"), name="reconciliation_verdict"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} at {self.at:%Y-%m-%d %H:%M:%S} UTC"


class Incident(models.Model):
    """Something that a person has to clear up before trading goes on.

    Moved by trading.services alone, from OPEN to RESOLVED. At most one of a kind is open.
    """

    class Kind(models.TextChoices):
        RECONCILIATION = "RECONCILIATION", "Reconciliation"
        ROLLBACK = "ROLLBACK", "Rollback"
        SECURITY = "SECURITY", "Security"

    class State(models.TextChoices):
        OPEN = "OPEN", "Open"
        RESOLVED = "RESOLVED", "Resolved"

    account = models.CharField(max_length=60)
    kind = models.CharField(max_length=20, choices=Kind, editable=False)
    title = models.CharField(max_length=300, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN, editable=False)
    opened_at = models.DateTimeField(db_index=True, editable=False)
    last_seen_at = models.DateTimeField(editable=False)
    seen_count = models.PositiveIntegerField(default=1, editable=False)
    evidence = models.JSONField(default=dict, editable=False)  # first and last run, timeline
    resolved_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolved_by = models.CharField(max_length=150, blank=True, editable=False)
    note = models.CharField(max_length=1000, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [("resolve_incident", "Can resolve an incident")]
        constraints = [
            models.UniqueConstraint(
                fields=("account", "kind"), condition=Q(state="OPEN"), name="incident_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} incident of {self.opened_at:%Y-%m-%d %H:%M:%S} UTC"
