"""What our database says: the ledger of real money (or play money) of one account."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min, Q, QuerySet, Sum

from trading.engine.balances import SHARE_ACCOUNTS, EntryKind
from trading.engine.codes import Account, OrderState, SetState, Side, TradeState
from trading.engine.market import FeeSchedule
from trading.engine.units import MICRO, cost_up, proceeds_down
from trading.execution.fills import venue_trade_id
from trading.ledger.columns import EPOCH
from trading.models import (
    ArbitrageSet,
    LedgerEntry,
    LedgerPosting,
    Market,
    Order,
    OrderMove,
    ReconciliationRun,
    Trade,
)
from trading.reconciling.orders import OVER
from trading.reconciling.trades import CLOCK_MARGIN_S, ENDED
from trading.reconciling.views import Exit, LedgerOrder, LedgerTrade, LedgerView

OVERLAP = timedelta(minutes=10)  # trades are read again from so long before the last match
REDEMPTIONS_SINCE = timedelta(days=30)
REDEMPTIONS_MAX = 50
TOKENS_MAX = 500
IDS_MAX = 500  # in one statement


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the ledger is. Two marks that are equal had nothing written between them."""

    entry: int
    order_move: int
    trade: int
    trade_moved_at: datetime | None


def mark(account: str) -> Mark:
    """Return where the ledger is now."""
    entry = LedgerEntry.objects.filter(session__account=account).aggregate(last=Max("id"))["last"]
    trade = _trades(account).aggregate(last=Max("id"), moved=Max("moved_at"))
    moves = OrderMove.objects.aggregate(last=Max("id"))["last"]
    return Mark(entry or 0, moves or 0, trade["last"] or 0, trade["moved"])


def since(account: str, now: datetime) -> datetime:
    """Return from when on the venue's trades are compared.

    From a little before the last match, or from the opening of the books, which answer for nothing
    earlier; in any case from the oldest trade that is not settled.
    """
    opened = _entries(account).aggregate(first=Min("at"))["first"]
    matched = ReconciliationRun.objects.filter(
        account=account, verdict=ReconciliationRun.Verdict.MATCH
    ).first()
    start = opened or now - OVERLAP
    if matched is not None:
        start = max(start, matched.at - OVERLAP)
    unsettled = _trades(account).exclude(state__in=ENDED).aggregate(first=Min("matched_at"))
    return min(start, unsettled["first"] or start)


def ledger_view(account: str, *, start: datetime, listed: Collection[str]) -> LedgerView:
    """Return what the books say, with the orders that may be open or that the venue has `listed`.

    Trades are those from a little before `start` on, and all that are not settled.
    """
    shares, sums = _sums(account)
    trades = _ledger_trades(account, start)
    orders = _ledger_orders(account, listed)
    exits = (*_merges(account), *_redemptions(account, start))
    tokens = {*shares, *(one.token_id for one in trades), *(one.token_id for one in orders)}
    sequence = _entries(account).aggregate(last=Max("id"))["last"]
    return LedgerView(
        sequence=sequence or 0,
        cash_micro=sums.get(Account.CASH, 0),
        reserved_micro=sums.get(Account.RESERVED, 0),
        gas_micro=_gas_micro(account),
        shares=shares,
        orders=orders,
        trades=trades,
        exits=exits,
        fees=_fees(tokens),
    )


def tokens_of(ledger: LedgerView) -> set[str]:
    """Return the tokens whose balances matter: held, traded lately, ordered, or leaving."""
    tokens = {token for token, amount in ledger.shares.items() if amount}
    tokens |= {trade.token_id for trade in ledger.trades}
    tokens |= {order.token_id for order in ledger.orders}
    return tokens | {token for one in ledger.exits for token, _ in one.shares}


def with_mirrors(tokens: Collection[str]) -> set[str]:
    """Return the tokens and the other token of each one's market, where it is known."""
    found = set(tokens)
    for pair in _markets(found).values_list("yes_token_id", "no_token_id"):
        found |= set(pair)
    return found


def _entries(account: str) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(session__account=account, paper=False)


def _trades(account: str) -> QuerySet[Trade]:
    return Trade.objects.filter(session__account=account, paper=False)


def _postings(account: str) -> QuerySet[LedgerPosting]:
    return LedgerPosting.objects.filter(entry__session__account=account, entry__paper=False)


