"""What goes wrong at the venue: calls that time out, modes, limits, settlement, stale views."""

from dataclasses import replace
from random import Random
from typing import ClassVar

from trading.execution.requests import CallFailed, OutgoingOrder
from trading.simulation.clockwork import MS_NS
from trading.simulation.faults.registry import fault
from trading.simulation.scenario import Scenario
from trading.simulation.seams import CallPlan, Fate, Fault, WindowFault
from trading.simulation.venue import refusal
from trading.simulator import answers
from trading.simulator.answers import Refusal
from trading.simulator.codes import VenueMode

READS = ("orders", "trades", "books", "view")


class CallFault(Fault):
    """A fault that strikes some calls, one in `one_in` of those that it is about."""

    names: ClassVar[tuple[str, ...]]
    one_in: ClassVar[tuple[int, int]] = (2, 12)
    plan: ClassVar[CallPlan] = CallPlan(fate=Fate.LOST)

    def begin(self) -> None:
        """Draw how often it strikes in this run."""
        self._one_in = self.chance.randint(*self.one_in)

    def call(self, name: str) -> CallPlan | None:
        """Strike, or leave the call alone."""
        if name not in self.names or self.world.resting or self.chance.randrange(self._one_in):
            return None
        self.happened()
        return self.strike()

    def strike(self) -> CallPlan:
        """Return what becomes of this call."""
        return self.plan


@fault
class TimeOutPlaced(CallFault):
    """The venue takes a batch and its answer never comes."""

    kind = "time_out_placed"
    names = ("post",)
    plan = CallPlan(fate=Fate.ANSWER_LOST)


@fault
class TimeOutNotPlaced(CallFault):
    """A batch never arrives, and nobody says so."""

    kind = "time_out_not_placed"
    names = ("post",)


@fault
class NoConnection(CallFault):
    """The venue cannot be reached at all."""

    kind = "no_connection"
    names = ("post", "cancel", "beat", "refresh", *READS)
    one_in = (4, 30)
    plan = CallPlan(fate=Fate.NOT_SENT)


@fault
class SlowPost(CallFault):
    """A batch is long under way, longer than anybody waits for its answer."""

    kind = "post_slow"
    names = ("post",)

    def strike(self) -> CallPlan:
        """Hold it up for up to fifteen seconds."""
        return CallPlan(extra_ns=self.chance.randint(200, 15_000) * MS_NS)


@fault
class ReadsFail(CallFault):
    """Reads time out."""

    kind = "reads_fail"
    names = READS
    one_in = (2, 6)


@fault
class RefusedLeg(Fault):
    """The venue refuses one leg of a batch, inside a success."""

    kind = "leg_refused"
    texts = (answers.FOK_KILLED, answers.NO_BOOK, "not enough balance / allowance: simulated")

    def refused_legs(self, orders: tuple[OutgoingOrder, ...]) -> dict[str, str]:
        """Refuse one of several orders now and then."""
        if self.world.resting or len(orders) < 2 or self.chance.randrange(4):
            return {}
        self.happened()
        return {self.chance.choice(orders).order_hash: self.chance.choice(self.texts)}


@fault
class FailedSettlement(Fault):
    """Many trades are retried and fail in the end."""

    kind = "settlement_failed"

    @classmethod
    def adjust(cls, scenario: Scenario, chance: Random) -> Scenario:
        """Let a part of all trades fail."""
        settlement = replace(
            scenario.settlement,
            retrying_micro=chance.randint(50_000, 400_000),
            failed_micro=chance.randint(300_000, 1_000_000),
        )
        return replace(scenario, settlement=settlement)

    def begin(self) -> None:
        """It is in every trade of the run."""
        self.happened()


