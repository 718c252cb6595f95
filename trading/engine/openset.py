"""One set that is under way: its legs, its orders, and what it holds. Arithmetic only."""

from dataclasses import dataclass, field

from trading.engine.codes import Account, OrderState, SetState, Side, Strategy, TradeState
from trading.engine.events import TradeUpdate
from trading.engine.orders import OrderRecord
from trading.engine.units import cost_up, proceeds_down
from trading.engine.watch import EventWatch, Watch

# Half-filled, and not given up: what is missing may be bought.
# A fill that fails to settle, or an order that buys nothing, is bought again from here.
_BUYS_AGAIN = {SetState.BOTH_MATCHED, SetState.SETTLING, SetState.COMPLETING}
_WAITS_FOR_LEGS = {SetState.ONE_MATCHED, SetState.SETTLING, SetState.FAILED_LEG}
_SETTLED = {TradeState.CONFIRMED, TradeState.FAILED}
_PENDING = {SetState.INTENT, SetState.SUBMITTED, SetState.UNKNOWN}
_NEVER_MATCHES_MORE = {OrderState.CANCELLED, OrderState.REFUSED}
_MAY_STILL_MATCH = {
    OrderState.INTENT,
    OrderState.SUBMITTED,
    OrderState.RESTING,
    OrderState.UNKNOWN,
}


@dataclass(slots=True, kw_only=True)
class Leg:
    """One token of a set. Held shares are matched ones, less what was sold or failed to settle."""

    token_id: str
    condition_id: str
    outcome: Account  # YES or NO
    planned_micro: int  # cost and fee as planned
    held_micro: int = 0
    cost_micro: int = 0  # of what is held, with fees
    orders: list[OrderRecord] = field(default_factory=list)

    def came(self, trade: TradeUpdate) -> None:
        """Shares came in by a BUY, or back from a SELL that failed to settle."""
        self.held_micro += trade.size_micro
        self.cost_micro += cost_up(trade.price_micro, trade.size_micro) + trade.fee_micro

    @property
    def buying_micro(self) -> int:
        """What the orders of this leg that may still match can cost at most, without fees."""
        return sum(
            buying_micro(order)
            for order in self.orders
            if order.side is Side.BUY and not matching_over(order)
        )

    @property
    def selling_micro(self) -> int:
        """What comes back at most when sales that are not settled yet fail."""
        return sum(
            cost_up(fill.price_micro, fill.size_micro) + fill.fee_micro
            for order in self.orders
            if order.side is Side.SELL
            for fill in order.fills.values()
            if fill.state not in _SETTLED
        )

    def went(self, trade: TradeUpdate) -> None:
        """Shares left by a SELL, or by a BUY that failed to settle, with their part of the cost."""
        self.gone(trade.size_micro)

    def gone(self, size_micro: int) -> None:
        """So many shares left, with their part of the cost."""
        if size_micro >= self.held_micro:
            self.held_micro = self.cost_micro = 0
            return
        self.cost_micro -= self.cost_micro * size_micro // self.held_micro
        self.held_micro -= size_micro


