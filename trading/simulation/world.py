"""One run: everything there is, one step after the other, until it has come to rest."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from trading.engine.codes import SetState
from trading.engine.limits import Limits
from trading.reconciling.verdicts import Verdict
from trading.simulation.chance import stream
from trading.simulation.clockwork import MS_NS, SECOND_NS, Action, Clockwork, StepLog
from trading.simulation.faults import REGISTRY
from trading.simulation.feed import Feed
from trading.simulation.invariants import Invariants, Violation
from trading.simulation.ledger import Ledger
from trading.simulation.mandate import Mandate
from trading.simulation.process import Killed, Process
from trading.simulation.reconciler import compare_all, read_all
from trading.simulation.scenario import START_MS, Scenario
from trading.simulation.seams import Faults
from trading.simulation.venue import Venue
from trading.simulation.wallet import Relayer

LOOK_NS = SECOND_NS  # how often it is asked whether everything is at rest


class World:
    """Everything of one run."""

    def __init__(self, scenario: Scenario) -> None:
        kinds = [REGISTRY[kind] for kind in scenario.faults]
        for kind in kinds:
            scenario = kind.adjust(scenario, stream(scenario.seed, f"adjust {kind.kind}"))
        self.scenario = scenario
        self.clock = Clockwork(START_MS * MS_NS)
        self.log = StepLog(self.clock)
        self.chance = stream(scenario.seed, "world")
        self.rest_ns = self.clock.now_ns + scenario.trading_ms * MS_NS
        self.day = datetime.fromtimestamp(START_MS // 1_000, UTC).date().isoformat()
        self.venue = Venue(scenario)
        self.chain = self.venue.chain
        self.ledger = Ledger()
        self.relayer = Relayer(self)
        self.feed = Feed(self)
        self.invariants = Invariants(self)
        self.fault_counts: Counter[str] = Counter()
        self.faults = Faults(
            [kind(self, stream(scenario.seed, f"fault {kind.kind}")) for kind in kinds]
        )
        self.mandate = Mandate(revision=1, halted=False, halt_code="", limits=scenario.limits)
        self.kill_file = False
        self._halted_ns = 0  # since when somebody has wanted trading to stop, 0 for not
        self.wall_offset_ns = 0
        self.orders = 0
        self.merges = 0
        self.kills = 0
        self.resting = False
        self.process: Process | None = None
        self._numbers = 0
        self._wanted_rest = False

    # For everybody

    def span(self, between_us: tuple[int, int]) -> int:
        """Draw how long something takes, in ns."""
        return self.chance.randint(*between_us) * 1_000

    def pump(self) -> None:
        """Let the venue tell what has happened by now."""
        self.venue.advance(self.clock.now_ns // MS_NS)
        self.feed.flush()

    def guard(self, process: Process, action: Action) -> None:
        """Let a process act, and bury it when it dies of that."""
        try:
            action()
        except Killed as killed:
            self.kill(process, str(killed))

    def kill(self, process: Process, where: str) -> None:
        """A process is gone; another one takes over after a while."""
        self.kills += 1
        self.log.add("killed", where)
        self.end(process)

    def retire(self, process: Process) -> None:
        """A session ends in order: nothing of what it knew is lost."""
        self.log.add("session", "ends in order")
        process.durable.close()
        self.end(process)

    def end(self, process: Process) -> None:
        """A session has ended, in whatever way; the next one begins after a while."""
        process.die()
        self.process = None
        self.clock.later(
            self.span(self.scenario.delays.restart_us), lambda: self._take_over(process)
        )

    def _take_over(self, dead: Process) -> None:
        dead.durable.recover()
        self.launch()

    def launch(self) -> None:
        """Start a session."""
        self._numbers += 1
        self.log.add("session", f"p{self._numbers} begins")
        try:
            process = Process(self, self._numbers)
        except Killed as killed:  # it died before anybody knew it
            self.log.add("killed", str(killed))
            self.clock.later(self.span(self.scenario.delays.restart_us), self.launch)
            return
        self.process = process
        process.start()

    # People

    def halt(self, code: str, why: str) -> None:
        """Make the mandate say that trading is halted; somebody resumes it later."""
        if self.mandate.halted:
            return
        self.log.add("mandate", f"halted: {code} {why}")
        self.mandate = replace(
            self.mandate, revision=self.mandate.revision + 1, halted=True, halt_code=code
        )
        self.clock.later(self.span((2_000_000, 9_000_000)), self.resume)

    def halted_ms(self) -> int:
        """Return for how long somebody has wanted trading to stop, 0 when nobody does."""
        if not self.mandate.halted and not self.kill_file:
            self._halted_ns = 0
            return 0
        self._halted_ns = self._halted_ns or self.clock.now_ns
        return (self.clock.now_ns - self._halted_ns) // MS_NS

    def resume(self) -> None:
        """Let trading go on."""
        if self.mandate.halted and not self.resting:
            self.log.add("mandate", "resumed")
            self.mandate = replace(
                self.mandate, revision=self.mandate.revision + 1, halted=False, halt_code=""
            )

    def change_limits(self, limits: Limits) -> None:
        """Put a new mandate in force."""
        self.log.add("mandate", "other limits")
        self.mandate = replace(self.mandate, revision=self.mandate.revision + 1, limits=limits)

    # The run

    def run(self) -> None:
        """Trade, then let everything come to rest. Raises Violation."""
        self.faults.begin()
        self.launch()
        self._until(self.rest_ns)
        self._rest()

    def _until(self, end_ns: int) -> None:
        while True:
            due_ns = self.clock.next_ns()
            venue_ns = self.venue.next_ms() * MS_NS
            if min(venue_ns, due_ns or venue_ns) > end_ns:
                break
            if due_ns is None or venue_ns < due_ns:
                self.clock.now_ns = max(self.clock.now_ns, venue_ns)
                self.pump()
            else:
                action = self.clock.take()
                action()
            self.halted_ms()
            self.invariants.check(self.process)
        self.clock.now_ns = end_ns

    def _rest(self) -> None:
        """No new sets and no faults: what is open ends, and then all three agree exactly."""
        self.resting = True
        self.kill_file = False
        self.venue.still()
        self.mandate = replace(self.mandate, revision=self.mandate.revision + 1, resting=True)
        self.log.add("rest", "no new sets from here on")
        until_ns = self.clock.now_ns + self.scenario.rest_ms_max * MS_NS
        while (why := self._unrest()) and self.clock.now_ns < until_ns:
            self._until(self.clock.now_ns + LOOK_NS)
        if why:
            raise Violation(f"not at rest after {self.scenario.rest_ms_max} ms: {why}")
        self._agree()

    def _unrest(self) -> str:
        """Return what is still under way."""
        if self.process is None or not self.process.connected:
            return "no session"
        if self.clock.now_ns - self.process.began_ns < 5 * SECOND_NS:
            return "a session has just begun"
        if self.relayer.waiting or self.venue.exchange.unsettled():
            return "something is on its way to the chain"
        for one in self.process.open_sets():
            if one.state is not SetState.EXPOSED or not one.settled() or not one.matching_over():
                return f"set {one.set_id} is {one.state}"
            if one.set_id not in self.invariants.alerted:
                raise Violation(f"set {one.set_id} is EXPOSED and nobody was told")
        if not self.process.durable.is_empty:
            return "facts are not committed"
        return ""

    def _agree(self) -> None:
        """Ledger == venue == chain, to the last unit."""
        result = compare_all(self, read_all(self))
        if result.verdict is not Verdict.MATCH or result.in_flight:
            first = result.differences[0].text if result.differences else str(result.in_flight)
            raise Violation(f"at rest {result.verdict}: {first}")
        reserved = [line for line in result.assets if line.difference_micro]
        if reserved:
            raise Violation(
                f"at rest {reserved[0].asset} differs by {reserved[0].difference_micro}"
            )
        self.invariants.at_rest(self)