def _sums(account: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return shares by token, also those that are gone, and dollars by account."""
    rows = (
        _postings(account)
        .order_by()
        .values_list("account", "token_id")
        .annotate(amount=Sum("amount_micro"), quantity=Sum("quantity_micro"))
    )
    shares: dict[str, int] = {}
    sums: dict[str, int] = {}
    for name, token_id, amount_micro, quantity_micro in rows:
        sums[name] = sums.get(name, 0) + amount_micro
        if name in SHARE_ACCOUNTS and token_id:
            shares[token_id] = shares.get(token_id, 0) + quantity_micro
    return shares, sums


def _gas_micro(account: str) -> int:
    """Return what was paid for gas: its account is passed through, and debits are what was paid."""
    rows = _postings(account).filter(account=Account.GAS, amount_micro__gt=0)
    return int(rows.aggregate(total=Sum("amount_micro"))["total"] or 0)


def _ledger_orders(account: str, listed: Collection[str]) -> tuple[LedgerOrder, ...]:
    wanted = ~Q(state__in=OVER) | Q(order_hash__in=list(listed)[:IDS_MAX])
    orders = Order.objects.filter(session__account=account, session__mode="LIVE")
    rows = list(orders.filter(wanted).order_by("id"))
    # An order's own count is of its last move, and a second fill of a part is no move.
    ids = [row.order_id for row in rows][-IDS_MAX:]
    fills = Trade.objects.filter(order_id__in=ids).order_by().values_list("order_id")
    filled = dict(fills.annotate(total=Sum("size_micro")))
    return tuple(
        LedgerOrder(
            order_hash=row.order_hash,
            token_id=row.token_id,
            side=Side(row.side),
            limit_micro=row.limit_micro,
            size_micro=row.size_micro,
            matched_micro=max(row.matched_micro, filled.get(row.order_id, 0)),
            state=OrderState(row.state),
        )
        for row in rows
    )


def _ledger_trades(account: str, start: datetime) -> tuple[LedgerTrade, ...]:
    recent = Q(matched_at__gte=start - timedelta(seconds=CLOCK_MARGIN_S))
    rows = list(_trades(account).filter(recent | ~Q(state__in=ENDED)).order_by("id"))
    ids = sorted({row.order_id for row in rows})
    hashes: dict[str, str] = {}
    for first in range(0, len(ids), IDS_MAX):
        found = Order.objects.filter(order_id__in=ids[first : first + IDS_MAX])
        hashes |= dict(found.values_list("order_id", "order_hash"))
    parts: dict[tuple[str, str], list[Trade]] = {}
    for row in rows:
        parts.setdefault((venue_trade_id(row.trade_id), row.order_id), []).append(row)
    return tuple(
        _ledger_trade(trade_id, hashes.get(order_id, ""), fills)
        for (trade_id, order_id), fills in parts.items()
    )


def _ledger_trade(trade_id: str, order_hash: str, fills: list[Trade]) -> LedgerTrade:
    """Return an order's part of a trade: what its fills are together.

    As long as not all of them are settled, the part is as far as the one that is least far.
    """
    first = fills[0]
    side = Side(first.side)
    value_of = cost_up if side is Side.BUY else proceeds_down
    size_micro = sum(fill.size_micro for fill in fills)
    dollars_micro = sum(value_of(fill.price_micro, fill.size_micro) for fill in fills)
    open_ones = [fill for fill in fills if fill.state not in ENDED]
    return LedgerTrade(
        trade_id=trade_id,
        order_hash=order_hash,
        token_id=first.token_id,
        side=side,
        price_micro=dollars_micro * MICRO // size_micro,
        size_micro=size_micro,
        fee_micro=sum(fill.fee_micro for fill in fills),
        state=TradeState((open_ones or fills)[0].state),
        at_s=(first.matched_at - EPOCH) // timedelta(seconds=1),
        dollars_micro=dollars_micro if len(fills) > 1 else None,
    )


def _merges(account: str) -> list[Exit]:
    """Return merges and conversions that were asked for and are not booked."""
    rows = ArbitrageSet.objects.filter(
        session__account=account, paper=False, state=SetState.MERGING
    )
    exits = []
    for row in rows:
        held = dict.fromkeys((leg["token_id"] for leg in row.legs), 0)
        sums = (
            LedgerPosting.objects.filter(entry__set_id=row.set_id, account__in=SHARE_ACCOUNTS)
            .order_by()
            .values_list("token_id")
            .annotate(quantity=Sum("quantity_micro"))
        )
        held |= {token: quantity for token, quantity in sums if token in held}
        size_micro = min(held.values(), default=0)
        if size_micro > 0:
            exits.append(
                Exit(
                    reference=f"merge of {row.set_id}",
                    shares=tuple((token, size_micro) for token in held),
                    proceeds_micro=proceeds_down(row.payout_micro, size_micro),
                    booked=False,
                )
            )
    return exits


def _redemptions(account: str, start: datetime) -> list[Exit]:
    """Return what was booked as markets resolved, and which the chain may not have paid yet."""
    rows = _entries(account).filter(kind=EntryKind.REDEEM, at__gte=start - REDEMPTIONS_SINCE)
    exits = []
    for row in rows.prefetch_related("postings")[:REDEMPTIONS_MAX]:
        lines = list(row.postings.all())
        exits.append(
            Exit(
                reference=f"redemption {row.entry_id}",
                shares=tuple(
                    (line.token_id, -line.quantity_micro) for line in lines if line.quantity_micro
                ),
                proceeds_micro=sum(
                    line.amount_micro
                    for line in lines
                    if line.account == Account.REDEEMED and line.amount_micro > 0
                ),
                booked=True,
            )
        )
    return exits


def _fees(tokens: Collection[str]) -> dict[str, FeeSchedule]:
    fees: dict[str, FeeSchedule] = {}
    rows = _markets(tokens).filter(fee_rate_micro__isnull=False, fee_exponent__isnull=False)
    for row in rows:
        schedule = FeeSchedule(rate_micro=row.fee_rate_micro or 0, exponent=row.fee_exponent or 0)
        fees |= {row.yes_token_id: schedule, row.no_token_id: schedule}
    return fees


def _markets(tokens: Collection[str]) -> QuerySet[Market]:
    some = sorted(tokens)[:TOKENS_MAX]
    return Market.objects.filter(Q(yes_token_id__in=some) | Q(no_token_id__in=some))
