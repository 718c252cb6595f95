"""Our wallet on the chain: batches under a nonce, carried out by a relayer, as of a deposit wallet.

The rules are those of trading/wallets/relayer.py and exit_port.py: a batch is signed for the
wallet's next nonce and a deadline, its reference is kept before it leaves, and what nobody tells is
found out by nonce, deadline and what the chain holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from trading.execution.requests import ExitAnswered, ExitState, FindExit, SendExit
from trading.simulation.clockwork import MS_NS, SECOND_NS
from trading.simulation.venue import OWNER
from trading.simulator.accounts import RevertedError

if TYPE_CHECKING:
    from trading.simulation.process import Process
    from trading.simulation.world import World

DEADLINE_S = 12  # of a signed batch
GRACE_S = 3  # of clocks
POLL_NS = 400 * MS_NS
POLLS_MAX = 40

Done = Callable[[ExitAnswered], None]


class BatchState(Enum):
    """What the relayer says of a batch."""

    WAITING = "WAITING"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How a batch is known before anybody took it: its nonce and its deadline."""

    nonce: int
    deadline_s: int

    @property
    def text(self) -> str:
        """Return it as it is kept."""
        return f"batch:{self.nonce}:{self.deadline_s}"

    @classmethod
    def read(cls, said: str) -> "Reference":
        """Return what was kept."""
        _, nonce, deadline_s = said.split(":")
        return cls(nonce=int(nonce), deadline_s=int(deadline_s))


class Relayer:
    """Carries out batches on the chain, each after a while and at most once for a nonce."""

    def __init__(self, world: "World") -> None:
        self.nonce = 0
        self.waiting = 0
        self._world = world
        self._states: dict[str, BatchState] = {}

    def submit(self, reference: Reference, wanted: SendExit) -> str:
        """Take a batch and return its id."""
        batch_id = f"b{len(self._states) + 1}"
        self._states[batch_id] = BatchState.WAITING
        self.waiting += 1
        self._world.clock.later(
            self._world.span(self._world.scenario.delays.batch_us),
            lambda: self._carry_out(batch_id, reference, wanted),
        )
        return batch_id

    def progress(self, batch_id: str) -> BatchState:
        """Say how far a batch is."""
        return self._states[batch_id]

    def _carry_out(self, batch_id: str, reference: Reference, wanted: SendExit) -> None:
        world = self._world
        self.waiting -= 1
        late = world.clock.now_ns // SECOND_NS > reference.deadline_s
        if reference.nonce != self.nonce or late:
            self._end(batch_id, BatchState.FAILED, f"{reference.text} is not valid any more")
            return
        if world.faults.reverts(wanted):
            self._end(batch_id, BatchState.FAILED, f"{wanted.set_id} reverted")
            return
        listing = next(
            one for one in world.venue.listings if one.condition_id == wanted.condition_ids[0]
        )
        try:
            world.chain.split(OWNER, listing.condition_id, listing.token_ids, -wanted.size_micro)
        except RevertedError as error:
            self._end(batch_id, BatchState.FAILED, f"{wanted.set_id} {error}")
            return
        self.nonce += 1  # a batch that reverts uses no nonce
        world.merges += 1
        self._end(batch_id, BatchState.CONFIRMED, f"{wanted.set_id} {wanted.size_micro}")

    def _end(self, batch_id: str, state: BatchState, text: str) -> None:
        self._states[batch_id] = state
        self._world.log.add("chain", f"{batch_id} {state.value} {text}")


