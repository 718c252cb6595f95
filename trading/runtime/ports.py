"""What the live side of a session needs of the world and of its loop."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from trading.engine.commands import OrderPlan
from trading.engine.events import Event, OrderRefused
from trading.engine.market import MarketSpec
from trading.execution.messages import OrderNews, PlacedLeg, VenueTrade
from trading.execution.requests import (
    CallFailed,
    CancelByHash,
    CancelEverything,
    Cancelled,
    ExitAnswered,
    FindExit,
    LookedUp,
    LookUp,
    OutgoingOrder,
    SendExit,
)
from trading.reconciling.gather import ChainReads, VenueReads

# Told set, condition and reference of an exit before it is sent; returns once that is kept.
HandedOver: TypeAlias = Callable[[str, str, str], Awaitable[None]]


class UserSink(Protocol):
    """Who listens to the user channel. Called in the event loop; none of these may block."""

    def on_connected(self) -> None:
        """The channel is open and the login was sent."""

    def on_order(self, news: OrderNews) -> None:
        """Take news of an order."""

    def on_trade(self, trade: VenueTrade) -> None:
        """Take news of a trade."""

    def on_unreadable(self, text: str) -> None:
        """A message could not be read: something may have been missed."""

    def on_lost(self, reason: str) -> None:
        """The channel tells nothing any more."""


class LivePorts(Protocol):
    """The world as the live side sees it. Failures are values; a bug raises."""

    trouble: tuple[type[Exception], ...]  # how the reads of a reconciliation fail

    @property
    def logged_out(self) -> str:
        """Why the venue takes nothing from us any more until `open` is well, else empty."""
        ...

    def prepare(
        self, plan: OrderPlan, spec: MarketSpec, now_ms: int
    ) -> OutgoingOrder | OrderRefused:
        """Make an order ready to be signed, with its hash, or say why it cannot be."""

    async def open(self) -> CallFailed | None:
        """Reach the signer and log in at the venue; None when orders can be sent."""

    async def follow(self, sink: UserSink) -> None:
        """Follow the user channel until cancelled, with reconnects."""

    async def sign(self, orders: tuple[OutgoingOrder, ...]) -> tuple[str, ...] | CallFailed:
        """Return a signature for each order."""

    async def post(
        self,
        orders: tuple[OutgoingOrder, ...],
        signatures: tuple[str, ...],
        gate: Callable[[], str],
    ) -> tuple[PlacedLeg, ...] | CallFailed:
        """Post the orders in one batch.

        `gate` is asked when the first byte is about to leave, after everything that has to be
        waited for, and returns why it must not, empty when it may.
        """

    async def look_up(self, request: LookUp) -> LookedUp | CallFailed:
        """Read open orders and trades, completely or not at all."""

    async def cancel(self, request: CancelByHash | CancelEverything) -> Cancelled:
        """Cancel orders."""

    async def beat(self, heartbeat_id: str) -> str | CallFailed:
        """Send a heartbeat and return the id of the next one."""

    async def exit(self, request: SendExit) -> ExitAnswered:
        """Merge, convert or redeem, and wait as long as it makes sense."""

    async def find_exit(self, request: FindExit, held: dict[str, int]) -> ExitAnswered:
        """Find out what became of an exit; `held` is what the ledger has of each token."""

    async def refresh(self, token_ids: tuple[str, ...]) -> int | CallFailed:
        """Let the venue read balances anew; return the collateral that it lets us spend."""

    def tell(self, handed_over: HandedOver) -> None:
        """Set whom to tell the reference of an exit before anything of it is sent."""

    def venue_reads(self) -> VenueReads:
        """Return what reconciliation asks of the venue. Only once it is open."""

    def chain_reads(self) -> ChainReads | None:
        """Return what reconciliation asks of the chain, None where the venue has none."""

    def figures(self) -> dict[str, Any]:
        """Return how what is asked is doing, as plain data; empty before it is open."""

    async def close(self) -> None:
        """Close every connection."""


# Compares ledger, venue and chain and keeps the run; returns why nobody may trade, empty when all
# of them agree. The argument says whether it is the first time of a session.
Reconcile: TypeAlias = Callable[[bool], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Reconciling:
    """What compares the books with venue and chain, and how often."""

    compare: Reconcile
    every_ms: int


class LoopSide(Protocol):
    """What the live side needs of the session's loop."""

    @property
    def halt_code(self) -> str:
        """Why trading is halted, empty when it is not."""
        ...

    @property
    def may_trade(self) -> bool:
        """Whether new sets may be opened."""
        ...

    @property
    def mandate_revision(self) -> int:
        """Which revision of the mandate the engine runs under."""
        ...

    def on_event(self, event: Event) -> None:
        """Take an event."""
        ...

    def fail(self, error: Exception) -> None:
        """End the session for what was raised."""
        ...
