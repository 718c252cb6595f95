"""What the criteria of a phase said, with everything that is needed to say it again."""

from django.contrib.auth.models import User
from django.db import models


class Evaluation(models.Model):
    """All criteria of one phase judged at one moment. Append-only."""

    account = models.CharField(max_length=60, editable=False)
    phase = models.IntegerField(editable=False)  # whose criteria
    venue = models.CharField(max_length=20, editable=False)  # whose facts: sessions on this feed
    scope = models.CharField(max_length=8, editable=False)  # ALL, or KILL: the kill criteria alone
    at = models.DateTimeField(db_index=True, editable=False)
    phase_since = models.DateTimeField(null=True, editable=False)
    config_sha256 = models.CharField(max_length=64, editable=False)
    criteria_sha256 = models.CharField(max_length=64, editable=False)  # of the phase in phases.yaml
    software = models.CharField(max_length=60, editable=False)
    counts = models.JSONField(default=dict, editable=False)  # {"SUCCESS": {"PASS": 4, ..}, ..}
    sha256 = models.CharField(max_length=64, editable=False)  # over its verdicts
    by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    by_name = models.CharField(max_length=150, editable=False)
    took_ms = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [("evaluate_criteria", "Can have the criteria judged now")]
        indexes = [
            models.Index(fields=("account", "phase", "scope", "-id"), name="evaluation_newest")
        ]

    def __str__(self) -> str:
        return f"evaluation {self.pk} of phase {self.phase}"


class CriterionVerdict(models.Model):
    """What one criterion said. `rows` and `facts` are what it was computed from. Append-only.

    Of a kill criterion PASS means that it is not met: nothing has to be rolled back.
    """

    class Kind(models.TextChoices):
        SUCCESS = "SUCCESS", "Success"
        KILL = "KILL", "Rollback"
        EXIT = "EXIT", "Exit"
        ENTRY = "ENTRY", "Entry"  # of the next phase: preconditions that are facts

    class Verdict(models.TextChoices):
        PASS = "PASS", "Pass"
        FAIL = "FAIL", "Fail"
        UNKNOWN = "UNKNOWN", "Unknown"

    evaluation = models.ForeignKey(
        Evaluation, on_delete=models.CASCADE, related_name="verdicts", editable=False
    )
    order = models.PositiveIntegerField(editable=False)
    kind = models.CharField(max_length=7, choices=Kind, editable=False)
    criterion = models.CharField(max_length=60, editable=False)  # its id in phases.yaml
    definition = models.JSONField(editable=False)  # the criterion as it was judged
    verdict = models.CharField(max_length=7, choices=Verdict, editable=False)
    value = models.CharField(max_length=60, blank=True, editable=False)  # exact text; empty: none
    value_micro = models.BigIntegerField(null=True, editable=False)  # for charts; null: no number
    bound = models.CharField(max_length=80, editable=False)  # as people read it, with its unit
    reason = models.CharField(max_length=500, editable=False)
    window_from = models.DateTimeField(null=True, editable=False)
    window_to = models.DateTimeField(editable=False)
    sample = models.PositiveBigIntegerField(default=0, editable=False)  # how many rows counted
    sample_min = models.PositiveBigIntegerField(default=0, editable=False)
    # {"trading.MetricSample": [[first id, last id], ..]}: ranges of ids, by model
    rows = models.JSONField(default=dict, editable=False)
    facts = models.JSONField(default=dict, editable=False)  # what was read from them, exact texts

    class Meta:
        ordering = ("evaluation", "order")
        constraints = [
            models.UniqueConstraint(
                fields=("evaluation", "kind", "criterion"), name="criterion_verdict_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.criterion} {self.verdict}"
