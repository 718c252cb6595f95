"""A shadow engine with one market, and short questions about what it said."""

from collections.abc import Iterable
from typing import TypeVar

from tests.engine.builders import (
    MARKET,
    NO,
    NOW_NS,
    YES,
    delta,
    limits,
    snapshot,
    spec,
)
from trading.engine.commands import Command, RaiseAlert, RecordFact, StopTrading
from trading.engine.events import (
    Event,
    FeedChanged,
    MandateChanged,
    MarketListed,
    StateRestored,
    Tick,
)
from trading.engine.facts import LedgerBooked, MetricSample, OpportunitySeen, SetMoved
from trading.engine.limits import Limits
from trading.engine.market import MarketSpec
from trading.engine.paper import PaperSettings
from trading.engine.shadow import ShadowEngine
from trading.engine.units import MICRO

MS_NS = 1_000_000
FactType = TypeVar("FactType")


class Rig:
    """Time moves only by `wait` and `at`."""

    def __init__(
        self,
        bounds: Limits | None = None,
        market: MarketSpec | None = None,
        paper: PaperSettings | None = None,
    ) -> None:
        self.now_ns = NOW_NS
        self.commands: list[Command] = []
        self.shadow = ShadowEngine(session_key="t", paper=paper or PaperSettings())
        self.engine = self.shadow.engine
        self.tell(MandateChanged(revision=1, may_trade=True, limits=bounds or limits()))
        self.tell(
            StateRestored(
                balances=(), day="2026-09-21", realised_today_micro=0, capital_micro=100 * MICRO
            )
        )
        self.tell(FeedChanged(connected=True, token_ids=(), reason="test"))
        self.tell(MarketListed(spec=market or spec()))

    def tell(self, event: Event) -> list[Command]:
        commands = self.shadow.handle(event, self.now_ns)
        self.commands += commands
        return commands

    def wait(self, ms: int) -> list[Command]:
        """Let time pass in ticks of 100 ms."""
        heard: list[Command] = []
        end_ns = self.now_ns + ms * MS_NS
        while self.now_ns < end_ns:
            self.now_ns = min(self.now_ns + 100 * MS_NS, end_ns)
            heard += self.tell(Tick())
        return heard

    def books(self, at_ms: int = 0) -> None:
        """The mirrored books of a market without a gap: YES 0.46/0.48, NO 0.52/0.54."""
        self.tell(snapshot(YES, bids=("0.46x100",), asks=("0.48x50",), at_ms=at_ms))
        self.tell(snapshot(NO, bids=("0.52x50",), asks=("0.54x100",), at_ms=at_ms))

    def cross(self, at_ms: int = 10, no_ask: str = "0.47", size: str = "40") -> list[Command]:
        """One message in which the venue's own books cross: YES 0.48 and NO at `no_ask`."""
        bid = f"{1 - float(no_ask):.2f}"
        return self.tell(
            delta(
                (YES, bid, "0.48", (f"bid {bid}x{size}",)),
                (NO, "0.52", no_ask, (f"ask {no_ask}x{size}",)),
                at_ms=at_ms,
            )
        )

    def uncross(self, at_ms: int, no_ask: str = "0.47") -> list[Command]:
        """The cheap NO ask is gone again."""
        bid = f"{1 - float(no_ask):.2f}"
        return self.tell(
            delta(
                (YES, "0.46", "0.48", (f"bid {bid}x0",)),
                (NO, "0.52", "0.54", (f"ask {no_ask}x0",)),
                at_ms=at_ms,
            )
        )

    def facts(
        self, kind: type[FactType], commands: Iterable[Command] | None = None
    ) -> list[FactType]:
        found = self.commands if commands is None else commands
        return [c.fact for c in found if isinstance(c, RecordFact) and isinstance(c.fact, kind)]

    def states(self, set_id: str = "t-s1") -> list[str]:
        return [move.state_to for move in self.facts(SetMoved) if move.set_id == set_id]

    @property
    def last(self) -> OpportunitySeen:
        return self.facts(OpportunitySeen)[-1]

    @property
    def sample(self) -> MetricSample:
        return self.facts(MetricSample)[-1]

    @property
    def alerts(self) -> list[str]:
        return [c.rule for c in self.commands if isinstance(c, RaiseAlert)]

    @property
    def stops(self) -> list[str]:
        return [c.code for c in self.commands if isinstance(c, StopTrading)]

    def ledger_balances(self) -> dict[str, int]:
        """Sum every posting by account: an independent reader of the ledger facts."""
        balances: dict[str, int] = {}
        for entry in self.facts(LedgerBooked):
            assert sum(p.amount_micro for p in entry.postings) == 0
            for posting in entry.postings:
                balances[posting.account] = balances.get(posting.account, 0) + posting.amount_micro
        return balances


__all__ = ["MARKET", "MS_NS", "NO", "YES", "Rig"]
