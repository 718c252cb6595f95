"""A way back down, step by step, so that whoever finds it half done can finish it."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from checks.models.verdicts import CriterionVerdict


class Rollback(models.Model):
    """One way down from a phase, by a kill criterion or by a person. Moved by checks.services."""

    class Cause(models.TextChoices):
        KILL_CRITERION = "KILL_CRITERION", "Kill criterion"
        PERSON = "PERSON", "By hand"

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        FINISHED = "FINISHED", "Finished"
        FINISHED_WITH_FAILURES = "FINISHED_WITH_FAILURES", "Finished, with failures"

    account = models.CharField(max_length=60, editable=False)
    phase_from = models.IntegerField(editable=False)
    phase_to = models.IntegerField(editable=False)
    venue = models.CharField(max_length=20, editable=False)
    cause = models.CharField(max_length=14, choices=Cause, editable=False)
    reason = models.CharField(max_length=500, editable=False)
    verdicts = models.ManyToManyField(CriterionVerdict, related_name="+", editable=False)
    evidence = models.JSONField(default=dict, editable=False)
    state = models.CharField(max_length=22, choices=State, default=State.RUNNING, editable=False)
    incident = models.ForeignKey(
        "trading.Incident", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    started_at = models.DateTimeField(db_index=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    by_name = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [("roll_back", "Can roll back to the phase before")]
        constraints = [
            models.UniqueConstraint(
                fields=("account",), condition=Q(state="RUNNING"), name="rollback_running_once"
            )
        ]

    def __str__(self) -> str:
        return f"rollback {self.pk} from phase {self.phase_from}"


class RollbackStep(models.Model):
    """One step of a rollback. A failed one does not stop the later ones."""

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        RUNNING = "RUNNING", "Running"
        DONE = "DONE", "Done"
        FAILED = "FAILED", "Failed"

    rollback = models.ForeignKey(
        Rollback, on_delete=models.CASCADE, related_name="steps", editable=False
    )
    order = models.PositiveIntegerField(editable=False)
    name = models.CharField(max_length=30, editable=False)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    detail = models.CharField(max_length=1000, blank=True, editable=False)
    facts = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ("rollback", "order")
        constraints = [
            models.UniqueConstraint(fields=("rollback", "name"), name="rollback_step_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"
