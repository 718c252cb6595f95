"""What the commands of a session amount to: the same count for what was and for what would be."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from trading.engine import facts as f
from trading.engine.codes import SetState, Stage
from trading.engine.commands import Command, RecordFact, StopTrading
from trading.engine.legs import SET_ENDS

TAKEN = "TAKEN"
COMPLETED = (SetState.MERGED, SetState.REDEEMED)
_STAGES = list(Stage)
_COUNTS = (
    *("gaps_seen", "gaps_confirmed", "gaps_allowed", "sets_opened", "sets_completed"),
    *("sets_failed", "sets_open", "orders", "trades", "fees_micro", "realised_micro", "halts"),
)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one run. Money in micro dollars; gaps are counted in frames."""

    name: str
    gaps_seen: int = 0
    gaps_confirmed: int = 0
    gaps_allowed: int = 0
    sets_opened: int = 0
    sets_completed: int = 0
    sets_failed: int = 0
    sets_open: int = 0
    orders: int = 0
    trades: int = 0
    fees_micro: int = 0
    realised_micro: int = 0
    halts: int = 0
    refusals: Counter[str] = field(default_factory=Counter)  # frames by code
    _states: dict[str, str] = field(default_factory=dict)
    _judged: dict[str, tuple[str, str]] = field(default_factory=dict)
    _trades: set[tuple[str, str]] = field(default_factory=set)

    def take(self, commands: Iterable[Command]) -> None:
        """Count commands in their order."""
        for command in commands:
            if isinstance(command, RecordFact):
                self._fact(command.fact)
            elif isinstance(command, StopTrading):
                self.halts += 1

    def end(self) -> "Tally":
        """Add up how the sets ended, and return this."""
        states = list(self._states.values())
        self.sets_completed = sum(state in COMPLETED for state in states)
        self.sets_open = sum(state not in SET_ENDS for state in states)
        self.sets_failed = len(states) - self.sets_completed - self.sets_open
        return self

    def add(self, other: "Tally") -> None:
        """Add another run that has ended."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.refusals += other.refusals

    def _fact(self, fact: f.Fact) -> None:
        match fact:
            case f.OpportunitySeen():
                self._judged[fact.opportunity_id] = (fact.stage, fact.refusal or TAKEN)
                self._gap(fact.stage, fact.refusal or TAKEN, 1)
            case f.OpportunityRepeated():
                stage, refusal = self._judged.get(fact.opportunity_id, (Stage.SEEN, TAKEN))
                self._gap(stage, refusal, fact.frames - 1)
            case f.SetOpened():
                self.sets_opened += 1
                self._states.setdefault(fact.set_id, SetState.SEEN)
            case f.SetMoved():
                self._states[fact.set_id] = fact.state_to
            case f.OrderMoved():
                self.orders += fact.sequence == 1
            case f.TradeRecorded():
                key = (fact.trade_id, fact.order_id)
                if key not in self._trades:
                    self._trades.add(key)
                    self.trades += 1
                    self.fees_micro += fact.fee_micro
            case f.LedgerBooked():
                self.realised_micro += fact.realised_micro
            case _:
                pass

    def _gap(self, stage: str, refusal: str, frames: int) -> None:
        step = _STAGES.index(Stage(stage))
        self.gaps_seen += frames
        self.gaps_confirmed += frames * (step >= _STAGES.index(Stage.CONFIRMED))
        self.gaps_allowed += frames * (step >= _STAGES.index(Stage.ALLOWED))
        self.refusals[refusal] += frames
