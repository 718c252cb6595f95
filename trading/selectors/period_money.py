"""What a time brought with one kind of money: sets, orders, fills, ledger, funnel, positions.

Amounts of paper, play money and real money are never added to each other. Everything is summed by
the database or read in a stream, so that a day of a million facts fits into a little memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from trading.engine.codes import Account, OrderState, SetState
from trading.engine.legs import SET_ENDS
from trading.models import (
    ArbitrageSet,
    LedgerEntry,
    LedgerPosting,
    Money,
    Opportunity,
    Order,
    SetMove,
    Trade,
    rows_with,
    sessions_with,
)
from trading.selectors.books import markets_by_token, outcome_of
from trading.selectors.figures import STAGES
from trading.selectors.gaps import counted, set_steps
from trading.selectors.pages import STEP_WORDS, market_names
from trading.selectors.periods import Period, sessions_of
from trading.wording import refusal_text, set_text

# Sets that ended with a result. One that was abandoned never bought anything, and is no trade.
CLOSED = (SetState.MERGED.value, SetState.REDEEMED.value, SetState.UNWOUND.value)
_FULL, _SOME = Q(matched_micro__gte=F("size_micro")), Q(matched_micro__gt=0)
_SENT = ~Q(state=OrderState.INTENT)  # an intent was written down and never sent
# What became of orders: the same words in reports and in the filter of their list.
ORDER_OUTCOMES = {
    "SENT": _SENT,
    "FULL": _SENT & _FULL,
    "PART": _SENT & _SOME & ~_FULL,
    "REFUSED": Q(state=OrderState.REFUSED),
    "UNMATCHED": Q(state=OrderState.CANCELLED) & ~_SOME,
    "UNKNOWN": Q(state=OrderState.UNKNOWN),
}
SHARES = (Account.YES.value, Account.NO.value)
SHOWN_MAX = 20
EXTREMES = 3
REASONS_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySum:
    """The ledger entries of one kind: how many, and what they realised."""

    kind: str
    entries: int
    realised_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLine:
    """One set by name. `state` is what it was at the end of the period."""

    set_id: str
    market: str
    state: str
    label: str
    expected_micro: int
    realised_micro: int | None
    cost_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """What was held of one token at the end, and what it had cost without fees."""

    token_id: str
    outcome: str
    market: str
    shares_micro: int
    cost_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """The ledger at the end of a period: dollars by account, and what is held."""

    dollars: dict[str, int]
    positions: tuple[PositionLine, ...]  # the dearest ones
    position_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """One step of the funnel in words. `micro` is expected of what matched, realised of merged."""

    key: str
    label: str
    meaning: str
    number: int
    frames: int | None  # None for sets
    micro: int | None
    permille: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonLine:
    """One cause of refusal in words."""

    code: str
    label: str
    gaps: int
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFunnel:
    """How far the gaps of a period came, and why no further, commonest cause first."""

    steps: tuple[StepLine, ...]
    reasons: tuple[ReasonLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSets:
    """The sets that had not ended when the period did, oldest first."""

    number: int
    lines: tuple[SetLine, ...]


def entry_sums(period: Period, money: Money) -> tuple[EntrySum, ...]:
    """Return the entries of a period by kind."""
    rows = _entries(period, money).order_by().values_list("kind")
    sums = rows.annotate(number=Count("pk"), total=Sum("realised_micro"))
    return tuple(
        EntrySum(kind=kind, entries=number, realised_micro=total)
        for kind, number, total in sorted(sums)
    )


def realised_moves(period: Period, money: Money) -> Iterator[tuple[datetime, int]]:
    """Yield when how much was realised, in order, entry by entry."""
    moves = _entries(period, money).exclude(realised_micro=0).order_by("at", "id")
    yield from moves.values_list("at", "realised_micro").iterator(chunk_size=5_000)


def moved_dollars(period: Period, money: Money) -> dict[tuple[str, str], tuple[int, int]]:
    """Return (net, debits) of what the entries of a period posted, by kind of entry and account.

    Fees and gas pass through their accounts: what was charged is their debits.
    """
    rows = LedgerPosting.objects.filter(
        rows_with(money, to="entry__"),
        entry__session__account=period.account,
        entry__at__gte=period.since,
        entry__at__lt=period.until,
    )
    sums = rows.order_by().values_list("entry__kind", "account")
    debits = Coalesce(Sum("amount_micro", filter=Q(amount_micro__gt=0)), 0)
    found = sums.annotate(net=Sum("amount_micro"), debit=debits)
    return {(kind, account): (net, debit) for kind, account, net, debit in found}


def closed_results(period: Period, money: Money) -> Iterator[tuple[int, int | None]]:
    """Yield (expected, realised) of each set that ended with a result, in the order of the ends."""
    rows = _closed(period, money).order_by("moved_at", "id")
    yield from rows.values_list("expected_net_micro", "realised_micro").iterator(chunk_size=5_000)


def closed_count(period: Period, money: Money) -> int:
    """Return how many sets ended with a result."""
    return _closed(period, money).count()


def set_states(period: Period, money: Money) -> tuple[tuple[str, str, int], ...]:
    """Return (state, label, number) of the sets that were opened in a period."""
    rows = _sets(money).filter(
        session__account=period.account, opened_at__gte=period.since, opened_at__lt=period.until
    )
    groups = rows.order_by().values_list("state").annotate(total=Count("pk"))
    return tuple((state, set_text(state).label, number) for state, number in sorted(groups))


def extremes(period: Period, money: Money) -> tuple[tuple[SetLine, ...], tuple[SetLine, ...]]:
    """Return the sets that brought and that cost most, at most three of each."""
    rows = _closed(period, money)
    best = list(rows.filter(realised_micro__gt=0).order_by("-realised_micro", "id")[:EXTREMES])
    worst = list(rows.filter(realised_micro__lt=0).order_by("realised_micro", "id")[:EXTREMES])
    names = market_names(row.condition_id for row in (*best, *worst))
    return (
        tuple(_set_line(row, row.state, names) for row in best),
        tuple(_set_line(row, row.state, names) for row in worst),
    )


def open_sets(period: Period, money: Money) -> OpenSets:
    """Return what was still open at the end of a period."""
    ended = Q(state__in=SET_ENDS, moved_at__lt=period.until)
    rows = _sets(money).filter(~ended, session__account=period.account, opened_at__lt=period.until)
    shown = list(rows.order_by("opened_at", "id")[:SHOWN_MAX])
    names = market_names(row.condition_id for row in shown)
    moves = SetMove.objects.filter(
        set_id__in=[row.set_id for row in shown], at__lt=period.until
    ).order_by("set_id", "sequence")
    states = dict(moves.values_list("set_id", "state_to"))
    lines = tuple(_set_line(row, states.get(row.set_id, "SEEN"), names) for row in shown)
    return OpenSets(number=rows.count(), lines=lines)


def order_outcomes(period: Period, money: Money) -> dict[str, int]:
    """Return how many of the orders planned in a period came to each of ORDER_OUTCOMES."""
    counts = {name: Count("pk", filter=condition) for name, condition in ORDER_OUTCOMES.items()}
    found: dict[str, int] = _orders(period, money).order_by().aggregate(**counts)
    return found


def order_refusals(period: Period, money: Money) -> tuple[tuple[str, int], ...]:
    """Return why orders were refused, commonest first, at most five reasons."""
    rows = _orders(period, money).filter(state=OrderState.REFUSED).order_by()
    groups = rows.values_list("reason").annotate(number=Count("pk"))
    return tuple(sorted(groups, key=lambda one: (-one[1], one[0]))[:REASONS_MAX])


def trade_states(period: Period, money: Money) -> dict[str, int]:
    """Return the fills that were matched in a period by the state that they are in."""
    rows = Trade.objects.filter(
        rows_with(money),
        session__account=period.account,
        matched_at__gte=period.since,
        matched_at__lt=period.until,
    )
    return dict(sorted(rows.order_by().values_list("state").annotate(total=Count("pk"))))


def period_funnel(period: Period, money: Money) -> PeriodFunnel:
    """Return the funnel of the gaps seen in a period, without their worth before fees."""
    alive = sessions_of(period).filter(sessions_with(money))
    gaps = Opportunity.objects.filter(
        session__in=alive.values("pk"), seen_at__gte=period.since, seen_at__lt=period.until
    )
    numbers, frames, reasons = counted(gaps)
    total = numbers[STAGES[0]]
    steps = [_step(stage.value, numbers[stage], frames[stage], None, total) for stage in STAGES]
    sets = _sets(money).filter(
        session__account=period.account, opened_at__gte=period.since, opened_at__lt=period.until
    )
    steps += [
        _step(step.key, step.number, None, step.micro, total) for step in set_steps(sets, total)
    ]
    causes = [
        ReasonLine(
            code=reason.code,
            label=refusal_text(reason.code).label,
            gaps=reason.gaps,
            frames=reason.frames,
        )
        for reason in reasons
    ]
    return PeriodFunnel(steps=tuple(steps), reasons=tuple(causes))


def _step(key: str, number: int, frames: int | None, micro: int | None, total: int) -> StepLine:
    label, meaning, _ = STEP_WORDS[key]
    return StepLine(
        key=key,
        label=label,
        meaning=meaning,
        number=number,
        frames=frames,
        micro=micro,
        permille=number * 1_000 // total if total else 0,
    )


def balances(period: Period, money: Money) -> Balances:
    """Return the ledger as it was at the end of a period: a sum over all that was ever posted."""
    rows = LedgerPosting.objects.filter(
        rows_with(money, to="entry__"),
        entry__session__account=period.account,
        entry__at__lt=period.until,
    )
    sums = rows.order_by().values_list("account", "token_id")
    dollars: dict[str, int] = {}
    held: dict[str, tuple[int, int]] = {}
    for account, token, amount, shares in sums.annotate(
        amount=Sum("amount_micro"), shares=Sum("quantity_micro")
    ):
        dollars[account] = dollars.get(account, 0) + amount
        if account in SHARES and shares:
            held[token] = (shares, amount)
    dearest = sorted(held.items(), key=lambda item: (-item[1][1], item[0]))[:SHOWN_MAX]
    markets = markets_by_token(token for token, _ in dearest)
    lines = tuple(
        PositionLine(
            token_id=token,
            outcome=outcome_of(markets.get(token), token),
            market=str(markets[token]) if token in markets else "",
            shares_micro=shares,
            cost_micro=cost,
        )
        for token, (shares, cost) in dearest
    )
    return Balances(
        dollars=dict(sorted(dollars.items())), positions=lines, position_count=len(held)
    )


def _sets(money: Money) -> QuerySet[ArbitrageSet]:
    return ArbitrageSet.objects.filter(rows_with(money))


def _closed(period: Period, money: Money) -> QuerySet[ArbitrageSet]:
    return _sets(money).filter(
        session__account=period.account,
        state__in=CLOSED,
        moved_at__gte=period.since,
        moved_at__lt=period.until,
    )


def _entries(period: Period, money: Money) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(
        rows_with(money),
        session__account=period.account,
        at__gte=period.since,
        at__lt=period.until,
    )


def _orders(period: Period, money: Money) -> QuerySet[Order]:
    return Order.objects.filter(
        sessions_with(money, to="session__"),
        session__account=period.account,
        created_at__gte=period.since,
        created_at__lt=period.until,
    )


def _set_line(row: ArbitrageSet, state: str, names: dict[str, str]) -> SetLine:
    return SetLine(
        set_id=row.set_id,
        market=names.get(row.condition_id) or row.condition_id,
        state=state,
        label=set_text(state).label,
        expected_micro=row.expected_net_micro,
        realised_micro=row.realised_micro,
        cost_micro=row.cost_micro,
    )
