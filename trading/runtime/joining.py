"""Makes the live side of a session: the desk over the engine's own view of markets and holdings."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from django.db import DatabaseError, InterfaceError

from polyarb_site.clock import Clock
from trading.engine.core import Engine
from trading.engine.market import MarketSpec
from trading.engine.watch import Watch
from trading.execution.batches import SpecOf
from trading.execution.desk import LiveDesk
from trading.journal import JournalWriter
from trading.ledger import FactWriter, Leftovers
from trading.reconciling.gather import TROUBLE, reconcile
from trading.reconciling.verdicts import Verdict
from trading.reconciling.views import EXACT, Dust
from trading.runtime.live import LiveSide
from trading.runtime.measures import ShiftTime
from trading.runtime.parts import Lease
from trading.runtime.permission import MandatePermission
from trading.runtime.ports import LivePorts, Reconcile, Reconciling
from trading.runtime.times import ShiftTimes

# Makes the world of one account's real orders, for the feed that its mandate names.
LivePortsFactory: TypeAlias = Callable[[str, str], LivePorts]

SPECS_MAX = 10_000  # of markets that were asked for; the one asked for longest ago goes first


def live_side(
    engine: Engine,
    ports: LivePorts,
    *,
    journal: JournalWriter,
    ledger: FactWriter,
    lease: Lease,
    clock: Clock,
    time: ShiftTime,
    left: Leftovers,
    compare: Reconcile,
    times: ShiftTimes,
) -> LiveSide:
    """Return the live side of an engine."""

    def held_of(token_id: str) -> int:
        position = engine.treasury.books.position(token_id)
        return position.quantity_micro if position is not None else 0

    return LiveSide(
        desk=LiveDesk(
            prepare=ports.prepare,
            spec_of=remembering(engine.board.watches, left.specs),
            settings=times.desk,
            exit_references=left.exit_references,
        ),
        ports=ports,
        journal=journal,
        ledger=ledger,
        lease=lease,
        permission=MandatePermission(lease.account),
        clock=clock,
        now_ns=time.now_ns,
        held_of=held_of,
        reconciling=Reconciling(compare, every_ms=times.reconcile_ms),
    )


def remembering(watches: Mapping[str, Watch], left: Mapping[str, MarketSpec]) -> SpecOf:
    """Return what knows the parameters of a market, also when the board has forgotten it.

    A market that is over is forgotten there, but late fills and redemptions still need it. Whoever
    trades in a market has asked for it before; `left` are those of an earlier session.
    """
    known: dict[str, MarketSpec] = {}

    def spec_of(condition_id: str) -> MarketSpec | None:
        watch = watches.get(condition_id)
        if watch is None:
            return known.get(condition_id) or left.get(condition_id)
        known.pop(condition_id, None)
        known[condition_id] = watch.spec
        if len(known) > SPECS_MAX:
            del known[next(iter(known))]
        return watch.spec

    return spec_of


def comparing(
    account: str, session_key: str, ports: LivePorts, clock: Clock, *, exact: bool
) -> Reconcile:
    """Return what compares an account's ledger with venue and chain, and keeps each run.

    `exact` takes the smallest difference for one; otherwise dust is none.
    """

    async def compare(at_start: bool) -> str:
        try:
            result = await reconcile(
                account,
                ports.venue_reads(),
                ports.chain_reads(),
                at_start=at_start,
                clock=clock,
                session_key=session_key,
                dust=EXACT if exact else Dust(),
                trouble=(*TROUBLE, *ports.trouble),
            )
        except (DatabaseError, InterfaceError) as error:
            return f"the database did not answer: {error}"[:200]
        if result.verdict is Verdict.MATCH:
            return ""
        first = result.differences[0].text if result.differences else "nothing was said"
        return f"{result.verdict}: {first}"[:200]

    return compare
