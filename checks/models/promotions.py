"""Who asked for the next phase, what that was bound to, and who said yes."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from checks.models.runs import CheckRun
from checks.models.verdicts import Evaluation


class Promotion(models.Model):
    """A request to trade live in a phase, bound by hashes to what it was made for.

    `state` is moved by checks.services alone. A target that is the present phase renews the
    permission of that phase for other content.
    """

    class State(models.TextChoices):
        REQUESTED = "REQUESTED", "Requested"
        APPROVED = "APPROVED", "Approved"
        CONSUMED = "CONSUMED", "In force"  # start_live has taken it
        REJECTED = "REJECTED", "Rejected"
        WITHDRAWN = "WITHDRAWN", "Withdrawn"
        VOID = "VOID", "Void"  # something that it was bound to changed
        EXPIRED = "EXPIRED", "Expired"

    account = models.CharField(max_length=60, editable=False)
    phase_from = models.IntegerField(editable=False)
    phase = models.IntegerField(editable=False)  # the target
    venue = models.CharField(max_length=20, editable=False)
    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED, editable=False)
    profile = models.ForeignKey("trading.Profile", on_delete=models.PROTECT, editable=False)
    check_run = models.ForeignKey(CheckRun, on_delete=models.PROTECT, editable=False)
    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, editable=False)
    backup = models.CharField(max_length=40, editable=False)  # name of a verified one
    binding = models.JSONField(editable=False)  # see trading.config.grants: what is granted
    binding_sha256 = models.CharField(max_length=64, editable=False)
    reason = models.CharField(max_length=500, editable=False)
    requested_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    requested_by_name = models.CharField(max_length=150, editable=False)
    requested_at = models.DateTimeField(db_index=True, editable=False)
    expires_at = models.DateTimeField(editable=False)
    approvers_needed = models.PositiveIntegerField(default=2, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)  # consumed, void, expired, ...
    end_reason = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [
            ("request_promotion", "Can ask for a promotion"),
            ("approve_promotion", "Can approve or reject promotions"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=("account",),
                condition=Q(state__in=("REQUESTED", "APPROVED")),
                name="promotion_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"promotion {self.pk} to phase {self.phase}"


class Approval(models.Model):
    """What one approver said to one promotion, re-authenticated at that moment. Append-only."""

    class Answer(models.TextChoices):
        YES = "YES", "Approved"
        NO = "NO", "Rejected"

    promotion = models.ForeignKey(
        Promotion, on_delete=models.PROTECT, related_name="approvals", editable=False
    )
    by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    by_name = models.CharField(max_length=150, editable=False)
    answer = models.CharField(max_length=3, choices=Answer, editable=False)
    comment = models.CharField(max_length=1000, editable=False)
    proof = models.CharField(max_length=20, editable=False)  # "password" or "one-time code"
    binding_sha256 = models.CharField(max_length=64, editable=False)  # what they saw
    at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=("promotion", "by"), name="approval_once_each")
        ]

    def __str__(self) -> str:
        return f"{self.by_name}: {self.answer}"


class ApprovalSetting(models.Model):
    """How many approvers an account needs: two, or one where one person is all there is."""

    account = models.CharField(max_length=60, unique=True, editable=False)
    approvers_needed = models.PositiveIntegerField(default=2, editable=False)
    changed_at = models.DateTimeField(null=True, editable=False)
    changed_by = models.CharField(max_length=150, blank=True, editable=False)
    reason = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        permissions = [("set_approvers", "Can set how many approvers are needed")]
        constraints = [
            models.CheckConstraint(
                condition=Q(approvers_needed__gte=1) & Q(approvers_needed__lte=5),
                name="approvers_one_to_five",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.approvers_needed}"
