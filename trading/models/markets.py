"""Markets as discovered."""

from django.db import models


class Market(models.Model):
    """One binary condition of the venue, as last discovered. Amounts in millionths."""

    class State(models.TextChoices):
        OPEN = "OPEN", "Open"
        CLOSED = "CLOSED", "Closed"
        RESOLVED = "RESOLVED", "Resolved"

    condition_id = models.CharField(max_length=80, unique=True)
    slug = models.CharField(max_length=200, blank=True)
    question = models.CharField(max_length=500, blank=True)
    yes_token_id = models.CharField(max_length=80, unique=True)
    no_token_id = models.CharField(max_length=80, unique=True)
    yes_outcome = models.CharField(max_length=100, default="Yes")
    no_outcome = models.CharField(max_length=100, default="No")
    tick_micro = models.PositiveIntegerField()
    min_order_size_micro = models.PositiveBigIntegerField()
    # Null: the schedule is unknown, and the market is not traded.
    fee_rate_micro = models.PositiveIntegerField(null=True, blank=True)
    fee_exponent = models.PositiveSmallIntegerField(null=True, blank=True)
    protocol = models.CharField(max_length=10, default="v1")
    neg_risk_event_id = models.CharField(max_length=80, blank=True)
    neg_risk_augmented = models.BooleanField(default=False)
    seconds_delay = models.PositiveIntegerField(default=0)
    taker_delay_ms = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN, editable=False)
    source = models.CharField(max_length=20)  # the feed that told us: recorded, polymarket ...
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("-seen_at", "-id")

    def __str__(self) -> str:
        return self.question or self.slug or self.condition_id
