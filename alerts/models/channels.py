"""Where people are told, and every message to them: a row before it is a network call."""

from django.db import models


class Channel(models.Model):
    """One way to reach people. Its address and keys are encrypted, and never shown again.

    `tier` 1 hears of an alert at once; the next tiers only of a CRITICAL that nobody acknowledged.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "WEBHOOK", "Webhook (signed)"
        ALERTMANAGER = "ALERTMANAGER", "Webhook as Alertmanager sends it"
        EMAIL = "EMAIL", "E-mail"
        APPRISE = "APPRISE", "Apprise address (Telegram, Slack, Discord, ...)"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    enabled = models.BooleanField(default=True)
    level_min = models.CharField(max_length=8, default="WARNING")  # this level and graver ones
    tier = models.PositiveSmallIntegerField(default=1)
    tell_resolved = models.BooleanField(default=True)
    secret = models.TextField(editable=False)  # encrypted, see alerts.senders.secrets
    shown = models.CharField(max_length=120, editable=False)  # what may be seen: https://host/...
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(editable=False)
    changed_at = models.DateTimeField(editable=False)
    # Newest outcome, kept here so that the list needs no join.
    tested_at = models.DateTimeField(null=True, editable=False)  # a test arrived
    delivered_at = models.DateTimeField(null=True, editable=False)
    latency_ms = models.PositiveIntegerField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        ordering = ("tier", "name")
        permissions = [("manage_channel", "Can add, change and test channels")]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One message to one channel. Sent in the order of the rows of its channel.

    `key` is made from content: the same message is never queued twice. A message that may have been
    sent when its process died is sent again and marked `repeated`.
    """

    class Kind(models.TextChoices):
        FIRING = "FIRING", "Firing"
        RESOLVED = "RESOLVED", "Resolved"
        ACKED = "ACKED", "Acknowledged"
        ESCALATED = "ESCALATED", "Escalated"
        TEST = "TEST", "Test"
        REPORT = "REPORT", "Report"
        NOTICE = "NOTICE", "Notice"

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        SENDING = "SENDING", "Sending"
        SENT = "SENT", "Sent"
        REFUSED = "REFUSED", "Refused for good"
        EXPIRED = "EXPIRED", "Expired"
        WITHDRAWN = "WITHDRAWN", "Withdrawn (channel removed or off)"

    channel = models.ForeignKey(Channel, null=True, on_delete=models.SET_NULL, editable=False)
    channel_name = models.CharField(max_length=60, editable=False)
    key = models.CharField(max_length=160, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, editable=False)
    level = models.CharField(max_length=8, editable=False)
    title = models.CharField(max_length=200, editable=False)
    # The alerts as they were, as plain data: see alerts.services.messages. Never a secret.
    payload = models.JSONField(editable=False)
    alert_ids = models.JSONField(default=list, editable=False)
    created_at = models.DateTimeField(db_index=True, editable=False)
    next_try_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    tries = models.PositiveIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)  # of the try that runs
    sent_at = models.DateTimeField(null=True, editable=False)
    latency_ms = models.PositiveIntegerField(null=True, editable=False)  # created to sent
    outcome = models.CharField(max_length=300, blank=True, editable=False)  # of the newest try
    repeated = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=("channel", "state", "id"), name="delivery_next"),
            models.Index(fields=("state", "next_try_at"), name="delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.channel_name}: {self.state}"
