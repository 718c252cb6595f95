"""One set that is under way: its legs, its orders, and what it holds. Arithmetic only."""

from dataclasses import dataclass, field

from trading.engine.codes import Account, OrderState, SetState, Strategy, TradeState
from trading.engine.events import TradeUpdate
from trading.engine.orders import OrderRecord
from trading.engine.units import cost_up, proceeds_down
from trading.engine.watch import EventWatch, Watch

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

    def went(self, trade: TradeUpdate) -> None:
        """Shares left by a SELL, or by a BUY that failed to settle, with their part of the cost."""
        if trade.size_micro >= self.held_micro:
            self.held_micro = self.cost_micro = 0
            return
        self.cost_micro -= self.cost_micro * trade.size_micro // self.held_micro
        self.held_micro -= trade.size_micro


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
        return self.cost_micro

    @property
    def worst_case_micro(self) -> int:
        """What is lost if every share without its counterpart turns out worthless."""
        return max(0, self.cost_micro - proceeds_down(self.payout_micro, self.whole_micro))

    def matching_over(self) -> bool:
        """Whether every order has ended its matching and every fill of it is known."""
        return all(_matching_over(order) for order in self.orders)

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


def _matching_over(order: OrderRecord) -> bool:
    if order.state in _NEVER_MATCHES_MORE:
        return True
    if order.state in _MAY_STILL_MATCH:
        return False
    filled_micro = sum(fill.size_micro for fill in order.fills.values())
    ended = order.closed or order.matched_micro >= order.size_micro
    return ended and filled_micro >= order.matched_micro


def outcome_of(strategy: Strategy, index: int) -> Account:
    """Return the ledger account of a leg: pairs hold YES then NO, neg-risk sets one kind."""
    if strategy is Strategy.PAIR:
        return Account.NO if index else Account.YES
    return Account.NO if strategy is Strategy.NEG_RISK_NO else Account.YES
