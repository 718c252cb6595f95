"""Ledger == venue == chain, looked at as trading/reconciling/gather.py does: parts one by one.

What does not agree is looked at again; only what stays is a mismatch. Unless somebody is known to
lie, a mismatch is a violation: nothing may ever be unexplained.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from trading.engine.codes import Refusal
from trading.execution.messages import OpenOrder, VenueTrade
from trading.execution.requests import CallFailed
from trading.reconciling.compare import compare
from trading.reconciling.verdicts import (
    UNKNOWNS,
    WARNINGS,
    Code,
    Difference,
    Reconciliation,
    Verdict,
    lasting,
)
from trading.reconciling.views import EXACT, ChainView, Unread, VenueView
from trading.simulation.clockwork import MS_NS, SECOND_NS
from trading.simulation.invariants import Violation
from trading.simulation.scenario import START_MS
from trading.simulation.venue import OWNER
from trading.simulator.codes import COLLATERAL

if TYPE_CHECKING:
    from trading.simulation.process import Process
    from trading.simulation.world import World

LOOKS_MAX = 3
AGAIN_NS = 2 * SECOND_NS
EVERY_NS = 20 * SECOND_NS
AFTER_PROBLEM_NS = 5 * SECOND_NS
LOOKED_NS_MAX = 45 * SECOND_NS
UNKNOWN_MAX = 3  # runs in a row that were not complete: what is not known for long counts as wrong
TURN_NS = 500 * MS_NS

# What differs may be what was just written.
MOVED = Difference(
    code=Code.LEDGER_MOVED,
    subject="the ledger",
    text="the ledger was written to while the others were read, and they did not agree",
)


class Reconciler:
    """The comparisons of one process."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._world = process.world
        self._waited_ns = 0
        self._lied = False
        self._unknown = 0  # runs in a row that were not complete
        self._before: Reconciliation

    def start(self) -> None:
        """Wait until the ledger is open, and what an earlier session left was looked for."""
        process = self._process
        followed = process.desk.tracking.followed()
        unseen = any(one.unknown and not one.absent_reads for one in followed)
        if process.opening_wanted or (unseen and self._waited_ns < LOOKED_NS_MAX):
            self._waited_ns += TURN_NS
            process.later(TURN_NS, self.start)
            return
        self._begin()

    def _begin(self) -> None:
        """Look when everything heard so far is written down: else it would be missing."""

        def kept(ok: bool) -> None:
            if ok:
                self._look(1)
                return
            problem = "what was heard could not be written down in time"
            self._process.emit(self._process.desk.cause(Refusal.NOT_RECONCILED, problem))
            self._process.later(AFTER_PROBLEM_NS, self._begin)

        self._process.durable.keep(kept)

    def _look(self, number: int) -> None:
        """Read orders and trades, then the chain, then the venue's balances; the ledger last."""
        process, world = self._process, self._world
        read: dict[str, object] = {"mark": world.ledger.mark}
        self._lied = world.faults.lies() or (number > 1 and self._lied)

        def venue_read() -> object:
            orders = world.venue.open_orders()
            return orders, world.venue.trades(START_MS // 1_000)

        def then_chain(said: object) -> None:
            read["venue"] = said
            process.call("balances", lambda: world.faults.balances(held_by_chain(world)), then_view)

        def then_view(said: object) -> None:
            read["chain"] = said
            process.call("view", lambda: dict(world.venue.account.view), then_ledger)

        def then_ledger(said: object) -> None:
            read["view"] = said
            self._judge(number, read)

        process.call("orders", venue_read, then_chain)

    def _judge(self, number: int, read: dict[str, object]) -> None:
        process, world = self._process, self._world
        looked = compare_all(world, read)
        if looked.verdict is Verdict.MISMATCH and read["mark"] != world.ledger.mark:
            looked = replace(looked, verdict=Verdict.INCOMPLETE, differences=(MOVED,))
        result = lasting(self._before, looked) if number > 1 else looked
        self._before = looked
        self._lied = self._lied or world.faults.lies()
        world.log.add("reconciled", f"{result.verdict} {_first(result)}")
        if result.verdict is not Verdict.MATCH and number < LOOKS_MAX:
            process.later(AGAIN_NS, lambda: self._look(number + 1))
            return
        if result.verdict is Verdict.MISMATCH and not self._lied:
            raise Violation(f"unexplained: {_first(result)}")
        self._unknown = self._unknown + 1 if result.verdict is Verdict.INCOMPLETE else 0
        if result.verdict is Verdict.MISMATCH or self._unknown == UNKNOWN_MAX:
            world.halt("RECONCILIATION", _first(result))
        problem = "" if result.verdict is Verdict.MATCH else f"{result.verdict}: {_first(result)}"
        process.emit(process.desk.cause(Refusal.NOT_RECONCILED, problem[:200]))
        again_ns = AFTER_PROBLEM_NS if problem else EVERY_NS
        process.later(again_ns, self._begin)


def held_by_chain(world: "World") -> dict[str, int]:
    """Return all that the chain says of our wallet, by asset."""
    return {
        COLLATERAL: world.venue.account.chain[COLLATERAL],
        **world.venue.held(tuple(world.venue.fees)),
    }


def compare_all(world: "World", read: dict[str, object]) -> Reconciliation:
    """Compare what was read with the ledger as it is now; a part that failed is not there."""
    venue, held, view = read["venue"], read["chain"], read["view"]
    orders: tuple[OpenOrder, ...] | Unread = _unread(venue)
    trades: tuple[VenueTrade, ...] | Unread = _unread(venue)
    if not isinstance(venue, CallFailed):
        orders, trades = cast(tuple[tuple[OpenOrder, ...], tuple[VenueTrade, ...]], venue)
    chain: ChainView | Unread = _unread(held)
    if isinstance(held, dict):
        shares = {token: amount for token, amount in held.items() if token != COLLATERAL}
        chain = ChainView(block_number=1, pusd_micro=held[COLLATERAL], shares=shares)
    seen: dict[str, int] | Unread = view if isinstance(view, dict) else _unread(view)
    listed = frozenset(() if isinstance(orders, Unread) else (one.order_hash for one in orders))
    return compare(
        world.ledger.view(world.venue.fees, listed),
        VenueView(
            orders=orders,
            trades=trades,
            trades_since_s=START_MS // 1_000,
            cash_micro=seen if isinstance(seen, Unread) else seen.get(COLLATERAL, 0),
            shares=seen
            if isinstance(seen, Unread)
            else {token: seen.get(token, 0) for token in world.venue.fees},
        ),
        chain,
        EXACT,
    )


def read_all(world: "World") -> dict[str, object]:
    """Return what all of them say at this very instant."""
    for asset in (COLLATERAL, *world.venue.fees):
        world.chain.refresh(OWNER, asset)
    venue = world.venue
    return {
        "venue": (venue.open_orders(), venue.trades(START_MS // 1_000)),
        "chain": held_by_chain(world),
        "view": dict(venue.account.view),
    }


def _unread(said: object) -> Unread:
    return Unread(reason=said.text if isinstance(said, CallFailed) else "nothing was said")


def _first(result: Reconciliation) -> str:
    """Return the gravest difference."""
    grave = [one for one in result.differences if one.code not in UNKNOWNS | WARNINGS]
    return next((f"{one.code} {one.text}" for one in (*grave, *result.differences)), "")
