"""Deposits and withdrawals that people recorded: which of them the ledger has booked already.

A movement is booked by the engine, under a reference made of its number. So whether it is booked
is asked of the ledger's own entries and kept nowhere else.
"""

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Concat

from trading.engine.balances import EntryKind
from trading.engine.codes import Account
from trading.engine.events import CapitalChanged
from trading.ledger.entries import entry_id_of
from trading.models import CapitalMovement, LedgerEntry, LedgerPosting, Money, rows_with

PREFIX = "movement:"  # no wallet's opening balance has such a reference


def with_booked(rows: QuerySet[CapitalMovement]) -> QuerySet[CapitalMovement]:
    """Add to movements whether the ledger holds their entry, as `booked`."""
    ledger = Case(
        *(
            When(money=money, then=Value(entry_id_of("", f"{EntryKind.CAPITAL}:{PREFIX}", money)))
            for money in Money
        ),
        output_field=CharField(),
    )
    entry_id = Concat(F("account"), ledger, Cast("pk", CharField()), output_field=CharField())
    entries = LedgerEntry.objects.filter(entry_id=OuterRef("booked_as"))
    return rows.annotate(booked_as=entry_id).annotate(booked=Exists(entries))


def waiting_capital(account: str, money: Money) -> tuple[CapitalChanged, ...]:
    """Return what the engine still has to book, oldest first. Told again, it books nothing."""
    rows = with_booked(CapitalMovement.objects.filter(account=account, money=money))
    waiting = rows.filter(Q(("booked", False))).order_by("pk").values_list("pk", "amount_micro")
    return tuple(
        CapitalChanged(amount_micro=amount_micro, reference=f"{PREFIX}{number}")
        for number, amount_micro in waiting
    )


def is_open(account: str, money: Money) -> bool:
    """Say whether the ledger has its opening balance."""
    entries = LedgerEntry.objects.filter(rows_with(money), session__account=account)
    return entries.filter(kind=EntryKind.CAPITAL).exists()


def cash_micro(account: str, money: Money) -> int:
    """Return the free dollars of the ledger, with what still waits to be booked."""
    lines = LedgerPosting.objects.filter(
        rows_with(money, to="entry__"), entry__session__account=account, account=Account.CASH
    )
    booked_micro: int = lines.aggregate(total=Sum("amount_micro"))["total"] or 0
    return booked_micro + sum(one.amount_micro for one in waiting_capital(account, money))
