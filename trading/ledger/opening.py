"""What the ledger says that a new session has to know before the first market event."""

from datetime import datetime, timedelta

from django.db.models import Max, Sum

from trading.engine.codes import Account
from trading.engine.events import RestoredBalance, RestoredLeg, RestoredSet, StateRestored
from trading.engine.legs import SET_ENDS
from trading.ledger.columns import nanoseconds
from trading.models import ArbitrageSet, LedgerEntry, LedgerPosting, SetMove

SHARES = (Account.YES.value, Account.NO.value)


def restored_state(
    account: str, *, paper: bool, capital_micro: int, now: datetime
) -> StateRestored:
    """Return balances, today's result and open sets of an account, on paper or with real money.

    `capital_micro` is what an empty paper ledger opens with; nothing with real money.
    """
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    entries = LedgerEntry.objects.filter(session__account=account, paper=paper)
    today = entries.filter(at__gte=day, at__lt=day + timedelta(days=1))
    realised = today.aggregate(total=Sum("realised_micro"))["total"]
    return StateRestored(
        balances=_balances(account, paper=paper),
        day=day.date().isoformat(),
        realised_today_micro=realised or 0,
        open_sets=_open_sets(account, paper=paper),
        capital_micro=capital_micro if paper else 0,
    )


def _balances(account: str, *, paper: bool) -> tuple[RestoredBalance, ...]:
    """Return the sums by account and token. What came and went is left out, but never all."""
    rows = (
        LedgerPosting.objects.filter(entry__session__account=account, entry__paper=paper)
        .order_by()
        .values("account", "token_id")
        .annotate(amount=Sum("amount_micro"), quantity=Sum("quantity_micro"))
        .order_by("account", "token_id")
    )
    return tuple(
        RestoredBalance(
            account=row["account"],
            token_id=row["token_id"],
            amount_micro=row["amount"],
            quantity_micro=row["quantity"],
        )
        for row in rows
        if row["amount"] or row["quantity"] or row["account"] == Account.CASH
    )


def _open_sets(account: str, *, paper: bool) -> tuple[RestoredSet, ...]:
    rows = list(
        ArbitrageSet.objects.filter(session__account=account, paper=paper)
        .exclude(state__in=SET_ENDS)
        .order_by("id")
    )
    ids = [row.set_id for row in rows]
    last = dict(
        SetMove.objects.filter(set_id__in=ids)
        .order_by()
        .values_list("set_id")
        .annotate(last=Max("sequence"))
    )
    held = _held(ids)
    return tuple(_restored(row, last.get(row.set_id, 0), held) for row in rows)


def _restored(
    row: ArbitrageSet, sequence: int, held: dict[tuple[str, str], tuple[int, int, int]]
) -> RestoredSet:
    legs = []
    for leg in row.legs:
        shares_micro, cost_micro, fee_micro = held.get((row.set_id, leg["token_id"]), (0, 0, 0))
        legs.append(
            RestoredLeg(
                token_id=leg["token_id"],
                condition_id=leg["condition_id"],
                size_micro=leg["size_micro"],
                held_micro=shares_micro,
                cost_micro=cost_micro,
                fee_micro=fee_micro,
            )
        )
    return RestoredSet(
        set_id=row.set_id,
        place_id=row.condition_id,
        strategy=row.strategy,
        state=row.state,
        sequence=sequence,
        payout_micro=row.payout_micro,
        opened_ns=nanoseconds(row.opened_at),
        expected_net_micro=row.expected_net_micro,
        legs=tuple(legs),
    )


def _held(set_ids: list[str]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Return shares, their cost and their fees by set and token, as the ledger has them.

    Not as the fills add up: shares also leave by a merge or a redemption.
    """
    sums: dict[tuple[str, str], tuple[int, int, int]] = {}
    rows = (
        LedgerPosting.objects.filter(entry__set_id__in=set_ids)
        .exclude(token_id="")
        .order_by()
        .values_list("entry__set_id", "token_id", "account")
        .annotate(amount=Sum("amount_micro"), quantity=Sum("quantity_micro"))
    )
    for set_id, token_id, account, amount_micro, quantity_micro in rows:
        shares, cost, fee = sums.get((set_id, token_id), (0, 0, 0))
        if account in SHARES:
            sums[set_id, token_id] = (shares + quantity_micro, cost + amount_micro, fee)
        elif account == Account.FEES:
            sums[set_id, token_id] = (shares, cost, fee + amount_micro)
    return sums
