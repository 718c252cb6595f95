"""Rows of the double-entry ledger, and the result of each set, which is a sum over them."""

from collections.abc import Sequence

from django.db.models import Sum

from trading.engine import facts as f
from trading.engine.balances import EntryKind
from trading.ledger.columns import insert_once, moment, stored_id
from trading.models import (
    ArbitrageSet,
    EngineSession,
    LedgerEntry,
    LedgerPosting,
    Money,
    money_of_row,
)

# Entries of these kinds make a result; a set has none before its first.
RESULTS = (
    EntryKind.SELL,
    EntryKind.REVERSE,
    EntryKind.MERGE,
    EntryKind.CONVERT,
    EntryKind.REDEEM,
    EntryKind.GAS,
)
ENTRY_ID_LENGTH_MAX = 140
_LEDGERS = {Money.PAPER: "paper", Money.PLAY: "play", Money.REAL: "live"}


class LedgerContradictionError(Exception):
    """A fact that cannot be true, such as an entry that does not sum to zero: a bug of ours."""


def write_entries(session_id: int, account: str, booked: Sequence[f.LedgerBooked]) -> None:
    """Keep double entries with their postings, and what each set made of them.

    Raises LedgerContradictionError for an entry that does not sum to zero.
    """
    for fact in booked:
        if sum(posting.amount_micro for posting in fact.postings):
            raise LedgerContradictionError(f"{fact.entry_id} does not sum to zero")
    ledger = {True: Money.PAPER}
    if not all(fact.paper for fact in booked):
        feed = EngineSession.objects.values_list("feed", flat=True).get(pk=session_id)
        ledger[False] = money_of_row(paper=False, feed=feed)
    facts = {_entry_id(account, ledger[fact.paper], fact): fact for fact in booked}
    insert_once(
        [
            LedgerEntry(
                entry_id=key,
                session_id=session_id,
                set_id=stored_id(fact.set_id),
                kind=fact.kind,
                at=moment(fact.at_ns),
                realised_micro=fact.realised_micro,
                paper=fact.paper,
            )
            for key, fact in facts.items()
        ],
        "entry_id",
    )
    written = LedgerEntry.objects.filter(entry_id__in=facts).values_list("entry_id", "id")
    insert_once(
        [
            LedgerPosting(
                entry_id=row_id,
                line=line,
                account=posting.account,
                token_id=posting.token_id,
                amount_micro=posting.amount_micro,
                quantity_micro=posting.quantity_micro,
            )
            for key, row_id in (written if facts else ())
            for line, posting in enumerate(facts[key].postings)
        ],
        "entry",
        "line",
    )
    _add_up_results({stored_id(fact.set_id) for fact in booked if fact.set_id})


def _add_up_results(set_ids: set[str]) -> None:
    """Give each set the sum of its results, once it has any."""
    if not set_ids:
        return
    sums = (
        LedgerEntry.objects.filter(set_id__in=set_ids, kind__in=RESULTS)
        .order_by()
        .values("set_id")
        .annotate(total=Sum("realised_micro"))
    )
    totals = {row["set_id"]: row["total"] for row in sums}
    rows = list(ArbitrageSet.objects.filter(set_id__in=totals)) if totals else []
    for row in rows:
        row.realised_micro = totals[row.set_id]
    ArbitrageSet.objects.bulk_update(rows, ["realised_micro"])


def _entry_id(account: str, money: Money, fact: f.LedgerBooked) -> str:
    """Return the id of the entry's row: the engine itself knows of no other account and money."""
    return stored_id(entry_id_of(account, fact.entry_id, money), ENTRY_ID_LENGTH_MAX)


def entry_id_of(account: str, entry_id: str, money: Money) -> str:
    """Return an entry's id among those of all accounts and of all ledgers."""
    return f"{account}:{_LEDGERS[money]}:{entry_id}"
