"""A rule: which metric, when it is bad, how long it may be, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Bound: TypeAlias = bool | int | str  # an int is in millionths

ENGINE_MODES = ("SHADOW", "LIVE")
PHASES = (0, 1, 2, 3)


class Level(StrEnum):
    """How grave. CRITICAL stops trading, WARNING is handled by a person, INFO is recorded."""

    CRITICAL = "CRITICAL"
    WARNING = "WARNING"
    INFO = "INFO"


LEVELS = tuple(Level)  # gravest first


class Comparison(StrEnum):
    """How a value stands to the bound when it is bad."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="


class Counting(StrEnum):
    """What the window means."""

    AT_ONCE = "AT_ONCE"  # the newest value alone
    HELD_FOR = "HELD_FOR"  # every value for as long as the window
    AGGREGATED = "AGGREGATED"  # one value made of all those in the window


class Aggregate(StrEnum):
    """What is made of the values in a window."""

    MIN = "MIN"
    MAX = "MAX"
    MEAN = "MEAN"  # rounded down
    RISE = "RISE"  # of a counter
    QUOTIENT = "QUOTIENT"  # of the rises of a ratio's two counters, rounded down


class Action(StrEnum):
    """What a rule does when it fires. Every CRITICAL stops trading, whether it says so or not."""

    STOP_TRADING = "stop_trading"
    NOTIFY = "notify"  # every channel that takes this level
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule as it is in force. Windows are in milliseconds, numbers in millionths."""

    rule_id: str
    level: Level
    metric: str
    comparison: Comparison
    bound: Bound
    name: str = ""
    description: str = ""
    advice: str = ""  # the first thing to do
    enabled: bool = True
    counting: Counting = Counting.AT_ONCE
    aggregate: Aggregate | None = None
    window_ms: int = 0
    cooldown_ms: int = 0
    missing_ms: int = 15_000  # a value that is older is not known
    phases: frozenset[int] = frozenset(PHASES)
    modes: frozenset[str] = frozenset(ENGINE_MODES)
    bounds_by_phase: Mapping[int, Bound] = field(default_factory=dict)
    actions: frozenset[Action] = frozenset({Action.LOG})
    channels: tuple[str, ...] = ()  # by name; empty: all that take the level
    inhibits: tuple[
        str, ...
    ] = ()  # rules that follow from this one and are not told while it fires
    escalate_ms: int = 0  # 0: never

    def applies(self, phase: int, mode: str) -> bool:
        """Return whether the rule is judged in this phase and mode."""
        return self.enabled and phase in self.phases and mode in self.modes

    def bound_in(self, phase: int) -> Bound:
        """Return the bound of a phase."""
        return self.bounds_by_phase.get(phase, self.bound)

    @property
    def stops_trading(self) -> bool:
        """Whether it stops trading when it fires."""
        return self.level is Level.CRITICAL or Action.STOP_TRADING in self.actions
