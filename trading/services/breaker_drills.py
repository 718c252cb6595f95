"""A rehearsal of the circuit breaker: the engine itself, on invented markets, until it trips.

Whoever drills is the venue: it offers gaps, and refuses or fills what the engine sends. Nothing
leaves this process, and nothing is asked of the world. What is expected is reckoned here from the
limits, not from the breaker: that it opens with exactly the failure that the limits say, that no
order leaves while it is open, that after its time exactly one set is let through, and that the end
of that one closes it or opens it anew.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from trading.config.profiles import sha256
from trading.config.schema import to_limits
from trading.engine.codes import BreakerState, Mode, Refusal, Side, TradeState
from trading.engine.commands import Command, MergeSet, OrderPlan, PlaceOrders, RecordFact
from trading.engine.core import Engine
from trading.engine.events import (
    AccessChanged,
    BalanceReport,
    BookSnapshot,
    CapitalChanged,
    ChainReceipt,
    Event,
    MandateChanged,
    MarketListed,
    MergeSent,
    OrderRefused,
    Tick,
    TradeUpdate,
)
from trading.engine.facts import OpportunitySeen
from trading.engine.limits import Limits
from trading.engine.market import FeeSchedule, MarketSpec
from trading.engine.units import MICRO
from trading.models import Mandate, Profile
from trading.services.refusals import ServiceRefused
from trading.services.revisions import config_of

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
BEGIN_NS = 1_772_452_800 * SECOND_NS  # some moment: the engine has no other clock
TICK_NS = 100 * MS_NS
ENDS_WITHIN_NS = 30 * SECOND_NS  # a set of the drill, whose venue answers at once
ATTEMPTS_MAX = 1_000
CASH_MICRO = 10_000 * MICRO
SHARES_MICRO = 100 * MICRO
BID_MICRO, ASK_MICRO, CHEAP_MICRO = 440_000, 460_000, 300_000
CALM_MICRO = 560_000  # ask of the second token while there is no gap
MARKETS = ("drill-1", "drill-2")


@dataclass(slots=True)
class Rehearsal:
    """What was seen: each expectation with what came, in order."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def expect(self, what: str, expected: object, seen: object) -> None:
        """Note whether what was seen is what was expected."""
        self.lines.append(
            {"what": what, "expected": str(expected), "seen": str(seen), "ok": expected == seen}
        )

    @property
    def failed(self) -> list[dict[str, Any]]:
        """What was not as expected."""
        return [line for line in self.lines if not line["ok"]]


def drilled_limits(mandate: Mandate) -> Limits:
    """Return the bounds that are in force; raises ServiceRefused when there are none."""
    return to_limits(config_of(_profile(mandate)), phase=mandate.phase)


def profile_sha256(mandate: Mandate) -> str:
    """Return the hash of every value of the profile in force, as grants name it."""
    return sha256(config_of(_profile(mandate)))


def _profile(mandate: Mandate) -> Profile:
    if mandate.profile is None:
        raise ServiceRefused(
            "NO_PROFILE", "no profile is applied, so nothing can be drilled", "apply a profile"
        )
    return mandate.profile


def rehearse_breaker(limits: Limits) -> Rehearsal:
    """Let the breaker trip in every way that these limits have, and return what was seen.

    The bounds of the breaker are taken as they are. Those of sizes, money and pauses are widened
    where the drill's market could not be traded within them.
    """
    told = Rehearsal()
    _in_a_row(limits, told)
    sample = min(limits.breaker_sample_min, limits.breaker_window)
    for well in (0, max(sample, 1)):  # as soon as enough have ended, and as the share is reached
        _by_share(limits, told, well=well)
    return told


def _in_a_row(limits: Limits, told: Rehearsal) -> None:
    """Fail as many sets in a row as open it; then wait, probe, fail, wait, probe, succeed."""
    bench = _Bench(limits)
    needed = _failures_in_a_row(limits)
    for number in range(1, needed + 1):
        told.expect(f"set {number} in a row is sent", True, bench.attempt(ok=False))
        state = BreakerState.OPEN if number == needed else BreakerState.CLOSED
        told.expect(f"after {number} failed in a row", state, bench.state)
    opened_ns = bench.engine.breaker.changed_ns
    _stays_shut(bench, opened_ns, told)
    bench.wait_until(opened_ns + limits.breaker_open_ms * MS_NS)
    told.expect("after its time one set is let through", True, bench.offer(MARKETS[0]))
    told.expect("it is half open then", BreakerState.HALF_OPEN, bench.state)
    told.expect("no second one beside it", False, bench.offer(MARKETS[1]))
    told.expect("because it probes", Refusal.BREAKER_PROBING, bench.refusal)
    bench.answer(ok=False)
    told.expect("the probe's failure opens it anew", BreakerState.OPEN, bench.state)
    opened_ns = bench.engine.breaker.changed_ns
    _stays_shut(bench, opened_ns, told)
    bench.wait_until(opened_ns + limits.breaker_open_ms * MS_NS)
    told.expect("after its time one set is let through again", True, bench.attempt(ok=True))
    told.expect("the probe's success closes it", BreakerState.CLOSED, bench.state)
    told.expect("sets are sent again", True, bench.attempt(ok=True))


