"""Who watches: one process at a time for each kind of regular work, and when it last did."""

from django.db import models


class Watch(models.Model):
    """The lease of one kind of work: JUDGE (rules over facts), SEND (deliveries) or DEADMAN.

    Taken and renewed by compare-and-set, see alerts.services.watches; whoever finds it expired
    takes it over. Of DEADMAN, `expires_at` is when the next sign of life is due.
    """

    name = models.CharField(max_length=20, unique=True)
    owner = models.CharField(max_length=120, blank=True)
    expires_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)  # the newest round that was finished
    rounds = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.owner}"
