"""What the rules raised, and every move of it."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from alerts.models.rules import RuleRevision


class Alert(models.Model):
    """One spell of one rule's condition for one account. Flapping is one alert with a count.

    `state` is moved by alerts.services alone. What fires again while the cooldown of its rule
    lasts is the same alert again.
    """

    class State(models.TextChoices):
        PENDING = "PENDING", "Pending"
        FIRING = "FIRING", "Firing"
        ACKED = "ACKED", "Acknowledged"
        RESOLVED = "RESOLVED", "Resolved"

    class Level(models.TextChoices):
        CRITICAL = "CRITICAL", "Critical"
        WARNING = "WARNING", "Warning"
        INFO = "INFO", "Info"

    account = models.CharField(max_length=60, editable=False)
    rule_id = models.CharField(max_length=40, db_index=True, editable=False)
    rule_revision = models.ForeignKey(
        RuleRevision, on_delete=models.PROTECT, editable=False
    )  # as it was when it last fired
    level = models.CharField(max_length=8, choices=Level, editable=False)
    state = models.CharField(max_length=8, choices=State, editable=False)
    unknown = models.BooleanField(default=False, editable=False)  # raised for a missing metric
    value = models.CharField(max_length=100, blank=True, editable=False)  # newest, with its unit
    bound = models.CharField(max_length=150, blank=True, editable=False)
    reason = models.CharField(max_length=500, blank=True, editable=False)
    count = models.PositiveIntegerField(default=0, editable=False)  # how often it began to fire
    opened_at = models.DateTimeField(db_index=True, editable=False)  # the condition turned bad
    fired_at = models.DateTimeField(null=True, editable=False)  # first; null while only pending
    last_fired_at = models.DateTimeField(null=True, editable=False)
    last_seen_at = models.DateTimeField(editable=False)  # newest judgement that was not quiet
    quiet_since = models.DateTimeField(
        null=True, editable=False
    )  # the condition seems to have ended
    resolved_at = models.DateTimeField(null=True, editable=False)
    acked_by = models.CharField(max_length=150, blank=True, editable=False)
    acked_at = models.DateTimeField(null=True, editable=False)
    ack_comment = models.CharField(max_length=500, blank=True, editable=False)
    resolve_note = models.CharField(max_length=500, blank=True, editable=False)
    muted_by = models.CharField(
        max_length=200, blank=True, editable=False
    )  # why nobody is told now: "inhibited by ENGINE_STALE", "silence 12: ..."; empty: they are
    suppressed = models.PositiveIntegerField(default=0, editable=False)  # how often, all told
    notified_at = models.DateTimeField(
        null=True, editable=False
    )  # newest time that people were told
    notified_count = models.PositiveIntegerField(default=0, editable=False)  # of `count` when told
    told_since = models.DateTimeField(
        null=True, editable=False
    )  # people believe that it fires; the next escalation counts from here; null: they do not
    looked_count = models.PositiveIntegerField(default=0, editable=False)  # of `count`, for telling
    escalations = models.PositiveIntegerField(default=0, editable=False)
    # Of a stop: cause_at, decided_at, last_order_at, took_us and more; see alerts.services.stops.
    evidence = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ("-id",)
        permissions = [
            ("acknowledge_alert", "Can acknowledge alerts and take that back"),
            ("resolve_alert", "Can resolve alerts with a note"),
        ]
        indexes = [
            models.Index(fields=("state", "level"), name="alert_state_level"),
            models.Index(fields=("account", "rule_id", "-id"), name="alert_newest_of_rule"),
            models.Index(fields=("resolved_at",), name="alert_resolved"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=("account", "rule_id"),
                condition=~Q(state="RESOLVED"),
                name="alert_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.state}"


class AlertMove(models.Model):
    """One transition of an alert, or a comment on it (both states the same). Append-only."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="moves", editable=False)
    sequence = models.PositiveIntegerField(editable=False)
    state_from = models.CharField(max_length=8, blank=True, editable=False)
    state_to = models.CharField(max_length=8, editable=False)
    at = models.DateTimeField(db_index=True, editable=False)
    by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    by_name = models.CharField(max_length=150, editable=False)
    value = models.CharField(max_length=100, blank=True, editable=False)
    comment = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=("alert", "sequence"), name="alert_move_once")
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.state_from} -> {self.state_to}"