def _stays_shut(bench: "_Bench", opened_ns: int, told: Rehearsal) -> None:
    """Offer gaps while it is open, up to its last millisecond: nothing leaves."""
    open_ns = bench.limits.breaker_open_ms * MS_NS
    sent = bench.sent
    for part in range(1, 4):
        bench.wait_until(opened_ns + open_ns * part // 4)
        bench.offer(MARKETS[part % 2])
    bench.wait_until(opened_ns + open_ns - MS_NS)
    bench.offer(MARKETS[0])
    told.expect("orders that left while it was open", 0, bench.sent - sent)
    told.expect("because it is open", Refusal.BREAKER_OPEN, bench.refusal)


def _by_share(limits: Limits, told: Rehearsal, *, well: int) -> None:
    """Fail now and then, never too often in a row, until the share is too high.

    `well` is how many sets succeed first.
    """
    pattern, why_not = _pattern(limits, well)
    if why_not:
        told.expect(f"the failed share alone, which cannot open it: {why_not}", True, True)
        return
    bench = _Bench(limits)
    early = 0
    for number, ok in enumerate(pattern, 1):
        if not bench.attempt(ok=ok):
            told.expect(f"set {number} is sent", True, False)
            return
        early += number < len(pattern) and bench.state is not BreakerState.CLOSED
    failed = pattern.count(False)
    told.expect("it opened before its share was reached", 0, early)
    told.expect(f"after {failed} failed of {len(pattern)}", BreakerState.OPEN, bench.state)
    _stays_shut(bench, bench.engine.breaker.changed_ns, told)


def _failures_in_a_row(limits: Limits) -> int:
    """Return after how many failures, and nothing else, it has to be open."""
    sample = min(limits.breaker_sample_min, limits.breaker_window)
    by_share = max(sample, 1) if limits.breaker_fail_ratio_micro <= MICRO else ATTEMPTS_MAX
    return max(1, min(limits.breaker_failures_max, by_share))


def _pattern(limits: Limits, well: int) -> tuple[list[bool], str]:
    """Return how sets have to end for the share alone to open it, or why it cannot.

    Only the last `breaker_window` sets count, and only once `breaker_sample_min` have ended. The
    last set of it is the first failed one with which the share is reached.
    """
    longest = limits.breaker_failures_max - 1
    if longest < 1:
        return [], "one failure opens it"
    made = [True] * well
    in_a_row = 0
    sample = min(limits.breaker_sample_min, limits.breaker_window)
    while len(made) < ATTEMPTS_MAX:
        fails = in_a_row < longest
        last = [*made, not fails][-max(limits.breaker_window, 1) :]
        share = last.count(False) * MICRO
        made.append(not fails)
        in_a_row = in_a_row + 1 if fails else 0
        reached = share >= limits.breaker_fail_ratio_micro * len(last)
        if fails and reached and len(last) >= sample:
            return made, ""
    return [], "too many in a row would"


class _Bench:
    """An engine, and its venue."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.engine = Engine(session_key="drill", mode=Mode.LIVE)
        self.sent = 0  # orders
        self.refusal = ""  # why the newest gap was not taken; empty: it was
        self._gap_refusal = ""
        self._now_ns = BEGIN_NS
        self._instant = 0
        self._orders: tuple[OrderPlan, ...] = ()
        self._set_id = ""
        self._merges: list[MergeSet] = []
        widened = replace(
            limits,
            trade_size_micro=max(limits.trade_size_micro, 20 * MICRO),
            min_profit_ratio_micro=min(limits.min_profit_ratio_micro, MICRO // 10),
            position_max_micro=max(limits.position_max_micro, 1_000 * MICRO),
            daily_loss_max_micro=max(limits.daily_loss_max_micro, 1_000 * MICRO),
            gas_cost_max_micro=max(limits.gas_cost_max_micro, limits.gas_per_set_micro),
            balance_min_micro=min(limits.balance_min_micro, MICRO),
            live_ceiling_micro=0,
            cooldown_ms=0,
            pair_enabled=True,
        )
        self._tell(MandateChanged(revision=1, may_trade=True, limits=widened))
        self._tell(CapitalChanged(amount_micro=CASH_MICRO, reference="drill"))
        self._tell(BalanceReport(cash_micro=CASH_MICRO))
        self._tell(AccessChanged(problem="", text="the drill's venue"))
        for name in MARKETS:
            spec = MarketSpec(
                condition_id=name,
                token_ids=_tokens(name),
                tick_micro=10_000,
                min_order_size_micro=5 * MICRO,
                fee=FeeSchedule(rate_micro=0, exponent=1),
            )
            self._tell(MarketListed(spec=spec))

    @property
    def state(self) -> BreakerState:
        """The breaker's state."""
        return self.engine.breaker.state

    def attempt(self, *, ok: bool) -> bool:
        """Offer a gap and let the set end; return whether one was sent."""
        self._step(self._now_ns + TICK_NS)
        if not self.offer(MARKETS[0]):
            return False
        self.answer(ok=ok)
        return True

    def offer(self, market: str) -> bool:
        """Let a gap come and go in a market; return whether orders left because of it."""
        before = self.sent
        self._book(market, CALM_MICRO)
        self._gap_refusal = ""
        self._book(market, CHEAP_MICRO)
        self.refusal = self._gap_refusal
        # The gap is gone one book after the other: what is said of it then is about that alone.
        self._book(market, CALM_MICRO)
        return self.sent > before

    def answer(self, *, ok: bool) -> None:
        """Fill, settle and merge the orders that were sent last, or refuse them all."""
        orders, self._orders = self._orders, ()
        for order in orders:
            if not ok:
                self._tell(OrderRefused(order_id=order.order_id, code="DRILL", text="a drill"))
                continue
            for state in (TradeState.MATCHED, TradeState.CONFIRMED):
                self._tell(_fill(order, state))
        ends_ns = self._now_ns + ENDS_WITHIN_NS
        while self.engine.sets.exposure_micro and self._now_ns < ends_ns:
            self._step(self._now_ns + TICK_NS)
            while self._merges:
                self._merge(self._merges.pop())

    def wait_until(self, then_ns: int) -> None:
        """Let time pass in ticks, ever longer ones where it is long."""
        step_ns = max(TICK_NS, (then_ns - self._now_ns) // 100)
        while self._now_ns < then_ns:
            self._step(min(self._now_ns + step_ns, then_ns))

    def _step(self, then_ns: int) -> None:
        self._now_ns = then_ns
        self._tell(Tick())

    def _merge(self, merge: MergeSet) -> None:
        self._tell(MergeSent(set_id=merge.set_id, reference="drill"))
        self._tell(
            ChainReceipt(
                set_id=merge.set_id,
                ok=True,
                size_micro=merge.size_micro,
                proceeds_micro=merge.size_micro,
                gas_micro=0,
                reference="drill",
            )
        )

    def _book(self, market: str, ask_micro: int) -> None:
        """Tell both books of a market as of one instant; the second token is cheap or not."""
        self._instant += 1
        venue_ms = self._now_ns // MS_NS + self._instant
        for token, ask in zip(_tokens(market), (ASK_MICRO, ask_micro), strict=True):
            bids = ((min(BID_MICRO, ask - 10_000), SHARES_MICRO),)
            self._tell(BookSnapshot(market, token, venue_ms, bids, ((ask, SHARES_MICRO),)))

    def _tell(self, event: Event) -> None:
        for command in self.engine.handle(event, self._now_ns):
            self._take(command)

    def _take(self, command: Command) -> None:
        if isinstance(command, PlaceOrders):
            self.sent += len(command.orders)
            self._orders, self._set_id = command.orders, command.set_id
        elif isinstance(command, MergeSet):
            self._merges.append(command)
        elif isinstance(command, RecordFact) and isinstance(command.fact, OpportunitySeen):
            self._gap_refusal = command.fact.refusal


def _tokens(market: str) -> tuple[str, str]:
    return f"{market}-yes", f"{market}-no"


def _fill(order: OrderPlan, state: TradeState) -> TradeUpdate:
    return TradeUpdate(
        trade_id=f"{order.order_id}-t",
        order_id=order.order_id,
        token_id=order.token_id,
        side=Side(order.side),
        price_micro=order.limit_micro,
        size_micro=order.size_micro,
        fee_micro=0,
        state=state,
    )
