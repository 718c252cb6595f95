"""What the engine asks for. The engine never waits for an answer: answers come back as events."""

from dataclasses import dataclass
from typing import TypeAlias

from trading.engine.codes import Side
from trading.engine.facts import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """One order to send: `size_micro` shares at `limit_micro` or better, now or never.

    `all_or_nothing` is the venue's FOK; without it (FAK) what can be had is taken and the rest
    dies.

    `order_id` is ours, made from the set's id; the venue's hash is computed by whoever signs and
    comes back with OrderAck.
    """

    order_id: str
    set_id: str
    condition_id: str
    token_id: str
    side: Side
    limit_micro: int
    size_micro: int
    purpose: str  # ENTRY, COMPLETE or UNWIND
    all_or_nothing: bool
    # What an order on the wire depends on besides: 0 when the market is not watched.
    tick_micro: int = 0
    neg_risk: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrders:
    """Send these orders in one batch. The intent has to be durable before the first byte leaves."""

    set_id: str
    orders: tuple[OrderPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderToResolve:
    """An order of an earlier session whose outcome, or whose settlement, is not known to the end.

    `matched_micro` is what was known of it by then.
    """

    order_id: str
    order_hash: str
    condition_id: str
    token_id: str
    side: Side
    limit_micro: int
    size_micro: int
    matched_micro: int
    purpose: str  # ENTRY, COMPLETE or UNWIND


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveOrders:
    """Look these orders up by their hashes, and go on telling of their settlement.

    The answers are OrderAck, OrderClosed and TradeUpdate. Nothing is ever sent again.
    """

    orders: tuple[OrderToResolve, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrders:
    """Cancel these orders."""

    order_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll:
    """Cancel every open order of the account."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSet:
    """Merge `size_micro` YES and NO of a condition back into collateral."""

    set_id: str
    condition_id: str
    size_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertSet:
    """Convert one NO of every outcome of a neg-risk event into outcomes minus one dollars."""

    set_id: str
    neg_risk_event_id: str
    condition_ids: tuple[str, ...]
    size_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveMerge:
    """Find out what became of a merge or conversion that an earlier session asked for.

    Answered by a ChainReceipt: ok when it happened; not ok, without gas, when it surely did not and
    will not. `condition_id` is the neg-risk event's id for a conversion.
    """

    set_id: str
    condition_id: str
    size_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemSet:
    """Redeem these shares of a resolved condition, worthless ones too.

    Answered by a ChainReceipt of kind REDEEM. Asked anew after a restart: what was redeemed already
    was paid then, and a second transaction takes nothing.
    """

    set_id: str
    condition_id: str
    token_ids: tuple[str, ...]
    shares_micro: tuple[int, ...]
    won_micro: int  # those of the outcome that won: a dollar each, the others nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSnapshot:
    """Read the books of these tokens anew; the answer is a BookSnapshot for each."""

    condition_id: str
    token_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFact:
    """Keep this fact."""

    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    """Tell people. Never the only guard: what must stop has already stopped."""

    rule: str
    level: str
    text: str
    condition_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTrading:
    """The engine has halted itself; the mandate has to be made to say so."""

    code: str
    reason: str


Command: TypeAlias = (
    PlaceOrders
    | ResolveOrders
    | CancelOrders
    | CancelAll
    | MergeSet
    | ConvertSet
    | ResolveMerge
    | RedeemSet
    | RequestSnapshot
    | RecordFact
    | RaiseAlert
    | StopTrading
)
