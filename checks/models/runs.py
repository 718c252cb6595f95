"""What the check catalogue saw, and what only a person can state."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q


class CheckRun(models.Model):
    """One run of the catalogue for one account and phase. Never changed once it is finished."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        FINISHED = "FINISHED", "Finished"
        FAILED = "FAILED", "Failed"  # the run itself: no decision

    class Decision(models.TextChoices):
        GO = "GO", "Go"
        NO_GO = "NO_GO", "No-go"

    account = models.CharField(max_length=60, editable=False)
    phase = models.IntegerField(editable=False)  # that is asked about
    venue = models.CharField(max_length=20, editable=False)  # the feed it would trade on
    category = models.CharField(max_length=20, blank=True, editable=False)  # empty: all, a decision
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING, editable=False)
    decision = models.CharField(max_length=5, choices=Decision, blank=True, editable=False)
    sentence = models.CharField(max_length=500, blank=True, editable=False)  # why, in one
    counts = models.JSONField(default=dict, editable=False)  # {"P0": {"PASS": 9, "FAIL": 1, ..}}
    planned = models.PositiveIntegerField(default=0, editable=False)  # how many checks it has
    profile = models.CharField(max_length=100, blank=True, editable=False)  # name rN
    profile_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    config_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    software = models.CharField(max_length=60, editable=False)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)  # of all its results
    started_at = models.DateTimeField(db_index=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    by_name = models.CharField(max_length=150, editable=False)
    problem = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [("run_checks", "Can run the checks")]
        indexes = [models.Index(fields=("account", "phase", "-id"), name="check_run_newest")]

    def __str__(self) -> str:
        return f"check run {self.pk} for phase {self.phase}"


class CheckResult(models.Model):
    """What one check of a run saw. Append-only."""

    class Status(models.TextChoices):
        PASS = "PASS", "Pass"
        FAIL = "FAIL", "Fail"
        UNKNOWN = "UNKNOWN", "Unknown"

    run = models.ForeignKey(
        CheckRun, on_delete=models.CASCADE, related_name="results", editable=False
    )
    order = models.PositiveIntegerField(editable=False)  # place in the catalogue
    check_id = models.CharField(max_length=60, editable=False)
    category = models.CharField(max_length=20, editable=False)
    priority = models.CharField(max_length=2, editable=False)  # P0 to P3, as in the run's phase
    status = models.CharField(max_length=7, choices=Status, editable=False)
    title = models.CharField(max_length=150, editable=False)
    reason = models.CharField(max_length=500, editable=False)
    needed = models.CharField(max_length=300, blank=True, editable=False)
    evidence = models.JSONField(default=dict, editable=False)
    remedy = models.CharField(max_length=500, blank=True, editable=False)
    runbook = models.CharField(max_length=80, blank=True, editable=False)  # anchor of a section
    took_ms = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("run", "order")
        constraints = [
            models.UniqueConstraint(fields=("run", "check_id"), name="check_result_once")
        ]

    def __str__(self) -> str:
        return f"{self.check_id} {self.status}"


class Attestation(models.Model):
    """What a named person states because no machine can see it. It expires, or is taken back."""

    class Kind(models.TextChoices):
        DEDICATED_WALLET = "DEDICATED_WALLET", "The wallet is used for nothing else"
        RISK_PARAMETERS_REVIEWED = "RISK_PARAMETERS_REVIEWED", "The risk parameters were reviewed"
        RISK_MODEL_VALIDATED = "RISK_MODEL_VALIDATED", "The risk model was validated"
        EMERGENCY_PLAN = "EMERGENCY_PLAN", "The emergency plan is known"
        RUNBOOK_READ = "RUNBOOK_READ", "The runbook was read"
        CONTACTS_SET = "CONTACTS_SET", "The emergency contacts are set"

    account = models.CharField(max_length=60, editable=False)
    kind = models.CharField(max_length=30, choices=Kind, editable=False)
    note = models.CharField(max_length=1000, editable=False)
    by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    by_name = models.CharField(max_length=150, editable=False)
    at = models.DateTimeField(db_index=True, editable=False)
    expires_at = models.DateTimeField(editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_by = models.CharField(max_length=150, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [("attest", "Can state what no machine can see")]
        indexes = [models.Index(fields=("account", "kind", "-id"), name="attestation_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("at")), name="attestation_expires_later"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.by_name}"
