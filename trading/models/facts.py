"""What happened: append-only facts written by trading.ledger, keyed by ids made from content.

Prices, sizes and money are integers of millionths. Rows are found by time and by keyset on the id.
"""

from django.db import models

from trading.models.sessions import EngineSession


class Opportunity(models.Model):
    """A gap in local state and what became of it: one row of the funnel."""

    opportunity_id = models.CharField(max_length=100, unique=True)
    session = models.ForeignKey(EngineSession, on_delete=models.PROTECT)
    condition_id = models.CharField(max_length=80, db_index=True)
    strategy = models.CharField(max_length=20)
    seen_at = models.DateTimeField(db_index=True)
    stage = models.CharField(max_length=12)
    refusal = models.CharField(max_length=40, blank=True)  # empty: submitted
    reason = models.CharField(max_length=500, blank=True)
    legs = models.JSONField()  # token_id, ask_micro, size_micro, venue_ms each
    ladder = models.JSONField(default=list)
    gap_micro = models.BigIntegerField()
    edge_micro = models.BigIntegerField(null=True)  # null: unknown fee
    size_micro = models.BigIntegerField(default=0)
    cost_micro = models.BigIntegerField(default=0)
    fee_micro = models.BigIntegerField(default=0)
    net_micro = models.BigIntegerField(default=0)
    frames = models.PositiveIntegerField(default=1)
    last_seen_at = models.DateTimeField()
    set_id = models.CharField(max_length=100, blank=True, db_index=True)
    raised = models.BooleanField(default=False)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "opportunities"
        indexes = [
            models.Index(fields=("stage", "refusal", "seen_at")),
            # A rare code among a million rows, newest first, is found by it.
            models.Index(fields=("refusal",), name="opportunity_refusal"),
            # Holds all that the funnel of a day counts, so that it is counted from the index alone.
            models.Index(
                fields=("session", "seen_at", "stage", "refusal", "frames"),
                name="opportunity_funnel",
            ),
        ]

    def __str__(self) -> str:
        return self.opportunity_id


class ArbitrageSet(models.Model):
    """One attempt to buy a complete set. `state` follows the moves and is written with them."""

    set_id = models.CharField(max_length=100, unique=True)
    session = models.ForeignKey(EngineSession, on_delete=models.PROTECT)
    opportunity_id = models.CharField(max_length=100, db_index=True)
    condition_id = models.CharField(max_length=80, db_index=True)
    strategy = models.CharField(max_length=20)
    state = models.CharField(max_length=16, db_index=True, editable=False)
    reason = models.CharField(max_length=500, blank=True)
    opened_at = models.DateTimeField(db_index=True)
    moved_at = models.DateTimeField()
    size_micro = models.BigIntegerField()
    cost_micro = models.BigIntegerField()
    payout_micro = models.BigIntegerField()  # what one set pays
    expected_net_micro = models.BigIntegerField()
    realised_micro = models.BigIntegerField(null=True)  # null until merged, redeemed or sold
    paper = models.BooleanField()
    raised = models.BooleanField(default=False)
    legs = models.JSONField()

    class Meta:
        ordering = ("-id",)
        verbose_name = "set"
        indexes = [
            # What ended within a time: reports of a day must not read all days.
            models.Index(fields=("state", "moved_at"), name="set_ended"),
        ]

    def __str__(self) -> str:
        return self.set_id


class SetMove(models.Model):
    """One move of a set."""

    set_id = models.CharField(max_length=100)
    sequence = models.PositiveIntegerField()
    state_from = models.CharField(max_length=16, blank=True)
    state_to = models.CharField(max_length=16)
    at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("set_id", "sequence")
        constraints = [models.UniqueConstraint(fields=("set_id", "sequence"), name="set_move_once")]

    def __str__(self) -> str:
        return f"{self.set_id} {self.state_from} -> {self.state_to}"