@fault
class LateSettlement(Fault):
    """Trades take long to settle, some longer than any deadline."""

    kind = "settlement_late"

    @classmethod
    def adjust(cls, scenario: Scenario, chance: Random) -> Scenario:
        """Let settlement take up to a minute."""
        settlement = replace(
            scenario.settlement,
            mined_ms_max=chance.randint(3_000, 25_000),
            confirmed_ms_max=chance.randint(3_000, 40_000),
            retrying_micro=200_000,
        )
        return replace(scenario, settlement=settlement)

    def begin(self) -> None:
        """It is in every trade of the run."""
        self.happened()


class ModeFault(Fault):
    """The venue accepts less for a while."""

    mode: ClassVar[VenueMode]
    lasts_ms: ClassVar[tuple[int, int]] = (500, 10_000)

    def begin(self) -> None:
        """Plan one or two such times."""
        for _ in range(self.chance.randint(1, 2)):
            self.world.clock.later(self.moment_ns(), self._begin)

    def _begin(self) -> None:
        world = self.world
        lasts_ms = self.chance.randint(*self.lasts_ms)
        left_ms = (world.rest_ns - world.clock.now_ns) // MS_NS
        self.happened()
        world.venue.exchange.set_mode(
            self.mode, world.clock.now_ns // MS_NS, max(1, min(lasts_ms, left_ms))
        )
        world.pump()


@fault
class Restart(ModeFault):
    """The matching engine restarts (425), then takes post-only orders for two minutes."""

    kind = "venue_restart"
    mode = VenueMode.RESTARTING


@fault
class PostOnly(ModeFault):
    """The venue takes post-only orders."""

    kind = "venue_post_only"
    mode = VenueMode.POST_ONLY


@fault
class CancelOnly(ModeFault):
    """The venue takes no new orders."""

    kind = "venue_cancel_only"
    mode = VenueMode.CANCEL_ONLY


@fault
class Disabled(ModeFault):
    """Trading is disabled, cancels too."""

    kind = "venue_disabled"
    mode = VenueMode.DISABLED


@fault
class RateLimit(CallFault):
    """The venue answers 429."""

    kind = "rate_limit"
    names = ("post", "cancel", *READS)
    one_in = (3, 20)

    def strike(self) -> CallPlan:
        """Ask to stay away for a while."""
        wait_s = self.chance.choice((0, 1, 3))
        refused = Refusal(http=429, text=answers.TOO_MANY_REQUESTS, retry_after_s=wait_s)
        return CallPlan(refusal=refusal(refused))


@fault
class ServerError(CallFault):
    """A server in front of the venue answers 502: what became of the request nobody knows."""

    kind = "server_error"
    names = ("post", "cancel", "beat", "refresh", *READS)
    one_in = (3, 20)

    def strike(self) -> CallPlan:
        """Answer instead of the venue."""
        failure: CallFailed = refusal(Refusal(http=502, text="Bad Gateway"))
        return CallPlan(refusal=failure)


@fault
class HeartbeatLost(WindowFault):
    """Heartbeats do not arrive: after a while the venue cancels everything."""

    kind = "heartbeat_lost"
    lasts_ms = (5_000, 20_000)

    def call(self, name: str) -> CallPlan | None:
        """Lose heartbeats."""
        if name != "beat" or not self.active:
            return None
        self.happened()
        return CallPlan(fate=Fate.LOST)


@fault
class StaleView(WindowFault):
    """The venue does not look at the chain although it is asked to."""

    kind = "balance_view_stale"
    lasts_ms = (2_000, 20_000)

    def stale_view(self) -> bool:
        """Leave the view as it is."""
        if self.active:
            self.happened()
        return self.active


@fault
class LaggedLeg(Fault):
    """Updates of one token come late, again and again: a gap that is none."""

    kind = "leg_lagged"

    @classmethod
    def adjust(cls, scenario: Scenario, chance: Random) -> Scenario:
        """Let the flow lag often."""
        flow = replace(
            scenario.flow,
            lag_micro=chance.randint(60_000, 200_000),
            lag_ms=chance.randint(300, 4_000),
        )
        return replace(scenario, flow=flow)

    def begin(self) -> None:
        """It is in the whole run."""
        self.happened()
