"""Carries out what the desk asks for, in the order of steps of trading/runtime/live.py.

The hash is durable before anything is signed for good, halt and lease are looked at in the step in
which a batch leaves, and every request gets one answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from trading.engine.codes import Refusal
from trading.engine.events import CapitalChanged
from trading.execution.messages import CancelResult, OpenOrder, PlacedLeg, VenueTrade
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
    FailureKind,
    FindExit,
    HeartbeatAnswered,
    LookedUp,
    LookFailed,
    LookUp,
    RefreshBalances,
    Request,
    SendBatch,
    SendExit,
    SendHeartbeat,
)
from trading.simulation.clockwork import MS_NS, SECOND_NS
from trading.simulation.seams import Fate
from trading.simulation.venue import refusal
from trading.simulation.wallet import WalletPort, answer
from trading.simulator import answers
from trading.simulator.answers import Refusal as Refused
from trading.simulator.doors import AGE_S_MAX

if TYPE_CHECKING:
    from trading.simulation.process import Process
    from trading.simulation.venue import Venue

Result = TypeVar("Result")
OPEN_AGAIN_NS = SECOND_NS
# Calls that carry a time under their signature: the venue takes none of a wrong clock.
SIGNED = frozenset({"post", "cancel", "orders", "trades", "view", "beat", "refresh"})
SIGNED_WRONG = Refused(http=401, text=answers.BAD_KEY)


@dataclass(slots=True)
class _Sending:
    """A batch on its way out: both have to have happened."""

    kept: bool | None = None
    signed: bool = False
    over: bool = False


class Shell:
    """One process's hands."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._world = process.world
        self.wallet = WalletPort(process)

    def carry(self, request: Request) -> None:
        """Carry out one request; its answer goes to the desk."""
        match request:
            case SendBatch():
                self._send(request)
            case LookUp():
                self._look_up(request)
            case CancelByHash():
                hashes = request.order_hashes
                self.call("cancel", lambda: self._venue.cancel(hashes), self._cancelled(False))
            case CancelEverything():
                self.call("cancel", lambda: self._venue.cancel(None), self._cancelled(True))
            case SendHeartbeat():
                beat = request.heartbeat_id
                self.call("beat", lambda: self._venue.beat(beat), self._beaten)
            case SendExit():
                self._exit(request)
            case FindExit():
                self.wallet.find(request, self._take)
            case RefreshBalances():
                tokens = request.token_ids
                self.call("refresh", lambda: self._refresh(tokens), self._refreshed)

    # Calls

    def call(self, name: str, act: Callable[[], object], done: Callable[[object], None]) -> None:
        """Ask somebody outside, by what the faults make of the way there and back."""
        world, process = self._world, self._process
        delays = world.scenario.delays
        plan = world.faults.call(name)
        there_ns = world.span(delays.call_us) + plan.extra_ns
        time_out_ns = delays.time_out_ms * MS_NS
        if plan.fate is Fate.NOT_SENT:
            process.later(there_ns, lambda: done(_failure(FailureKind.NOT_SENT, "no connection")))
            return
        unknown = _failure(FailureKind.UNKNOWN, f"{name}: no answer in time")
        if plan.fate is Fate.LOST:
            process.later(time_out_ns, lambda: done(unknown))
            return
        skewed = name in SIGNED and abs(process.offset_ns) > AGE_S_MAX * SECOND_NS
        if plan.refusal is not None or skewed:
            refused = plan.refusal or refusal(SIGNED_WRONG)
            process.later(2 * there_ns, lambda: done(refused))
            return
        back_ns = world.span(delays.call_us)

        def arrive() -> None:
            world.log.add("call", name)
            result = act()
            world.pump()
            if plan.fate is Fate.ANSWER_LOST or there_ns + back_ns > time_out_ns:
                process.later(max(0, time_out_ns - there_ns), lambda: done(unknown))
            else:
                process.later(back_ns, lambda: done(result))

        world.clock.later(there_ns, arrive)

    def _take(self, said: Answer) -> None:
        process = self._process
        process.emit(process.desk.take(said, process.now_ns))

    # Orders

    def _send(self, batch: SendBatch) -> None:
        process, world = self._process, self._world
        process.point("after_prepared")
        state = _Sending()

        def kept(ok: bool) -> None:
            if not state.over:
                state.kept = ok
                process.point("after_durable")
                self._leave(batch, state)

        def signed() -> None:
            failure = world.faults.signer()
            if failure is not None:
                state.over = True
                process.emit(process.desk.cause(Refusal.SIGNER_DOWN, failure))
                process.later(OPEN_AGAIN_NS, self._await_signer)
                self._local(batch, "SIGNER_DOWN", failure)
                return
            state.signed = True
            process.point("after_signed")
            self._leave(batch, state)

        process.durable.keep(kept)
        process.later(world.span(world.scenario.delays.sign_us), signed)

    def _leave(self, batch: SendBatch, state: _Sending) -> None:
        """Look once more, and post: both its hash and its signature are there."""
        process, world = self._process, self._world
        if state.kept is None or not state.signed:
            return
        state.over = True
        if not state.kept:
            self._local(batch, "NOT_DURABLE", "its hash could not be kept in time")
            return
        if not self._may_leave(batch):
            self._local(batch, "HALTED", f"halted meanwhile: {process.halt_code}")
            return
        process.point("before_post")
        world.invariants.leaves(process, batch)
        world.log.add("post", ", ".join(order.order_id for order in batch.orders))

        def place() -> object:
            for order in batch.orders:
                world.invariants.arrives(order)
            world.orders += len(batch.orders)
            placed = world.venue.place(batch.orders, world.faults.refused_legs(batch.orders))
            if process.alive:
                world.guard(process, lambda: process.point("after_post_placed"))
            return placed

        self.call("post", place, lambda result: self._posted(batch, result))

    def _may_leave(self, batch: SendBatch) -> bool:
        """Say whether nothing has halted meanwhile; what ends a set may always leave."""
        return not (batch.entry and self._process.heard_halt)

    def _posted(self, batch: SendBatch, result: object) -> None:
        self._process.point("after_answer")
        if isinstance(result, CallFailed):
            self._take(BatchFailed(batch=batch.batch, failure=result))
        else:
            legs = cast(tuple[PlacedLeg, ...], result)
            self._take(BatchAnswered(batch=batch.batch, legs=legs))

    def _local(self, batch: SendBatch, code: str, text: str) -> None:
        failure = CallFailed(kind=FailureKind.NOT_SENT, code=code, text=text)
        self._take(BatchFailed(batch=batch.batch, failure=failure, local=True))

    def _await_signer(self) -> None:
        process = self._process
        if self._world.faults.signer() is None:
            process.emit(process.desk.cause(Refusal.SIGNER_DOWN, ""))
        else:
            process.later(OPEN_AGAIN_NS, self._await_signer)

    # Reads

    def _look_up(self, request: LookUp) -> None:
        """The orders first: one that matches in between is then found among the trades."""

        def orders(found: object) -> None:
            if isinstance(found, CallFailed):
                self._take(LookFailed(look=request.look, failure=found))
                return
            by_hash = {one.order_hash: one for one in cast(tuple[OpenOrder, ...], found)}

            def trades(said: object) -> None:
                if isinstance(said, CallFailed):
                    self._take(LookFailed(look=request.look, failure=said))
                    return
                self._take(
                    LookedUp(
                        look=request.look,
                        orders=tuple((one, by_hash.get(one)) for one in request.order_hashes),
                        trades=cast(tuple[VenueTrade, ...], said),
                    )
                )

            self.call("trades", lambda: self._venue.trades(request.after_s), trades)

        if request.order_hashes:
            self.call("orders", self._venue.open_orders, orders)
        else:
            orders(())

    def _cancelled(self, everything: bool) -> Callable[[object], None]:
        def told(result: object) -> None:
            said = cast(CancelResult | CallFailed, result)
            self._take(Cancelled(everything=everything, result=said))

        return told

    def _beaten(self, result: object) -> None:
        self._take(HeartbeatAnswered(result=cast(str | CallFailed, result)))

    def _refresh(self, token_ids: tuple[str, ...]) -> int:
        if self._world.faults.stale_view():
            return self._venue.account.view["COLLATERAL"]
        return self._venue.refresh(token_ids)

    def _refreshed(self, result: object) -> None:
        process = self._process
        said = cast(int | CallFailed, result)
        if process.opening_wanted and isinstance(said, int):
            process.opening_wanted = False
            process.emit([CapitalChanged(amount_micro=said, reference="opening")])
        self._take(BalanceAnswered(result=said))

    # Money

    def _exit(self, request: SendExit) -> None:
        """The wish has to be durable, or the next session asks for the same merge again."""
        process = self._process

        def kept(ok: bool) -> None:
            if not ok:
                text = "it could not be kept"
                self._take(answer(request, ExitState.NOT_DONE, text=text))
                return
            process.point("before_merge")
            self.wallet.exit(request, self._exited)

        process.durable.keep(kept)

    def _exited(self, said: ExitAnswered) -> None:
        self._take(said)
        if said.state is ExitState.DONE:
            self._process.point("after_receipt")

    @property
    def _venue(self) -> "Venue":
        return self._world.venue


def _failure(kind: FailureKind, text: str) -> CallFailed:
    return CallFailed(kind=kind, text=text)
