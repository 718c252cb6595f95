"""One session of the engine: its loop, its desk and what it has heard. It can be killed anywhere.

The order of the steps is that of trading/runtime/loop.py: an input and its facts are taken first,
then commands are carried out. Whatever it had begun and not told anybody is lost with it.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from trading.adapters.live_parts import Payload
from trading.adapters.wire import MarketDecoder
from trading.engine.codes import Mode, Side
from trading.engine.commands import (
    CancelAll,
    Command,
    OrderPlan,
    PlaceOrders,
    RaiseAlert,
    RecordFact,
    RequestSnapshot,
    StopTrading,
)
from trading.engine.core import Engine
from trading.engine.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedChanged,
    HaltRequested,
    MandateChanged,
    MarketListed,
    OrderRefused,
    Tick,
)
from trading.engine.facts import MetricSample, OrderMoved, SetMoved
from trading.engine.market import MarketSpec
from trading.engine.openset import OpenSet
from trading.engine.units import cost_up
from trading.execution.desk import LiveDesk, Output
from trading.execution.requests import ExitAnswered, ExitState, OutgoingOrder, Request, SendExit
from trading.signing.digests import order_hash
from trading.signing.orders import (
    SALT_MAX,
    InexactOrderError,
    SignatureType,
    SigningDomain,
    Wallet,
    unsigned_order,
)
from trading.simulation.clockwork import MS_NS, Action
from trading.simulation.durable import Durable, Kept
from trading.simulation.reconciler import Reconciler
from trading.simulation.shell import Shell
from trading.simulation.user_side import UserSide
from trading.simulation.venue import OWNER

if TYPE_CHECKING:
    from trading.simulation.world import World

WALLET = Wallet(maker=OWNER, signer=OWNER, signature_type=SignatureType.POLY_1271)
DOMAIN = SigningDomain(
    chain_id=137,
    exchange=f"0x{11:040x}",
    neg_risk_exchange=f"0x{12:040x}",
)
KILL_SWITCH = "KILL_SWITCH"
MANDATE_NS = 250 * MS_NS  # how often it is looked at
DRIFT_NS_MAX = 1_000 * MS_NS  # of the host's clock
HANDOVER_NS_MAX = 8_000 * MS_NS


class Killed(Exception):  # noqa: N818 - what happened to the process
    """This process is gone, in the middle of whatever it did."""


class Process:
    """One session. Nothing of it happens any more once it is not `alive`."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.alive = True
        self.began_ns = world.clock.now_ns
        self.offset_ns = world.wall_offset_ns  # a clock that is set later does not count
        self.halt_code = ""
        self.killed_by_file = False
        self.draining = False
        self._drained_ns = 0
        self.connected = False  # the market feed
        self.was_listed = False
        self.allowed_micro = 0  # exposure that was there before a limit got lower
        self.allowed_size_micro = 0
        self.mandate = world.mandate
        self.durable = Durable(world, self.later)
        self.decoder = MarketDecoder()
        self.engine = Engine(session_key=f"p{number}", mode=Mode.LIVE)
        self._specs = {spec.condition_id: spec for spec in world.venue.specs()}
        restored = world.ledger.restored(world.day)
        self.opening_wanted = not restored.balances
        self.desk = LiveDesk(
            prepare=self._prepare,
            spec_of=self._spec_of,
            exit_references=world.ledger.exit_references(),
        )
        self.shell = Shell(self)
        self.user = UserSide(self)
        self.reconciler = Reconciler(self)
        self._outputs: deque[Output] = deque()
        self._draining_outputs = False
        self.on_event(restored)
        self.permit()
        if self.mandate.halted:
            self.halt(self.mandate.halt_code)

    @property
    def now_ns(self) -> int:
        """The time as this process counts it."""
        return self.world.clock.now_ns + self.offset_ns

    @property
    def may_trade(self) -> bool:
        """Whether mandate, kill file and session permit new sets."""
        return self.mandate.may_trade and not self.killed_by_file and not self.draining

    @property
    def heard_halt(self) -> bool:
        """Whether this process knows that no entry may leave."""
        return bool(self.halt_code) or not self.may_trade

    def start(self) -> None:
        """Find the markets, connect, and begin to tick."""
        world = self.world
        tick_ns = world.scenario.tick_ms * MS_NS
        self.later(tick_ns, self._tick)
        self.later(MANDATE_NS, self._look_at_mandate)
        self.later(world.span((20_000, 200_000)), self._list_markets)
        self.later(world.span((50_000, 300_000)), self.user.connect)
        self.later(world.span((20_000, 100_000)), self.reconciler.start)

    def later(self, delay_ns: int, action: Action) -> None:
        """Do something after a while, if this process still lives then."""

        def act() -> None:
            if self.alive:
                self.world.guard(self, action)

        self.world.clock.later(delay_ns, act)

    def point(self, name: str) -> None:
        """Say where we are: this may be where the process dies."""
        if self.world.faults.kills(name):
            raise Killed(name)

    def die(self) -> None:
        """Nothing of this process happens any more."""
        self.alive = False

    # What the engine knows

    def _spec_of(self, condition_id: str) -> MarketSpec | None:
        watch = self.engine.board.watches.get(condition_id)
        return watch.spec if watch is not None else self._specs.get(condition_id)

    def held_of(self, token_id: str) -> int:
        """Return what the books hold of a token."""
        position = self.engine.treasury.books.position(token_id)
        return position.quantity_micro if position is not None else 0

    def open_sets(self) -> list[OpenSet]:
        """Return every set that has not ended."""
        return self.engine.sets.open_sets()

    def deadline_ms(self) -> int:
        """Return the longest that a half-filled set may take until somebody is told.

        Its fills and those of both ways out are waited for, each with a deadline of its own.
        """
        limits = self.engine.limits
        return (
            limits.submit_deadline_ms
            + limits.complete_deadline_ms
            + limits.unwind_deadline_ms
            + 3 * limits.settle_deadline_ms
        )

    def _prepare(
        self, plan: OrderPlan, spec: MarketSpec, now_ms: int
    ) -> OutgoingOrder | OrderRefused:
        try:
            order = unsigned_order(
                token_id=plan.token_id,
                side=plan.side,
                limit_micro=plan.limit_micro,
                size_micro=plan.size_micro,
                tick_micro=spec.tick_micro,
                market=True,
                wallet=WALLET,
                salt=self.world.chance.randint(0, SALT_MAX),
                timestamp_ms=now_ms,
                neg_risk=False,
            )
        except InexactOrderError as error:
            return OrderRefused(order_id=plan.order_id, code="INEXACT", text=str(error), local=True)
        buys = plan.side is Side.BUY
        return OutgoingOrder(
            order_id=plan.order_id,
            order_hash=order_hash(order, DOMAIN),
            token_id=plan.token_id,
            side=plan.side,
            notional_micro=cost_up(plan.limit_micro, plan.size_micro) if buys else 0,
            payload=Payload(order=order, order_type="FOK" if plan.all_or_nothing else "FAK"),
        )

    # Inputs

    def frame(self, text: str) -> None:
        """Take a frame of the market channel."""
        if self.connected:
            self._take(self.decoder.decode(text))

    def on_event(self, event: Event) -> None:
        """Take an event of another kind."""
        if not isinstance(event, BookDelta | BookSnapshot | Tick):
            self.world.log.add("event", _short(event))
        self._take([event])

    def _take(self, events: list[Event]) -> None:
        commands: list[Command] = []
        for event in events:
            commands += self.engine.handle(event, self.now_ns)
        self.point("anywhere")
        facts = tuple(one.fact for one in commands if isinstance(one, RecordFact))
        for fact in facts:
            self.world.invariants.told(fact)
            if isinstance(fact, SetMoved):
                self.world.log.add("set", f"{fact.set_id} {fact.state_to}: {fact.reason}")
            elif isinstance(fact, OrderMoved):
                self.world.log.add("order", f"{fact.order_id} {fact.state_to}: {fact.reason}")
        if facts and not all(isinstance(fact, MetricSample) for fact in facts):
            self.durable.put(facts)
        for command in commands:
            if not isinstance(command, RecordFact):
                self.point("anywhere")
                self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case RequestSnapshot():
                self.world.feed.request_snapshot(self, command.condition_id)
            case RaiseAlert():
                self.world.log.add("alert", f"{command.rule} {command.text}")
                self.world.invariants.alert(command)
            case StopTrading():
                self.halt_code = command.code
                self.world.halt(command.code, "the engine")
                self.world.invariants.stopped(command.code, command.reason)
            case _:
                if isinstance(command, PlaceOrders | CancelAll):
                    self.world.log.add("command", _short(command))
                self.emit(self.desk.carry_out(command, self.now_ns))

    def emit(self, outputs: list[Output]) -> None:
        """Tell the engine events and start requests, one after the other."""
        self._outputs.extend(outputs)
        if self._draining_outputs:
            return
        self._draining_outputs = True
        try:
            while self._outputs:
                output = self._outputs.popleft()
                if isinstance(output, Request):
                    self.shell.carry(output)
                else:
                    self.on_event(output)
        finally:
            self._draining_outputs = False

    # Time and permission

    def _tick(self) -> None:
        self.later(self.world.scenario.tick_ms * MS_NS, self._tick)
        self._look_at_kill_file()
        self._take([Tick()])
        self.emit(self.desk.tick(self.now_ns))
        self._look_for_an_end()

    def _look_for_an_end(self) -> None:
        """A host's clock that was set ends the session; the next one counts by the new time."""
        if abs(self.world.wall_offset_ns - self.offset_ns) <= DRIFT_NS_MAX:
            return
        if not self.draining:
            self._drained_ns = self.world.clock.now_ns
            self.drain()
        waited_ns = self.world.clock.now_ns - self._drained_ns
        if waited_ns >= HANDOVER_NS_MAX or not self.engine.sets.exposure_micro:
            self.world.retire(self)

    def _look_at_kill_file(self) -> None:
        there = self.world.kill_file
        if there and not self.killed_by_file:
            self.killed_by_file = True
            self.halt(KILL_SWITCH)
            self.world.halt(KILL_SWITCH, "kill file")
        elif self.killed_by_file and not there:
            self.killed_by_file = False
            self.permit()

    def _look_at_mandate(self) -> None:
        self.later(MANDATE_NS, self._look_at_mandate)
        before, self.mandate = self.mandate, self.world.mandate
        if before.revision != self.mandate.revision:
            if self.mandate.halted and not before.halted:
                self.halt(self.mandate.halt_code)
            self.permit()

    def permit(self) -> None:
        """Tell the engine what it may do."""
        if self.may_trade:
            self.halt_code = ""
        limits = self.mandate.limits
        self.allowed_micro = max(self.engine.sets.exposure_micro, 0)
        self.allowed_size_micro = max((one.exposure_micro for one in self.open_sets()), default=0)
        self.on_event(
            MandateChanged(revision=self.mandate.revision, may_trade=self.may_trade, limits=limits)
        )

    def halt(self, code: str) -> None:
        """Stop trading now."""
        self.halt_code = code or "HALTED"
        self.on_event(HaltRequested(code=self.halt_code, reason="told to"))

    def drain(self) -> None:
        """Open no new sets any more."""
        if not self.draining:
            self.draining = True
            self.permit()

    # The market feed

    def _list_markets(self) -> None:
        for spec in self.world.venue.specs():
            self.on_event(MarketListed(spec=spec))
        self.was_listed = True
        self.connect_feed()

    def connect_feed(self) -> None:
        """Subscribe to everything; the books come first."""
        self.connected = True
        self.on_event(FeedChanged(connected=True, token_ids=(), reason="connected"))
        self.world.feed.send(self, self.world.venue.dump())

    def lose_feed(self, reason: str) -> None:
        """The connection is gone."""
        self.connected = False
        self.on_event(FeedChanged(connected=False, token_ids=(), reason=reason))

    # What the shell needs

    def call(self, name: str, act: Callable[[], object], done: Callable[[object], None]) -> None:
        """Ask somebody outside; what comes back is a result or a CallFailed."""
        self.shell.call(name, act, done)

    def handed_over(self, request: SendExit, reference: str, done: Kept) -> None:
        """An exit is about to leave under a reference: keep that first."""
        answer = ExitAnswered(
            set_id=request.set_id,
            state=ExitState.HANDED_OVER,
            condition_id=request.condition_ids[0],
            reference=reference,
        )
        self.emit(self.desk.take(answer, self.now_ns))
        self.durable.keep(done)


def _short(message: object) -> str:
    return repr(message)[:240]