class WalletPort:
    """The exits of one process: one batch after the other."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._world = process.world
        self._queue: list[tuple[SendExit, Done]] = []
        self._busy = False
        self._unknown: Reference | None = None

    def exit(self, request: SendExit, done: Done) -> None:
        """Carry out an exit, when those before it have ended."""
        self._queue.append((request, done))
        self._next()

    def _next(self) -> None:
        if self._busy or not self._queue:
            return
        self._busy = True
        request, done = self._queue.pop(0)

        def ended(answer: ExitAnswered) -> None:
            self._busy = False
            done(answer)
            self._next()

        self._process.call("nonce", lambda: self._world.relayer.nonce, self._sender(request, ended))

    def _sender(self, request: SendExit, ended: Done) -> Callable[[object], None]:
        def send(nonce: object) -> None:
            if not isinstance(nonce, int):
                ended(answer(request, ExitState.NOT_DONE, text="the relayer cannot be read"))
                return
            unknown = self._unknown
            if unknown is not None and nonce <= unknown.nonce:
                text = f"what became of {unknown.text} is not known"
                ended(answer(request, ExitState.NOT_DONE, text=text))
                return
            self._unknown = None
            deadline_s = self._process.now_ns // SECOND_NS + DEADLINE_S
            reference = Reference(nonce=nonce, deadline_s=deadline_s)
            self._process.handed_over(
                request, reference.text, lambda kept: self._submit(request, reference, kept, ended)
            )

        return send

    def _submit(self, request: SendExit, reference: Reference, kept: bool, ended: Done) -> None:
        if not kept:
            text = "the reference of an exit could not be kept in time"
            ended(answer(request, ExitState.NOT_DONE, text=text))
            return
        self._process.point("merge_handed_over")
        self._unknown = reference
        self._process.call(
            "submit",
            lambda: self._world.relayer.submit(reference, request),
            lambda batch_id: self._submitted(request, reference, batch_id, ended),
        )

    def _submitted(
        self, request: SendExit, reference: Reference, batch_id: object, ended: Done
    ) -> None:
        if isinstance(batch_id, str):
            self._poll(request, reference, batch_id, ended, 0)
            return
        if getattr(batch_id, "kind", "") == "NOT_SENT":
            self._unknown = None
            ended(answer(request, ExitState.NOT_DONE, text="the relayer could not be reached"))
            return
        ended(answer(request, ExitState.UNKNOWN, reference=reference.text, text="no answer"))

    def _poll(
        self, request: SendExit, reference: Reference, batch_id: str, ended: Done, tries: int
    ) -> None:
        def told(state: object) -> None:
            if state in (BatchState.CONFIRMED, BatchState.FAILED):
                self._unknown = None
                done = state is BatchState.CONFIRMED
                ended(
                    answer(
                        request,
                        ExitState.DONE if done else ExitState.NOT_DONE,
                        reference=reference.text,
                        gas_micro=self._world.scenario.gas_micro,
                    )
                )
            elif tries >= POLLS_MAX:
                ended(answer(request, ExitState.UNKNOWN, reference=reference.text))
            else:
                self._process.later(
                    POLL_NS,
                    lambda: self._poll(request, reference, batch_id, ended, tries + 1),
                )

        self._process.call("progress", lambda: self._world.relayer.progress(batch_id), told)

    def find(self, request: FindExit, done: Done) -> None:
        """Find out what became of an exit, by nonce, deadline and what the chain holds."""
        wanted = request.exit
        if not request.reference:
            done(answer(wanted, ExitState.NOT_DONE, text="it was never handed over"))
            return
        reference = Reference.read(request.reference)

        def told(nonce: object) -> None:
            if not isinstance(nonce, int) or nonce <= reference.nonce:
                text = "nobody can say"
                state = ExitState.UNKNOWN
                if isinstance(nonce, int) and not self._may_still_happen(reference, nonce):
                    text = "its deadline passed before it was carried out"
                    state = ExitState.NOT_DONE
                    if self._unknown is not None and self._unknown.nonce == reference.nonce:
                        self._unknown = None  # its number is free again
                self._answer(done, wanted, state, request.reference, text)
                return
            self._process.call(
                "balances",
                lambda: self._world.faults.balances(
                    self._world.venue.held(tuple(one for one, _ in wanted.shares_micro))
                ),
                lambda held: self._compare(request, held, done),
            )

        self._process.call("nonce", lambda: self._world.relayer.nonce, told)

    def _compare(self, request: FindExit, held: object, done: Done) -> None:
        wanted = request.exit
        gone = isinstance(held, dict) and all(
            held.get(token_id) == self._process.held_of(token_id) - size_micro
            for token_id, size_micro in wanted.shares_micro
        )
        state = ExitState.DONE if gone else ExitState.UNKNOWN
        text = "the shares have left the wallet" if gone else "nobody can say"
        self._answer(done, wanted, state, request.reference, text)

    def _answer(
        self, done: Done, wanted: SendExit, state: ExitState, reference: str, text: str
    ) -> None:
        gas_micro = self._world.scenario.gas_micro if state is ExitState.DONE else 0
        done(answer(wanted, state, reference=reference, gas_micro=gas_micro, text=text))

    def _may_still_happen(self, reference: Reference, nonce: int) -> bool:
        now_s = self._process.now_ns // SECOND_NS
        return nonce <= reference.nonce and now_s <= reference.deadline_s + GRACE_S


def answer(
    request: SendExit,
    state: ExitState,
    *,
    reference: str = "",
    gas_micro: int = 0,
    text: str = "",
) -> ExitAnswered:
    """Return news of an exit."""
    return ExitAnswered(
        set_id=request.set_id,
        state=state,
        condition_id=request.condition_ids[0],
        reference=reference,
        gas_micro=gas_micro,
        text=text[:200],
    )
