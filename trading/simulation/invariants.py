"""What has to be true after every step, whatever goes wrong. The first violation ends a run."""

from typing import TYPE_CHECKING

from trading.engine.codes import Account, SetState
from trading.engine.commands import RaiseAlert
from trading.engine.facts import Fact, LedgerBooked
from trading.engine.openset import OpenSet
from trading.engine.units import MICRO
from trading.engine.units import text_from_micro as text
from trading.execution.requests import OutgoingOrder, SendBatch
from trading.simulation.clockwork import MS_NS
from trading.simulator.codes import COLLATERAL
from trading.simulator.market_records import FEE

if TYPE_CHECKING:
    from trading.simulation.process import Process
    from trading.simulation.world import World

SLACK_MS = (
    5_000  # of deadlines: an alert is raised by the tick after, and a session may be starting
)

HEARD_WITHIN_MS = 600  # a halt: the mandate is read four times a second, the kill file at each tick

LOOK_NS = 250 * MS_NS


class Violation(Exception):  # noqa: N818 - what is found, not how it failed
    """Something is true that must never be."""


class Invariants:
    """Asked after every step and at the seams where orders leave and arrive."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._posted: dict[str, str] = {}  # the hash under which each order arrived
        self._entered: set[str] = set()  # sets whose entry has left
        self._arrived: dict[str, int] = {}  # by hash: how often
        self._uneven_ns: dict[str, int] = {}
        self.alerted: set[str] = set()
        self._limit_micro = 0
        self._seen_chain = -1
        self._seen_facts = (0, 0)
        self._looked_ns = 0

    # Where orders leave and arrive

    def leaves(self, process: "Process", batch: SendBatch) -> None:
        """An entry must not leave once this process has heard of a halt, nor twice."""
        if not batch.entry:
            return
        if process.heard_halt or self._world.halted_ms() > HEARD_WITHIN_MS:
            raise Violation(f"an entry leaves after the halt: {_names(batch.orders)}")
        for order in batch.orders:
            set_id = order.order_id.rpartition("-")[0]
            if set_id in self._entered:
                raise Violation(f"set {set_id} enters a second time")
        self._entered |= {order.order_id.rpartition("-")[0] for order in batch.orders}

    def arrives(self, order: OutgoingOrder) -> None:
        """Its hash was committed before, and nothing arrived for the same intent."""
        if self._world.ledger.hashes.get(order.order_hash) != order.order_id:
            raise Violation(f"order {order.order_id} arrived without a committed intent")
        known = self._posted.setdefault(order.order_id, order.order_hash)
        if known != order.order_hash:
            raise Violation(f"order {order.order_id} arrived under two hashes")
        self._arrived[order.order_hash] = self._arrived.get(order.order_hash, 0) + 1
        if self._arrived[order.order_hash] > 1:
            raise Violation(f"order {order.order_id} was sent twice")

    # What is told

    def told(self, fact: Fact) -> None:
        """Both sides of a double entry are equal."""
        if not isinstance(fact, LedgerBooked):
            return
        if sum(one.amount_micro for one in fact.postings) != 0:
            raise Violation(f"entry {fact.entry_id} does not sum to zero")

    def alert(self, alert: RaiseAlert) -> None:
        """People were told of a set: from here on it is theirs."""
        self.alerted |= {word for word in alert.text.split() if "-s" in word}

    def stopped(self, code: str, reason: str) -> None:
        """An engine that halts itself for a contradiction has lost the thread."""
        raise Violation(f"the engine stopped itself: {code}: {reason}")

    def at_rest(self, world: "World") -> None:
        """Nothing is open or promised any more, and the dollars are all there."""
        ledger = world.ledger
        if reserved_micro := ledger.balance_micro(Account.RESERVED):
            raise Violation(f"at rest {text(reserved_micro)} dollars are still reserved")
        if world.venue.open_orders():
            raise Violation("at rest an order of ours is open")

    # After every step

    def check(self, process: "Process | None") -> None:
        """Check everything that can have changed."""
        chain = self._world.chain
        if chain.changes != self._seen_chain:
            self._seen_chain = chain.changes
            self._check_money()
        if process is None:
            return
        # Sets change with facts only; without any, time alone can make one late.
        seen = (process.began_ns, process.durable.taken)
        late_ns = self._world.clock.now_ns - self._looked_ns
        if seen != self._seen_facts or late_ns >= LOOK_NS:
            self._seen_facts, self._looked_ns = seen, self._world.clock.now_ns
            self._check_sets(process)

    def _check_money(self) -> None:
        chain = self._world.chain
        held = sum(account.chain[COLLATERAL] for account in chain.accounts.values())
        sets = sum(chain.sets_micro.values())
        if held + chain.fees_micro + sets != chain.deposited_micro:
            raise Violation(
                f"collateral is not conserved: {text(held)} held, {text(chain.fees_micro)} fees, "
                f"{text(sets)} in sets, {text(chain.deposited_micro)} deposited"
            )
        for listing in self._world.venue.listings:
            for token_id in listing.token_ids:
                shares = sum(account.chain[token_id] for account in chain.accounts.values())
                if shares != chain.sets_micro[listing.condition_id]:
                    raise Violation(f"shares of {token_id:.12} are not those of all sets")
        for name, account in chain.accounts.items():
            if any(amount < 0 for amount in account.chain.values()):
                raise Violation(f"{name} has less than nothing")

    def _check_sets(self, process: "Process") -> None:
        now_ns = self._world.clock.now_ns
        limits = process.mandate.limits
        exposure_micro = 0
        for one in process.open_sets():
            # What completing adds to the plan is bounded for each set, see _check_size.
            planned_micro = sum(leg.planned_micro for leg in one.legs)
            exposure_micro += min(one.exposure_micro, planned_micro, limits.trade_size_micro)
            self._check_size(one, process)
            if one.whole_micro == one.most_micro:
                self._uneven_ns.pop(one.set_id, None)
                continue
            since_ns = self._uneven_ns.setdefault(one.set_id, now_ns)
            since_ns = max(since_ns, process.began_ns)
            if one.set_id in self.alerted or one.state in {SetState.MERGING, SetState.SETTLED}:
                continue
            late_ms = (now_ns - since_ns) // MS_NS - process.deadline_ms()
            if late_ms > SLACK_MS:
                raise Violation(
                    f"set {one.set_id} is half-filled, {one.state}, and nobody was told: "
                    f"{late_ms} ms past all deadlines"
                )
        if exposure_micro > max(limits.position_max_micro, process.allowed_micro):
            raise Violation(
                f"{text(exposure_micro)} dollars are at risk, "
                f"{text(limits.position_max_micro)} are allowed"
            )

    def _check_size(self, one: OpenSet, process: "Process") -> None:
        """A set costs what one may cost; completing it may add the loss that is allowed.

        A market BUY spends its dollars also at a better price, and pays the fee of more shares: up
        to the fee's rate of all dollars, which nobody can know before.
        """
        limits = process.mandate.limits
        most_micro = max(limits.trade_size_micro, process.allowed_size_micro)
        bound_micro = most_micro if one.pending else one.most_micro + limits.leg_loss_max_micro
        bound_micro = max(most_micro, bound_micro) * (MICRO + FEE.rate_micro) // MICRO
        if one.exposure_micro > bound_micro:
            raise Violation(
                f"set {one.set_id} may cost {text(one.exposure_micro)} dollars, "
                f"{text(most_micro)} are allowed"
            )


def _names(orders: tuple[OutgoingOrder, ...]) -> str:
    return ", ".join(order.order_id for order in orders)
