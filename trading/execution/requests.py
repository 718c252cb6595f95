"""What the desk asks of the world, and what the world answers. Frozen values.

A request is carried out by whoever has sockets (the runtime) or a virtual venue (the simulation);
the answer comes back to the desk. Every request has exactly one answer, also when it failed; only a
process that dies leaves one open, and then recovery asks anew.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from trading.engine.codes import Side, VenueMode
from trading.execution.messages import (
    CancelResult,
    OpenOrder,
    PlacedLeg,
    VenueTrade,
)


class FailureKind(StrEnum):
    """What a failed call leaves behind."""

    NOT_SENT = "NOT_SENT"  # surely nothing arrived
    REFUSED = "REFUSED"  # a definite answer: nothing was done
    UNKNOWN = "UNKNOWN"  # it may have been done


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed:
    """A call that brought no result. The text names no secret and is short enough for a row."""

    kind: FailureKind
    text: str
    status: int = 0  # of HTTP, 0 without one
    code: str = ""
    retry_after_ms: int = 0
    venue_mode: VenueMode | None = None  # when the answer tells one
    heartbeat_id: str = ""  # the one that the venue expects, in its refusal of a heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingOrder:
    """One order ready to be signed. `payload` is the unsigned order, opaque to the desk."""

    order_id: str
    order_hash: str
    token_id: str
    side: Side
    notional_micro: int  # dollars of a BUY at its limit, 0 for a SELL
    payload: Any


# Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBatch:
    """Keep the hashes, then sign, then post the orders in one batch: in this order.

    Nothing may leave before the OrderPrepared events of all orders are committed to the database.
    `entry` orders open a set and must not leave after a halt; others end one and may.
    """

    batch: int
    entry: bool
    orders: tuple[OutgoingOrder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask for orders by hash (those still open), and for all trades since a second of UTC."""

    look: int
    order_hashes: tuple[str, ...]
    after_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelByHash:
    """Cancel these orders."""

    order_hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEverything:
    """Cancel all orders of the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendHeartbeat:
    """Prove to the venue that we live; empty for the first one."""

    heartbeat_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendExit:
    """Merge sets of a condition, convert a neg-risk event, or redeem what a resolved one left.

    `shares_micro` holds the size by token: equal for a merge or conversion. Of a redemption
    `size_micro` is what won.
    """

    set_id: str
    kind: str  # MERGE, CONVERT or REDEEM
    condition_ids: tuple[str, ...]
    shares_micro: tuple[tuple[str, int], ...]
    size_micro: int
    neg_risk: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindExit:
    """Find out whether an exit happened: by its reference, or by what the chain holds now."""

    exit: SendExit
    reference: str  # empty: nobody knows whether it was handed over


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshBalances:
    """Let the venue read collateral and these tokens from the chain, then say what it sees."""

    token_ids: tuple[str, ...]


Request: TypeAlias = (
    SendBatch
    | LookUp
    | CancelByHash
    | CancelEverything
    | SendHeartbeat
    | SendExit
    | FindExit
    | RefreshBalances
)

# Answers


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswered:
    """The venue answered each order of a batch, in their order."""

    batch: int
    legs: tuple[PlacedLeg, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFailed:
    """A batch got no answer of its own. `local` says that it never left us, and why."""

    batch: int
    failure: CallFailed
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """All that the venue says: open orders by hash, None for those that it does not have."""

    look: int
    orders: tuple[tuple[str, OpenOrder | None], ...]
    trades: tuple[VenueTrade, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookFailed:
    """A look-up could not be completed: nothing is known from it."""

    look: int
    failure: CallFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The answer to CancelByHash or, with `everything`, to CancelEverything."""

    everything: bool
    result: CancelResult | CallFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatAnswered:
    """The next heartbeat's id, or why this one was not taken."""

    result: str | CallFailed


class ExitState(StrEnum):
    """How far an exit is."""

    HANDED_OVER = "HANDED_OVER"  # it may still happen
    DONE = "DONE"
    NOT_DONE = "NOT_DONE"  # surely not, and it will not
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitAnswered:
    """News of an exit. `gas_micro` is what it cost us in micro dollars, nothing when gasless."""

    set_id: str
    state: ExitState
    condition_id: str = ""  # needed where a set redeems more than one condition
    reference: str = ""
    proceeds_micro: int | None = None  # None: what it must have brought
    gas_micro: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceAnswered:
    """What the venue lets us spend, or why it did not say."""

    result: int | CallFailed


Answer: TypeAlias = (
    BatchAnswered
    | BatchFailed
    | LookedUp
    | LookFailed
    | Cancelled
    | HeartbeatAnswered
    | ExitAnswered
    | BalanceAnswered
)
