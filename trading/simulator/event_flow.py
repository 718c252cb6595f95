"""Invented flow of a neg-risk event: outcomes whose prices sum to one, and now and then a true gap.

Each outcome is a market with a flow of its own; what one drifts up another drifts down. In a gap
all fair values are so high for a while that the bids for YES sum to more than one: one NO of every
outcome then costs less than it pays, fees included. Nothing is published late: of markets without
a common instant nobody could tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from trading.engine.units import MICRO
from trading.simulator.exchange import Exchange
from trading.simulator.flow import Flow
from trading.simulator.flow_hand import NEVER_MS
from trading.simulator.orders import FeeRule

OUTCOMES_MIN, OUTCOMES_MAX = 3, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """How often a gap opens, as millionths of all steps; for how long, and how much it is worth."""

    gap_micro: int = 2_000
    gap_ms: int = 3_000
    edge_micro: int = 20_000  # of one NO of every outcome, after all fees


class EventFlow:
    """The flows of all outcomes; call `step` whenever `next_ms` has come."""

    def __init__(
        self,
        exchange: Exchange,
        flows: Sequence[Flow],
        *,
        random: Random,
        fee_micro: FeeRule,
        half_spread_micro: int,
        tick_micro: int,
        settings: EventSettings,
    ) -> None:
        """Take flows that neither cross nor lag by themselves, whose fair values sum to one."""
        self.lift_micro = 0  # by how much every fair value is too high now
        self._exchange = exchange
        self._flows = flows
        self._of = {flow.condition_id: flow for flow in flows}
        self._random = random
        self._fee_micro = fee_micro
        self._margin_micro = half_spread_micro + tick_micro  # a bid is at most so much below fair
        self._settings = settings
        self._gap_until_ms = NEVER_MS
        self.next_ms = self._first().next_ms

    def step(self) -> None:
        """Do the next thing, at `next_ms`, and set when the one after it is due."""
        now_ms = self.next_ms
        self._exchange.advance(now_ms)
        if self._gap_until_ms <= now_ms:
            self._move(-self.lift_micro, now_ms, now_ms)
            self._gap_until_ms = NEVER_MS
        elif not self.lift_micro and self._random.randrange(MICRO) < self._settings.gap_micro:
            self._gap_until_ms = now_ms + self._settings.gap_ms
            self._move(self._enough_micro(), self._gap_until_ms, now_ms)
        else:
            self._drift(now_ms)
        self.next_ms = min(self._first().next_ms, self._gap_until_ms)

    def end(self, _condition_id: str) -> None:
        """Invent nothing any more: with one outcome the whole event is decided."""
        self.next_ms = NEVER_MS

    def fair(self, condition_id: str) -> int:
        """Return the fair value of an outcome's YES outside a gap, in millionths."""
        return self._of[condition_id].fair_micro - self.lift_micro

    def resume(self, condition_id: str, fair_micro: int) -> None:
        """Go on from the fair value of an earlier run, of which no gap is left."""
        self._of[condition_id].resume(condition_id, fair_micro)

    def _first(self) -> Flow:
        return min(self._flows, key=lambda flow: flow.next_ms)

    def _drift(self, now_ms: int) -> None:
        """Let one outcome's flow do something, and another's value make up for its drift."""
        flow = self._first()
        flow.next_ms = max(flow.next_ms, now_ms)
        before_micro = flow.fair_micro
        flow.step()
        drifted_micro = flow.fair_micro - before_micro
        other = self._random.choice([one for one in self._flows if one is not flow])
        if not other.shift(-drifted_micro):
            flow.shift(-drifted_micro)

    def _move(self, by_micro: int, calm_until_ms: int, now_ms: int) -> None:
        self.lift_micro += by_micro
        for flow in self._flows:
            flow.jump(by_micro, calm_until_ms, now_ms)

    def _enough_micro(self) -> int:
        """Return by how much to lift each fair value so that a set of NO is worth its edge."""
        fees = sum(self._fee_micro(MICRO - flow.fair_micro, MICRO) for flow in self._flows)
        share = -(-(fees + self._settings.edge_micro) // len(self._flows))
        return self._margin_micro + share
