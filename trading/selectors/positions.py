"""What is held now, by market, and what it comes to in cash if everything goes against us."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Sum

from trading.engine.codes import Account
from trading.models import LedgerPosting, Market, Money, rows_with
from trading.selectors.books import markets_by_token, outcome_of

SHARES = (Account.YES.value, Account.NO.value)
UNKNOWN_MARKET = "a market that is not known any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldToken:
    """One token that is held. `cost_micro` is what it cost, without fees."""

    token_id: str
    outcome: str  # as the market calls it, else YES or NO
    quantity_micro: int
    cost_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMarket:
    """What is held in one market.

    `pairs_micro` are whole sets, which pay a dollar each whatever happens; `open_micro` is what is
    held on one side alone. `worst_micro` and `best_micro` are the cash that comes of it less what
    it cost, if the market resolves against us or for us.
    """

    condition_id: str
    question: str
    number: int | None  # of the market's row
    tokens: tuple[HeldToken, ...]
    pairs_micro: int
    open_micro: int
    cost_micro: int
    worst_micro: int
    best_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Everything that an account holds with one kind of money, what can lose most first."""

    money: Money
    markets: list[HeldMarket] = field(default_factory=list)

    @property
    def cost_micro(self) -> int:
        """Return what all of it cost."""
        return sum(one.cost_micro for one in self.markets)

    @property
    def worst_micro(self) -> int:
        """Return the cash outcome if every market resolves against us."""
        return sum(one.worst_micro for one in self.markets)

    @property
    def back_micro(self) -> int:
        """Return the cash that comes back then."""
        return self.cost_micro + self.worst_micro


def positions(account: str, money: Money) -> Positions:
    """Return what the ledger says is held now. Each market is taken for itself.

    Legs of one neg-risk event may cover each other across markets; that is not counted, so the
    worst case is never better than what is said here.
    """
    rows = (
        LedgerPosting.objects.filter(
            rows_with(money, to="entry__"), entry__session__account=account, account__in=SHARES
        )
        .order_by()
        .values_list("token_id", "account")
        .annotate(quantity=Sum("quantity_micro"), cost=Sum("amount_micro"))
    )
    held = [row for row in rows if row[2] or row[3]]
    markets = markets_by_token(token_id for token_id, *_ in held)
    by_condition: dict[str, list[tuple[str, str, int, int]]] = {}
    for row in held:
        market = markets.get(row[0])
        by_condition.setdefault(market.condition_id if market else row[0], []).append(row)
    lines = [
        _line(condition, tokens, markets.get(tokens[0][0]))
        for condition, tokens in by_condition.items()
    ]
    return Positions(money=money, markets=sorted(lines, key=lambda line: line.worst_micro))


def _line(
    condition_id: str, rows: Iterable[tuple[str, str, int, int]], market: Market | None
) -> HeldMarket:
    tokens = tuple(
        HeldToken(
            token_id=token_id,
            outcome=outcome_of(market, token_id) or account,
            quantity_micro=quantity,
            cost_micro=cost,
        )
        for token_id, account, quantity, cost in sorted(rows)
    )
    sides = [token.quantity_micro for token in tokens] + [0] * (2 - len(tokens))
    cost_micro = sum(token.cost_micro for token in tokens)
    # A share pays a dollar or nothing: a micro share a micro dollar, whichever way.
    lowest, highest = min(sides), max(sides)
    return HeldMarket(
        condition_id=condition_id,
        question=str(market) if market is not None else UNKNOWN_MARKET,
        number=market.pk if market is not None else None,
        tokens=tokens,
        pairs_micro=lowest,
        open_micro=highest - lowest,
        cost_micro=cost_micro,
        worst_micro=lowest - cost_micro,
        best_micro=highest - cost_micro,
    )
