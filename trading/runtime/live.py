"""The live side of a session: carries out what the desk asks for, and tells it what came of it.

The desk (trading/execution) decides; here requests become tasks on the loop, so that nothing waits
for anything else, and answers go back in the order in which they come. An order leaves only when
its hash is on the disk and in the database, this process surely still has the lease, and nothing
has halted meanwhile.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from polyarb_site.clock import Clock
from trading.engine.codes import Refusal
from trading.engine.commands import Command
from trading.engine.events import CapitalChanged
from trading.execution.desk import LiveDesk, Output
from trading.execution.messages import OrderNews, VenueTrade
from trading.execution.requests import (
    Answer,
    BalanceAnswered,
    BatchAnswered,
    BatchFailed,
    CallFailed,
    CancelByHash,
    CancelEverything,
    Cancelled,
    ExitAnswered,
    ExitState,
    FindExit,
    HeartbeatAnswered,
    LookFailed,
    LookUp,
    RefreshBalances,
    Request,
    SendBatch,
    SendExit,
    SendHeartbeat,
)
from trading.journal import JournalWriter
from trading.ledger import FactWriter
from trading.runtime.measures import Histogram
from trading.runtime.outcomes import cause_of, local, not_done, refused
from trading.runtime.parts import Lease
from trading.runtime.permission import Permission
from trading.runtime.ports import LivePorts, LoopSide, Reconciling

logger = logging.getLogger(__name__)

MS_NS = 1_000_000
DURABLE_MS_MAX = 5_000
DURABLE_TURN_S = 0.001
OPEN_AGAIN_S = 1.0
SIGNER_EVERY_S = 1.0
LOOKED_S_MAX = 45.0
LOOKED_TURN_S = 0.1
RECONCILE_AGAIN_S = 5.0


class NotKeptError(Exception):
    """Disk or database did not answer in time: what was about to be sent must stay."""


class LiveSide:
    """One session's desk with its tasks. Made before the loop runs; `attach` joins them."""

    def __init__(
        self,
        *,
        desk: LiveDesk,
        ports: LivePorts,
        journal: JournalWriter,
        ledger: FactWriter,
        lease: Lease,
        permission: Permission,
        clock: Clock,
        now_ns: Callable[[], int],
        held_of: Callable[[str], int],
        reconciling: Reconciling,
    ) -> None:
        self.desk = desk
        self.ports = ports
        # From PlaceOrders to the first byte of the batch: of a second, of the session.
        self.sent_latency = Histogram()
        self.session_latency = Histogram()
        self.entry_sent_ns: int | None = None  # when the newest batch left that opens a set
        self._journal = journal
        self._ledger = ledger
        self._lease = lease
        self._permission = permission
        self._clock = clock
        self._now_ns = now_ns
        self._held_of = held_of
        self._reconcile = reconciling.compare
        self._reconcile_every_s = reconciling.every_ms / 1_000
        self._loop: LoopSide | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._outputs: deque[Output] = deque()
        self._draining = False
        self._opening_wanted = False
        self._opened = asyncio.Event()
        ports.tell(self.handed_over)

    def attach(self, loop: LoopSide, *, opening_wanted: bool) -> None:
        """Join the loop. An empty ledger is opened with what the wallet holds."""
        self._loop = loop
        self._opening_wanted = opening_wanted

    # Called by the loop

    def carry_out(self, command: Command, now_ns: int) -> None:
        """Carry out a command of the engine."""
        self._emit(self.desk.carry_out(command, now_ns))

    def tick(self, now_ns: int) -> None:
        """Let time pass."""
        self._emit(self.desk.tick(now_ns))

    def figures(self) -> dict[str, Any]:
        """Return what was measured since the last call, and what stands against new orders."""
        latency, self.sent_latency = self.sent_latency, Histogram()
        problem, text = self.desk.access.standing
        return {
            "order_sent_p50_us": latency.percentile_us(50),
            "order_sent_p99_us": latency.percentile_us(99),
            "order_sent_session_p50_us": self.session_latency.percentile_us(50),
            "order_sent_session_p99_us": self.session_latency.percentile_us(99),
            "batches_sent": self.session_latency.count,
            "entry_sent_ns": self.entry_sent_ns,
            "orders_followed": len(self.desk.tracking.open_orders()),
            "access_problem": problem,
            "access_text": text[:200],
            **self.ports.figures(),
        }

    async def run(self) -> None:
        """Open the world and follow the user channel, until cancelled."""
        while True:
            failure = await self.ports.open()
            if failure is None:
                break
            cause = cause_of(failure)
            self._emit(self.desk.cause(cause, failure.text))
            await asyncio.sleep(OPEN_AGAIN_S)
        self._emit(self.desk.cause(Refusal.SIGNER_DOWN, ""))
        self._opened.set()
        self._start(self._watch_signer())
        self._start(self._reconciling())
        await self.ports.follow(self)

    async def close(self) -> None:
        """End every task; what they were about is found out by the next session."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._permission.close()
        await self.ports.close()

    async def handed_over(self, set_id: str, condition_id: str, reference: str) -> None:
        """An exit is about to leave under a reference. Raises NotKeptError unless that is kept."""
        answer = ExitAnswered(
            set_id=set_id,
            state=ExitState.HANDED_OVER,
            condition_id=condition_id,
            reference=reference,
        )
        self._emit(self.desk.take(answer, self._now_ns()))
        if not await self._keep(self._journal.next_sequence - 1):
            raise NotKeptError("the reference of an exit could not be kept in time")

    # The user channel

    def on_connected(self) -> None:
        """The user channel is up: what it missed is looked up first."""
        self._emit(self.desk.user_channel(connected=True, text="", now_ns=self._now_ns()))

    def on_order(self, news: OrderNews) -> None:
        """Hear of an order."""
        self._emit(self.desk.on_order_news(news, self._now_ns()))

    def on_trade(self, trade: VenueTrade) -> None:
        """Hear of a trade."""
        self._emit(self.desk.on_trade(trade, self._now_ns()))

    def on_unreadable(self, text: str) -> None:
        """Something was said and not understood: look it up as after a reconnect."""
        logger.warning("the user channel said something unreadable: %s", text)
        now_ns = self._now_ns()
        self._emit(self.desk.user_channel(connected=False, text=text, now_ns=now_ns))
        self._emit(self.desk.user_channel(connected=True, text="", now_ns=now_ns))

    def on_lost(self, reason: str) -> None:
        """The user channel is down."""
        self._emit(self.desk.user_channel(connected=False, text=reason, now_ns=self._now_ns()))

    # Outputs

    def _emit(self, outputs: list[Output]) -> None:
        """Tell the engine events and start requests, in order, one after the other."""
        self._outputs.extend(outputs)
        if self._draining or self._loop is None:
            return  # whoever drains goes on with these
        self._draining = True
        try:
            while self._outputs:
                output = self._outputs.popleft()
                if isinstance(output, Request):
                    self._start(self._carry(output))
                else:
                    self._loop.on_event(output)
        finally:
            self._draining = False

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or self._loop is None:
            return
        if isinstance(error := task.exception(), Exception):
            self._loop.fail(error)

    async def _carry(self, request: Request) -> None:
        """Carry out one request and give the desk its answer, once the world is open."""
        await self._opened.wait()  # what an earlier session left open is asked for before that
        answer = await self._answer(request)
        if isinstance(answer, BatchFailed | Cancelled | LookFailed):
            logger.info("%s: %s", type(request).__name__, answer)
        self._emit(self.desk.take(answer, self._now_ns()))
        self._look_for_the_login()

    def _look_for_the_login(self) -> None:
        """Without a login nothing is heard either; following anew ends it."""
        if text := self.ports.logged_out:
            self.on_lost(text)

    async def _answer(self, request: Request) -> Answer:
        match request:
            case SendBatch():
                return await self._send(request)
            case LookUp():
                found = await self.ports.look_up(request)
                if isinstance(found, CallFailed):
                    return LookFailed(look=request.look, failure=found)
                return found
            case CancelByHash() | CancelEverything():
                return await self.ports.cancel(request)
            case SendHeartbeat():
                return HeartbeatAnswered(result=await self.ports.beat(request.heartbeat_id))
            case SendExit():
                # MERGING has to be durable, or the next session asks for the same merge again.
                kept = await self._keep(self._journal.next_sequence - 1)
                if not kept or not self._lease.may_work():
                    return not_done(request, "it could not be kept, or the lease is gone")
                try:
                    return await self.ports.exit(request)
                except NotKeptError as error:
                    return not_done(request, str(error))
            case FindExit():
                held = {one: self._held_of(one) for one, _ in request.exit.shares_micro}
                return await self.ports.find_exit(request, held)
            case RefreshBalances():
                result = await self.ports.refresh(request.token_ids)
                self._open_ledger(result)
                return BalanceAnswered(result=result)

    def _open_ledger(self, result: int | CallFailed) -> None:
        """The first balance that is ever seen is the capital of a new ledger."""
        if self._opening_wanted and isinstance(result, int):
            self._opening_wanted = False
            self._emit([CapitalChanged(amount_micro=result, reference="opening")])

    async def _send(self, batch: SendBatch) -> BatchAnswered | BatchFailed:
        """Keep the hashes, sign and ask the mandate, side by side; then look once more, and post.

        The last look is the gate's: a place within the limits, or a connection, may be seconds away
        when the batch is handed over, and nothing may leave after a halt in between.
        """
        began_ns = self._clock.monotonic_ns()
        durable = asyncio.create_task(self._keep(self._journal.next_sequence - 1))
        permitted = asyncio.create_task(self._permitted(batch))
        try:
            signatures = await self.ports.sign(batch.orders)
            kept = await durable
            forbidden = await permitted
        finally:
            durable.cancel()
            permitted.cancel()
        if isinstance(signatures, CallFailed):
            if signatures.code == Refusal.SIGNER_DOWN:
                self._emit(self.desk.cause(Refusal.SIGNER_DOWN, signatures.text))
            return local(batch, signatures)
        if not kept:
            return local(batch, refused("NOT_DURABLE", "its hash could not be kept in time"))
        if why := forbidden or self._why_not(batch):
            return local(batch, refused("HALTED", why))
        stays = ""

        def gate() -> str:
            nonlocal stays
            stays = self._why_not(batch)
            if not stays:
                self._leaves(batch, began_ns)
            return stays

        result = await self.ports.post(batch.orders, signatures, gate)
        if stays:
            return local(batch, refused("HALTED", stays))
        if isinstance(result, CallFailed):
            return BatchFailed(batch=batch.batch, failure=result)
        return BatchAnswered(batch=batch.batch, legs=result)

    async def _permitted(self, batch: SendBatch) -> str:
        """Return why the mandate, as it is in the database now, forbids what opens a set."""
        if not batch.entry or self._loop is None:
            return ""
        return await self._permission.why_not(self._loop.mandate_revision)

    def _leaves(self, batch: SendBatch, began_ns: int) -> None:
        took_ns = self._clock.monotonic_ns() - began_ns
        self.sent_latency.add(took_ns)
        self.session_latency.add(took_ns)
        if batch.entry:
            self.entry_sent_ns = self._now_ns()

    def _why_not(self, batch: SendBatch) -> str:
        """Return why nothing may leave any more; asked in the same step in which it leaves."""
        if not self._lease.may_work():
            return "the lease could not be renewed in time"
        if batch.entry and self._loop is not None:
            if self._loop.halt_code:
                return f"halted meanwhile: {self._loop.halt_code}"
            if not self._loop.may_trade:
                return "the mandate does not allow trading any more"
        return ""

    async def _keep(self, sequence: int) -> bool:
        """Wait until everything up to a journal record is on the disk and in the database."""
        until_ns = self._clock.monotonic_ns() + DURABLE_MS_MAX * MS_NS
        self._journal.hurry()
        while self._journal.synced_sequence < sequence:
            if self._clock.monotonic_ns() > until_ns:
                return False
            await asyncio.sleep(DURABLE_TURN_S)
        self._ledger.hurry()
        while self._ledger.committed_sequence < sequence:
            if self._clock.monotonic_ns() > until_ns:
                return False
            await asyncio.sleep(DURABLE_TURN_S)
        return True

    async def _reconciling(self) -> None:
        """Compare ledger, venue and chain at the start and then every minute, until cancelled.

        Not before the ledger is open and each order of an earlier session was looked for: what it
        did would else be a difference. One that the venue does not have yet may still arrive; it
        explains itself by its intent, and keeps only its own set waiting.
        """
        waited_s = 0.0
        while self._opening_wanted or (self._not_looked_for() and waited_s < LOOKED_S_MAX):
            await asyncio.sleep(LOOKED_TURN_S)
            waited_s += LOOKED_TURN_S
        at_start = True
        while True:
            # What is not written down yet would be missing in the books.
            if await self._keep(self._journal.next_sequence - 1):
                problem = await self._reconcile(at_start)
            else:
                problem = "what was heard could not be written down in time"
            self._emit(self.desk.cause(Refusal.NOT_RECONCILED, problem))
            at_start = at_start and bool(problem)
            await asyncio.sleep(RECONCILE_AGAIN_S if problem else self._reconcile_every_s)

    def _not_looked_for(self) -> bool:
        followed = self.desk.tracking.followed()
        return any(one.unknown and not one.absent_reads for one in followed)

    async def _watch_signer(self) -> None:
        """Ask the signer every second, for without it nothing half-filled can be ended either; and
        log in anew when the venue has lost our key.
        """
        while True:
            await asyncio.sleep(SIGNER_EVERY_S)
            self._look_for_the_login()
            failure = await self.ports.open()
            text = failure.text or failure.code if failure is not None else ""
            signer = failure is not None and cause_of(failure) is Refusal.SIGNER_DOWN
            self._emit(self.desk.cause(Refusal.SIGNER_DOWN, text if signer else ""))
            if failure is not None and not signer:
                self.on_lost(text)
