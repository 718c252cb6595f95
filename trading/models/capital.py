"""What people say came into an account's wallet from outside, or left it."""

from typing import Any

from django.db import models
from django.db.models import Q

from trading.models.money import Money


class CapitalMovement(models.Model):
    """One deposit (positive) or withdrawal (negative) that somebody told the books of.

    Made by trading.services alone and never changed: what was wrong is recorded against. A running
    engine books it in its ledger; see trading.ledger.capital.
    """

    account = models.CharField(max_length=60)
    money = models.CharField(max_length=8, choices=Money)
    amount_micro = models.BigIntegerField()
    reference = models.CharField(max_length=60)  # by whoever recorded it; told again it is the same
    reason = models.CharField(max_length=500)
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("-id",)
        permissions = [("record_capital", "Can record deposits and withdrawals")]
        constraints = [
            models.UniqueConstraint(fields=("account", "reference"), name="capital_once"),
            models.CheckConstraint(condition=~Q(amount_micro=0), name="capital_not_nothing"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.reference}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep a new one. Raises TypeError for one that is kept already."""
        if not self._state.adding:
            raise TypeError("a movement of capital is never changed; record one against it")
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> Any:
        """Raise TypeError: the ledger may have booked it."""
        raise TypeError("a movement of capital is never removed; record one against it")