class Order(models.Model):
    """One order and where it is now."""

    order_id = models.CharField(max_length=120, unique=True)
    order_hash = models.CharField(max_length=80, blank=True, db_index=True)
    session = models.ForeignKey(EngineSession, on_delete=models.PROTECT)
    set_id = models.CharField(max_length=100, db_index=True)
    token_id = models.CharField(max_length=80)
    side = models.CharField(max_length=4)
    purpose = models.CharField(max_length=10)
    limit_micro = models.BigIntegerField()
    size_micro = models.BigIntegerField()
    matched_micro = models.BigIntegerField(default=0)
    state = models.CharField(max_length=12, db_index=True, editable=False)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_index=True)
    moved_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.order_id


class OrderMove(models.Model):
    """One move of an order."""

    order_id = models.CharField(max_length=120)
    sequence = models.PositiveIntegerField()
    state_from = models.CharField(max_length=12, blank=True)
    state_to = models.CharField(max_length=12)
    matched_micro = models.BigIntegerField()
    at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("order_id", "sequence")
        constraints = [
            models.UniqueConstraint(fields=("order_id", "sequence"), name="order_move_once")
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.state_from} -> {self.state_to}"


class Trade(models.Model):
    """One fill of one order. A match is not a fill until its state is CONFIRMED."""

    trade_id = models.CharField(max_length=120)
    order_id = models.CharField(max_length=120, db_index=True)
    session = models.ForeignKey(EngineSession, on_delete=models.PROTECT)
    set_id = models.CharField(max_length=100, db_index=True)
    condition_id = models.CharField(max_length=80, db_index=True)
    token_id = models.CharField(max_length=80)
    side = models.CharField(max_length=4)
    price_micro = models.BigIntegerField()
    size_micro = models.BigIntegerField()
    fee_micro = models.BigIntegerField()
    state = models.CharField(max_length=10, editable=False)
    paper = models.BooleanField()
    matched_at = models.DateTimeField(db_index=True)
    moved_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=("trade_id", "order_id"), name="trade_once")]
        indexes = [models.Index(fields=("state",), name="trade_state")]

    def __str__(self) -> str:
        return self.trade_id


class LedgerEntry(models.Model):
    """One double entry. Its postings sum to zero."""

    entry_id = models.CharField(max_length=140, unique=True)
    session = models.ForeignKey(EngineSession, on_delete=models.PROTECT)
    set_id = models.CharField(max_length=100, blank=True, db_index=True)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField(db_index=True)
    realised_micro = models.BigIntegerField(default=0)
    paper = models.BooleanField()

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=("session", "at", "realised_micro"), name="ledger_entry_realised"),
            models.Index(fields=("kind",), name="ledger_entry_kind"),
        ]

    def __str__(self) -> str:
        return self.entry_id


class LedgerPosting(models.Model):
    """One line of an entry: positive is a debit, negative a credit, in micro dollars."""

    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="postings")
    line = models.PositiveSmallIntegerField()
    account = models.CharField(max_length=10, db_index=True)
    token_id = models.CharField(max_length=80, blank=True)
    amount_micro = models.BigIntegerField()
    quantity_micro = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("entry_id", "line")
        constraints = [models.UniqueConstraint(fields=("entry", "line"), name="posting_line_once")]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_micro}"


class MetricSample(models.Model):
    """The figures of one second: the engine's own counters and what the runtime measured."""

    session = models.ForeignKey(EngineSession, on_delete=models.PROTECT)
    at = models.DateTimeField(db_index=True)
    values = models.JSONField()  # facts.MetricSample and the runtime's figures by name
    # The few that charts and limits read by themselves.
    realised_micro = models.BigIntegerField()
    exposure_micro = models.BigIntegerField()
    feed_age_ms = models.IntegerField(null=True)
    decision_p50_us = models.IntegerField(null=True)
    decision_p99_us = models.IntegerField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=("session", "at"), name="sample_once")]

    def __str__(self) -> str:
        return f"{self.session_id} {self.at:%H:%M:%S}"


class EngineNote(models.Model):
    """An event of the engine worth reading."""

    note_id = models.CharField(max_length=120, unique=True)
    session = models.ForeignKey(EngineSession, on_delete=models.PROTECT)
    at = models.DateTimeField(db_index=True)
    level = models.CharField(max_length=8)
    code = models.CharField(max_length=60)
    text = models.CharField(max_length=1000)
    condition_id = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"
