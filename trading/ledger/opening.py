"""What the ledger says that a new session has to know before the first market event."""

from datetime import datetime, timedelta

from django.db.models import Max, Sum

from trading.engine.balances import EntryKind
from trading.engine.codes import Account, SetState
from trading.engine.events import (
    RestoredBalance,
    RestoredLeg,
    RestoredOrder,
    RestoredSet,
    StateRestored,
)
from trading.engine.legs import SET_ENDS
from trading.ledger.columns import nanoseconds
from trading.ledger.entries import entry_id_of
from trading.ledger.live_orders import restored_orders
from trading.models import ArbitrageSet, LedgerEntry, LedgerPosting, Money, SetMove, rows_with

RESCUES = (SetState.COMPLETING, SetState.UNWINDING)
REFERENCES_MAX = 1_000
SHARES = (Account.YES.value, Account.NO.value)


def restored_state(
    account: str, *, money: Money, capital_micro: int, now: datetime
) -> StateRestored:
    """Return balances, today's result and open sets of an account, of one kind of money.

    `capital_micro` is what an empty paper ledger opens with; what is no paper comes from a wallet.
    """
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    entries = LedgerEntry.objects.filter(rows_with(money), session__account=account)
    today = entries.filter(at__gte=day, at__lt=day + timedelta(days=1))
    realised = today.aggregate(total=Sum("realised_micro"))["total"]
    return StateRestored(
        balances=_balances(account, money),
        day=day.date().isoformat(),
        realised_today_micro=realised or 0,
        open_sets=_open_sets(account, money),
        capital_micro=capital_micro if money is Money.PAPER else 0,
        capital_references=() if money is Money.PAPER else _capital_references(account, money),
    )


def _capital_references(account: str, money: Money) -> tuple[str, ...]:
    """Return the references of the newest capital entries, so that none is booked twice."""
    entries = LedgerEntry.objects.filter(
        rows_with(money), session__account=account, kind=EntryKind.CAPITAL
    )
    prefix = entry_id_of(account, f"{EntryKind.CAPITAL}:", money)
    ids = entries.order_by("-id").values_list("entry_id", flat=True)[:REFERENCES_MAX]
    return tuple(entry_id.removeprefix(prefix) for entry_id in ids)


def _balances(account: str, money: Money) -> tuple[RestoredBalance, ...]:
    """Return the sums by account and token. What came and went is left out, but never all."""
    rows = (
        LedgerPosting.objects.filter(
            rows_with(money, to="entry__"), entry__session__account=account
        )
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


def _open_sets(account: str, money: Money) -> tuple[RestoredSet, ...]:
    rows = list(
        ArbitrageSet.objects.filter(rows_with(money), session__account=account)
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
    # Paper orders died with their desk: only what was filled is told.
    paper = money is Money.PAPER
    orders = {} if paper else restored_orders(rows)
    tried = {} if paper else _tried(ids)
    return tuple(
        _restored(
            row,
            last.get(row.set_id, 0),
            held,
            orders=orders.get(row.set_id, ()),
            tried=tried.get(row.set_id, ()),
        )
        for row in rows
    )


def _tried(set_ids: list[str]) -> dict[str, tuple[str, ...]]:
    """Return by set which ways out of a half-filled set it was ever in."""
    moves = SetMove.objects.filter(set_id__in=set_ids, state_to__in=RESCUES).order_by("sequence")
    tried: dict[str, tuple[str, ...]] = {}
    for set_id, state in moves.values_list("set_id", "state_to"):
        tried[set_id] = (*tried.get(set_id, ()), state)
    return tried


def _restored(
    row: ArbitrageSet,
    sequence: int,
    held: dict[tuple[str, str], tuple[int, int, int]],
    *,
    orders: tuple[RestoredOrder, ...],
    tried: tuple[str, ...],
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
        orders=orders,
        tried=tried,
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