@dataclass(slots=True, kw_only=True)
class OpenSet:
    """One attempt, from the intent until nothing of it is left to do."""

    set_id: str
    place_id: str
    place: Watch | EventWatch | None  # None: restored, and its market is not watched yet
    strategy: Strategy
    payout_micro: int
    expected_net_micro: int
    state: SetState
    legs: list[Leg]
    sequence: int = 0
    deadline_ns: int = 0  # 0: none
    tried: set[SetState] = field(default_factory=set)
    failure_handled: bool = False
    realised_micro: int = 0
    # Live only.
    live: bool = False
    waits_for_books: bool = False  # a rescue is due and no valid book says how
    was_exposed: bool = False  # people were told; it may look for a way out all the same
    retry_ns: int = 0  # when an exposed set looks again
    confirming: bool = False  # what a rescue matched is not confirmed yet, its deadline runs
    redeeming: set[str] = field(default_factory=set)  # conditions whose redemption was asked for
    chain_failures: int = 0  # merges and redemptions that failed, in a row
    receipts: set[str] = field(default_factory=set)  # which are booked already, each once

    @property
    def orders(self) -> list[OrderRecord]:
        """Every order of every leg."""
        return [order for leg in self.legs for order in leg.orders]

    @property
    def whole_micro(self) -> int:
        """How many whole sets are held."""
        return min(leg.held_micro for leg in self.legs)

    @property
    def most_micro(self) -> int:
        """What the fullest leg holds."""
        return max(leg.held_micro for leg in self.legs)

    @property
    def cost_micro(self) -> int:
        """What everything held cost, with fees."""
        return sum(leg.cost_micro for leg in self.legs)

    @property
    def pending(self) -> bool:
        """Whether orders of the entry are still under way."""
        return self.state in _PENDING

    @property
    def exposure_micro(self) -> int:
        """Cost of what is held, and as planned of what may still be bought."""
        if self.pending:
            return sum(max(leg.cost_micro, leg.planned_micro) for leg in self.legs)
        if self.live:
            at_risk_micro = self.cost_micro + sum(
                leg.buying_micro + leg.selling_micro for leg in self.legs
            )
            if self.may_complete:
                # Its missing legs may be bought yet: their room is not for another set.
                payout_micro = proceeds_down(self.payout_micro, self.most_micro)
                return max(at_risk_micro, payout_micro)
            if self.state in _BUYS_AGAIN:
                # What it saved on its plan may be needed yet.
                return max(at_risk_micro, sum(leg.planned_micro for leg in self.legs))
            return at_risk_micro
        return self.cost_micro

    @property
    def may_complete(self) -> bool:
        """Whether legs are missing that may still be bought: also after a sale that failed."""
        waits = self.state in _WAITS_FOR_LEGS and SetState.COMPLETING not in self.tried
        sells = self.state is SetState.UNWINDING
        return (waits or sells) and self.whole_micro < self.most_micro

    @property
    def worst_case_micro(self) -> int:
        """What is lost if every share without its counterpart turns out worthless."""
        return max(0, self.cost_micro - proceeds_down(self.payout_micro, self.whole_micro))

    def matching_over(self) -> bool:
        """Whether every order has ended its matching and every fill of it is known."""
        return all(matching_over(order) for order in self.orders)

    def outcome_unknown(self) -> bool:
        """Whether the outcome of any order is not known."""
        return any(order.state is OrderState.UNKNOWN for order in self.orders)

    def settled(self) -> bool:
        """Whether every fill has been confirmed or has failed."""
        return all(order.pending_micro == 0 for order in self.orders)

    def failed_any(self) -> bool:
        """Whether a fill failed to settle."""
        return any(
            fill.state is TradeState.FAILED
            for order in self.orders
            for fill in order.fills.values()
        )


def matching_over(order: OrderRecord) -> bool:
    """Say whether an order has ended its matching and every fill of it is known."""
    if order.state in _NEVER_MATCHES_MORE:
        return True
    if order.state in _MAY_STILL_MATCH:
        return False
    filled_micro = sum(fill.size_micro for fill in order.fills.values())
    ended = order.closed or order.matched_micro >= order.size_micro
    return ended and filled_micro >= order.matched_micro


def buying_micro(order: OrderRecord) -> int:
    """Return what a BUY can still cost at most, without fees."""
    spent_micro = sum(cost_up(fill.price_micro, fill.size_micro) for fill in order.fills.values())
    return max(0, cost_up(order.limit_micro, order.size_micro) - spent_micro)


def outcome_of(strategy: Strategy, index: int) -> Account:
    """Return the ledger account of a leg: pairs hold YES then NO, neg-risk sets one kind."""
    if strategy is Strategy.PAIR:
        return Account.NO if index else Account.YES
    return Account.NO if strategy is Strategy.NEG_RISK_NO else Account.YES
