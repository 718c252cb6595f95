"""What came of replaying sessions: the recorded inputs through the engine again."""

from django.db import models

from trading.models.sessions import EngineSession


class ReplayRun(models.Model):
    """One replay of one session, judged for one UTC day. Never changed.

    SAME means that every command came out as it was recorded, byte for byte, and that the result of
    the day is that of the ledger in the database, to the micro dollar.
    """

    class Verdict(models.TextChoices):
        SAME = "SAME", "Same"
        DIFFERENT = "DIFFERENT", "Different"
        UNREADABLE = "UNREADABLE", "Unreadable"

    account = models.CharField(max_length=60)
    day = models.DateField(db_index=True)  # UTC
    session = models.ForeignKey(EngineSession, on_delete=models.PROTECT, related_name="replays")
    at = models.DateTimeField(db_index=True)
    verdict = models.CharField(max_length=10, choices=Verdict)
    problem = models.CharField(max_length=500, blank=True)  # in words; empty when it is the same
    inputs = models.PositiveBigIntegerField(default=0)
    commands = models.PositiveBigIntegerField(default=0)
    last_sequence = models.PositiveBigIntegerField(default=0)  # record up to which it was replayed
    complete = models.BooleanField(default=False)  # the journal was closed in order
    sha256 = models.CharField(max_length=64, blank=True)  # of all commands as they came out now
    recorded_sha256 = models.CharField(max_length=64, blank=True)  # as the journal has them
    realised_micro = models.BigIntegerField(null=True)  # of the day, replayed
    ledger_micro = models.BigIntegerField(null=True)  # of the day, in the database
    differences = models.JSONField(default=list)  # the first ones: sequence, recorded, produced
    different = models.PositiveBigIntegerField(default=0)  # how many there are in all
    version = models.CharField(max_length=40)  # of the program that replayed
    took_ms = models.PositiveIntegerField()

    class Meta:
        ordering = ("-id",)
        verbose_name = "replay"
        indexes = [
            models.Index(fields=("session", "day", "-id"), name="replay_newest"),
            models.Index(fields=("account", "day", "verdict"), name="replay_verdict"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.verdict}"
