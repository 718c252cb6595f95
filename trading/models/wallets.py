"""What was seen of a wallet when it was checked."""

from django.db import models


class WalletCheck(models.Model):
    """One check of an account's wallet: its lines as they were, and whether all were ok.

    A line has id, title, seen, needed, why, next_step and status (ok, failed or unknown).
    """

    account = models.CharField(max_length=60)
    at = models.DateTimeField()
    kind = models.CharField(max_length=10)  # DEPOSIT or EOA
    funder = models.CharField(max_length=42, blank=True)  # empty: not known
    phase = models.IntegerField()  # by which it was judged
    feed = models.CharField(max_length=20)
    ok = models.BooleanField()
    lines = models.JSONField()
    by_name = models.CharField(max_length=150)

    class Meta:
        ordering = ("-at", "-id")
        indexes = [models.Index(fields=("account", "-at"))]

    def __str__(self) -> str:
        return f"{self.account} at {self.at:%Y-%m-%d %H:%M:%S}"
